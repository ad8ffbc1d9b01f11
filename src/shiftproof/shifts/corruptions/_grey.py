"""The grey value of a colour."""

from __future__ import annotations

import numpy as np

GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Weights of red, green and blue (ITU-R BT.601)."""
