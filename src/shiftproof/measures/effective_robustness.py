"""Accuracy on the line: accuracy elsewhere against accuracy at home over many models, and what a model has beyond the line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit, ndtr, ndtri

from shiftproof._errors import UsageError, must, unknown
from shiftproof.measures._line_fit import Floats, bootstrap, fits
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson, tail_of

if TYPE_CHECKING:
    import pandas as pd

REFERENCES: tuple[str, ...] = (
    "taori2020measuring",
    "miller2021accuracy",
    "shi2023effective",
)
Axis = Literal["logit", "probit", "linear"]
AXES: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]]] = {
    "logit": (logit, expit),
    "probit": (ndtri, ndtr),
    "linear": (np.asarray, np.asarray),
}
"""How accuracies become coordinates, and back."""


@dataclass(frozen=True)
class ModelOnLine:
    """One model: its accuracies, what the line says of it, and what it has beyond (`effective`, a share; its interval beside it)."""

    model: str
    inside: tuple[float, ...]
    outside: float
    expected: float
    effective: float
    interval: Interval
    fitted: bool


@dataclass(frozen=True, eq=False)
class Line:
    """A linear fit of accuracy elsewhere on accuracy at home.

    Args:
        inside: the columns at home, one slope each.
        outside: the column elsewhere.
        axis: the scale of both: logit, probit or linear.
        slopes: one for each column at home.
        slope_intervals: likewise.
        intercept: on the same scale.
        r2: the share of the variance of outside that the line explains, on the same scale.
        fitted: how many models the line was fitted to.
        models: every model with all accuracies, the most effectively robust first.
        left_out: models that lack a number, or have one of 0 or 1, which no logit or probit can place; with the reason.
        confidence: of the intervals.
    """

    inside: tuple[str, ...]
    outside: str
    axis: str
    slopes: tuple[float, ...]
    slope_intervals: tuple[Interval, ...]
    intercept: float
    r2: float
    fitted: int
    models: tuple[ModelOnLine, ...]
    left_out: tuple[str, ...]
    confidence: float

    def expected(self, *inside: npt.ArrayLike) -> Floats:
        """The accuracy elsewhere that the line gives for accuracies at home, as shares."""
        to, back = AXES[self.axis]
        value = self.intercept + sum(slope * to(np.asarray(x, dtype=np.float64)) for slope, x in zip(self.slopes, inside, strict=True))
        return back(np.asarray(value))

    def __str__(self) -> str:
        each = ", ".join(
            f"{column} {slope:.3f} ({low:.3f} to {high:.3f})"
            for column, slope, (low, high) in zip(self.inside, self.slopes, self.slope_intervals, strict=True)
        )
        return f"{self.outside} on the {self.axis} scale: slope of {each}; R² {self.r2:.3f} over {self.fitted} models"


def effective_robustness(
    table: pd.DataFrame,
    *,
    inside: str | Sequence[str],
    outside: str,
    fit: Sequence[str] | None = None,
    axis: Axis = "logit",
    n: int = 0,
    confidence: float = 0.95,
    draws: int = 2000,
    seed: int = 0,
) -> Line:
    """Fits accuracy elsewhere to accuracy at home over models, and says what each model has beyond the line.

    t(out) = b + sum_k s_k t(in_k), t the logit, the probit or nothing, by least squares over the models of `fit`. A model's effective
    robustness is its accuracy elsewhere minus t^-1 of what the line gives at its accuracies at home.

    Args:
        table: one row a model, its index the names; columns of accuracies, as shares or percents (a column with a value above 1).
        inside: one column at home, or several: models trained on different data are compared by the accuracies on all their homes.
        outside: the column elsewhere.
        fit: the names of the models that the line is fitted to, all unless said. Effective robustness is over a line of *standard* models.
        axis: logit (usual), probit or linear.
        n: examples behind each accuracy elsewhere; its sampling error is then part of each model's interval (half of what may be missed
            goes to it, half to the line).
        confidence: of the intervals.
        draws: bootstrap samples of models.
        seed: the whole source of randomness.

    Guarantees:
        Intervals are studentised bootstrap ones over models drawn with replacement (HC3 errors). They hold in the limit of many independent
        models: planted at 95 % with 25 models, 93 to 94 % covered, and 91 to 92 % where the spread grew along the line. Models of a family
        are not independent, which makes them too narrow. Without `n` they say how well the line is known, not the model's own accuracy.

    Raises:
        UsageError: a column or a model is not there, names repeat, accuracies are out of range, or there are too few models.

    Cost: `draws` weighted least-squares fits, vectorised: well under a second for a thousand models.

    Example:
        >>> import pandas as pd
        >>> rows = [(0.5, 0.45), (0.6, 0.55), (0.7, 0.66), (0.75, 0.70), (0.8, 0.77), (0.9, 0.88)]
        >>> table = pd.DataFrame(rows, columns=["home", "away"], index=list("abcdef"))
        >>> line = effective_robustness(table, inside="home", outside="away")
        >>> round(line.slopes[0], 2), round(line.r2, 3), line.models[-1].model
        (1.0, 0.999, 'd')

    Reference: Taori et al. 2020, "Measuring robustness to natural distribution shifts in image classification"; Miller et al. 2021,
        "Accuracy on the line"; several columns at home: Shi et al. 2023, "Effective robustness against natural distribution shifts for
        models with different training data".
    """
    homes = _homes(inside, outside, axis, draws, confidence)
    points = _points(table, homes, outside, axis, fit)
    x, y, chosen = points.x, points.y, points.chosen
    beta = _line_through(x[chosen], y[chosen], homes)
    coefficients, ends = bootstrap(x, y, chosen, draws, seed, confidence, own=bool(n))
    return Line(
        homes,
        outside,
        axis,
        tuple(beta[1:].tolist()),
        tuple(Interval(float(low), float(high)) for low, high in coefficients[1:]),
        float(beta[0]),
        _explained(x[chosen], y[chosen], beta),
        int(chosen.sum()),
        _models(points, AXES[axis][1](x @ beta), AXES[axis][1](ends), n, confidence),
        points.left_out,
        confidence,
    )


def _homes(inside: str | Sequence[str], outside: str, axis: str, draws: int, confidence: float) -> tuple[str, ...]:
    tail_of(confidence)
    homes = (inside,) if isinstance(inside, str) else tuple(inside)
    if axis not in AXES:
        raise unknown("axis", axis, AXES)
    if not homes or outside in homes or len(set(homes)) < len(homes):
        raise must("inside", "effective_robustness", f"name one or more columns, each once, other than '{outside}'", list(homes))
    if draws < 100:
        raise must("draws", "effective_robustness", "be at least 100", draws)
    return homes


def _line_through(x: Floats, y: Floats, homes: tuple[str, ...]) -> Floats:
    """The coefficients, shape (k,)."""
    beta, _ = fits(x, y, np.ones((1, len(x))))
    if not np.isfinite(beta).all():
        named = " and ".join(homes)
        raise UsageError(f"The accuracies of {named} do not vary by themselves, so that no slope can be told. Use one of them.")
    return np.asarray(beta[0])


def _explained(x: Floats, y: Floats, beta: Floats) -> float:
    """The share of the variance of y that the line explains; NaN where y does not vary."""
    spread = float(((y - y.mean()) ** 2).sum())
    return 1 - float(((y - x @ beta) ** 2).sum()) / spread if spread else math.nan


@dataclass(frozen=True, eq=False)
class _Points:
    """The models that the scale can place: accuracies as shares, the design (1, t(in_1), ...) and t(out), and which ones are fitted."""

    names: tuple[str, ...]
    inside: Floats
    outside: Floats
    x: Floats
    y: Floats
    chosen: npt.NDArray[np.bool_]
    left_out: tuple[str, ...]


def _points(table: pd.DataFrame, homes: tuple[str, ...], outside: str, axis: str, fit: Sequence[str] | None) -> _Points:
    shares = _shares(table, (*homes, outside))
    names = [str(name) for name in table.index]
    placed, left_out = _placed(shares, names, (*homes, outside), axis)
    chosen = _chosen(names, placed, fit)
    if chosen.sum() < len(homes) + 4:
        rule = f"be at least {len(homes) + 4} with every accuracy, for a line over {len(homes)} column(s) at home"
        raise must("models to fit", "effective_robustness", rule, int(chosen.sum()))
    inside, away = shares[placed, :-1], shares[placed, -1]
    x = np.column_stack([np.ones(len(placed)), AXES[axis][0](inside)])
    y = np.asarray(AXES[axis][0](away), dtype=np.float64)
    return _Points(tuple(names[row] for row in placed), inside, away, x, y, chosen, left_out)


def _models(points: _Points, expected: Floats, line: Floats, n: int, confidence: float) -> tuple[ModelOnLine, ...]:
    """What each model has beyond a line that is known up to its ends, the most first."""
    intervals = _model_intervals(points.outside, line, n, confidence)
    rows = zip(points.names, points.inside.tolist(), points.outside.tolist(), expected.tolist(), intervals, points.chosen, strict=True)
    models = [ModelOnLine(name, tuple(home), o, e, o - e, interval, bool(was)) for name, home, o, e, interval, was in rows]
    return tuple(sorted(models, key=lambda model: -model.effective))


def _shares(table: pd.DataFrame, columns: tuple[str, ...]) -> Floats:
    """The columns as shares, shape (models, columns)."""
    found: list[Floats] = []
    for column in columns:
        if column not in table.columns:
            raise unknown("column", column, [str(name) for name in table.columns])
        try:
            values = np.asarray(table[column], dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(f"The column '{column}' does not hold numbers alone ({error}).") from error
        if values.ndim != 1:
            raise UsageError(f"The table has the column '{column}' more than once.")
        wrong = values[~np.isnan(values) & ~((values >= 0) & (values <= 100))]
        if len(wrong):
            raise must(column, "effective_robustness", "hold accuracies in [0, 1], or in [0, 100] as percents", float(wrong[0]))
        found.append(values / 100 if bool((values > 1).any()) else values)
    if table.index.has_duplicates:
        twice = sorted({str(name) for name in table.index[table.index.duplicated()]})
        raise UsageError(f"The table has {len(twice)} models more than once, such as '{twice[0]}'. Give each row a name of its own.")
    return np.column_stack(found)


def _placed(shares: Floats, names: list[str], columns: tuple[str, ...], axis: str) -> tuple[npt.NDArray[np.intp], tuple[str, ...]]:
    """The rows that the scale can place, and why others are left out."""
    empty = np.isnan(shares)
    edge = ((shares == 0) | (shares == 1)) if axis != "linear" else np.zeros_like(empty)
    left_out = [
        f"{names[row]}: {columns[int((empty[row] | edge[row]).argmax())]} is {'missing' if empty[row].any() else '0 or 1'}"
        for row in np.flatnonzero((empty | edge).any(1))
    ]
    return np.flatnonzero(~(empty | edge).any(1)), tuple(left_out)


def _chosen(names: list[str], placed: npt.NDArray[np.intp], fit: Sequence[str] | None) -> npt.NDArray[np.bool_]:
    if fit is None:
        return np.ones(len(placed), dtype=bool)
    wanted = {str(name) for name in fit}
    for name in sorted(wanted - set(names)):
        raise unknown("model to fit", name, names)
    return np.array([names[row] in wanted for row in placed], dtype=bool)


def _model_intervals(outside: Floats, line: Floats, n: int, confidence: float) -> list[Interval]:
    """What remains of an accuracy above a line that is known up to its ends."""
    if not n:
        return [Interval(float(o - high), float(o - low)) for o, low, high in zip(outside, *line, strict=True)]
    own = clopper_pearson(np.round(outside * n), np.full(len(outside), n), confidence=(1 + confidence) / 2)
    return [Interval(float(a - high), float(b - low)) for a, b, low, high in zip(own.low, own.high, *line, strict=True)]


def table_of_audits(audits: Sequence[Audit]) -> pd.DataFrame:
    """One row an audit, named by its model: accuracy on its own data and on every other sample that it was given, as shares.

    Raises:
        UsageError: two audits are of models of one name.
    """
    import pandas as pd

    rows: dict[str, dict[str, float]] = {}
    for audit in audits:
        if audit.model.name in rows:
            raise UsageError(f"Two audits are of a model named '{audit.model.name}'. Give one audit of each.")
        row = {audit.data.uri: audit.clean.accuracy, **{natural.source: natural.accuracy for natural in audit.natural}}
        rows[audit.model.name] = {column: math.nan if value is None else value for column, value in row.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


if TYPE_CHECKING:
    from shiftproof.evaluation.records import Audit
