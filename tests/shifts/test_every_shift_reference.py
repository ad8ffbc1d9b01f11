"""Pixels of the published corruption code, computed with scikit-image 0.26.0 and NumPy 2.4.6 (float64) by this snippet:

import numpy as np, skimage

def image(h, w):
    i, j, k = np.meshgrid(np.arange(h), np.arange(w), np.arange(3), indexing="ij")
    return ((i * 37 + j * 101 + k * 59 + (i * j) % 7 * 23) % 181) / 255.0

# bodies as in hendrycks/robustness, ImageNet-C/create_c/make_imagenet_c.py and make_cifar_c.py (which ask for multichannel=True,
# now spelt channel_axis=-1)
def brightness(x, c):
    x = skimage.color.rgb2hsv(x)
    x[:, :, 2] = np.clip(x[:, :, 2] + c, 0, 1)
    return np.clip(skimage.color.hsv2rgb(x), 0, 1)

def contrast(x, c):
    means = np.mean(x, axis=(0, 1), keepdims=True)
    return np.clip((x - means) * c + means, 0, 1)

def gaussian_blur(x, c):
    return np.clip(skimage.filters.gaussian(x, sigma=c, channel_axis=-1), 0, 1)

C = {  # severities 1 to 5: make_cifar_c.py (32 pixels), make_imagenet_c.py (70 x 66 stands for its 224)
    "brightness": ([0.05, 0.1, 0.15, 0.2, 0.3], [0.1, 0.2, 0.3, 0.4, 0.5]),
    "contrast": ([0.75, 0.5, 0.4, 0.3, 0.15], [0.4, 0.3, 0.2, 0.1, 0.05]),
    "gaussian_blur": ([0.4, 0.6, 0.7, 0.8, 1], [1, 2, 3, 4, 6]),
}
AT = [(0, 0, 0), (3, 5, 1), (15, 16, 2), (31, 30, 0), (20, 9, 1), (8, 27, 2)]  # row, column, channel
for f in (brightness, contrast, gaussian_blur):
    for table, (h, w) in enumerate([(32, 32), (70, 66)]):
        for s in (1, 3, 5):
            print(f.__name__, h, w, s, [round(f(image(h, w), C[f.__name__][table][s - 1])[a], 6) for a in AT])
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from shiftproof.data.space import InputSpace
from shiftproof.shifts import GaussianBlur, shifts
from shiftproof.shifts.abstract import Shift

IMAGE = InputSpace(kind="image")
AT = [(0, 0, 0), (3, 5, 1), (15, 16, 2), (31, 30, 0), (20, 9, 1), (8, 27, 2)]
PIXELS = {
    ("brightness", 32, 32, 1): (0.000000, 0.657843, 0.689216, 0.646078, 0.055795, 0.089696),
    ("brightness", 32, 32, 3): (0.000000, 0.757843, 0.789216, 0.746078, 0.065425, 0.104381),
    ("brightness", 32, 32, 5): (0.000000, 0.907843, 0.939216, 0.896078, 0.079869, 0.126409),
    ("brightness", 70, 66, 1): (0.000000, 0.707843, 0.739216, 0.696078, 0.060610, 0.097038),
    ("brightness", 70, 66, 3): (0.000000, 0.907843, 0.939216, 0.896078, 0.079869, 0.126409),
    ("brightness", 70, 66, 5): (0.000000, 1.000000, 1.000000, 1.000000, 0.096296, 0.146853),
    ("contrast", 32, 32, 1): (0.087895, 0.544608, 0.568621, 0.534954, 0.126961, 0.150974),
    ("contrast", 32, 32, 3): (0.210949, 0.456078, 0.469788, 0.449380, 0.233333, 0.247043),
    ("contrast", 32, 32, 5): (0.298844, 0.392843, 0.399193, 0.388256, 0.309314, 0.315663),
    ("contrast", 70, 66, 1): (0.211947, 0.455265, 0.468180, 0.450378, 0.232520, 0.245435),
    ("contrast", 70, 66, 3): (0.282595, 0.404406, 0.411168, 0.401811, 0.293033, 0.299795),
    ("contrast", 70, 66, 5): (0.335582, 0.366261, 0.368409, 0.365386, 0.338418, 0.340566),
    ("gaussian_blur", 32, 32, 1): (0.022005, 0.600733, 0.584194, 0.585973, 0.108012, 0.116073),
    ("gaussian_blur", 32, 32, 3): (0.117867, 0.550932, 0.404517, 0.542158, 0.272541, 0.232283),
    ("gaussian_blur", 32, 32, 5): (0.153879, 0.504627, 0.367922, 0.528490, 0.307305, 0.271752),
    ("gaussian_blur", 70, 66, 1): (0.153879, 0.504627, 0.367922, 0.429892, 0.307305, 0.271752),
    ("gaussian_blur", 70, 66, 3): (0.215675, 0.369098, 0.373490, 0.390041, 0.352603, 0.338529),
    ("gaussian_blur", 70, 66, 5): (0.235686, 0.347619, 0.357267, 0.361098, 0.350517, 0.348827),
}


def image(h: int, w: int) -> Tensor:
    i, j, k = np.meshgrid(np.arange(h), np.arange(w), np.arange(3), indexing="ij")
    pixels = ((i * 37 + j * 101 + k * 59 + (i * j) % 7 * 23) % 181) / 255.0
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float()


def moved(shift: Shift, x: Tensor, severity: float) -> Tensor:
    found: Tensor = shift.within(IMAGE).apply(x, torch.tensor([[severity]], dtype=torch.float64))
    return found


@pytest.mark.parametrize(("name", "height", "width", "severity"), PIXELS)
def test_pixels_are_those_of_the_published_code(name: str, height: int, width: int, severity: int) -> None:
    shift = shifts.build(f"{name}(severity={severity})")
    ours = moved(shift, image(height, width), severity)[0]
    for (row, column, channel), theirs in zip(AT, PIXELS[name, height, width, severity], strict=True):
        assert float(ours[channel, row, column]) == pytest.approx(theirs, abs=1.5e-6)


@pytest.mark.parametrize(("height", "width"), [(70, 66), (224, 130), (65, 3), (28, 28), (5, 64), (2, 1)])
@pytest.mark.parametrize("severity", [0.2, 1.0, 1.7, 3.0, 4.9, 5.0])
def test_blur_is_scipys_at_every_pixel_of_every_size(height: int, width: int, severity: float) -> None:
    x = image(height, width)
    shift = GaussianBlur(5).within(IMAGE)
    sigma = float(shift.amount(x, torch.tensor([[severity]], dtype=torch.float64)))
    theirs = ndimage.gaussian_filter(x.numpy(), sigma=(0, 0, sigma, sigma), mode="nearest", truncate=4.0)
    np.testing.assert_allclose(moved(shift, x, severity).numpy(), theirs, atol=2e-6)
