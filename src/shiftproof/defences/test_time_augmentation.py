"""The mean over small moves of the input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError, must
from shiftproof.data.space import InputSpace, Kind
from shiftproof.defences.abstract import Defence, mean_log_probability
from shiftproof.defences.context import DefenceContext
from shiftproof.randomness import Rng


@dataclass(frozen=True)
class TestTimeAugmentation(Defence):
    """The mean probabilities over the image and copies moved up, down, left and right, empty at the edge; with `flip` mirrored too.

    Args:
        pixels: how far copies are moved, at least 1.
        flip: whether mirrored copies are asked about too, where a mirror image is of the same class.

    Guarantees:
        None: what is fixed can be differentiated, and a search that follows the mean's gradient sees all copies.
    Differentiable: yes. Cost: 5 passes of the model for an answer, 10 with `flip`.

    Reference: Krizhevsky, Sutskever & Hinton 2012 (averaging over crops and reflections); against attacks, Perez et al. 2021.
    """

    __test__ = False  # pytest would take its name for a test's
    name: ClassVar[str] = "test_time_augmentation"
    family: ClassVar[str] = "transformation"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = (
        "krizhevsky2012imagenet",
        "perez2021enhancing",
    )

    pixels: int = 1
    flip: bool = False

    def check(self) -> None:
        if self.pixels < 1:
            raise must("pixels", self.name, "be at least 1", self.pixels)

    @property
    def passes(self) -> int:
        return 10 if self.flip else 5

    def answer(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        del rng
        if x.dim() != 4 or min(x.shape[2:]) <= self.pixels:
            raise UsageError(
                f"The defence {self.name} takes images of more than {self.pixels} pixels per side, got inputs {tuple(x.shape)}."
            )
        views = [view for image in ((x, x.flip(3)) if self.flip else (x,)) for view in self._moved(image, behind.space)]
        answers = torch.split(behind.scores(torch.cat(views)), len(x)) if len(x) else [behind.scores(x)]
        return mean_log_probability(answers)

    def _moved(self, x: Tensor, space: InputSpace) -> list[Tensor]:
        p, (height, width) = self.pixels, x.shape[2:]
        padded = F.pad(x, (p, p, p, p), value=space.low)
        return [padded[:, :, p + down : p + down + height, p + right : p + right + width] for down, right in _around(p)]


def _around(pixels: int) -> tuple[tuple[int, int], ...]:
    return (0, 0), (pixels, 0), (-pixels, 0), (0, pixels), (0, -pixels)
