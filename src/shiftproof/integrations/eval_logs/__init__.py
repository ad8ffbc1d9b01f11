"""Logs of other evaluation tools, read as items by variants: inspect, lm-eval and promptfoo."""
