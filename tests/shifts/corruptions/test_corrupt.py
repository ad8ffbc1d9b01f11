"""`corrupt`: layouts, types, the two modes, and every error message."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.space import InputSpace
from shiftproof.evaluation.audit.suites import suite_named
from shiftproof.models.abstract import Gradients, Scores
from shiftproof.searches import Grid, searches
from shiftproof.shifts import Frost, Saturate, ZoomBlur
from shiftproof.shifts.corruptions.stored import crop_as_published
from shiftproof.shifts.corruptions.suites import CIFAR_10_C_BAR, COMMON, IMAGENET_C_BAR, MNIST_C

X = (np.arange(2 * 40 * 36 * 3) * 7919 % 251).astype(np.uint8).reshape(2, 40, 36, 3)


def test_layouts_are_views_of_one_thing() -> None:
    base = sp.corrupt(X, "snow", severity=2)
    channels_first = sp.corrupt(X.transpose(0, 3, 1, 2), "snow", severity=2)
    assert np.array_equal(channels_first.transpose(0, 2, 3, 1), base)
    assert np.array_equal(sp.corrupt(X[0], "snow", severity=2), base[0])
    assert np.array_equal(sp.corrupt(X[0].transpose(2, 0, 1), "snow", severity=2, layout="CHW").transpose(1, 2, 0), base[0])
    grey = X[..., 0]
    many = sp.corrupt(grey, "snow", severity=2)
    assert many.shape == grey.shape
    assert np.array_equal(sp.corrupt(grey[0], "snow", severity=2), many[0])
    assert np.array_equal(sp.corrupt(grey[..., None], "snow", severity=2)[..., 0], many)


def test_types_come_back_and_bytes_are_rounded_down() -> None:
    for kind in (np.float16, np.float32, np.float64):
        assert sp.corrupt((X / 255).astype(kind), "contrast").dtype == kind
    down = sp.corrupt(X, "gaussian_blur", severity=2).astype(float)
    exact = sp.corrupt(X.astype(np.float64) / 255, "gaussian_blur", severity=2) * 255
    assert (down - exact).min() > -1.01
    assert (down - exact).max() <= 0.01


def test_on_disk_differs_as_the_published_files_do() -> None:
    large = np.linspace(40, 200, 2 * 80 * 72).astype(np.uint8).reshape(2, 80, 72, 1).repeat(3, axis=3)
    memory, disk = (sp.corrupt(large, "gaussian_noise", severity=1, mode=mode) for mode in ("in_memory", "on_disk"))
    assert 1 < np.abs(memory.astype(float) - disk).mean() < 15  # JPEG
    small = X[:, :32, :32]
    memory, disk = (sp.corrupt(small, "gaussian_noise", severity=1, mode=mode) for mode in ("in_memory", "on_disk"))
    assert np.array_equal(memory, disk)  # CIFAR-10-C's files are arrays
    assert ZoomBlur(3, mode="on_disk").spec() == "zoom_blur(severity=3, mode=on_disk)"
    assert np.array_equal(sp.corrupt(large, "gaussian_noise", severity=0, mode="on_disk"), large)


def test_the_published_order_cuts_before_it_corrupts() -> None:
    ramp = np.repeat(np.arange(400)[None, :, None] % 256, 300, axis=0).astype(np.uint8).repeat(3, axis=2)
    cut = crop_as_published(ramp)
    assert cut.shape == (224, 224, 3)
    middle = ramp[150, 200].astype(float)
    assert abs(cut[112, 112].astype(float) - middle).max() <= 2
    assert crop_as_published(ramp, side=64).shape == (64, 64, 3)


REFUSALS = {
    "unknown": ((X, "frogs"), {}, "Unknown corruption 'frogs'. Did you mean: frost, fog"),
    "severity": ((X, "fog"), {"severity": -1}, "The 'severity' of corrupt must be in [0, 5], got -1. 1 to 5 are the published settings"),
    "nan": ((X, "fog"), {"severity": float("nan")}, "The 'severity' of corrupt must be in [0, 5], got nan"),
    "small": ((X[:, :20, :20], "brightness"), {}, "The images must be at least 28 x 28 pixels, got 20 x 20. Enlarge them first."),
    "levels": ((X.astype(np.float32), "fog"), {}, "must lie in [0, 1] where they are floating, got [0.0, 250.0]. Divide by 255"),
    "type": ((X.astype(np.int64), "fog"), {}, "must be of type uint8, or floating in [0, 1], got 'int64'. Convert them"),
    "grey": ((X[..., 0], "saturate"), {}, "saturate needs 3 channels, got 1: grey images have no saturation to change."),
    "balance": ((X[..., 0], "white_balance"), {}, "white_balance needs 3 channels, got 1: grey images have no red and blue to weigh."),
    "ids": ((X, "fog"), {"ids": ["a"]}, "The 'ids' of corrupt must name each of the 2 images, got '1 names'."),
    "setting": ((X, "snow"), {"setting": "mnist_c"}, "The 'setting' of snow must be one of auto, imagenet_c, cifar_10_c, tiny_imagenet_c"),
    "mode": ((X, "snow"), {"mode": "disk"}, "The 'mode' of snow must be one of in_memory, on_disk, got 'disk'."),
    "layout": (
        (X, "snow"),
        {"layout": "WH"},
        "The 'layout' of corrupt must be one of HW, HWC, CHW, NHW, NHWC, NCHW with 4 axes, got 'WH'.",
    ),
    "axes": (
        (X[:, :, :, [0, 1]], "snow"),
        {},
        "Cannot tell which axis of images of shape (2, 40, 36, 2) holds the channels: it must have size 1 or 3. Give layout=",
    ),
    "channels": (
        (X[:, :, :, [0, 1]], "snow"),
        {"layout": "NHWC"},
        "snow needs grey images (1 channel) or colour images (3 channels), got 2",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input_is_refused(case: str) -> None:
    arguments, options, message = REFUSALS[case]
    with pytest.raises(UsageError, match=re.escape(message)):
        sp.corrupt(*arguments, **options)  # type: ignore[arg-type]


def test_frost_names_the_photograph_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must be a folder with frost1.png, .* is missing\. They are in the folder ImageNet-C/create_c"):
        sp.corrupt(X, Frost(3, textures=str(tmp_path)))
    for name in ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"):
        (tmp_path / name).write_bytes(b"no image")
    with pytest.raises(UsageError, match="cannot be read as an image"):
        sp.corrupt(X, Frost(3, textures=str(tmp_path)))


def test_frost_takes_photographs(tmp_path: Path) -> None:
    from PIL import Image

    for name in ("frost1.png", "frost2.png", "frost3.png", "frost4.jpg", "frost5.jpg"):
        Image.new("RGB", (500, 400), (100, 150, 200)).save(tmp_path / name)
    black = np.zeros((80, 80, 3), dtype=np.uint8)
    moved = sp.corrupt(black, Frost(1, textures=str(tmp_path)))  # 0.4 of the photograph
    assert np.abs(moved.reshape(-1, 3) - np.array([40.0, 60.0, 80.0])).max() <= 1.1


def test_searches_know_what_has_no_gradient() -> None:
    ascent = searches.build("gradient_ascent")
    assert ascent.objection(ZoomBlur(3)) == "zoom_blur has no gradient: use grid or best_of_n"
    assert ascent.objection(Saturate(3)) is None
    assert Grid().objection(ZoomBlur(3)) is None


def test_suites_hold_the_published_lists() -> None:
    assert (len(COMMON), len(MNIST_C), len(IMAGENET_C_BAR), len(CIFAR_10_C_BAR)) == (15, 15, 10, 10)
    digits = suite_named("mnist_c", InputSpace(kind="image"), Scores, (1, 28, 28))
    assert [shift.name for shift, _ in digits.pairs] == list(MNIST_C)
    assert {search.name for _, search in digits.pairs} == {"one_draw"}
    every = suite_named("corruptions", InputSpace(kind="image"), Gradients, (1, 28, 28))
    out = {left.shift.partition("(")[0] for left in every.left_out}
    assert out == {"saturate", "grey_scale", "white_balance", "transverse_chromatic_abberation"}
    tiny = suite_named("imagenet_c", InputSpace(kind="image"), Scores, (3, 16, 16))
    assert {shift.name for shift, _ in tiny.pairs} == {"gaussian_noise", "shot_noise", "impulse_noise", "brightness", "contrast"}
    assert any("at least 28 x 28 pixels" in left.reason for left in tiny.left_out)
