"""Contrastive learning with a temperature of its own for each example: frequent meanings get a high one, rare ones a low one."""

from __future__ import annotations

import math
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from shiftproof._errors import UsageError, must


class Indexed(Dataset[tuple[object, ...]]):
    """A data set whose examples bring their own place: (x, y) becomes (x, y, index), as methods with a memory for each example need.

    >>> data = Indexed(torch.utils.data.TensorDataset(torch.zeros(4, 2), torch.arange(4)))
    >>> _, y, index = next(iter(torch.utils.data.DataLoader(data, batch_size=3)))
    >>> y.tolist(), index.tolist()
    ([0, 1, 2], [0, 1, 2])
    """

    def __init__(self, examples: Sized) -> None:
        self.examples = examples

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, index: int) -> tuple[object, ...]:
        example = self.examples[index]
        return (*example, index) if isinstance(example, tuple | list) else (example, index)


class Sized(Protocol):
    """A data set of known size: torch's, or a list."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> object: ...


class InstanceTemperatures(nn.Module):
    """mean_i of t_i ln E_j exp((s_ij - s_ii) / t_i) + t_i radius: each anchor's worst mix of negatives within a Kullback-Leibler ball.

    The mean over negatives is followed over batches: u_i <- (1 - average) u_i + average mean_j, each time example i is an anchor.

    Args:
        n: examples of the whole training set, at least 1.
        radius: rho of each ball, in (0, inf).
        start: temperature of every example at first.
        least: smallest temperature, above 0.
        most: largest one.
        average: gamma, the share of each batch in u, in (0, 1]; 1 has no memory, and is the plug-in over the batch's negatives.

    Learn the temperatures beside the model: give `parameters()` to the optimiser. Only those of the batch's own examples have a gradient;
    where a step took one out of its range, the next call in training puts it back. One side's loss: for two views or modalities, the sum
    of two such modules.

    Guarantees:
        At average = 1 and the best temperatures it is the mean over anchors of the worst mix of the batch's negatives in the ball. Else its
        gradients by similarities and temperatures are those of the authors' code, except at an example's first visit: u starts there at
        its own mean, and theirs at average times it. u is kept as a logarithm, so that no temperature overflows it.

    Reference: Qiu et al. 2023 [qiu2023not], "Not all semantics are created equal: contrastive self-supervised learning with automatic
    temperature individualization" (iSogCLR); the moving average: Yuan et al. 2022 [yuan2022provable], "Provable stochastic optimization for
    global contrastive learning".
    """

    log_mean: Tensor

    def __init__(self, n: int, *, radius: float, start: float = 0.5, least: float = 0.05, most: float = 1.0, average: float = 1.0) -> None:
        super().__init__()
        if n < 1:
            raise must("n", "InstanceTemperatures", "be at least 1", n)
        if not 0 < radius < math.inf:
            raise must("radius", "InstanceTemperatures", "be in (0, inf)", radius)
        if not 0 < least <= start:
            raise must("least", "InstanceTemperatures", f"be in (0, start = {start}]", least)
        if not start <= most < math.inf:
            raise must("most", "InstanceTemperatures", f"be in [start = {start}, inf)", most)
        if not 0 < average <= 1:
            raise must("average", "InstanceTemperatures", "be in (0, 1]", average, "1 has no memory.")
        self.radius = radius
        self.least = least
        self.most = most
        self.average = average
        self.temperature = nn.Parameter(torch.full((n,), float(start)))
        self.register_buffer("log_mean", torch.full((n,), math.nan))

    def forward(self, similarity: Tensor, index: Tensor | None) -> Tensor:
        """The loss of a batch; in training, the means over negatives learn from it.

        Args:
            similarity: s_ij of anchor i with the other view of example j, shape (m, m), m at least 2; the diagonal are the positives.
            index: each anchor's place in the training set, shape (m,).
        """
        if index is None:
            raise UsageError("InstanceTemperatures needs each example's index in the training set. Wrap the data set: Indexed(data).")
        m = len(similarity)
        if similarity.shape != (m, m) or m < 2 or index.shape != (m,):
            raise must(
                "similarity",
                "InstanceTemperatures",
                "have shape (m, m), m >= 2, with m indices",
                (tuple(similarity.shape), tuple(index.shape)),
            )
        if not 0 <= int(index.min()) <= int(index.max()) < len(self.temperature):
            raise must("index", "InstanceTemperatures", f"lie in 0..{len(self.temperature) - 1}", int(index.max()), "It is n - 1 at most.")
        if self.training:
            with torch.no_grad():  # outside a temperature would have no gradient, and stay
                self.temperature.clamp_(self.least, self.most)
        t = self.temperature[index].clamp(self.least, self.most)
        off = ~torch.eye(m, dtype=torch.bool, device=similarity.device)
        gap = (similarity - similarity.diagonal()[:, None])[off].reshape(m, m - 1)
        own = torch.logsumexp(gap / t[:, None], 1) - math.log(m - 1)
        mean = self._followed(own.detach(), index)
        soft = mean + (own.detach() - mean).exp() * (own - own.detach())  # ln u, with the gradient of the batch's mean over u
        return (t * soft + t * self.radius).mean()

    @torch.no_grad()
    def _followed(self, own: Tensor, index: Tensor) -> Tensor:
        """Ln u of the batch's anchors after these logarithms of means, shape (m,)."""
        if self.average == 1:
            return own
        before = self.log_mean[index]
        share = torch.logaddexp(before + math.log1p(-self.average), own.to(before) + math.log(self.average))
        after = torch.where(torch.isnan(before), own.to(before), share)
        if self.training:
            self.log_mean[index] = after
        return after.to(own)
