"""Many shifts at once: which models are beyond the line on all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shiftproof._errors import UsageError, must
from shiftproof.measures.effective_robustness import AccuracyLine, ModelOnLine

REFERENCES: tuple[str, ...] = ("hendrycks2021many", "taori2020measuring")
Everywhere = Literal["yes", "no", "open"]


@dataclass(frozen=True)
class ModelOnShifts:
    """One model on every shift.

    Args:
        model: its name.
        places: what the line of each shift says of it, in the order of the shifts.
        above: on how many shifts its effective robustness is above 0 by its interval.
        below: on how many it is below 0.
        everywhere: whether it is above 0 on all: "yes" if every interval says so, "no" if one lies below 0, else "open".
    """

    model: str
    places: tuple[ModelOnLine, ...]
    above: int
    below: int
    everywhere: Everywhere


@dataclass(frozen=True)
class ManyShifts:
    """Models on many shifts.

    Args:
        shifts: the names of the out-of-distribution columns.
        models: those that have all of them, by how many they are above the line on, then by the mean of their effective robustness.
        left_out: how many models lack one.
        fitted: whether they are those that the lines were fitted to, as no other has all accuracies.
    """

    shifts: tuple[str, ...]
    models: tuple[ModelOnShifts, ...]
    left_out: int
    fitted: bool

    def count(self, everywhere: Everywhere) -> int:
        """How many models are above the line on all shifts, are not, or may be."""
        return sum(model.everywhere == everywhere for model in self.models)

    def __str__(self) -> str:
        among = "models" if self.fitted else "models that the lines were not fitted to"
        said = (
            f"Above the line on all {len(self.shifts)} shifts: {self.count('yes')} of {len(self.models)} {among}; "
            f"below it on at least one: {self.count('no')}; left open by the intervals: {self.count('open')}."
        )
        return said + (f" Left out, without an accuracy on each: {self.left_out}." if self.left_out else "")


def many_shifts(lines: Sequence[AccuracyLine]) -> ManyShifts:
    """Whether any model is more robust than its accuracy without a shift explains on every shift: no method of the paper was.

    Models that the lines were fitted to are left out, as the line lies among them, unless no other has all accuracies.

    Args:
        lines: of the same models on two or more shifts, from `effective_robustness`.

    Guarantees:
        "yes" is wrong with probability at most 1 - confidence for each model, as every one of its intervals must lie above 0. "no" has no
        such bound: one of many intervals may lie below 0 by chance, with probability up to (1 - confidence) for each shift.

    Raises:
        UsageError: there are fewer than two lines, a shift is named twice, or no model has all accuracies.

    Example:
        >>> import pandas as pd
        >>> from shiftproof.measures.effective_robustness import effective_robustness
        >>> home = [0.5, 0.55, 0.6, 0.7, 0.75, 0.8, 0.9, 0.7]
        >>> table = pd.DataFrame({"home": home, "a": [0.9 * x for x in home], "b": [0.8 * x for x in home]}, index=list("abcdefgh"))
        >>> table.loc["h", ["a", "b"]] = [0.69, 0.60]
        >>> lines = [effective_robustness(table, inside="home", outside=each, fit=list("abcdefg")) for each in "ab"]
        >>> together = many_shifts(lines)
        >>> together.models[0].model, together.models[0].everywhere, together.count("no")
        ('h', 'yes', 0)

    Reference: Hendrycks et al. 2021, "The many faces of robustness: a critical analysis of out-of-distribution generalization"; effective
    robustness: Taori et al. 2020, "Measuring robustness to natural distribution shifts in image classification".
    """
    names = tuple(line.outside for line in lines)
    if len(names) < 2 or len(set(names)) < len(names):
        raise must("lines", "many_shifts", "be of two or more shifts, each once", list(names))
    tables = [{model.model: model for model in line.models} for line in lines]
    every = dict.fromkeys(name for table in tables for name in table)
    beside = [name for name in every if not any(table[name].fitted for table in tables if name in table)]
    fitted = not _whole(beside, tables)
    chosen = list(every) if fitted else beside
    whole = _whole(chosen, tables)
    if not whole:
        raise UsageError(f"No model has an accuracy on each of {', '.join(names)}.")
    models = [_judged(name, tuple(table[name] for table in tables)) for name in whole]
    order = sorted(models, key=lambda model: (-model.above, -sum(place.effective for place in model.places)))
    return ManyShifts(names, tuple(order), len(chosen) - len(whole), fitted)


def _whole(names: Sequence[str], tables: Sequence[Mapping[str, ModelOnLine]]) -> list[str]:
    return [name for name in names if all(name in table for table in tables)]


def _judged(name: str, places: tuple[ModelOnLine, ...]) -> ModelOnShifts:
    above, below = sum(place.interval.low > 0 for place in places), sum(place.interval.high < 0 for place in places)
    return ModelOnShifts(name, places, above, below, "yes" if above == len(places) else "no" if below else "open")
