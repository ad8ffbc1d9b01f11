"""Random resizing and padding of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.space import InputSpace, Kind
from shiftproof.defences.abstract import InputTransformation, RandomDefence
from shiftproof.randomness import Rng


@dataclass(frozen=True)
class RandomResizePad(InputTransformation, RandomDefence):
    """Each image is shrunk to a random size, bilinear, and put at a random place on an empty frame of the old size.

    The paper enlarges 299 pixels to 299 to 330 and pads to 331. A net for one size cannot be shown that, so sizes are drawn from `smallest`
    to 1 of the side instead: the same step, seen from the frame (0.9 is the paper's 299 of 331).

    Args:
        smallest: the least size as a share of the side, in (0, 1).
        draws, seed: as of every random defence.

    Guarantees:
        None: a search that takes the mean of several draws finds moves that break most of them.
    Differentiable: yes, for each draw. Cost: one resampling.

    Reference: Xie et al. 2018, "Mitigating adversarial effects through randomization".
    """

    name: ClassVar[str] = "random_resize_pad"
    family: ClassVar[str] = "transformation"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = ("xie2018mitigating",)

    smallest: float = 0.9

    def check(self) -> None:
        super().check()
        if not 0 < self.smallest < 1:
            raise must("smallest", self.name, "be in (0, 1)", self.smallest, "It is the least size as a share of the side.")

    def step(self, x: Tensor, space: InputSpace, rng: Rng) -> Tensor:
        if x.dim() != 4:
            raise UsageError(f"The defence {self.name} takes images, (n, channels, height, width), got inputs of shape {tuple(x.shape)}.")
        draw = rng.uniform(3).to(x)
        size = self.smallest + (1 - self.smallest) * draw[:, 0]
        place = (2 * draw[:, 1:] - 1) * (1 - size)[:, None]
        turn = torch.zeros(len(x), 2, 3).to(x)
        turn[:, 0, 0] = turn[:, 1, 1] = 1 / size
        turn[:, :, 2] = -place / size[:, None]
        grid = F.affine_grid(turn, [len(x), 1, *x.shape[2:]], align_corners=False)
        return space.low + F.grid_sample(x - space.low, grid, padding_mode="zeros", align_corners=False)
