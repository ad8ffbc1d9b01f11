"""The contract of corruptions: an image's pixels depend on its id and the seed only, severity 0 moves nothing, and more moves more."""

from __future__ import annotations

import itertools
import subprocess
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import shiftproof as sp
from shiftproof.data.space import InputSpace
from shiftproof.randomness import Rng
from shiftproof.shifts import Corruption, shifts
from shiftproof.shifts.corruptions.suites import ALL

Bytes = npt.NDArray[np.uint8]
AS_PUBLISHED = {"elastic_transform", "saturate", "glass_blur", "spatter"}
"""Whose published scales do not grow at every step: see their pages. For these, 5 moves more than 0."""


def photographs(n: int = 4, side: int = 36) -> Bytes:
    """Smooth colour shapes with edges: pictures enough for blurs and edges to have something to do."""
    rng = np.random.default_rng(3)
    down, right = np.mgrid[0:side, 0:side] / side
    found = []
    for _ in range(n):
        a, b, c = rng.uniform(1, 6, (3, 3))
        wave = 0.5 + 0.3 * np.sin(a * down[..., None] * 3 + b * right[..., None] * 3 + c)
        wave[(down - rng.uniform(0.3, 0.7)) ** 2 + (right - rng.uniform(0.3, 0.7)) ** 2 < 0.05] = rng.uniform(0, 1, 3)
        found.append((wave * 255).astype(np.uint8))
    return np.stack(found)


def part(name: str, severity: float = 5.0) -> Corruption[Any]:
    built = shifts.get(name)(severity=severity)  # type: ignore[call-arg]  # every corruption has a severity
    assert isinstance(built, Corruption)
    return built


@pytest.mark.parametrize("name", ALL)
def test_pixels_hang_on_the_id_alone(name: str) -> None:
    x = photographs()
    whole = sp.corrupt(x, name, severity=3, seed=5)
    assert whole.shape == x.shape
    assert whole.dtype == np.uint8
    assert np.array_equal(sp.corrupt(x[[2, 0]], name, severity=3, seed=5, ids=[2, 0]), whole[[2, 0]])
    assert np.array_equal(sp.corrupt(x[1], name, severity=3, seed=5, ids=[1]), whole[1])
    if part(name).random and name != "white_balance":  # which has two sides only
        assert not np.array_equal(sp.corrupt(x, name, severity=3, seed=6), whole)


@pytest.mark.parametrize("name", ALL)
def test_severity_0_leaves_every_bit_and_5_has_no_nan(name: str) -> None:
    x = photographs()
    assert np.array_equal(sp.corrupt(x, name, severity=0), x)
    floats = torch.from_numpy(x).permute(0, 3, 1, 2) / 255
    shift = part(name).within(InputSpace(-1.0, 1.0, "image", "[-1, 1]"))
    inputs = floats * 2 - 1
    params = shift.sample(inputs, Rng.for_ids(0, list("abcd")))
    at_5 = shift.apply(inputs, params)
    assert bool(at_5.isfinite().all())
    assert float(at_5.min()) >= -1
    assert float(at_5.max()) <= 1
    params[:, 0] = 0
    assert torch.equal(shift.apply(inputs, params), inputs)
    for blank in (0, 255):
        plain = np.full((1, 36, 36, 3), blank, dtype=np.uint8)
        assert sp.corrupt(plain.astype(np.float32) / 255, name, severity=5).dtype == np.float32
        assert np.isfinite(sp.corrupt(plain.astype(np.float32) / 255, name, severity=5)).all()


@pytest.mark.parametrize("name", ALL)
def test_more_severity_moves_more(name: str) -> None:
    x = photographs(6)
    levels = (1, 2, 3, 4, 5)
    far = [float(np.abs(sp.corrupt(x, name, severity=s).astype(float) - x).mean()) for s in (0, *levels)]
    assert far[0] == 0
    assert far[5] > 0.3
    if name not in AS_PUBLISHED:
        assert all(more >= less * 0.9 - 0.05 for less, more in itertools.pairwise(far)), far
        assert far[5] > far[1]


@pytest.mark.parametrize("name", ["gaussian_noise", "fog", "pixelate", "motion_blur", "brightness"])
def test_between_published_severities_pictures_lie_between(name: str) -> None:
    x = photographs(6).astype(np.float32) / 255
    far = [float(np.abs(sp.corrupt(x, name, severity=s) - x).mean()) for s in (2.0, 2.5, 3.0)]
    assert far[0] <= far[1] * 1.02
    assert far[1] <= far[2] * 1.02


def test_another_process_gives_the_same_pixels() -> None:
    code = (
        "import hashlib, numpy as np, shiftproof as sp\n"
        "x = (np.arange(2 * 32 * 32 * 3) * 7919 % 251).astype(np.uint8).reshape(2, 32, 32, 3)\n"
        "names = ('gaussian_noise', 'shot_noise', 'glass_blur', 'snow', 'frost', 'fog', 'spatter', 'elastic_transform', 'perlin_noise')\n"
        "found = hashlib.sha256(b''.join(sp.corrupt(x, name, severity=4, seed=1).tobytes() for name in names)).hexdigest()\n"
    )
    here: dict[str, str] = {}
    exec(code, here)  # the same text runs in both processes
    there = subprocess.run([sys.executable, "-c", code + "print(found)"], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here["found"]


@pytest.mark.parametrize("mode", ["in_memory", "on_disk"])
@pytest.mark.parametrize("severity", [0.5, 2, 4.5])
def test_the_shift_and_the_function_give_the_same_pixels(severity: float, mode: str) -> None:
    x = photographs()
    x[0, :4], x[1, :4] = 0, 180  # black and grey: cases of their own for brightness and colour
    inputs = (torch.from_numpy(x).permute(0, 3, 1, 2) / 255).contiguous()
    for name in ("gaussian_noise", "fog", "jpeg_compression", "zoom_blur", "pixelate", "contrast", "brightness", "saturate"):
        shift = shifts.build(f"{name}(severity={severity}, mode={mode})").within(InputSpace(kind="image"))
        moved = shift.apply(inputs, shift.sample(inputs, Rng.for_ids(9, list("0123"))))
        levels = (moved * 255 + 2e-3).floor().permute(0, 2, 3, 1).numpy()
        ours = sp.corrupt(x, name, severity=severity, seed=9, mode=mode)
        assert np.abs(levels - ours).max() <= 1, name
        assert (levels != ours).mean() < 0.001, name


@pytest.mark.parametrize("name", ALL)
def test_constants_have_names_and_one_row_per_severity(name: str) -> None:
    for rows in part(name).published.values():
        assert len(rows) in (5, 6)
        assert len({type(row) for row in rows}) == 1
        assert rows[0]._fields
