"""The slope of rounded blocks: by finite differences, by hand, and against the tables that JPEG files hold."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import shiftproof as sp
from masked import digits, net
from shiftproof.data.space import InputSpace
from shiftproof.defences import Codec, defences
from shiftproof.defences._rounding import RoundedBlocks
from shiftproof.defences.compression import Bytes, Compression
from shiftproof.defences.jpeg import Jpeg
from shiftproof.randomness import Rng
from shiftproof.searches.auto_step import AutoStep

IMAGE = InputSpace(kind="image")
NONE = Rng.for_ids(0, [])
STEPS = ((30, 20), (20, 40))


def basis(side: int) -> Tensor:
    rows = np.array([[np.cos((2 * place + 1) * order * np.pi / (2 * side)) for place in range(side)] for order in range(side)])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return torch.from_numpy(rows)


def soft(block: Tensor) -> Tensor:
    """A block of 2 x 2 in [0, 1] whose coefficients become round(c) + (c - round(c))^3, as of Shin & Song, and a quarter of themselves."""
    steps = torch.tensor(STEPS, dtype=torch.float64)
    found = basis(2) @ (block * 255) @ basis(2).T / steps
    whole = found.detach().round()
    return basis(2).T @ ((whole + (found - whole) ** 3 + (found - whole) / 4) * steps) @ basis(2) / 255


def hard(block: Tensor) -> Tensor:
    steps = torch.tensor(STEPS, dtype=torch.float64)
    return basis(2).T @ ((basis(2) @ (block * 255) @ basis(2).T / steps).round() * steps) @ basis(2) / 255


def test_the_slope_is_that_of_softly_rounded_coefficients_by_finite_differences() -> None:
    block = torch.rand(2, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    weight = torch.randn(2, 2, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    x = block[None, None].clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad((RoundedBlocks(2, STEPS).carried(x, hard(block)[None, None])[0, 0] * weight).sum(), x)
    for at in ((0, 0), (0, 1), (1, 0), (1, 1)):
        ends = []
        for side in (1e-6, -1e-6):
            moved = block.clone()
            moved[at] += side
            ends.append(float((soft(moved) * weight).sum()))
        assert float(gradient[0, 0][at]) == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-5, abs=1e-9)


def test_a_quarter_on_a_whole_number_and_one_at_half_way() -> None:
    steps = torch.tensor(STEPS, dtype=torch.float64)
    for away, slope in ((0.0, 0.25), (0.5, 1.0), (5.0, 1.33)):  # beyond 0.6 steps it grows no more
        out = torch.tensor([[3.0, 1.0], [2.0, 1.0]], dtype=torch.float64) * steps
        first = basis(2).T @ (out + away * steps) @ basis(2) / 255
        x = first[None, None].clone().requires_grad_(True)
        seen = (basis(2).T @ out @ basis(2) / 255)[None, None]
        found = basis(2) @ RoundedBlocks(2, STEPS).carried(x, seen)[0, 0] @ basis(2).T
        (gradient,) = torch.autograd.grad(found.sum(), x)
        torch.testing.assert_close(basis(2) @ gradient[0, 0] @ basis(2).T, torch.full((2, 2), slope, dtype=torch.float64))


def test_a_step_that_is_not_told_is_read_off_from_the_errors() -> None:
    even = RoundedBlocks(4)
    coefficients = torch.rand(2, 1, 8, 8, 4, 4, generator=torch.Generator().manual_seed(0)) * 400
    error = coefficients - (coefficients / 24).round() * 24
    torch.testing.assert_close(even._steps(error, None).flatten(), torch.tensor([24.0, 24.0]), rtol=0.1, atol=0)
    assert float(even._steps(torch.zeros(1, 1, 2, 2, 4, 4), None)) == 1.0  # lossless: nothing is divided by 0


@pytest.mark.parametrize("quality", [1, 25, 49, 50, 75, 100])
def test_the_steps_of_jpeg_are_those_in_its_files(quality: int) -> None:
    file = BytesIO()
    Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8)).save(file, "JPEG", quality=quality)
    with Image.open(file) as stored:
        tables = stored.quantization
    rounding = Jpeg(quality).rounding
    assert [step for row in rounding.luma or () for step in row] == list(tables[0])
    assert [step for row in rounding.chroma or () for step in row] == list(tables[1])


@pytest.mark.parametrize(("part", "channels"), [(Jpeg(30), 1), (Jpeg(30), 3), (Codec("webp", 30), 3), (Codec("webp", 30), 1)])
def test_what_an_image_gets_does_not_hang_on_its_batch_and_fits_any_size_and_box(part: Compression, channels: int) -> None:
    last = torch.nn.Linear(channels * 13 * 11, 3)
    model = sp.as_model(torch.nn.Sequential(torch.nn.Flatten(), last), name="linear")
    x = torch.rand(5, channels, 13, 11, generator=torch.Generator().manual_seed(1))

    def gradient(of: Tensor, space: InputSpace) -> Tensor:
        leaf = of.clone().requires_grad_(True)
        return torch.autograd.grad(part(model, space=space).scores(leaf)[:, 0].sum(), leaf)[0]

    together = gradient(x, IMAGE)
    torch.testing.assert_close(torch.cat([gradient(each[None], IMAGE) for each in x]), together)
    assert (together.flatten(1) != 0).any(1).all()
    torch.testing.assert_close(gradient(2 * x - 1, InputSpace(-1.0, 1.0, "image", "[-1, 1]")), together, rtol=1e-3, atol=1e-5)
    assert "read off from what the codec gave back" in part.adaptive


@dataclass(frozen=True)
class Unknown(Compression):
    """JPEG of which nothing is known."""

    name: ClassVar[str] = "unknown"

    def coded(self, image: Bytes) -> Bytes:
        return Jpeg(20).coded(image)


def test_an_attack_that_knows_what_is_rounded_leaves_less() -> None:
    x, y = digits()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = net()
        optimiser = torch.optim.Adam(module.parameters(), 3e-3)
        for _ in range(6):
            for rows in torch.split(torch.randperm(800), 100):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(module(x[rows]), y[rows]).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
    model = sp.as_model(module.eval().requires_grad_(False), name="digits")
    data = sp.examples(x[800:950], y[800:950])
    left = {
        part.name: sp.confront(part(model, space=IMAGE), sp.Linf(0.15), search=AutoStep(steps=40), examples=data).accuracy
        for part in (Unknown(), Jpeg(20))
    }
    assert left["jpeg"] < left["unknown"] - 0.05


def test_a_spec_makes_the_same_part() -> None:
    for part in (Jpeg(30), Codec("avif", 30)):
        assert defences.build(part.spec()) == part


def test_a_run_of_another_slope_is_another_run() -> None:
    model = sp.as_model(net().eval(), name="digits")
    for part, tells in ((Jpeg(30), True), (Codec("avif", 30), True), (Codec("jpeg2000", 30), False), (Unknown(), False)):
        behind = part(model, space=IMAGE)
        assert ("+rounded_blocks:" in behind.fingerprint()) is tells, part
        assert "rounded_blocks" not in behind.as_it_stands().fingerprint()
