"""Draws docs/assets/corruptions.png: `python docs/_corruption_grid.py`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from sklearn.datasets import load_sample_image

import shiftproof as sp
from shiftproof.shifts.corruptions.suites import COMMON, EXTRA, IMAGENET_C_BAR

SHOWN, COLUMNS, LABEL = 112, 8, 12


def main() -> None:
    """One picture of scikit-learn under each corruption at severity 3."""
    photo = np.asarray(load_sample_image("flower.jpg"))[80:304, 180:404]
    names = ("clean", *COMMON, *EXTRA, *IMAGENET_C_BAR)
    rows = -(-len(names) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * SHOWN, rows * (SHOWN + LABEL)), "white")
    draw = ImageDraw.Draw(sheet)
    for i, name in enumerate(names):
        moved = photo if name == "clean" else sp.corrupt(photo, name, severity=3, seed=1)
        left, top = i % COLUMNS * SHOWN, i // COLUMNS * (SHOWN + LABEL)
        sheet.paste(Image.fromarray(moved).resize((SHOWN - 2, SHOWN - 2)), (left, top))
        draw.text((left + 1, top + SHOWN - 2), name[:18], fill="black")
    sheet.quantize(128).save(Path(__file__).parent / "assets" / "corruptions.png", optimize=True)


if __name__ == "__main__":
    main()
