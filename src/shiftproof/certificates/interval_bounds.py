"""Interval bound propagation, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.bound_certificate import BoundCertificate
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.region import Region


@dataclass(frozen=True)
class IntervalBounds(BoundCertificate):
    """Intervals around every value: [W m - |W| r, W m + |W| r] from middle m and radius r; the last layers' margins are taken as a whole.

    Args:
        radius: "asked" proves at the shift's strength or not; "largest" finds by bisection how far the proof reaches.

    Guarantees:
        No legal move of strength up to the radius changes the model's decision, its own rounding included: each layer may be off by gamma_k
        times the sum of absolute values that it adds up, k the operations (Higham 2002, section 3.1; sigmoid and tanh to 8 roundings). Our
        own float64 is counted in the same way. A module that computes in another precision than its weights', or that does anything else
        that its trace does not show, is refused by name. Sound and loose: it proves networks that were trained for it.
    Cost: two forwards per example in float64, one backward pass for each other class up to the last curve.

    Example:
        >>> import shiftproof as sp
        >>> from shiftproof.randomness import Rng
        >>> module = torch.nn.Sequential(torch.nn.Linear(2, 2, bias=False), torch.nn.ReLU(), torch.nn.Linear(2, 2, bias=False))
        >>> for layer in (module[0], module[2]):
        ...     _ = layer.weight.data.copy_(torch.eye(2))
        >>> x = torch.tensor([[0.9, 0.5]])
        >>> proof = IntervalBounds(radius="largest").certify(sp.as_model(module, name="two"), sp.Linf(0.1), x, Rng.for_ids(0, ["a"]))
        >>> round(float(proof.radius[0]), 3)  # both features move by half of 0.4
        0.2

    Reference: Gowal et al. 2018, "On the effectiveness of interval bound propagation for training verifiably robust models".
    """

    name: ClassVar[str] = "interval_bounds"
    aliases: ClassVar[tuple[str, ...]] = ("ibp",)
    references: ClassVar[tuple[str, ...]] = ("gowal2018effectiveness", "higham2002accuracy")

    def least_margins(self, network: Network, region: Region, c: Tensor) -> Tensor:
        with torch.no_grad():
            return lower_bounds(network, region, intervals(network, region, bounder=None), c, back_to_curves=True).least
