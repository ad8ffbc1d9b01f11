"""CROWN: linear bounds from the scores back to the inputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.bound_certificate import BoundCertificate
from shiftproof.certificates.bounds.layers import Box
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import both_intervals
from shiftproof.certificates.bounds.region import Region


@dataclass(frozen=True)
class Crown(BoundCertificate):
    """f_c(x) - f_j(x) >= a x + b on all moves: every curve is put between two lines, from the scores back to the inputs.

    The intervals that the lines depend on come from the same passes, once met with interval arithmetic and once without, as tighter
    intervals can make worse lines: the better bound counts. A ReLU whose sign is open has the upper line through its ends and the lower
    line 0 or x, whichever leaves less area. The least of a x is exact over the box (`linf`), and for
    `l2` and `l1` over ball and box together, by duality.

    Args:
        radius: "asked" proves at the shift's strength or not; "largest" finds by bisection how far the proof reaches.

    Guarantees:
        As `interval_bounds`, and never looser. Nothing is random.
    Cost: for each layer one or two backward passes, in float64, for twice the units whose sign is open, all examples and classes together;
        in chains of convolutions only the window that each unit sees.

    Example:
        >>> import shiftproof as sp
        >>> from shiftproof.randomness import Rng
        >>> module = torch.nn.Linear(2, 2, bias=False)
        >>> _ = module.weight.data.copy_(torch.eye(2))
        >>> x = torch.tensor([[0.9, 0.5]])
        >>> proof = Crown(radius="largest").certify(sp.as_model(module, name="two"), sp.L2(0.1), x, Rng.for_ids(0, ["a"]))
        >>> round(float(proof.radius[0]), 3)  # 0.4 / sqrt(2)
        0.283

    Reference: Zhang et al. 2018, "Efficient neural network robustness certification with general activation functions".
    """

    name: ClassVar[str] = "crown"
    aliases: ClassVar[tuple[str, ...]] = ("linear_relaxation",)
    references: ClassVar[tuple[str, ...]] = ("zhang2018efficient",)

    def least_margins(self, network: Network, region: Region, c: Tensor) -> Tensor:
        return crown_margins(network, region, c)[0]


def crown_margins(network: Network, region: Region, c: Tensor) -> tuple[Tensor, list[Box]]:
    """Lower bounds of c f(x), (n, specs), and the intervals of every node that they depend on."""
    with torch.no_grad():
        best, alone = both_intervals(network, region)
        least = lower_bounds(network, region, best, c).least
        least = torch.maximum(least, lower_bounds(network, region, best, c, back_to_curves=True).least)
        if any(not torch.equal(one, other) for pair in zip(best, alone, strict=True) for one, other in zip(*pair, strict=True)):
            least = torch.maximum(least, lower_bounds(network, region, alone, c).least)
    return least, best
