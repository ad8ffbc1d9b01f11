"""A picture as text that can stand in a message: a data URI of PNG."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from shiftproof.data.space import UNIT, ValueRange

if TYPE_CHECKING:
    from torch import Tensor


def picture_uri(pixels: Tensor, box: ValueRange = UNIT) -> str:
    """A picture of shape (channels, height, width), 1 or 3 channels, values in the box, as data:image/png;base64,...

    Values are rounded to the nearest of 256 levels, as a file of pictures holds: a move by less than half a level is none to the model.

    >>> import torch
    >>> picture_uri(torch.zeros(1, 2, 2))[:30]
    'data:image/png;base64,iVBORw0K'
    """
    from PIL import Image

    low, high = box
    levels = ((pixels.detach().cpu().double() - low) / (high - low) * 255).round().clamp(0, 255).byte().numpy()
    shown = levels[0] if len(levels) == 1 else np.moveaxis(levels, 0, -1)
    file = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(shown)).save(file, format="PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
