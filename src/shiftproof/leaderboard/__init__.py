"""Many audits, and entries that others published, ranked without pretending that they can all be compared."""
