"""What each suite asks of each kind of data: one file, one kind."""
