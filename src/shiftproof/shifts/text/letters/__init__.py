"""Edits of letters: how words are typed, drawn and stored."""
