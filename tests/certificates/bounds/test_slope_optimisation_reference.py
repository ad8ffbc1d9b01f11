"""The steps that climb bounds are torch's Adam, with step sizes that shrink by 2 % a step."""

from __future__ import annotations

import torch

from shiftproof.certificates.bounds.slope_optimisation import _DECAY, _Adam


def test_the_steps_are_those_of_adam() -> None:
    generator = torch.Generator().manual_seed(0)
    begun = [torch.randn(3, 2, generator=generator, dtype=torch.float64) for _ in range(3)]
    ours, theirs = ([leaf.clone().requires_grad_() for leaf in begun] for _ in range(2))
    sizes = (0.5, 0.05, 0.1)
    climb = _Adam(list(zip(ours, sizes, strict=True)))
    reference = torch.optim.Adam([{"params": [leaf], "lr": lr} for leaf, lr in zip(theirs, sizes, strict=True)])
    for _ in range(8):
        climb.climb(-((ours[0] - 1) ** 2 + ours[1].exp()).sum())
        reference.zero_grad()
        torch.autograd.backward(((theirs[0] - 1) ** 2 + theirs[1].exp()).sum())
        reference.step()
        for group in reference.param_groups:
            group["lr"] *= _DECAY
    for mine, other, first in zip(ours, theirs, begun, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-12)
        assert bool((mine != first).any()) == (mine is not ours[2])  # what the objective does not depend on stays
