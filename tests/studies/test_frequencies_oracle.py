"""What the studies on frequencies and corruptions make of images, against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof.shifts.frequency.high_pass import HighPass
from shiftproof.studies.adversarial_training_and_corruptions import framed, of_images
from shiftproof.studies.high_frequency_generalisation import filtered, spread


def stripes(width: int) -> torch.Tensor:
    """One image of 16 x 16 with stripes so many pixels wide, from 0.25 to 0.75."""
    row = 0.25 + 0.5 * (torch.arange(16) // width % 2)
    return row.expand(1, 1, 16, 16).clone()


def test_fine_stripes_stay_and_coarse_ones_go() -> None:
    examples = sp.examples(torch.cat([stripes(1), stripes(8)]), [0, 1])
    left = filtered(examples, HighPass(0.6))
    torch.testing.assert_close(left.x[:1], stripes(1))
    spectrum = torch.fft.fft2(left.x[1, 0] - 0.5).abs()
    distance = torch.hypot(*torch.meshgrid(torch.fft.fftfreq(16) * 2, torch.fft.fftfreq(16) * 2, indexing="ij"))
    assert float(spectrum[distance < 0.59].max()) < 1e-4
    assert float(left.x[1].std()) < 0.5 * float(examples.x[1].std())
    assert left.ids.tolist() == examples.ids.tolist()


def test_the_spread_of_stripes() -> None:
    examples = sp.examples(torch.cat([stripes(1), stripes(1)]), [0, 1], box=(0, 2))
    found = spread(examples)
    assert found.value == pytest.approx(0.25 / 2 * math.sqrt(256 / 255))  # in widths of the box
    assert found.error == pytest.approx(0.0, abs=1e-9)


def test_a_frame_adds_black_and_leaves_the_rest() -> None:
    examples = sp.examples(torch.rand(2, 1, 8, 8), [0, 1])
    wide = framed(examples, 10)
    assert wide.x.shape == (2, 1, 28, 28)
    assert torch.equal(wide.x[:, :, 10:18, 10:18], examples.x)
    assert float(wide.x.sum()) == pytest.approx(float(examples.x.sum()), rel=1e-5)
    assert torch.equal(framed(examples, 0).x, examples.x)


def test_a_mean_over_images_counts_each_image_once() -> None:
    found = of_images(np.array([0.0, 0.5, 1.0, 0.5]), "share")
    assert (found.value, found.unit) == (0.5, "share")
    assert found.error == pytest.approx(math.sqrt((0.25 + 0.25) / 3 / 4))
