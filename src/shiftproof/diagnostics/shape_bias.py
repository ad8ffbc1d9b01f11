"""Coarse or fine, whole or pieces: which of two cues in one image a model follows, and what it can do without the whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._batches import in_batches, rows_of_a_call
from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.diagnostics.fourier import answers, images_of
from shiftproof.models.abstract import Labels
from shiftproof.outcomes import Interval
from shiftproof.randomness import Rng
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.shifts.frequency.high_pass import HighPass
from shiftproof.shifts.frequency.low_pass import LowPass

REFERENCES: tuple[str, ...] = (
    "geirhos2019imagenet",
    "oliva2006hybrid",
    "zhang2019interpreting",
)


@dataclass(frozen=True)
class ShapeBias:
    """What a model does with images whose coarse and fine parts belong to different classes, and with shuffled pieces.

    Args:
        coarse: hybrids answered with the class of the low frequencies.
        fine: hybrids answered with that of the high frequencies.
        neither: hybrids answered with another class.
        bias: coarse / (coarse + fine): 1 follows the coarse part alone, 0 the fine; NaN where it follows neither.
        interval: of `bias`, pairs taken as independent.
        radius: that parts low from high, as a share of the Nyquist frequency.
        shuffled: pieces a side -> right answers of n on images cut into so many squares a side, in random order.
        clean: right answers on whole images.
        n: examples.
    """

    coarse: int
    fine: int
    neither: int
    bias: float
    interval: Interval
    radius: float
    shuffled: dict[int, int]
    clean: int
    n: int


def shape_bias(
    model: Labels,
    *,
    examples: Examples,
    radius: float = 0.25,
    pieces: Sequence[int] = (2, 4),
    seed: int = 0,
    batch_size: int = 256,
    confidence: float = 0.95,
) -> ShapeBias:
    """A shape bias without stylised images: hybrid images, and shuffled patches.

    A hybrid is the low frequencies of one example plus the high frequencies of another of a different class. The bias is the formula of
    Geirhos et al. (2019) with the coarse part in the place of shape and the fine part in the place of texture.

    Args:
        model: what is measured.
        examples: n labelled images (n, c, h, w) of at least two classes, in a bounded box.
        radius: that parts low from high, in (0, 1], as a share of the Nyquist frequency.
        pieces: numbers of squares a side, each at least 2 and a divisor of the side. Where the whole is lost and texture stays, accuracy
            that stays too is accuracy from texture.
        seed: of partners and of the order of pieces.
        batch_size: inputs per call of the model.
        confidence: of the interval.

    Guarantees:
        Not the number of the paper: its images carry the texture of one object on the shape of another, ours the fine detail of one on the
        coarse structure of another, whose outlines are partly fine. Numbers compare between models at one radius, and with nothing else.
        Hybrids are clipped to the box.

    Raises:
        UsageError: inputs are not images, there is one class only, or an option is out of range.

    Cost: 2 + len(pieces) forwards per example.

    Reference: Geirhos et al. 2019, "ImageNet-trained CNNs are biased towards texture"; Oliva et al. 2006, "Hybrid images"; Zhang & Zhu
        2019, "Interpreting adversarially trained convolutional neural networks" (patch shuffling).
    """
    x, y = images_of(examples, "shape_bias", batch_size), examples.y
    height, width = x.shape[2:]
    for squares in pieces:
        if squares < 2 or height % squares or width % squares:
            raise must("pieces", "shape_bias", f"be numbers of at least 2 that divide {height} and {width}", list(pieces))
    partner = _partners(y, Rng.for_ids(seed, examples.ids).child("partner"))
    low, high, space = LowPass(radius), HighPass(radius), examples.space
    hybrids = space.clip(low.part(x) + high.part(x[partner]))
    said = _said(model, hybrids, batch_size)
    coarse, fine = int((said == y).sum()), int((said == y[partner]).sum())
    rng = Rng.for_ids(seed, examples.ids).child("pieces")
    shuffled = {squares: int((_said(model, _shuffle(x, squares, rng.child(squares)), batch_size) == y).sum()) for squares in pieces}
    return ShapeBias(
        coarse,
        fine,
        len(x) - coarse - fine,
        coarse / (coarse + fine) if coarse + fine else math.nan,
        clopper_pearson(coarse, coarse + fine, confidence=confidence).one(),
        radius,
        shuffled,
        int((_said(model, x, batch_size) == y).sum()),
        len(x),
    )


def _said(model: Labels, x: Tensor, batch_size: int) -> Tensor:
    parts = in_batches(len(x), rows_of_a_call(x, batch_size, model.device), lambda rows: answers(model, x[rows].to(model.device)).cpu())
    return torch.cat([part for part, _ in parts])


def _partners(y: Tensor, rng: Rng) -> npt.NDArray[np.intp]:
    """For each example a random other one of a different class."""
    labels = y.cpu().numpy()
    if len(np.unique(labels)) < 2:
        raise UsageError("A hybrid needs examples of two classes, and all of these belong to one. Load more of the data with --limit.")
    unit = rng.uniform(1)[:, 0].numpy()
    others = {label: np.flatnonzero(labels != label) for label in np.unique(labels)}
    chosen = [others[label][int(u * len(others[label]))] for label, u in zip(labels, unit, strict=True)]
    return np.asarray(chosen, dtype=np.intp)


def _shuffle(x: Tensor, squares: int, rng: Rng) -> Tensor:
    """Each image cut into squares x squares pieces, put together in an order of its own."""
    n, channels, height, width = x.shape
    tall, wide = height // squares, width // squares
    cut = x.reshape(n, channels, squares, tall, squares, wide).permute(0, 2, 4, 1, 3, 5).reshape(n, squares**2, channels, tall, wide)
    order = rng.uniform(squares**2).argsort(dim=1).to(x.device)
    mixed = cut[torch.arange(n, device=x.device)[:, None], order]
    return mixed.reshape(n, squares, squares, channels, tall, wide).permute(0, 3, 1, 4, 2, 5).reshape(n, channels, height, width)
