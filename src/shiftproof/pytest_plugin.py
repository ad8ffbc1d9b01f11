"""pytest fixtures that measure a model and hold it to conditions."""
