"""One model's accuracy under each corruption at each severity, read from a table, from a row of a wide table, or from an audit."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from shiftproof._errors import UsageError, must

if TYPE_CHECKING:
    import pandas as pd

    from shiftproof.evaluation.records import Audit

Values = Literal["accuracy", "error"]
_RISE = 0.02
"""Mean accuracy that rises by more than this from the least severity to the greatest is taken for an error rate."""


@dataclass(frozen=True)
class CorruptionTable:
    """Accuracy of one model, as shares in [0, 1].

    Args:
        accuracy: corruption -> severity -> accuracy.
        clean: accuracy on the data as they are; NaN where it is not known.
        n: examples behind each number, for intervals; 0 where it is not known.
        name: what the table is called where it is named in a result.
    """

    accuracy: Mapping[str, Mapping[int, float]]
    clean: float = math.nan
    n: int = 0
    name: str = "given row"

    def __post_init__(self) -> None:
        if not self.accuracy:
            raise UsageError("The table holds no corruption. Give accuracies by corruption and severity.")
        for corruption, levels in self.accuracy.items():
            for severity, value in levels.items():
                if not 0 <= value <= 1:
                    raise must(f"accuracy of {corruption} at severity {severity}", "a corruption table", "be a share in [0, 1]", value)

    def missing(self, corruptions: tuple[str, ...], severities: tuple[int, ...]) -> tuple[str, ...]:
        """What of these is not there: 'fog' where nothing of it is, 'fog at severity 2, 3' where a part is."""
        found: list[str] = []
        for corruption in corruptions:
            levels = self.accuracy.get(corruption, {})
            absent = [str(severity) for severity in severities if severity not in levels]
            if absent:
                found.append(corruption if len(absent) == len(severities) else f"{corruption} at severity {', '.join(absent)}")
        return tuple(found)

    def needs(self, corruptions: tuple[str, ...], severities: tuple[int, ...]) -> None:
        """Raises `UsageError` that names every corruption and severity that is not there."""
        absent = self.missing(corruptions, severities)
        if absent:
            raise UsageError(
                f"The table '{self.name}' lacks {'; '.join(absent)}. Measure them, or name the ones you want with corruptions= and "
                "severities=: a mean over fewer is not comparable with published ones."
            )

    def mean_error(self, corruption: str, severities: tuple[int, ...]) -> float:
        """The mean error rate of one corruption over these severities."""
        return 1 - float(np.mean([self.accuracy[corruption][severity] for severity in severities]))


def from_numbers(
    numbers: Mapping[tuple[str, int], float],
    *,
    values: Values,
    clean: float = math.nan,
    n: int = 0,
    name: str = "given row",
    as_given: bool = False,
) -> CorruptionTable:
    """A table from numbers by (corruption, severity), in percent or as shares.

    Args:
        numbers: in [0, 1], or in [0, 100]: percents, where any is above 1. NaN means not measured.
        values: whether they are accuracies or error rates.
        clean: the number on data as they are: of the same kind, in the same unit.
        n: examples behind each.
        name: of the table.
        as_given: believe `values` even where the numbers speak against it.

    Raises:
        UsageError: a number is out of range, or the numbers look like the other kind: accuracy that rises with severity, or that is higher
            than on clean data.

    Example:
        >>> from_numbers({("fog", 1): 30.0, ("fog", 5): 60.0}, values="error", clean=20.0).accuracy
        {'fog': {1: 0.7, 5: 0.4}}
    """
    if values not in ("accuracy", "error"):
        raise must("values", "a corruption table", "be 'accuracy' or 'error'", values)
    known = {key: float(value) for key, value in numbers.items() if not math.isnan(value)}
    given = [*known.values(), *([] if math.isnan(clean) else [clean])]
    for value in given:
        if not 0 <= value <= 100:
            raise must(values, "a corruption table", "lie in [0, 1], or in [0, 100] as percents", value)
    unit = 100.0 if any(value > 1 for value in given) else 1.0

    def share(value: float) -> float:
        return round(1 - value / unit, 12) if values == "error" else value / unit

    accuracy: dict[str, dict[int, float]] = {}
    for (corruption, severity), value in sorted(known.items()):
        accuracy.setdefault(corruption, {})[severity] = share(value)
    table = CorruptionTable(accuracy, share(clean), n, name)
    if not as_given:
        _plausible(table, values)
    return table


def _plausible(table: CorruptionTable, values: Values) -> None:
    other = "error" if values == "accuracy" else "accuracy"
    way_out = f"Are they {other} rates? Then say values='{other}'; if they are right, say as_given=True."
    steps = [(levels[min(levels)], levels[max(levels)]) for levels in table.accuracy.values() if len(levels) > 1]
    if steps:
        mild, severe = np.mean(steps, axis=0)
        if severe > mild + _RISE:
            raise UsageError(
                f"In '{table.name}' accuracy rises with severity, from {mild:.1%} to {severe:.1%} on average, read as {values}. {way_out}"
            )
    mean = float(np.mean([value for levels in table.accuracy.values() for value in levels.values()]))
    if mean > table.clean + _RISE:
        raise UsageError(
            f"In '{table.name}' accuracy on clean data, {table.clean:.1%}, is below the mean under corruptions, {mean:.1%}, read as "
            f"{values}. {way_out}"
        )


def from_row(
    row: Mapping[str, float],
    pattern: str,
    *,
    values: Values,
    clean: str = "",
    n: int = 0,
    name: str = "given row",
    as_given: bool = False,
) -> CorruptionTable:
    """A table from one row of a wide table, a column for each corruption and severity.

    Args:
        row: column -> number; a row of a pandas frame will do.
        pattern: how such columns are named, with {corruption} and {severity}: "imagenet-c.{corruption}.{severity}_on-disk".
        values: whether the numbers are accuracies or error rates.
        clean: the column of clean data.
        n: examples behind each number.
        name: of the table.
        as_given: as for `from_numbers`.

    Raises:
        UsageError: no column fits the pattern, the clean column is not there, and as `from_numbers`.

    Example:
        >>> from_row({"val": 76.0, "c.fog.1": 60.0, "c.fog.2": 50.0}, "c.{corruption}.{severity}", values="accuracy", clean="val").clean
        0.76
    """
    if "{corruption}" not in pattern or "{severity}" not in pattern:
        raise must("pattern", "a corruption table", "hold {corruption} and {severity}", pattern)
    escaped = re.escape(pattern).replace(r"\{corruption\}", r"(?P<corruption>\w+?)").replace(r"\{severity\}", r"(?P<severity>\d+)")
    found = {column: re.fullmatch(escaped, column) for column in row.keys()}  # noqa: SIM118  # a pandas row iterates over its values
    numbers = {(m["corruption"], int(m["severity"])): float(row[column]) for column, m in found.items() if m}
    if not numbers:
        raise UsageError(f"No column is named like '{pattern}'. There are: {', '.join(list(row)[:6])}, ...")
    if clean and clean not in row:
        raise must("clean", "a corruption table", "be a column of the row", clean)
    at_rest = float(row[clean]) if clean else math.nan
    return from_numbers(numbers, values=values, clean=at_rest, n=n, name=name, as_given=as_given)


def from_frame(
    frame: pd.DataFrame, *, clean: float = math.nan, n: int = 0, name: str = "given table", as_given: bool = False
) -> CorruptionTable:
    """A table from a long frame with the columns corruption, severity, and accuracy or error; `pandas.read_csv` gives one.

    `clean` is in the unit of the frame and of the same kind, accuracy or error.

    Raises:
        UsageError: a column is missing, a combination occurs twice, and as `from_numbers`.
    """
    kinds: tuple[Values, Values] = ("accuracy", "error")
    present = [kind for kind in kinds if kind in frame.columns]
    if len(present) != 1 or not {"corruption", "severity"} <= set(frame.columns):
        raise must("columns", "a corruption table", "be corruption, severity, and one of accuracy and error", list(frame.columns))
    numbers: dict[tuple[str, int], float] = {}
    for corruption, severity, value in zip(frame["corruption"], frame["severity"], frame[present[0]], strict=True):
        key = (str(corruption), int(severity))
        if key in numbers:
            raise UsageError(f"The table has {key[0]} at severity {key[1]} twice. Give one model's rows.")
        numbers[key] = float(value)
    return from_numbers(numbers, values=present[0], clean=clean, n=n, name=name, as_given=as_given)


def from_audit(audit: Audit) -> CorruptionTable:
    """A table from an audit's records: its corruptions moved by chance at whole severities, over all examples of its own data.

    Raises:
        UsageError: the audit measured none.
    """
    accuracy: dict[str, dict[int, float]] = {}
    n = audit.clean.n
    for result in audit.results:
        level = result.strength
        whole = result.strength_name == "severity" and level is not None and level == int(level)
        plain = result.group is None and result.kind == "estimate" and result.risk == "mean" and result.data == audit.data.uri
        if whole and plain and level is not None and result.value is not None and result.measure in ("accuracy", "robust_accuracy"):
            accuracy.setdefault(result.family, {})[int(level)] = result.value
            n = min(n, result.n)
    if not accuracy:
        raise UsageError(f"The audit of '{audit.model.name}' measured no corruption at a severity by chance. Add some with --shift.")
    clean = math.nan if audit.clean.accuracy is None else audit.clean.accuracy
    return CorruptionTable(accuracy, clean, n, audit.model.name)
