"""Group DRO for your own loop: groups with a large loss gain weight. `training.methods.group_dro` is the registered method."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must


class GroupDROLoss(nn.Module):
    """sum_g q_g mean loss of group g, with q multiplied by exp(step_size (loss_g + adjustment / sqrt(n_g))) at each call.

    Args:
        sizes: n_g, examples of each group in the whole training set, shape (groups,), each at least 1.
        step_size: of q, in (0, inf); 0.01 is the paper's.
        adjustment: C, at least 0: groups of few examples, whose loss generalises worse, count as if theirs were larger.

    Guarantees:
        q lies on the simplex. A group that a batch lacks has loss 0 there and its adjustment all the same, as in the authors' code: without
        an adjustment it keeps its q but for the normalisation. It minimises the training loss of the
        worst group. A network that fits every training example has no worst group in training, and gains nothing from it: regularise
        strongly (weight decay, early stopping), as the paper found, and choose by the worst group of a validation set.
    Cost: nothing beside the losses.

    Batches should hold all groups: draw them with `balanced_sampler`.

    >>> dro = GroupDROLoss([90, 10], step_size=1.0)
    >>> value = dro(torch.tensor([0.0, 0.0, 1.0]), torch.tensor([0, 0, 1]))
    >>> [round(q, 3) for q in dro.q.tolist()], round(value.item(), 3)
    ([0.269, 0.731], 0.731)

    Reference: Sagawa et al. 2020 [sagawa2020distributionally], "Distributionally robust neural networks for group shifts", Algorithm 1
    and section 3.3.
    """

    q: Tensor
    bonus: Tensor

    def __init__(self, sizes: Sequence[int], *, step_size: float = 0.01, adjustment: float = 0.0) -> None:
        super().__init__()
        if not len(sizes) or min(sizes) < 1:
            raise must("sizes", "group_dro", "have at least one group, each of at least 1 example", list(sizes), "Leave empty groups out.")
        if not 0 < step_size < math.inf:
            raise must("step_size", "group_dro", "be in (0, inf)", step_size)
        if not 0 <= adjustment < math.inf:
            raise must("adjustment", "group_dro", "be in [0, inf)", adjustment)
        self.step_size = step_size
        counts = torch.tensor([float(n) for n in sizes])
        self.register_buffer("q", torch.full((len(sizes),), 1 / len(sizes)))
        self.register_buffer("bonus", adjustment / counts.sqrt())

    def forward(self, losses: Tensor, groups: Tensor | None) -> Tensor:
        """The loss to train on, from per-example losses and group numbers, both of shape (n,); updates q."""
        if groups is None:
            raise UsageError("group_dro needs each example's group number: let the data set return it beside the label.")
        if losses.ndim != 1 or losses.shape != groups.shape:
            raise must("groups", "group_dro", f"have one number per loss {tuple(losses.shape)}", tuple(groups.shape))
        if len(groups) and not 0 <= int(groups.min()) <= int(groups.max()) < len(self.q):
            raise must("groups", "group_dro", f"lie in 0..{len(self.q) - 1}", int(groups.max()))
        counts = torch.bincount(groups, minlength=len(self.q))
        sums = torch.zeros_like(self.q, dtype=losses.dtype).index_add(0, groups, losses)
        means = sums / counts.clamp_min(1)
        adjusted = means + self.bonus.to(means.dtype)
        with torch.no_grad():
            self.q = torch.softmax(self.q.log() + self.step_size * adjusted.detach().to(self.q.dtype), 0)
        return (self.q.to(losses.dtype) * adjusted).sum()


def balanced_sampler(groups: Sequence[int] | Tensor, *, seed: int, n: int | None = None) -> torch.utils.data.WeightedRandomSampler:
    """Draws examples so that every group is as likely as any other, with replacement.

    Args:
        groups: each training example's group number, shape (n,).
        seed: of the draws.
        n: draws an epoch; as many as there are examples by default.
    """
    place = np.asarray(groups)
    if place.ndim != 1 or not len(place):
        raise must("groups", "balanced_sampler", "have one number per example, shape (n,)", place.shape)
    _, codes, counts = np.unique(place, return_inverse=True, return_counts=True)
    weights = 1.0 / counts[codes]
    generator = torch.Generator().manual_seed(seed)
    return torch.utils.data.WeightedRandomSampler(weights.tolist(), len(place) if n is None else n, generator=generator)
