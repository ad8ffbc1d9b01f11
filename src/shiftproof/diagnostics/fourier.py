"""The Fourier heat map: how often a model errs under a plain wave of each frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from shiftproof._arrays import Floats, Ints
from shiftproof._batches import in_batches, rows_of_a_call
from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.models.abstract import Labels
from shiftproof.models.query_count import count_asked
from shiftproof.outcomes import Interval
from shiftproof.randomness import Rng
from shiftproof.risks.intervals import clopper_pearson

REFERENCES: tuple[str, ...] = ("yin2019fourier",)
_REACH = 31


@dataclass(frozen=True, eq=False)
class FourierHeatMap:
    """A model's error under noise of one frequency at a time.

    Args:
        error: error rate under each frequency, shape (rows, columns), NaN at none; frequency (down[i], right[j]) is at [i, j], zero in the
            middle. A frequency and its opposite are one wave, so the map is symmetric about the middle.
        down: periods a height of each row, ascending.
        right: periods a width of each column, ascending.
        clean: error rate without noise.
        eps: L2 norm of the noise in each channel.
        n: examples behind each number.
        clipped: the mean share of the noise's energy that the box cut off.
        size: height and width of the images.
    """

    error: Floats
    down: Ints
    right: Ints
    clean: float
    eps: float
    n: int
    clipped: float
    size: tuple[int, int]

    @property
    def distance(self) -> Floats:
        """Of each frequency from zero, as a share of the Nyquist frequency, shape (rows, columns)."""
        return np.hypot(self.down[:, None] / (self.size[0] / 2), self.right[None, :] / (self.size[1] / 2))

    @property
    def centre(self) -> float:
        """The mean distance of the error that noise adds, weighed by how much it adds; NaN where it adds none.

        Compare it with the mean of `distance`, that of a model which all frequencies hurt alike: below it, the coarse hurts
        more; above, the fine.
        """
        added = np.maximum(self.error - self.clean, 0)
        return float((added * self.distance).sum() / added.sum()) if added.sum() > 0 else math.nan

    def interval(self, down: int, right: int, *, confidence: float = 0.95) -> Interval:
        """Where the true error rate under one frequency lies (exact; each by itself)."""
        if down not in self.down or right not in self.right:
            raise must("frequency", "the heat map", "be one of its own", (down, right))
        value = self.error[list(self.down).index(down), list(self.right).index(right)]
        return clopper_pearson(round(float(value) * self.n), self.n, confidence=confidence).one()

    @property
    def worst(self) -> tuple[int, int, float]:
        """The frequency (down, right) with the greatest error, and that error; the one nearest to zero of several."""
        order = np.lexsort((self.distance.ravel(), -self.error.ravel()))
        row, column = divmod(int(order[0]), len(self.right))
        return int(self.down[row]), int(self.right[column]), float(self.error[row, column])


def fourier_heat_map(
    model: Labels,
    *,
    examples: Examples,
    eps: float = 4.0,
    reach: int | None = None,
    seed: int = 0,
    batch_size: int = 512,
) -> FourierHeatMap:
    """The error of a model under each Fourier basis noise: one plain wave, of a fixed L2 norm, added to every image.

    x' = clip(x + eps r_c U_ij) in each channel c, where U_ij is the real wave cos(2 pi (i y / height + j x / width)) with norm 1, whose
    transform is zero except at (i, j) and its opposite, and r_c is -1 or 1 by chance, for each example, channel and frequency by itself.

    Args:
        model: what is measured.
        examples: n labelled images (n, c, h, w), in a bounded box.
        eps: L2 norm of the noise in each channel, in the units of the inputs, above 0. The paper has 4 for images of 32 x 32, 15.7 for 224.
        reach: the greatest frequency, in periods a side; all, but at most 31, unless said.
        seed: of the signs.
        batch_size: inputs per call of the model.

    Guarantees:
        The numbers depend neither on the batch size nor on the order of examples. Inputs stay in their box; `clipped` says how much of the
        noise that cost, which is where a map of dark or bright images stops being comparable.

    Raises:
        UsageError: inputs are not images, the box has no ends, or an option is out of range.

    Cost: n (F + 1) forwards for the F = about 2 reach (reach + 1) waves that differ; making the inputs is a small part of that.

    Example:
        >>> import torch, shiftproof as sp
        >>> x, net = torch.rand(5, 1, 8, 8), torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 2))
        >>> model = sp.as_model(net, name="linear")
        >>> found = fourier_heat_map(model, examples=sp.examples(x, model.labels(x), kind="image"), eps=1.0)
        >>> found.error.shape, found.clean
        ((8, 8), 0.0)

    Reference: Yin et al. 2019, "A Fourier perspective on model robustness in computer vision".
    """
    x = images_of(examples, "fourier_heat_map", batch_size)
    if not (eps > 0 and math.isfinite(eps)):
        raise must("eps", "fourier_heat_map", "be in (0, inf)", eps, "It is an L2 norm, in the units of the inputs.")
    height, width = x.shape[2:]
    down, right = _axes(height, width, reach)
    waves = _distinct(down, right, height, width)
    n, device = len(x), model.device
    signs = Rng.for_ids(seed, examples.ids).child("fourier").uniform(len(waves), x.shape[1]).ge(0.5).to(x.dtype) * 2 - 1
    x, y, signs = x.to(device), examples.y.to(device), signs.to(device)

    def one(rows: slice) -> tuple[Tensor, float]:
        pairs = torch.arange(rows.start, rows.stop, device=device)
        example, wave = pairs % n, pairs // n
        first = int(wave[0])
        basis = _basis(waves[first : int(wave[-1]) + 1], height, width).to(x)
        noise = eps * signs[example, wave][:, :, None, None] * basis[wave - first][:, None]
        moved = examples.space.clip(x[example] + noise)
        lost = 1 - float((moved - x[example]).square().sum() / noise.square().sum())
        return answers(model, moved) != y[example], lost * len(pairs)

    batch_size = rows_of_a_call(x, batch_size, device)
    found = [part for part, _ in in_batches(len(waves) * n, batch_size, one)]
    rates = torch.cat([wrong for wrong, _ in found]).view(len(waves), n).double().mean(1).cpu().numpy()
    clean = torch.cat([part for part, _ in in_batches(n, batch_size, lambda rows: answers(model, x[rows]) != y[rows])])
    clipped = sum(lost for _, lost in found) / (len(waves) * n)
    error = _mirrored(waves, rates, down, right, height, width)
    return FourierHeatMap(error, down, right, float(clean.double().mean()), eps, n, clipped, (height, width))


def images_of(examples: Examples, owner: str, batch_size: int = 1) -> Tensor:
    """The inputs, where they are images in a bounded box; raises `UsageError` otherwise."""
    if examples.space.kind != "image" or examples.x.dim() != 4:
        raise UsageError(f"{owner} needs images (n, channels, height, width), got {examples.space.kind}s.")
    if not examples.space.bounded:
        raise UsageError(f"{owner} needs a bounded box, got {examples.space.units}. Declare it, for example --box 0,1.")
    if not len(examples):
        raise must("examples", owner, "be at least 1", 0)
    if batch_size < 1:
        raise must("batch_size", owner, "be at least 1", batch_size)
    x: Tensor = examples.x
    return x


def answers(model: Labels, x: Tensor) -> Tensor:
    """The model's decisions, without gradients, booked as asked."""
    count_asked(len(x))
    with torch.no_grad():
        return model.labels(x)


