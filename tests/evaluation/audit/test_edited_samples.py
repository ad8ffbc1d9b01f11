"""Edits of a benchmark as they are stored, such as the painted backgrounds of ImageNet-E: samples that pair by their paths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import shiftproof as sp


class Bright(nn.Module):
    """Class 1 where the corner, which is background, is bright."""

    def forward(self, x: Tensor) -> Tensor:
        corner = x[:, :, 0, 0].mean(1)
        return torch.stack([0.5 - corner, corner - 0.5], dim=1)


def stored(folder: Path, levels: dict[str, list[int]]) -> str:
    for name, of_images in levels.items():
        (folder / name).mkdir(parents=True)
        for number, level in enumerate(of_images):
            pixels = np.full((8, 8, 3), level, dtype=np.uint8)
            pixels[3:5, 3:5] = 128  # the object
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return f"imagefolder:{folder}"


def test_each_edit_is_paired_with_its_original(tmp_path: Path) -> None:
    plain = stored(tmp_path / "ori", {"cat": [0] * 20, "dog": [255] * 20})
    edit = stored(tmp_path / "bg", {"cat": [0] * 15 + [255] * 5, "dog": [255] * 20})
    record = sp.audit(Bright(), plain, shift_from=[edit], shifts=["identity"], out=tmp_path / "run", progress=False).record
    assert record.clean.accuracy == 1.0
    (there,) = record.natural
    assert there.accuracy == pytest.approx(35 / 40)
    assert there.difference == pytest.approx(-5 / 40)
    assert there.paired is not None
    assert there.paired.n == 40
