"""Pixels of the authors' code, computed with scikit-image 0.26.0, OpenCV 5.0.0, Pillow 13.0.0 and NumPy 2.4.6 by this snippet:

import numpy as np
from PIL import Image

def image(n):
    i, j, k = np.meshgrid(np.arange(n), np.arange(n), np.arange(3), indexing="ij")
    return (128 + 60 * np.sin(i / 9 + k) + 50 * np.cos(j / 7 - k) + ((i // 8 + j // 8) % 2) * 16).astype(np.uint8)

# R[32], R[64], R[224]: the functions of hendrycks/robustness, ImageNet-C/create_c/make_cifar_c.py, make_tinyimagenet_c.py and
# make_imagenet_c.py, with multichannel=True spelt channel_axis=-1
AT = [(0, 0, 0), (3, 5, 1), (15, 16, 2), (31, 30, 0), (20, 9, 1), (8, 27, 2)]  # row, column, channel
for name in ("defocus_blur", "zoom_blur", "pixelate", "jpeg_compression", "saturate"):
    for size in (32, 64, 224):
        for s in (1, 3, 5):
            y = np.uint8(getattr(R[size], name)(Image.fromarray(image(size)), s))
            print(name, size, s, [int(y[a]) for a in AT])

# google-research/mnist-c, corruptions.py, with the AffineTransform of scikit-image 0.15
grey = Image.fromarray(image(28)[..., 1])
print(np.uint8(canny_edges(grey)).sum() // 255, np.uint8(stripe(grey)).sum(), np.uint8(scale(grey, 3)).sum())
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import pdtr

import shiftproof as sp
from shiftproof.shifts import Frost
from shiftproof.shifts.corruptions._draws import Draws
from shiftproof.shifts.corruptions._frost_textures import PUBLISHED
from shiftproof.shifts.corruptions.glass_blur import _copied, _pairs
from shiftproof.shifts.corruptions.shot_noise import _counts

AT = [(0, 0, 0), (3, 5, 1), (15, 16, 2), (31, 30, 0), (20, 9, 1), (8, 27, 2)]
PIXELS = {
    ("defocus_blur", 32, 1): (178, 233, 159, 89, 186, 128),
    ("defocus_blur", 32, 3): (179, 233, 156, 91, 186, 130),
    ("defocus_blur", 32, 5): (181, 233, 154, 93, 186, 133),
    ("defocus_blur", 64, 1): (179, 233, 156, 91, 186, 130),
    ("defocus_blur", 64, 3): (181, 233, 154, 94, 186, 133),
    ("defocus_blur", 64, 5): (184, 232, 152, 96, 182, 134),
    ("defocus_blur", 224, 1): (184, 232, 152, 96, 182, 134),
    ("defocus_blur", 224, 3): (189, 232, 150, 99, 175, 136),
    ("defocus_blur", 224, 5): (198, 234, 147, 105, 168, 139),
    ("zoom_blur", 32, 1): (177, 233, 157, 89, 190, 138),
    ("zoom_blur", 32, 3): (181, 234, 156, 90, 191, 137),
    ("zoom_blur", 32, 5): (184, 235, 156, 91, 192, 138),
    ("zoom_blur", 64, 1): (180, 234, 157, 89, 187, 130),
    ("zoom_blur", 64, 3): (186, 238, 146, 89, 181, 122),
    ("zoom_blur", 64, 5): (189, 239, 139, 89, 175, 115),
    ("zoom_blur", 224, 1): (189, 223, 111, 96, 136, 81),
    ("zoom_blur", 224, 3): (176, 187, 90, 104, 106, 62),
    ("zoom_blur", 224, 5): (158, 149, 83, 108, 91, 63),
    ("pixelate", 32, 1): (178, 234, 161, 89, 187, 140),
    ("pixelate", 32, 3): (178, 233, 152, 89, 186, 128),
    ("pixelate", 32, 5): (181, 235, 163, 96, 191, 122),
    ("pixelate", 64, 1): (178, 233, 161, 94, 187, 128),
    ("pixelate", 64, 3): (178, 233, 161, 86, 184, 144),
    ("pixelate", 64, 5): (181, 232, 163, 96, 185, 129),
    ("pixelate", 224, 1): (181, 236, 152, 96, 185, 125),
    ("pixelate", 224, 3): (183, 236, 147, 103, 181, 132),
    ("pixelate", 224, 5): (186, 231, 166, 96, 176, 130),
    ("jpeg_compression", 32, 1): (174, 234, 164, 90, 187, 124),
    ("jpeg_compression", 32, 3): (176, 235, 162, 94, 187, 125),
    ("jpeg_compression", 32, 5): (177, 235, 159, 88, 187, 128),
    ("jpeg_compression", 64, 1): (179, 234, 163, 90, 187, 124),
    ("jpeg_compression", 64, 3): (177, 236, 172, 87, 189, 118),
    ("jpeg_compression", 64, 5): (179, 231, 156, 84, 186, 130),
    ("jpeg_compression", 224, 1): (179, 231, 156, 84, 186, 130),
    ("jpeg_compression", 224, 3): (174, 230, 168, 94, 182, 131),
    ("jpeg_compression", 224, 5): (193, 233, 161, 90, 186, 115),
    ("saturate", 32, 1): (196, 234, 177, 89, 199, 133),
    ("saturate", 32, 3): (164, 234, 148, 89, 178, 124),
    ("saturate", 32, 5): (112, 234, 88, 89, 157, 88),
    ("saturate", 64, 1): (196, 234, 177, 89, 199, 133),
    ("saturate", 64, 3): (150, 234, 137, 89, 169, 120),
    ("saturate", 64, 5): (79, 234, 0, 89, 157, 0),
    ("saturate", 224, 1): (196, 234, 177, 89, 199, 133),
    ("saturate", 224, 3): (150, 234, 137, 89, 169, 120),
    ("saturate", 224, 5): (79, 234, 0, 89, 157, 0),
}


def image(n: int) -> npt.NDArray[np.uint8]:
    i, j, k = np.meshgrid(np.arange(n), np.arange(n), np.arange(3), indexing="ij")
    pixels: npt.NDArray[np.float64] = 128 + 60 * np.sin(i / 9 + k) + 50 * np.cos(j / 7 - k) + ((i // 8 + j // 8) % 2) * 16
    return pixels.astype(np.uint8)


@pytest.mark.parametrize(("name", "size", "severity"), PIXELS)
def test_pixels_are_the_authors_within_a_grey_level(name: str, size: int, severity: int) -> None:
    ours = sp.corrupt(image(size), name, severity=severity)
    for place, theirs in zip(AT, PIXELS[name, size, severity], strict=True):
        assert abs(int(ours[place]) - theirs) <= 1, (place, int(ours[place]), theirs)


def test_digits_are_the_authors() -> None:
    grey = image(28)[..., 1]
    assert int((sp.corrupt(grey, "canny_edges", severity=5) == 255).sum()) == 96
    assert int(sp.corrupt(grey, "stripe", severity=5).astype(int).sum()) == 109311
    assert abs(int(sp.corrupt(grey, "scale", severity=3).astype(int).sum()) - 67387) <= 28 * 28  # a level a pixel


def test_glass_blur_copies_as_the_published_loop_does() -> None:
    for height, width, reach in ((40, 50, 2), (33, 29, 1), (36, 36, 4)):
        own, neighbour = _pairs(height, width, reach, Draws(3))
        expected = list(range(height * width))
        for here, there in zip(own.ravel().tolist(), neighbour.ravel().tolist(), strict=True):
            expected[here] = expected[there]  # the published loop over pixels, one after the other
        assert _copied(height, width, reach, Draws(3)).tolist() == expected


@pytest.mark.parametrize(("size", "scale", "keep", "ice"), [(32, 0.2, 0.9, 0.4), (64, 0.3, 0.8, 0.45), (100, 1.0, 0.7, 0.7)])
def test_frost_is_the_published_formula_on_the_textures_given(tmp_path: Path, size: int, scale: float, keep: float, ice: float) -> None:
    pane = np.random.default_rng(0).integers(0, 256, (400, 420, 3), dtype=np.uint8)
    for name in PUBLISHED:
        file = cv2.imencode(".png", pane)[1]  # lossless, whatever the name says
        (tmp_path / name).write_bytes(file.tobytes())
    ours = sp.corrupt(image(size), Frost(3, textures=str(tmp_path)), seed=4)
    texture = cv2.resize(pane, (0, 0), fx=scale, fy=scale)[..., ::-1].astype(float)  # as published: read as BGR, resized, cut, turned
    windows = np.lib.stride_tricks.sliding_window_view(texture, (size, size), axis=(0, 1))  # (row, column, channel, h, w)
    corners = np.clip(keep * image(size)[0, 0] + ice * windows[..., 0, 0], 0, 255)
    found = [windows[row, column] for row, column in np.argwhere(np.abs(corners - ours[0, 0]).max(-1) < 2)]
    theirs = (np.clip(keep * image(size) + ice * window.transpose(1, 2, 0), 0, 255).astype(np.uint8) for window in found)
    assert min(int(np.abs(ours.astype(int) - frosted).max()) for frosted in theirs) <= 1


@pytest.mark.parametrize("photons", [3.0, 12.0, 60.0, 900.0])
def test_shot_noise_counts_are_the_quantiles_of_the_poisson_distribution(photons: float) -> None:
    light = np.arange(256, dtype=np.uint8).repeat(256)
    words = (np.arange(65536) * 40503 % 65536).astype(np.uint16)
    counts = _counts(light, words, photons)
    for level in (0, 1, 7, 100, 255):
        chance = np.rint(pdtr(np.arange(2000), level * (photons / 255)) * 65536)
        chance[-1] = 65536
        at = light == level
        assert np.array_equal(counts[at], np.searchsorted(chance, words[at], side="right"))
