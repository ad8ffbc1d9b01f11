"""Accuracy against how far the mix of examples may shift, and the shift at which it falls below a floor."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._arrays import Floats
from shiftproof._errors import must, unknown
from shiftproof.data.examples import Ids
from shiftproof.evaluation.curves.slices import Names, find_slices
from shiftproof.finding import Finding
from shiftproof.outcomes import Bound, Interval
from shiftproof.records.stress import StressCurve
from shiftproof.risks import worst_weights
from shiftproof.risks.intervals import Ends, clopper_pearson
from shiftproof.risks.worst_weights import Reweighted

_HALVINGS = 200
_ROUNDING = 1e-12
_POINTS = 21


@dataclass(frozen=True)
class ReweightingBall:
    """A family of reweightings that grows with one number.

    Args:
        name: the risk's name.
        reweigh: the worst reweighting of losses at a radius, around reference weights.
        whole: from which radius on it holds the reweighting that lets a share s of the sample, in (0, 1], stand alone.
        share: the smallest share that may stand alone at a radius; the inverse of `whole`.
        most: the largest radius there is.
        axis: what the radius is, in words.
    """

    name: str
    reweigh: Callable[[npt.ArrayLike, float, npt.ArrayLike | None], Reweighted]
    whole: Callable[[float], float]
    share: Callable[[float], float]
    most: float
    axis: str


BALLS: dict[str, ReweightingBall] = {
    ball.name: ball
    for ball in (
        ReweightingBall(
            "chi_square",
            lambda losses, radius, base: worst_weights.chi_square(losses, radius=radius, base=base),
            lambda share: (1 / share - 1) / 2,
            lambda radius: 1 / (1 + 2 * radius),
            math.inf,
            "chi-square radius",
        ),
        ReweightingBall(
            "kl",
            lambda losses, radius, base: worst_weights.kl(losses, radius=radius, base=base),
            lambda share: -math.log(share),
            lambda radius: math.exp(-radius),
            math.inf,
            "Kullback-Leibler radius (nats)",
        ),
        ReweightingBall(
            "total_variation",
            lambda losses, radius, base: worst_weights.total_variation(losses, radius=radius, base=base),
            lambda share: 1 - share,
            lambda radius: 1 - radius,
            1.0,
            "share of the mix moved",
        ),
        ReweightingBall(
            "cvar",
            lambda losses, radius, base: worst_weights.cvar(losses, alpha=1 - radius, base=base),
            lambda share: 1 - share,
            lambda radius: 1 - radius,
            1 - 1e-9,
            "share left out (1 - alpha)",
        ),
    )
}


def stress_curve(
    outcomes: Finding | npt.ArrayLike,
    *,
    risk: str = "chi_square",
    floor: float = 0.8,
    radii: Sequence[float] | None = None,
    losses: npt.ArrayLike | None = None,
    columns: Mapping[str, Names] | None = None,
    name: str = "model",
    least: int = 20,
    confidence: float = 0.95,
) -> StressCurve:
    """Accuracy in the worst mix of the examples, as the mix may shift further and further.

    With error rate p, the worst error rate at a radius depends on these alone. For chi_square: min(1, p + sqrt(2 radius p (1 - p))).

    Args:
        outcomes: what `confront` found, or whether each of n examples is right, shape (n,), 0 or 1.
        risk: "chi_square", "kl", "total_variation", or "cvar" (whose radius is 1 - alpha).
        floor: the accuracy that must be kept, in (0, 1).
        radii: from 0 on, ascending. By default 21 up to where accuracy is 0, or a tenth of the sample may stand alone.
        losses: one number per example, shape (n,); those of a finding are taken from it.
        columns: per name, a value for each example, shape (n,): where to look for slices.
        name: what is measured.
        least: slices of fewer examples are not looked at.
        confidence: of the intervals, in (0, 1).

    Guarantees: the exact binomial interval of the error rate goes through that formula: all radii and the breaking one hold together, for
    every n. The worst mix is chosen by right and wrong, which shifts of inputs alone may not reach: "at least this much shift is needed".
    Cost: O(k n log n).

    Example:
        >>> import numpy as np
        >>> curve = stress_curve(np.array([1] * 90 + [0] * 10), floor=0.8)
        >>> round(curve.breaking, 4), round(curve.breaking_share, 3)  # (0.1 / 0.3)^2 / 2
        (0.0556, 0.9)

    Reference: Namkoong, Ma & Glynn 2022 [namkoong2022minimax], "Minimax optimal estimation of stability under distribution shift".
    """
    ball = _ball(risk, floor)
    right, numbers, ids, bound = _read(outcomes, losses)
    wrong = 1 - right
    p = float(wrong.mean())
    low, high = clopper_pearson(int(wrong.sum()), len(wrong), confidence=confidence).one()
    at = _radii(radii, ball, p)
    worst, best, most = (np.array([_error(ball, rate, r) for r in at]) for rate in (p, low, high))
    breaking = _breaking(ball, p, floor)
    weights = _weights(ball, wrong, numbers, breaking if math.isfinite(breaking) else float(at[-1]))
    return StressCurve(
        name=name,
        risk=risk,
        axis=ball.axis,
        radii=at,
        share=np.array([ball.share(r) for r in at]),
        accuracy=1 - worst,
        interval=Ends(1 - most, 1 - best),
        loss=np.array([math.nan if numbers is None else ball.reweigh(numbers, float(r), None).value for r in at]),
        floor=floor,
        breaking=breaking,
        breaking_interval=Interval(_breaking(ball, high, floor), _breaking(ball, low, floor)),
        breaking_share=ball.share(breaking) if math.isfinite(breaking) else 0.0,
        weights=weights,
        ids=ids,
        slices=find_slices(columns, wrong=wrong, weights=weights, least=least, confidence=confidence) if columns else (),
        bound=bound,
        confidence=confidence,
        notes=_notes(breaking, bool(columns)),
        columns=columns or {},
    )


def _weights(ball: ReweightingBall, wrong: Floats, losses: Floats | None, radius: float) -> Floats:
    """The worst mix at a radius; at 0, where none has moved, all that are wrong alike: what is asked then is where the errors are."""
    if radius == 0 and wrong.any():
        return np.asarray(wrong / wrong.sum())
    return ball.reweigh(wrong if losses is None else losses, radius, None).weights


def _ball(risk: str, floor: float) -> ReweightingBall:
    if risk not in BALLS:
        raise unknown("risk of a stress curve", risk, BALLS)
    if not 0 < floor < 1:
        raise must("floor", "stress_curve", "be in (0, 1)", floor, "It is the accuracy that must be kept.")
    return BALLS[risk]


def _read(outcomes: Finding | npt.ArrayLike, losses: npt.ArrayLike | None) -> tuple[Floats, Floats | None, Ids, Bound]:
    """Right or wrong, losses where they are all finite, names, and what accuracy over them claims."""
    numbers = None if losses is None else np.asarray(losses, dtype=np.float64)
    if isinstance(outcomes, Finding):
        right, ids, bound = outcomes.correct.astype(np.float64), outcomes.ids, outcomes.bound
        numbers = outcomes.loss if numbers is None and bool(np.isfinite(outcomes.loss).all()) else numbers
    else:
        right, bound = np.asarray(outcomes, dtype=np.float64), Bound.ESTIMATE
        ids = np.arange(len(right) if right.ndim else 0).astype(str)
    if right.ndim != 1 or not len(right) or not bool(np.isin(right, (0.0, 1.0)).all()):
        raise must("outcomes", "stress_curve", "be 0 or 1 for each of n >= 1 examples, shape (n,)", right.shape)
    if numbers is not None and (numbers.shape != right.shape or not bool(np.isfinite(numbers).all())):
        raise must("losses", "stress_curve", f"be finite numbers of shape {right.shape}", numbers.shape)
    return right, numbers, ids, bound


def _notes(breaking: float, columns: bool) -> tuple[str, ...]:
    perfect = "no example is wrong, so no mix breaks it; the interval says what the sample cannot rule out"
    blind = "no columns were given, so no slices were looked for"
    below = "accuracy is not above the floor, so all the weight is on what is wrong already, and slices are ranked by error"
    said = [perfect] if math.isinf(breaking) else [below] if breaking == 0 else []
    return (*said, *([] if columns else [blind]))


def _radii(given: Sequence[float] | None, ball: ReweightingBall, p: float) -> Floats:
    if given is None:
        end = max(ball.whole(0.1), ball.whole(p) if p > 0 else 0.0)
        return np.linspace(0, 1, _POINTS) ** 2 * min(end, ball.most)
    at = np.asarray(given, dtype=np.float64)
    if at.ndim != 1 or not len(at) or at[0] != 0 or bool((np.diff(at) <= 0).any()) or not at[-1] <= ball.most or math.isinf(at[-1]):
        limit = f" and end at most at {ball.most:.4g}" if math.isfinite(ball.most) else ""
        raise must("radii", "stress_curve", f"start at 0, rise{limit}", list(given)[:8])
    return at


def _error(ball: ReweightingBall, p: float, radius: float) -> float:
    """The worst error rate within a radius of a population with error rate p."""
    if p in (0.0, 1.0):
        return p
    return min(ball.reweigh([0.0, 1.0], radius, [1 - p, p]).value, 1.0)


def _breaking(ball: ReweightingBall, p: float, floor: float) -> float:
    """The radius at which the worst error rate passes 1 - floor."""
    if p >= 1 - floor - _ROUNDING:
        return 0.0
    if p == 0:
        return math.inf
    low, high = 0.0, min(ball.whole(p), ball.most)  # at `high` all the weight is on the wrong ones
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if _error(ball, p, middle) <= 1 - floor else (low, middle)
    return high
