"""Contrastive learning with a temperature of its own for each example: frequent meanings get a high one, rare ones a low one."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must


class InstanceTemperatures(nn.Module):
    """mean_i of t_i ln mean_j exp((s_ij - s_ii) / t_i) + t_i radius: each anchor's worst mix of negatives within a Kullback-Leibler ball.

    Args:
        n: examples of the whole training set, at least 1.
        radius: of each ball, in (0, inf).
        start: temperature of every example at first.
        least: smallest temperature.

    Learn the temperatures beside the model: give `parameters()` to the optimiser. Only those of the batch's own examples have a gradient.
    The loss is the plug-in over the batch's negatives; the paper's moving averages over all negatives are not here.

    Reference: Qiu et al. 2023, "Not all semantics are created equal: contrastive self-supervised learning with automatic temperature
    individualization" (iSogCLR).
    """

    def __init__(self, n: int, *, radius: float, start: float = 0.5, least: float = 0.05) -> None:
        super().__init__()
        if n < 1:
            raise must("n", "InstanceTemperatures", "be at least 1", n)
        if not 0 < radius < math.inf:
            raise must("radius", "InstanceTemperatures", "be in (0, inf)", radius)
        if not 0 < least <= start:
            raise must("least", "InstanceTemperatures", f"be in (0, start = {start}]", least)
        self.radius = radius
        self.least = least
        self.temperature = nn.Parameter(torch.full((n,), float(start)))

    def forward(self, similarity: Tensor, index: Tensor | None) -> Tensor:
        """The loss of a batch.

        Args:
            similarity: s_ij of anchor i with the other view of example j, shape (m, m), m at least 2; the diagonal are the positives.
            index: each anchor's place in the training set, shape (m,).
        """
        if index is None:
            raise UsageError("InstanceTemperatures needs each example's place in the training set: let the data set return its index too.")
        m = len(similarity)
        if similarity.shape != (m, m) or m < 2 or index.shape != (m,):
            raise must(
                "similarity",
                "InstanceTemperatures",
                "have shape (m, m), m >= 2, with m indices",
                (tuple(similarity.shape), tuple(index.shape)),
            )
        t = self.temperature[index].clamp_min(self.least)
        off = ~torch.eye(m, dtype=torch.bool, device=similarity.device)
        gap = (similarity - similarity.diagonal()[:, None])[off].reshape(m, m - 1)
        soft = torch.logsumexp(gap / t[:, None], 1) - math.log(m - 1)
        return (t * soft + t * self.radius).mean()
