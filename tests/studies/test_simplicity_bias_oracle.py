"""Features of slabs lie where they should and say what they should; exchanged blocks say nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from shiftproof.studies.simplicity_bias import MARGIN, Blocks, five_slabs, linear

Y = np.arange(20_000) % 2


def test_the_linear_feature_has_its_sign_and_its_margin() -> None:
    x = linear(Y, np.random.default_rng(0))
    assert np.array_equal(x > 0, Y == 1)
    assert np.abs(x).min() >= MARGIN
    assert np.abs(x).max() <= 1
    assert np.abs(x).min() == pytest.approx(MARGIN, abs=0.001)


def test_five_slabs_belong_to_the_labels_in_turn_with_gaps_between() -> None:
    x = five_slabs(Y, np.random.default_rng(0))
    width = (2 - 8 * MARGIN) / 5
    edges = [(-1 + k * (width + 2 * MARGIN), -1 + k * (width + 2 * MARGIN) + width) for k in range(5)]
    inside = np.array([(low - 1e-9 <= x) & (x <= high + 1e-9) for low, high in edges])
    assert bool((inside.sum(0) == 1).all())
    slab = inside.argmax(0)
    assert np.array_equal(slab % 2, Y)
    assert np.bincount(slab, minlength=5) / len(Y) == pytest.approx(np.array([1, 4, 6, 4, 1]) / 16, abs=0.01)


def test_no_threshold_reads_five_slabs() -> None:
    x = five_slabs(Y, np.random.default_rng(1))
    rates = [float(((x > t) == (Y == 1)).mean()) for t in np.linspace(-1.1, 1.1, 200)]
    assert max(max(rates), 1 - min(rates)) == pytest.approx(11 / 16, abs=0.01)


def test_an_exchanged_block_keeps_its_rows_and_no_other_changes() -> None:
    blocks = Blocks(torch.arange(50.0)[:, None], torch.arange(100.0).reshape(50, 2), Y[:50])
    found = blocks.shuffled("simple", np.random.default_rng(0))
    assert torch.equal(found.simple.sort(0).values, blocks.simple)
    assert not torch.equal(found.simple, blocks.simple)
    assert torch.equal(found.complex, blocks.complex)
    assert np.array_equal(found.y, blocks.y)
    other = blocks.shuffled("complex", np.random.default_rng(0))
    assert torch.equal(other.simple, blocks.simple)
    assert torch.equal(other.complex.sort(0).values, blocks.complex)
    assert not torch.equal(other.complex, blocks.complex)


def test_blocks_are_put_together_and_rotated_back() -> None:
    numbers = np.random.default_rng(0)
    blocks = Blocks(torch.rand(6, 1), torch.rand(6, 3), Y[:6])
    rotation = np.linalg.qr(numbers.normal(size=(4, 4)))[0]
    turned = blocks.examples(rotation).x.double().numpy()
    assert turned @ rotation.T == pytest.approx(torch.cat([blocks.simple, blocks.complex], 1).numpy(), abs=1e-5)
    images = Blocks(torch.rand(6, 1, 4, 4), torch.rand(6, 1, 4, 4), Y[:6]).examples()
    assert images.x.shape == (6, 1, 8, 4)
    assert images.space.kind == "image"
