"""The images that the study draws and moves, against distances worked out point by point."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shiftproof.data.arrays import examples
from shiftproof.studies.cross_domain_errors import normalised_like, strokes


def _distance(point: tuple[int, int], a: tuple[float, float], b: tuple[float, float]) -> float:
    """From a point to a segment, by trying ten thousand points of it."""
    shares = np.linspace(0, 1, 10_001)
    return float(np.hypot(a[0] + shares * (b[0] - a[0]) - point[0], a[1] + shares * (b[1] - a[1]) - point[1]).min())


def test_ink_is_what_the_distance_from_the_nearest_stroke_leaves() -> None:
    side = 8
    image = strokes(2, side, np.random.default_rng(3))[1, 0]
    ends = np.random.default_rng(3).uniform(0, side - 1, (2, 3, 2, 1, 1, 2))[1, :, :, 0, 0]
    for row in range(side):
        for column in range(side):
            nearest = min(_distance((row, column), tuple(stroke[0]), tuple(stroke[1])) for stroke in ends)
            assert float(image[row, column]) == pytest.approx(min(1.0, max(0.0, 1.4 - nearest)), abs=1e-3)


def test_strokes_are_images_and_differ() -> None:
    drawn = strokes(50, 8, np.random.default_rng(0))
    assert drawn.shape == (50, 1, 8, 8)
    assert drawn.dtype == torch.float32
    assert 0 == float(drawn.min()) < float(drawn.max()) == 1
    assert len(np.unique(drawn.flatten(1).numpy(), axis=0)) == 50
    assert torch.equal(drawn, strokes(50, 8, np.random.default_rng(0)))


def test_images_take_the_mean_and_variance_of_others_and_a_box_that_holds_them() -> None:
    gen = torch.Generator().manual_seed(0)
    images = examples(torch.rand(40, 1, 4, 4, generator=gen).round(), [0] * 40)
    like = (torch.rand(30, 1, 4, 4, generator=gen) > 0.9).float()  # as sparse as digits
    moved = normalised_like(images, like)
    assert float(moved.x.mean()) == pytest.approx(float(like.mean()), abs=1e-6)
    assert float(moved.x.std()) == pytest.approx(float(like.std()), abs=1e-6)
    assert moved.space.low == min(0.0, float(moved.x.min()))
    assert moved.space.high == max(1.0, float(moved.x.max()))
    assert moved.space.low < -0.1  # half of the pixels were dark, and are below nothing now
    assert moved.ids.tolist() == images.ids.tolist()
