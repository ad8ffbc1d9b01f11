"""Randomized smoothing: certificates of the model whose answer is the base model's most frequent one under noise."""
