"""Which corruptions need OpenCV, what is said where it is missing, and that what does without it has OpenCV's pixels."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

import shiftproof as sp
from shiftproof._errors import MissingExtra
from shiftproof.shifts import shifts
from shiftproof.shifts.corruptions import _opencv
from shiftproof.shifts.corruptions._boxes import shrunk
from shiftproof.shifts.corruptions._filters import four_channels, motion_blurred, three_channels
from shiftproof.shifts.corruptions.corruption import Corruption
from shiftproof.shifts.corruptions.stored import _through_opencv, _through_pillow
from shiftproof.shifts.corruptions.suites import ALL

NEED = {"defocus_blur", "glass_blur", "zoom_blur", "snow", "frost", "elastic_transform", "spatter", "caustic_refraction"} | {
    *("mnist_c_shear", "mnist_c_scale", "mnist_c_rotate", "mnist_c_translate", "pinch_and_twirl", "ripple")
}


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    find = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "cv2" else find(name, *rest))
    monkeypatch.setitem(sys.modules, "cv2", None)  # what imports it all the same fails
    _opencv.installed.cache_clear()
    yield
    _opencv.installed.cache_clear()


@pytest.mark.contract
def test_without_opencv_the_others_run_and_these_name_the_extra(missing: None) -> None:
    images = {False: np.full((28, 28), 90, np.uint8), True: np.full((28, 28, 3), 90, np.uint8)}
    told = {}
    for name in ALL:
        kind = shifts.get(name)
        try:
            sp.corrupt(images[issubclass(kind, Corruption) and bool(kind.colour)], name, severity=2)
        except MissingExtra as error:
            told[name] = str(error)
    message = "{} needs the package 'opencv-python-headless', which is not installed. Run: pip install 'shiftproof[corruptions]'"
    assert told == {name: message.format(name) for name in NEED}


@pytest.mark.contract
def test_a_suite_is_refused_before_any_work_and_not_cut(missing: None) -> None:
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(784, 10))
    shown = sp.examples(torch.rand(4, 1, 28, 28), torch.zeros(4, dtype=torch.long))
    with pytest.raises(MissingExtra, match=r"glass_blur needs the package .* pip install 'shiftproof\[corruptions\]'"):
        sp.audit(net, shown, suite="mnist_c", progress=False)
    quick = sp.audit(net, shown, suite="quick", progress=False)
    assert {cell.shift for cell in quick.record.results} >= {"gaussian_blur(severity=3)"}


@pytest.mark.oracle
def test_a_blur_without_opencv_is_the_same_to_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.rand(3, 3, 40, 37, generator=torch.Generator().manual_seed(0))
    for severity in (1.0, 2.5, 5.0):
        shift, params = shifts.build(f"gaussian_blur(severity={severity})"), torch.full((3, 1), severity, dtype=torch.float64)
        by_opencv = shift.apply(x, params)
        with monkeypatch.context() as patch:
            patch.setattr("shiftproof.shifts.corruptions.gaussian_blur.installed", lambda: False)
            by_matrices = shift.apply(x, params)
        assert torch.allclose(by_opencv, by_matrices, rtol=0, atol=1e-6)


def picture(seed: int, channels: int) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 256, (*rng.integers(28, 90, 2), channels)).astype(np.uint8)
    return rough if seed % 2 else np.asarray(cv2.GaussianBlur(rough, (0, 0), 2), dtype=np.uint8).reshape(rough.shape)


@pytest.mark.reference
@pytest.mark.parametrize("channels", [1, 3])
def test_files_boxes_and_sums_are_opencvs_bit_for_bit(channels: int) -> None:
    for seed in range(12):
        image, quality = picture(seed, channels), 5 + 8 * seed
        colour = image if channels == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420]
        read = cv2.imdecode(cv2.imencode(".jpg", colour, flags)[1], cv2.IMREAD_GRAYSCALE if channels == 1 else cv2.IMREAD_COLOR)
        assert read is not None
        by_pillow = _through_pillow(image, quality)
        assert np.array_equal(_through_opencv(image, quality), by_pillow)
        assert np.array_equal(by_pillow, (read if channels == 1 else read[..., ::-1]).reshape(image.shape))

        height, width = image.shape[:2]
        ours = sp.corrupt(image, "pixelate", severity=4, setting="cifar_10_c", layout="HWC")
        scaled = shrunk(image, (int(height * 0.75), int(width * 0.75)))
        assert np.array_equal(ours, cv2.resize(scaled, (width, height), interpolation=cv2.INTER_NEAREST_EXACT).reshape(image.shape))

        unit = image.astype(np.float32) / np.float32(255)
        weight = np.exp(-(np.arange(7) ** 2) / 8.0)
        total = unit * np.float32(weight[0] / weight.sum())
        padded = np.pad(unit, ((0, 0), (0, 6), (0, 0)), mode="edge")
        for tap in range(1, 7):
            total = cv2.scaleAdd(padded[:, tap : tap + width], float(weight[tap] / weight.sum()), total).reshape(image.shape)
        assert np.allclose(motion_blurred(unit, 3, 2, 0), total, rtol=0, atol=1e-7)


def test_boxes_without_opencv_are_the_same_bit_for_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(1, 3)
    ours = sp.corrupt(image, "pixelate", severity=3)
    monkeypatch.setattr("shiftproof.shifts.corruptions._boxes.installed", lambda: False)
    assert np.array_equal(sp.corrupt(image, "pixelate", severity=3), ours)


@pytest.mark.parametrize("border", [cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT, cv2.BORDER_REFLECT_101])
def test_warps_of_four_channels_are_those_of_three_bit_for_bit(border: int) -> None:
    image = picture(2, 3).astype(np.float32) / np.float32(255)
    height, width = image.shape[:2]
    matrix = np.array([[0.93, 0.04, 1.3], [-0.05, 1.02, -2.1]])
    right, down = (grid.astype(np.float32) * np.float32(1.07) - 3 for grid in np.meshgrid(np.arange(width), np.arange(height)))
    for read in (
        lambda x: cv2.warpAffine(x, matrix, (width, height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=border),
        lambda x: cv2.remap(x, right, down, cv2.INTER_LINEAR, borderMode=border),
    ):
        assert np.array_equal(three_channels(np.asarray(read(four_channels(image)), dtype=np.float32)), read(image))
