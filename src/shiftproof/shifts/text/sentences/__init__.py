"""Edits of whole texts: what stands around them and in which order."""
