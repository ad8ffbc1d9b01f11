"""The base class of certificates by bound propagation: proofs at a given strength, or the largest radius by bisection."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.bounds.layers import numel
from shiftproof.certificates.bounds.model_network import margins, network_of, objection, region_of
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.propagate import ENTRIES
from shiftproof.certificates.bounds.region import Region
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.ball import Ball

_ROWS = 64
_DOUBLINGS = 12
_HALVINGS, _CLOSE = 24, 1e-3
"""The largest radius is found to a thousandth of itself; halvings at most."""


@dataclass(frozen=True)
class BoundCertificate(Certificate):
    """A lower bound on the decision's score minus every other's, over all moves."""

    radius: str = "asked"

    def check(self) -> None:
        if self.radius not in ("asked", "largest"):
            raise must("radius", self.name, "be asked or largest", self.radius)

    def objection(self, model: Labels, shift: Shift) -> str | None:
        return objection(model, shift)

    @abstractmethod
    def least_margins(self, network: Network, region: Region, c: Tensor) -> Tensor:
        """Lower bounds of c f(x) on the region, (n, specs), for c of shape (n, specs, classes)."""

    def certify(self, model: Labels, shift: Shift, x: Tensor, rng: Rng) -> Proof:
        assert isinstance(shift, Ball)  # `objection` has said so
        network = network_of(model, x, shift=shift)
        prediction = model.labels(x)
        radius = self.radii(network, shift, x, prediction)
        return Proof(prediction, radius, radius <= 0, torch.ones(len(x), dtype=torch.int64))

    def radii(self, network: Network, shift: Ball, x: Tensor, prediction: Tensor) -> Tensor:
        """The strength up to which each decision is proven, (n,): 0 or the shift's, or the largest that was found."""
        step = rows_at_once(network)
        parts = [self._radii(network, shift, x[i : i + step], prediction[i : i + step]) for i in range(0, len(x), step)]
        return torch.cat(parts) if parts else torch.zeros(0, dtype=torch.float64, device=x.device)

    def _radii(self, network: Network, shift: Ball, x: Tensor, prediction: Tensor) -> Tensor:
        asked = torch.full((len(x),), shift.eps, dtype=torch.float64, device=x.device)
        proven = self._proven(network, shift, x, prediction, asked)
        if self.radius == "asked":
            return torch.where(proven, asked, 0.0)
        low, high = torch.where(proven, asked, 0.0), asked.clone()
        for _ in range(_DOUBLINGS):  # beyond what was asked, as far as it holds
            rows = ((low == high) & (high < shift.largest())).nonzero()[:, 0]
            if not len(rows):
                break
            high[rows] = (2 * high[rows]).clamp_max(shift.largest())
            held = self._proven(network, shift, x[rows], prediction[rows], high[rows])
            low[rows] = torch.where(held, high[rows], low[rows])
        for _ in range(_HALVINGS):
            rows = (high - low > _CLOSE * low).nonzero()[:, 0]
            if not len(rows):
                break
            middle = (low[rows] + high[rows]) / 2
            held = self._proven(network, shift, x[rows], prediction[rows], middle)
            low[rows], high[rows] = torch.where(held, middle, low[rows]), torch.where(held, high[rows], middle)
        return low

    def _proven(self, network: Network, shift: Ball, x: Tensor, prediction: Tensor, radius: Tensor) -> Tensor:
        c = margins(prediction, numel(network.nodes[-1].shape))
        return (self.least_margins(network, region_of(shift, x, radius), c) > 0).all(1)


def rows_at_once(network: Network) -> int:
    """Examples whose passes fit into memory together."""
    widest = max(numel(node.shape) for node in network.nodes)
    return max(1, min(_ROWS, ENTRIES // (64 * widest)))
