"""One model's accuracy under each corruption at each severity: from a table, from a row of a wide table, or from an audit."""

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

    from shiftproof.records.audit import Audit

TableUnit = Literal["accuracy", "error"]
_RISE = 0.02
"""If mean accuracy rises by more than this from the least severity to the greatest, the numbers are probably error rates."""


@dataclass(frozen=True)
class CorruptionTable:
    """Accuracies of one model, in [0, 1].

    Args:
        accuracy: corruption -> severity -> accuracy.
        clean: accuracy on clean data; NaN if not known.
        n: number of examples behind each accuracy, for intervals; 0 if not known.
        name: its name in results.
    """

    accuracy: Mapping[str, Mapping[int, float]]
    clean: float = math.nan
    n: int = 0
    name: str = "given row"

    def __post_init__(self) -> None:
        if not self.accuracy:
            raise UsageError("The table is empty. Give accuracies by corruption and severity.")
        for corruption, levels in self.accuracy.items():
            for severity, value in levels.items():
                if not 0 <= value <= 1:
                    raise must(f"accuracy of {corruption} at severity {severity}", "a corruption table", "be a share in [0, 1]", value)

    def missing(self, corruptions: tuple[str, ...], severities: tuple[int, ...]) -> tuple[str, ...]:
        """What is missing: 'fog' if no severity of it is there, 'fog at severity 2, 3' if some are."""
        found: list[str] = []
        for corruption in corruptions:
            levels = self.accuracy.get(corruption, {})
            absent = [str(severity) for severity in severities if severity not in levels]
            if absent:
                found.append(corruption if len(absent) == len(severities) else f"{corruption} at severity {', '.join(absent)}")
        return tuple(found)

    def needs(self, corruptions: tuple[str, ...], severities: tuple[int, ...]) -> None:
        """Raises `UsageError` with the names of all missing corruptions and severities."""
        absent = self.missing(corruptions, severities)
        if absent:
            raise UsageError(
                f"The table '{self.name}' lacks {'; '.join(absent)}. Measure them, or select others with corruptions= and severities=; "
                "a mean over fewer is not comparable with published means."
            )

    def mean_error(self, corruption: str, severities: tuple[int, ...]) -> float:
        """The mean error rate of one corruption over these severities."""
        return 1 - float(np.mean([self.accuracy[corruption][severity] for severity in severities]))


def from_numbers(
    numbers: Mapping[tuple[str, int], float],
    *,
    values: TableUnit,
    clean: float = math.nan,
    n: int = 0,
    name: str = "given row",
    as_given: bool = False,
) -> CorruptionTable:
    """A table from numbers by (corruption, severity), in percent or in [0, 1].

    Args:
        numbers: in [0, 1], or in percent if any is above 1. NaN means not measured.
        values: whether they are accuracies or error rates.
        clean: the number on clean data, of the same kind and in the same unit.
        n: number of examples behind each number.
        name: of the table.
        as_given: skip the check that the numbers look like `values`.

    Raises:
        UsageError: a number is out of range, or the numbers look like the other kind: accuracy rises with severity, or is higher than on
            clean data.

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


def _plausible(table: CorruptionTable, values: TableUnit) -> None:
    other = "error" if values == "accuracy" else "accuracy"
    advice = f"For {other} rates use values='{other}'; if the numbers are right, use as_given=True."
    steps = [(levels[min(levels)], levels[max(levels)]) for levels in table.accuracy.values() if len(levels) > 1]
    if steps:
        mild, severe = np.mean(steps, axis=0)
        if severe > mild + _RISE:
            raise UsageError(
                f"In '{table.name}' accuracy rises with severity, from {mild:.1%} to {severe:.1%} on average, read as {values}. {advice}"
            )
    mean = float(np.mean([value for levels in table.accuracy.values() for value in levels.values()]))
    if mean > table.clean + _RISE:
        raise UsageError(
            f"In '{table.name}' accuracy on clean data, {table.clean:.1%}, is below the mean under corruptions, {mean:.1%}, read as "
            f"{values}. {advice}"
        )


def from_row(
    row: Mapping[str, float],
    pattern: str,
    *,
    values: TableUnit,
    clean: str = "",
    n: int = 0,
    name: str = "given row",
    as_given: bool = False,
) -> CorruptionTable:
    """A table from one row of a wide table with a column for each corruption and severity.

    Args:
        row: column -> number, such as a row of a pandas frame.
        pattern: the names of such columns, with {corruption} and {severity}: "imagenet-c.{corruption}.{severity}_on-disk".
        values: whether the numbers are accuracies or error rates.
        clean: the column of clean data.
        n: number of examples behind each number.
        name: of the table.
        as_given: as for `from_numbers`.

    Raises:
        UsageError: no column matches the pattern, the clean column is missing, and as `from_numbers`.

    Example:
        >>> from_row({"val": 76.0, "c.fog.1": 60.0, "c.fog.2": 50.0}, "c.{corruption}.{severity}", values="accuracy", clean="val").clean
        0.76
    """
    if "{corruption}" not in pattern or "{severity}" not in pattern:
        raise must("pattern", "a corruption table", "contain {corruption} and {severity}", pattern)
    escaped = re.escape(pattern).replace(r"\{corruption\}", r"(?P<corruption>\w+?)").replace(r"\{severity\}", r"(?P<severity>\d+)")
    found = {column: re.fullmatch(escaped, column) for column in row.keys()}  # noqa: SIM118  # a pandas row iterates over its values
    numbers = {(m["corruption"], int(m["severity"])): float(row[column]) for column, m in found.items() if m}
    if not numbers:
        raise UsageError(f"No column matches '{pattern}'. Columns: {', '.join(list(row)[:6])}, ...")
    if clean and clean not in row:
        raise must("clean", "a corruption table", "be a column of the row", clean)
    on_clean = float(row[clean]) if clean else math.nan
    return from_numbers(numbers, values=values, clean=on_clean, n=n, name=name, as_given=as_given)


def from_frame(
    frame: pd.DataFrame, *, clean: float = math.nan, n: int = 0, name: str = "given table", as_given: bool = False
) -> CorruptionTable:
    """A table from a long frame with the columns corruption, severity, and accuracy or error; such as from `pandas.read_csv`.

    `clean` is in the unit of the frame and of the same kind, accuracy or error.

    Raises:
        UsageError: a column is missing, a combination occurs twice, and as `from_numbers`.
    """
    kinds: tuple[TableUnit, TableUnit] = ("accuracy", "error")
    present = [kind for kind in kinds if kind in frame.columns]
    if len(present) != 1 or not {"corruption", "severity"} <= set(frame.columns):
        raise must("columns", "a corruption table", "be corruption, severity, and one of accuracy and error", list(frame.columns))
    numbers: dict[tuple[str, int], float] = {}
    for corruption, severity, value in zip(frame["corruption"], frame["severity"], frame[present[0]], strict=True):
        key = (str(corruption), int(severity))
        if key in numbers:
            raise UsageError(f"The table has {key[0]} at severity {key[1]} twice. Give the rows of one model.")
        numbers[key] = float(value)
    return from_numbers(numbers, values=present[0], clean=clean, n=n, name=name, as_given=as_given)


def from_audit(audit: Audit) -> CorruptionTable:
    """A table from an audit's records: the average case of its corruptions at whole severities, over all examples of its own data.

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
        raise UsageError(
            f"The audit of '{audit.model.name}' has no corruption in its average case at a whole severity. Add some with --shift."
        )
    clean = math.nan if audit.clean.accuracy is None else audit.clean.accuracy
    return CorruptionTable(accuracy, clean, n, audit.model.name)
