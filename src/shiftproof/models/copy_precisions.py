"""In which numbers a faster copy of a module computes; without torch, for what only names them."""

from __future__ import annotations

from typing import Literal, get_args

CopyPrecision = Literal["float32", "bfloat16"]
PRECISIONS: tuple[CopyPrecision, ...] = get_args(CopyPrecision)
