"""Shifts along the latents of a decoder."""
