"""What moves of the whole picture share: images in a box, and the paper that made such moves attacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shiftproof.data.space import Kind
from shiftproof.shifts._support import check_bounded
from shiftproof.shifts.abstract import Boxed

PUBLISHED = "Published attacks use 30 degrees, and 3 pixels of 28 or 32 (24 of 224)."


@dataclass(frozen=True)
class Spatial(Boxed):
    """A move of the whole image; what comes from outside it is black, the least value of the box."""

    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = (
        """@inproceedings{engstrom2019exploring,
  title = {Exploring the Landscape of Spatial Robustness},
  author = {Engstrom, Logan and Tran, Brandon and Tsipras, Dimitris and Schmidt, Ludwig and Madry, Aleksander},
  booktitle = {International Conference on Machine Learning},
  year = {2019}
}""",
    )

    def check(self) -> None:
        check_bounded(self.name, self.space)
