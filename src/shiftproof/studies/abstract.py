"""A study: one published claim, what would show it true or false, and how it is measured here with the library's own parts."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from shiftproof._errors import must
from shiftproof._part import Part
from shiftproof.studies.quantity import Quantity
from shiftproof.studies.trial import Trial


@dataclass(frozen=True)
class Prediction:
    """What the claim says of one measured quantity: that it lies in [low, high].

    Args:
        quantity: the key of the quantity in what `Study.measure` gives.
        says: the prediction in words.
        low, high: where the quantity lies if the claim is true; one of the two may be infinite.
        paper: the paper's own figure for it, where it has one; shown beside ours and not part of the verdict, as scales differ.
    """

    quantity: str
    says: str
    low: float = -math.inf
    high: float = math.inf
    paper: float | None = None

    def __post_init__(self) -> None:
        if not self.low <= self.high or (math.isinf(self.low) and math.isinf(self.high)):
            raise must("low and high", f"the prediction of '{self.quantity}'", "be ordered and not both infinite", (self.low, self.high))


@dataclass(frozen=True)
class EarlierLook:
    """Figures that somebody saw before the study was measured, and that may have shaped it.

    Args:
        what: what was seen, and what was changed or chosen after it, in sentences.
        seeds: the seeds that it used; the study uses others.
        changed: whether the study's protocol or a prediction was changed after it; else it only told what to expect, such as figures of
            an example or of other data.
    """

    what: str
    seeds: tuple[int, ...] = ()
    changed: bool = True

    def __post_init__(self) -> None:
        if not self.what.strip() or any(isinstance(seed, bool) or seed < 0 for seed in self.seeds):
            raise must("what and seeds", "a look", "be words, and seeds of at least 0", (self.what, self.seeds))


@dataclass(frozen=True)
class Study(Part):
    """One claim of one paper. A new study is one file: say what is claimed, write `measure`, register it.

    `measure` runs once for each seed, on small embedded data (`trial.quick`) or at full size; it trains and attacks through `trial` and the
    parts of the library, and returns every quantity by name. `studies.verdict` derives the verdict from the quantities of all seeds and the
    predictions, which stand in the class before anything is measured.
    """

    claim: ClassVar[str]
    """The claim, in a sentence."""
    paper: ClassVar[str]
    """Authors and year."""
    figure: ClassVar[str]
    """What the paper measured, in a sentence with its numbers."""
    predictions: ClassVar[tuple[Prediction, ...]]
    """What is measured if the claim is true; all of them together are the claim."""
    protocol: ClassVar[str]
    """How it is measured here, in the full form."""
    scaled_down: ClassVar[str]
    """What is smaller than in the paper or stands in for its data, and what that does to the claim."""
    needs: ClassVar[tuple[str, ...]] = ()
    """The samples of the full form, such as "mnist.train"; `--data NAME=URI` says where they are."""
    nets: ClassVar[tuple[str, ...]] = ()
    """The trained networks that its user gives the full form, such as "cifar10.plain"; `--net NAME=FILE.py:NAME` says what makes each."""
    seeds: ClassVar[int] = 3
    """How often everything is trained and drawn anew, at least 2. Fixed before anything is measured: further seeds are an extension."""
    looks: ClassVar[tuple[EarlierLook, ...]] = ()
    """What was seen before. The study uses seeds after theirs, and other test examples where the samples have any left."""

    @abstractmethod
    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Every quantity, by name, for the seed and the size of `trial`; those that are predicted must be among them."""
