"""Training that keeps a model right when the world moves."""
