"""What a model relies on, and whether what was measured about it can be trusted: one file, one kind of question."""
