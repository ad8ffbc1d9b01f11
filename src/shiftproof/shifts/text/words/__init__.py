"""Edits of words: other words, fewer, more."""