def _axes(height: int, width: int, reach: int | None) -> tuple[Ints, Ints]:
    """The frequencies down and across."""
    least = min(height, width) // 2
    if reach is not None and not 0 < reach <= least:
        raise must("reach", "fourier_heat_map", f"be from 1 to {least}, half a side", reach)
    return _frequencies(height, min(reach or _REACH, height // 2)), _frequencies(width, min(reach or _REACH, width // 2))


def _mirrored(waves: list[tuple[int, int]], rates: Floats, down: Ints, right: Ints, height: int, width: int) -> Floats:
    """The map, from one number for each frequency and its opposite."""
    error = np.full((len(down), len(right)), np.nan)
    for (i, j), rate in zip(waves, rates, strict=True):
        for a, b in ((i, j), (_opposite(i, height), _opposite(j, width))):
            error[np.searchsorted(down, a), np.searchsorted(right, b)] = rate
    return error


def _frequencies(side: int, reach: int) -> Ints:
    """Periods a side from -reach to reach; half a cycle a pixel is its own opposite, and stands once, at the negative end."""
    top = reach - 1 if 2 * reach == side else reach
    return np.arange(-reach, top + 1)


def _opposite(frequency: int, side: int) -> int:
    return frequency if 2 * abs(frequency) == side else -frequency


def _distinct(down: Ints, right: Ints, height: int, width: int) -> list[tuple[int, int]]:
    """One of each frequency and its opposite."""
    seen: dict[tuple[int, int], None] = {}
    for i in down.tolist():
        for j in right.tolist():
            if (_opposite(i, height), _opposite(j, width)) not in seen:
                seen[i, j] = None
    return list(seen)


def _basis(waves: list[tuple[int, int]], height: int, width: int) -> Tensor:
    """Real waves of norm 1, shape (k, height, width), by the sum rule from one row and one column each."""
    i, j = torch.tensor(waves, dtype=torch.float64).T
    a = 2 * math.pi * i[:, None] * torch.arange(height, dtype=torch.float64) / height
    b = 2 * math.pi * j[:, None] * torch.arange(width, dtype=torch.float64) / width
    wave = a.cos()[:, :, None] * b.cos()[:, None] - a.sin()[:, :, None] * b.sin()[:, None]
    unit: Tensor = wave / torch.linalg.vector_norm(wave.flatten(1), dim=1)[:, None, None]
    return unit.float()
