"""Diagnostics: what a model relies on, and whether its measured robustness can be trusted."""
