"""The contract of measures: a number in its range, inside its interval, that depends on stored answers alone."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from shiftproof.conformance.probes import noise
from shiftproof.conformance.report import expect
from shiftproof.measures.abstract import Measure, SampleFacts
from shiftproof.measures.answered import Answered

_CLASSES = ("0", "1", "2")
_N = 60


@dataclass(frozen=True)
class MeasureCase:
    """A measure with answers to 60 examples of three classes, and to the same after a small move."""

    measure: Measure
    clean: Answered
    moved: Answered


def measure_case(measure: Measure) -> MeasureCase:
    """Answers that are neither all right nor all wrong, with groups and calibration answers."""
    y = (noise("labels", _N) * 3).long().numpy()
    scores = noise("scores", _N, 3).double().numpy() * 2
    scores[np.arange(_N), y] += 0.6
    clean = _answered(y, scores)
    calibrated = replace(clean, calibration=_answered(y, noise("calibration", _N, 3).double().numpy()))
    moved = replace(_answered(y, scores + noise("moved", _N, 3).double().numpy()), calibration=calibrated.calibration)
    return MeasureCase(measure, calibrated, moved)


def _answered(y: np.ndarray[tuple[int], np.dtype[np.int64]], scores: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> Answered:
    said = scores.argmax(1)
    rank = (scores > scores[np.arange(_N), y][:, None]).sum(1)
    groups = {"sex": np.where(np.arange(_N) % 2 == 0, "F", "M")}
    return Answered(y, said == y, _CLASSES, said, scores, rank, groups)


def fits_an_ordinary_sample(case: MeasureCase) -> None:
    """`check_sample` accepts three classes with scores, groups and calibration examples."""
    case.measure.check_sample(SampleFacts(_CLASSES, {"sex": ("F", "M")}, True, True))


def lies_in_its_range_and_interval(case: MeasureCase) -> None:
    """The number lies in `range` and in its interval, and a higher confidence makes the interval no narrower."""
    low, high = case.measure.range
    found, wide = (case.measure.measure(case.clean, confidence=level) for level in (0.8, 0.99))
    expect(low <= found.value <= high, f"The value {found.value:.4g} is outside of `range`, [{low:g}, {high:g}].")
    inside = found.interval.low - 1e-9 <= found.value <= found.interval.high + 1e-9
    expect(inside, f"The value {found.value:.4g} is outside of its interval {tuple(found.interval)}.")
    nested = wide.interval.low <= found.interval.low + 1e-9 and wide.interval.high >= found.interval.high - 1e-9
    expect(nested, f"The interval at 0.99, {tuple(wide.interval)}, does not hold that at 0.8, {tuple(found.interval)}.")


def order_does_not_matter(case: MeasureCase) -> None:
    """The same examples in another order have the same number."""
    backwards = case.clean[np.arange(_N)[::-1]]
    one, two = case.measure.measure(case.clean).value, case.measure.measure(backwards).value
    expect(abs(one - two) < 1e-9, f"Another order of the examples changed the value from {one:.6g} to {two:.6g}.")


def the_change_is_the_difference(case: MeasureCase) -> None:
    """`change` is the number after minus the number before, inside its interval, paired or not; of nothing moved it is 0."""
    before, after = case.measure.measure(case.clean).value, case.measure.measure(case.moved).value
    for paired in (True, False):
        found = case.measure.change(case.clean, case.moved, paired=paired)
        expect(
            abs(found.value - (after - before)) < 1e-9, f"`change` gave {found.value:.6g}, and the numbers differ by {after - before:.6g}."
        )
        inside = found.interval.low - 1e-9 <= found.value <= found.interval.high + 1e-9
        expect(inside, f"The change {found.value:.4g} is outside of its interval {tuple(found.interval)}.")
    still = case.measure.change(case.clean, case.clean, paired=True).value
    expect(abs(still) < 1e-12, f"The change to itself is {still:.6g}, not 0.")


def nothing_is_nan(case: MeasureCase) -> None:
    """No examples give NaN, never 0."""
    nothing = case.measure.measure(case.clean[np.zeros(_N, dtype=bool)]).value
    expect(bool(np.isnan(nothing)), f"Without examples the value is {nothing:.4g}, not NaN.")


MEASURE_CHECKS = (
    fits_an_ordinary_sample,
    lies_in_its_range_and_interval,
    order_does_not_matter,
    the_change_is_the_difference,
    nothing_is_nan,
)
