"""Moves of how a prompt is written."""
