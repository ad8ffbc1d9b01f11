"""Regions for several numbers at once, of any shape, that contain the truth as often as they say."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import chi2, norm
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.confidence.checked import Bools, Floats, checked_share
from shiftproof.confidence.conformal import conformal_quantile
from shiftproof.confidence.strangeness import checked_features

_WIDTH = 64
_BATCH = 256
_RATE = 2e-3
_PRIOR_WEIGHT = 0.05
"""Of the latent law's distance from the normal one, beside the squared error of scaled numbers."""
_SPREAD = 1.5
"""Latent points are drawn from a normal law this much wider than the prior, so that they fill the region to its rim."""


@dataclass(frozen=True, eq=False)
class QuantileRegion:
    """The decoded image of a directional quantile region in the latent space of a conditional autoencoder, grown by a radius.

    An autoencoder maps y given x to a latent z that is nearly normal, where a region of one piece without holes fits:
    {z: u'z <= q(x, u) for all directions u}, with q the quantile regression of u'z. Its points decode to a cloud of y that may have any
    shape.

    Args:
        encoder: (x, y) -> mean and log-variance of z.
        decoder: (x, z) -> y.
        quantile: (x, u) -> q.
        points: latent points that clouds are made of, shape (k, latent).
        directions: shape (directions, latent).
        shift: mean of y, shape (d,).
        scale: standard deviation of y, shape (d,).
        level: the coverage promised once calibrated.
        radius: how far from its cloud the region reaches, in scaled units; NaN before `calibrate`.

    Guarantees: with `calibrate` on examples apart from those that were fitted, coverage of at least `level` on average over exchangeable
    examples, for every n and however bad the fit. Small regions are not promised.

    Reference: Feldman, Bates & Romano 2023 [feldman2023calibrated], "Calibrated multiple-output quantile regression with representation
    learning". There the region also shrinks by the distance to its outside; here only the cloud's radius is fitted.
    """

    encoder: nn.Module
    decoder: nn.Module
    quantile: nn.Module
    points: Tensor
    directions: Tensor
    shift: Floats
    scale: Floats
    level: float
    radius: float = float("nan")

    @classmethod
    def fit(
        cls,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        *,
        level: float = 0.9,
        latent: int = 3,
        points: int = 4000,
        steps: int = 2500,
        seed: int = 0,
    ) -> QuantileRegion:
        """Trains the autoencoder and the quantiles.

        Args:
            x: features, shape (n, features).
            y: numbers, shape (n, d).
            level: in (0, 1).
            latent: dimensions of z, at least 1.
            points: of a cloud before those outside the latent region are left out.
            steps: of each of the two trainings, on 256 examples each.
            seed: of everything.

        Cost: 2 * steps passes of small networks; then `points` decoded for each input that is asked about.
        """
        checked_share(level, "level", "quantile_region")
        for name, value in (("latent", latent), ("points", points), ("steps", steps)):
            if value < 1:
                raise must(name, "quantile_region", "be at least 1", value)
        features, numbers = checked_features(x, "quantile_region"), checked_features(y, "quantile_region")
        if len(features) != len(numbers):
            raise must("y", "quantile_region", f"have one row per input ({len(features)})", len(numbers))
        shift, scale = numbers.mean(0), np.maximum(numbers.std(0), 1e-12)
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            d, p = numbers.shape[1], features.shape[1]
            parts = _net(p + d, 2 * latent), _net(p + latent, d), _net(p + latent, 1)
            u = nn.functional.normalize(torch.randn(16 * 2**latent, latent), dim=1)
            made = cls(*parts, _SPREAD * torch.randn(points, latent), u, shift, scale, level)
            made._train(_float(features), _float((numbers - shift) / scale), steps)
        return made

    def _train(self, x: Tensor, y: Tensor, steps: int) -> None:
        for losses, parts in ((self._evidence, (self.encoder, self.decoder)), (self._pinball, (self.quantile,))):
            optimiser = torch.optim.Adam([weight for part in parts for weight in part.parameters()], lr=_RATE)
            for _ in range(steps):
                rows = torch.randint(len(x), (min(_BATCH, len(x)),))
                optimiser.zero_grad()
                losses(x[rows], y[rows]).backward()  # type: ignore[no-untyped-call]
                optimiser.step()

    def _evidence(self, x: Tensor, y: Tensor) -> Tensor:
        mean, log_variance = self.encoder(torch.cat([x, y], 1)).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        off = (self.decoder(torch.cat([x, z], 1)) - y).square().sum(1)
        away = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        loss: Tensor = (off + _PRIOR_WEIGHT * away).mean()
        return loss

    def _pinball(self, x: Tensor, y: Tensor) -> Tensor:
        u = self.directions[torch.randint(len(self.directions), (len(x),))]
        with torch.no_grad():
            mean, log_variance = self.encoder(torch.cat([x, y], 1)).chunk(2, dim=1)
            z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        over = (z * u).sum(1) - self.quantile(torch.cat([x, u], 1))[:, 0]
        share = self._direction_level
        return torch.maximum(share * over, (share - 1) * over).mean()

    @property
    def _direction_level(self) -> float:
        """Of the quantile in one direction, with which the region of all directions holds `level` of a normal law."""
        return float(norm.cdf(math.sqrt(chi2.ppf(self.level, self.points.shape[1]))))

    def cloud(self, x: npt.ArrayLike) -> list[Floats]:
        """For each of m inputs (m, features) the points of its region before it is grown, in scaled units, shape (k, d) each."""
        return [self._cloud(row).double().numpy() for row in _float(checked_features(x, "quantile_region"))]

    def _cloud(self, row: Tensor) -> Tensor:
        with torch.no_grad():
            limits = self.quantile(torch.cat([row.expand(len(self.directions), -1), self.directions], 1))[:, 0]
            reach = (self.points @ self.directions.T - limits).amax(1)
            inside = self.points[(reach <= 0) | (reach == reach.min())]
            made: Tensor = self.decoder(torch.cat([row.expand(len(inside), -1), inside], 1))
            return made

    def distance(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
        """From numbers y (m, d) to the cloud of their inputs x (m, features), shape (m,)."""
        numbers = (checked_features(y, "quantile_region") - self.shift) / self.scale
        return np.array([np.linalg.norm(each - one, axis=1).min() for each, one in zip(self.cloud(x), numbers, strict=True)])

    def calibrate(self, x: npt.ArrayLike, y: npt.ArrayLike) -> QuantileRegion:
        """The region with the radius that makes its promise, from examples apart from those that were fitted."""
        return replace(self, radius=conformal_quantile(self.distance(x, y), level=self.level))

    def contains(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Bools:
        """Whether numbers y (m, d) lie in the regions of their inputs x (m, features), shape (m,)."""
        if np.isnan(self.radius):
            raise must("radius", "quantile_region", "be set by calibrate", self.radius)
        return np.asarray(self.distance(x, y) <= self.radius)

    def volume(self, x: npt.ArrayLike, *, draws: int = 20000, seed: int = 0) -> Floats:
        """The volume of each region in the units of y, by draws from a box around it, shape (m,)."""
        from scipy.spatial import cKDTree

        if np.isnan(self.radius):
            raise must("radius", "quantile_region", "be set by calibrate", self.radius)
        rng = np.random.default_rng(seed)
        found = []
        for each in self.cloud(x):
            low, high = each.min(0) - self.radius, each.max(0) + self.radius
            near, _ = cKDTree(each).query(rng.uniform(low, high, (draws, each.shape[1])), distance_upper_bound=self.radius)
            found.append(float(np.isfinite(near).mean() * np.prod((high - low) * self.scale)))
        return np.array(found)


def _net(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(inputs, _WIDTH), nn.ELU(), nn.Linear(_WIDTH, _WIDTH), nn.ELU(), nn.Linear(_WIDTH, outputs))


def _float(values: Floats) -> Tensor:
    return torch.from_numpy(values).float()
