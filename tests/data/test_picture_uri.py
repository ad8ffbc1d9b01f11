"""Pictures in messages: the same levels come out of the PNG as went in."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image

from shiftproof.data.picture_uri import picture_uri


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("box", [(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0)])
def test_levels_go_and_come_back(channels: int, box: tuple[float, float]) -> None:
    levels = np.random.default_rng(0).integers(0, 256, (channels, 5, 7)).astype(np.float64)
    low, high = box
    head, _, written = picture_uri(torch.from_numpy(low + (high - low) * levels / 255), box).partition(",")
    assert head == "data:image/png;base64"
    read = np.asarray(Image.open(io.BytesIO(base64.b64decode(written))))
    assert np.array_equal(read if channels == 1 else np.moveaxis(read, -1, 0), levels[0] if channels == 1 else levels)


def test_a_move_below_half_a_level_is_none() -> None:
    grey = torch.full((3, 2, 2), 100 / 255)
    assert picture_uri(grey) == picture_uri(grey + 0.4 / 255)
    assert picture_uri(grey) != picture_uri(grey + 1 / 255)
