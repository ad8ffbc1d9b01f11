"""Sums over rows that depend on the row alone.

Added up in float32, the last bit of a row's sum goes by how the batch lies in memory, and a search amplifies it. Added up in double and
rounded once it does not.
"""

from __future__ import annotations

import torch
from torch import Tensor


def total(rows: Tensor) -> Tensor:
    """The sum of each row of (n, d), shape (n,), in the dtype of the rows.

    >>> total(torch.tensor([[1.0, 2.0], [0.0, 0.5]]))
    tensor([3.0000, 0.5000])
    """
    return rows.sum(1, dtype=torch.float64).to(rows.dtype)


def length(rows: Tensor) -> Tensor:
    """The Euclidean length of each row of (n, d), shape (n,), in the dtype of the rows.

    >>> length(torch.tensor([[3.0, 4.0], [0.0, 0.5]]))
    tensor([5.0000, 0.5000])
    """
    size: Tensor = torch.linalg.vector_norm(rows, dim=1, dtype=torch.float64)
    return size.to(rows.dtype)
