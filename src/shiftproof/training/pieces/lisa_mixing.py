"""Selective augmentation (LISA) for your own loop: mixes examples across domains within a label, or across labels within a domain."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._errors import UsageError, must


class Mixed(NamedTuple):
    """A mixed batch: inputs, label probabilities of shape (n, K), the partner of each example, and its share of itself."""

    x: Tensor
    y: Tensor
    partner: npt.NDArray[np.int64]
    share: npt.NDArray[np.float64]


def lisa_mix(
    x: Tensor, y: Tensor, *, domains: Tensor | None, classes: int, seed: int, same_label: float = 0.5, shape: float = 2.0
) -> Mixed:
    """Mixes each example of a batch with another one: (share) x_i + (1 - share) x_j, and the labels likewise.

    Args:
        x: inputs, shape (n, ...).
        y: labels, shape (n,).
        domains: each example's domain or spurious attribute, shape (n,).
        classes: K.
        seed: of this batch's draws; give another one for each batch.
        same_label: the chance that a batch mixes across domains within labels, in [0, 1]; else it mixes across labels within domains.
        shape: of the Beta distribution of the share, above 0.

    Returns: the batch. An example without a partner (no other domain with its label, no other label in its domain) stays as it is.

    Train with cross-entropy on probabilities: `torch.nn.functional.cross_entropy(scores, mixed.y)`.

    Reference: Yao et al. 2022 [yao2022improving], "Improving out-of-distribution robustness via selective augmentation".
    """
    if domains is None:
        raise UsageError("lisa needs each example's domain (or spurious attribute): give `domains`, shape (n,), beside the labels.")
    if y.shape != x.shape[:1] or domains.shape != y.shape:
        raise must("domains", "lisa_mix", f"have one number per example ({len(x)})", tuple(domains.shape))
    if not 0 <= same_label <= 1:
        raise must("same_label", "lisa_mix", "be in [0, 1]", same_label)
    if not shape > 0:
        raise must("shape", "lisa_mix", "be above 0", shape)
    rng = np.random.default_rng(seed)
    label, domain = y.cpu().numpy(), domains.cpu().numpy()
    keep, change = (label, domain) if rng.random() < same_label else (domain, label)
    partner = np.arange(len(label), dtype=np.int64)
    for row in range(len(label)):
        able = np.flatnonzero((keep == keep[row]) & (change != change[row]))
        if len(able):
            partner[row] = rng.choice(able)
    share = np.where(partner == np.arange(len(label)), 1.0, rng.beta(shape, shape, len(label)))
    scale = torch.as_tensor(share, dtype=x.dtype, device=x.device)
    whole = torch.nn.functional.one_hot(y, classes).to(x.dtype)
    other = torch.as_tensor(partner, device=x.device)
    spread = scale.reshape(-1, *[1] * (x.ndim - 1))
    return Mixed(spread * x + (1 - spread) * x[other], scale[:, None] * whole + (1 - scale[:, None]) * whole[other], partner, share)
