"""Noise2Net against the values of its authors' code, against no change at all, and against its own seed.

Made with hendrycks/imagenet-r at master, DeepAugment/train_noise2net.py, on the CPU: Res2Net(epsilon=0.5, hidden_planes=16, batch_size=3)
in training mode with Bottle2neck(1, 1, ...) for grey images, kernel sizes and dilations of FORM in the place of random.choice, and the
weights of `random_block(Rng.for_ids(3, "abc").child("block", k), 1)`; the third row of each image.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import boxed
from shiftproof.randomness import Rng
from shiftproof.training.methods import Batch, methods
from shiftproof.training.methods.noise2net import BLOCKS, random_block, through_block
from small_runs import command

PUBLISHED = [
    [-1.368437, -1.314216, -0.853651, -1.360344, -1.545027, -1.460985],
    [-0.267693, -0.58293, -0.192561, 0.444956, -0.263283, -0.458504],
    [0.624493, 1.71507, 2.110857, 0.732675, 1.204413, 1.384382],
]
FORM = [1, 2, 3, 1, 1, 1, 3, 1, 3, 3, 3, 3, 3, 1, 1, 3, 1, 2, 1, 2, 1, 3, 3, 1]
SPACE, IDS = boxed((0, 1), "image"), np.array(list("abcdef"))


def batch(seed: int = 3) -> Batch:
    torch.manual_seed(0)
    return Batch(torch.rand(6, 3, 8, 8), torch.randint(2, (6,)), Rng.for_ids(seed, IDS), SPACE)


def moved(spec: str, given: Batch) -> torch.Tensor:
    method = methods.build(spec)
    return method.move(torch.nn.Flatten(), given, method.init(torch.nn.Flatten(), Examples(given.x, given.y, IDS, {}, SPACE)))


def test_four_blocks_are_those_of_the_authors() -> None:
    x = torch.linspace(-1, 1, 108).reshape(3, 1, 6, 6).sin() * 2
    form: list[int] = []
    for number in range(BLOCKS):
        block = random_block(Rng.for_ids(3, list("abc")).child("block", number), 1)
        form += [each for weight, dilation in zip(block.inner, block.dilations, strict=True) for each in (weight.shape[-1], dilation)]
        x = x + 0.5 * through_block(x, block)
    assert form == FORM
    assert x[:, 0, 2].flatten().tolist() == pytest.approx(np.ravel(PUBLISHED).tolist(), abs=2e-5)


def test_weights_are_drawn_as_torch_draws_them() -> None:
    block = random_block(Rng.for_ids(0, [str(i) for i in range(200)]), 3)
    for weight, into in ((block.enter, 3), *((each, 16 * each.shape[-1] ** 2) for each in block.inner), (block.leave, 64)):
        theirs = torch.nn.Conv2d(into, 50, 1).weight
        assert float(weight.abs().max()) <= into**-0.5
        assert float(weight.std()) == pytest.approx(float(theirs.detach().std()), rel=0.2)
        assert float(weight.std()) == pytest.approx((3 * into) ** -0.5, rel=0.02)


def test_no_strength_is_no_change_and_only_the_share_changes() -> None:
    given = batch()
    assert torch.allclose(moved("noise2net(max_eps=0)", given), given.x, atol=1e-6)
    found = moved("noise2net", given)
    assert torch.equal(found[3:], given.x[3:])
    assert (found[:3] - given.x[:3]).flatten(1).abs().amax(1).min() > 0.05
    assert (moved("noise2net(share=1)", given)[3:] - given.x[3:]).abs().amax() > 0.05


def test_one_seed_gives_the_same_pixels_and_each_image_has_its_own_network() -> None:
    assert torch.equal(moved("noise2net", batch()), moved("noise2net", batch()))
    assert not torch.equal(moved("noise2net", batch()), moved("noise2net", batch(4)))
    given = batch()
    same = Batch(given.x[:1].expand(6, -1, -1, -1).contiguous(), given.y, given.rng, SPACE)
    found = moved("noise2net", same)
    assert not torch.allclose(found[0], found[1], atol=1e-3)
    assert bool(torch.isfinite(found).all())


def test_what_it_cannot_do_is_said() -> None:
    for spec in ("noise2net(max_eps=-1)", "noise2net(share=0)", "noise2net(max_eps=inf)"):
        with pytest.raises(UsageError, match="noise2net"):
            methods.build(spec)
    table = sp.examples(torch.rand(40, 4), torch.randint(2, (40,)))
    with pytest.raises(UsageError, match="needs images"):
        methods.build("noise2net").init(torch.nn.Linear(4, 2), table)


def test_it_trains_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nets.py").write_text(
        "import torch\n\n\ndef small():\n    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))\n"
    )
    net = f"{tmp_path / 'nets.py'}:small"
    words = ["--data", "digits:?split=train", "--method", "noise2net(max_eps=0.3)", "--epochs", "2", "--out", tmp_path / "run"]
    assert command(monkeypatch, "train", net, *words) == 0
    assert (tmp_path / "run" / "best.safetensors").is_file()
