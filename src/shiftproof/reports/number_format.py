"""How numbers read: percent, interval, and the word for what each claims."""

from __future__ import annotations

import math
import re

from shiftproof._printable import printable as printable
from shiftproof.records.audit import ClaimKind, Result

KINDS: tuple[ClaimKind, ...] = ("at_least", "estimate", "at_most")
KIND_WORDS: dict[ClaimKind, str] = {"at_least": "at least", "estimate": "estimate", "at_most": "at most"}
KIND_HEADS: dict[ClaimKind, str] = {"at_least": "At least", "estimate": "Estimate", "at_most": "At most"}
KIND_SIGNS: dict[ClaimKind, str] = {"at_least": "≥ ", "estimate": "", "at_most": "≤ "}
PREFIXES = ("robust_", "certified_")
OTHERS = frozenset({"error_probability", "drop", "smoothed_accuracy"})
"""Measures that do not lie on one scale with the clean score; those that end in _loss do neither."""
NOT_MEASURED = "not measured"


def is_mean_score(measure: str) -> bool:
    """Whether a measure is the judge's mean score, of the sample as it is, moved, attacked or certified: on one scale with the clean one.

    >>> is_mean_score("robust_accuracy"), is_mean_score("f1"), is_mean_score("f1_loss"), is_mean_score("drop")
    (True, True, False, False)
    """
    return measure not in OTHERS and not measure.endswith("_loss")


def known(value: float | None) -> float | None:
    """The number, or None where it is missing or NaN (which JSON cannot say)."""
    return None if value is None or math.isnan(value) else value


def percent(value: float | None) -> str:
    """A share as people read it.

    >>> percent(0.9123), percent(None), percent(0.9999), percent(1.0)
    ('91.2%', 'not measured', '99.9%', '100.0%')
    """
    number = known(value)
    if number is None:
        return NOT_MEASURED
    shown = f"{100 * number:.1f}%"
    return "99.9%" if shown == "100.0%" and number < 1 else "0.1%" if shown == "0.0%" and number > 0 else shown


def cost(asked: int | None, sent: int | None) -> str:
    """The two counts of a measurement, in half a sentence.

    >>> cost(12_000, 12_480), cost(None, None)
    ('12,000 forwards asked of the budgets, 12,480 rows sent to the model', 'not recorded')
    """
    if asked is None or sent is None:
        return "not recorded"
    return f"{asked:,} forwards asked of the budgets, {sent:,} rows sent to the model"


def roughly(value: float) -> str:
    """A confidence beside a picture: whole percents, finer only near 0 and 1.

    >>> roughly(0.972), roughly(0.9971)
    ('97%', '99.7%')
    """
    return f"{100 * value:.0f}%" if 0.005 <= value < 0.995 else percent(value)


def span(interval: tuple[float, float] | None) -> str:
    """An interval of shares, or why there is none.

    >>> span((0.88, 0.939)), span(None)
    ('88.0 to 93.9%', 'no interval')
    """
    if interval is None or any(known(end) is None for end in interval):
        return "no interval"
    return f"{percent(interval[0])[:-1]} to {percent(interval[1])}"


def points(value: float | None) -> str:
    """A difference of shares, in percentage points.

    >>> points(-0.0312), points(None)
    ('−3.1 points', 'not measured')
    """
    number = known(value)
    return NOT_MEASURED if number is None else f"{100 * number:+.1f} points".replace("-", "−")


def points_span(interval: tuple[float, float] | None) -> str:
    """An interval of differences, in percentage points."""
    if interval is None or any(known(end) is None for end in interval):
        return "no interval"
    return f"{points(interval[0]).removesuffix(' points')} to {points(interval[1])}"


def points_ends(interval: tuple[float, float]) -> str:
    """An interval of differences beside its difference, which says that they are points.

    >>> points_ends((-0.043, 0.004))
    '−4.3 to +0.4'
    """
    return points_span(interval).removesuffix(" points")


def amount(value: float | None, measure: str) -> str:
    """A result's number in its own unit: points for a drop, percent otherwise."""
    return points(value) if measure == "drop" else percent(value)


def bracketed(value: float | None, bracket: tuple[float, float] | None) -> str:
    """A share, or where answers did not come the two between which it lies.

    >>> bracketed(0.9, None), bracketed(0.9, (0.9, 0.94))
    ('90.0%', '90.0 to 94.0%')
    """
    return percent(value) if bracket is None else span(bracket)


def shown_number(result: Result) -> str:
    """A result's number; an estimate with missing answers as the two between which it lies."""
    if result.bracket is not None and result.kind == "estimate":
        return amount_span(result.bracket, result.measure)
    return amount(result.value, result.measure)


def amount_span(interval: tuple[float, float] | None, measure: str) -> str:
    """A result's interval in its own unit."""
    return points_span(interval) if measure == "drop" else span(interval)


def confidence(share: float) -> str:
    """A confidence as people write it.

    >>> confidence(0.95), confidence(0.999)
    ('95%', '99.9%')
    """
    return f"{100 * share:.6g}%"


def whole(spec: str) -> str:
    """A spec whose whole numbers stand without their .0.

    >>> whole("rotation(degrees=30.0, by=-1.0)"), whole("linf(eps=0.05)")
    ('rotation(degrees=30, by=-1)', 'linf(eps=0.05)')
    """
    return re.sub(r"(?<![\w.])(-?\d+)\.0(?=[,)\s]|$)", r"\1", spec)


def seconds(value: float) -> str:
    """A duration.

    >>> seconds(0.0312), seconds(4.2), seconds(4000)
    ('31 ms', '4.2 s', '1 h 07 min')
    """
    if value < 1:
        return f"{1000 * value:.0f} ms"
    if value < 90:
        return f"{value:.1f} s"
    minutes = round(value / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def p_value(value: float) -> str:
    """A p value, never as 0.

    >>> p_value(0.0421), p_value(1e-9)
    ('0.042', 'below 0.001')
    """
    return "below 0.001" if value < 0.001 else f"{value:.3f}"


def plural(count: int, noun: str) -> str:
    """A count with its noun.

    >>> plural(1, "cell"), plural(3, "cell")
    ('1 cell', '3 cells')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def number_word(measure: str, word: str) -> str:
    """A result's measure in a table: what people call it, where the judge has a word of its own.

    >>> number_word("robust_accuracy", "accuracy"), number_word("robust_exact_match", "share of exact answers"), number_word("drop", "f1")
    ('robust accuracy', 'share of exact answers', 'drop')
    """
    own = word != "accuracy" and is_mean_score(measure)
    return word if own else measure.replace("_", " ")


def amount_of(value: float, noun: str) -> str:
    """A mean count with its noun: whole where it is whole, else with four digits.

    >>> amount_of(1.0, "forward"), amount_of(12345.0, "forward"), amount_of(20.25, "forward")
    ('1 forward', '12,345 forwards', '20.25 forwards')
    """
    shown = f"{value:,.0f}" if value == round(value) or value >= 1000 else f"{value:.4g}"
    return f"{shown} {noun}" if shown == "1" else f"{shown} {noun}s"


def in_words(result: Result, word: str = "accuracy") -> str:
    """What one number claims, in a sentence that stands alone; `word` is the judge's for its mean score."""
    if known(result.value) is None:
        return f"Nothing was measured here: {result.measure.replace('_', ' ')} of {result.shift} is unknown, which is not zero."
    return " ".join(part for part in (_claim(result, word), _weighing(result), _sampling(result)) if part)


def _claim(result: Result, mean: str) -> str:
    number, word = shown_number(result), {"at_least": "at least ", "at_most": "at most ", "estimate": ""}[result.kind]
    if result.measure == "drop":
        return _drop(result, word, mean)
    if result.measure == "error_probability":
        return f"Under {result.shift}, moved by {_by(result)}, the model's mean probability of a wrong class is {word}{number}."
    if result.measure.endswith("_loss") or base_of(result.measure) != "accuracy":
        return _score(result, word + number, mean)
    if result.kind == "at_least":
        return f"Proven by {result.search}: at least {number} stay right for every move inside {result.shift}."
    if result.kind == "at_most" and result.value == 1:
        return f"No failure was found inside {result.shift} by {_by(result)}, which proves nothing: a stronger search may find some."
    if result.kind == "at_most":
        found = f"{_by(result)} found a failure for each of the others that was right unmoved. A stronger search may find more."
        return f"At most {number} stay right inside {result.shift}: {found}"
    if result.shift == "identity":
        return f"{number} are right as they were collected."
    return f"{number} are right after a move of {result.shift} made by {result.search}; an adversary may do worse."


def base_of(measure: str) -> str:
    """The judge's word in the name of a measure.

    >>> base_of("robust_exact_match"), base_of("accuracy")
    ('exact_match', 'accuracy')
    """
    return next((measure.removeprefix(prefix) for prefix in PREFIXES if measure.startswith(prefix)), measure)


def _score(result: Result, number: str, mean: str) -> str:
    """A mean score of another judge than that of classes, or the share that is lost of one."""
    what = base_of(result.measure).replace("_", " ") if result.measure.endswith("_loss") else mean
    if result.kind == "at_least" and not result.measure.endswith("_loss"):
        return f"Proven by {result.search}, which tried every move inside {result.shift}: {what} is {number}."
    if result.kind == "at_most":
        return f"Inside {result.shift}, {what} is {number}, as {_by(result)} found. A stronger search may find more."
    if result.shift == "identity":
        return f"{what[0].upper()}{what[1:]} is {number} as the examples were collected."
    return f"After a move of {result.shift} made by {result.search}, {what} is {number}; an adversary may do worse."


def _drop(result: Result, word: str, mean: str) -> str:
    """The clean mean score minus that here, which may be below 0."""
    value = result.value or 0.0
    if value == 0:
        return f"Under {result.shift}, {mean} is what it is without, as {_by(result)} found."
    if value < 0:
        return f"Under {result.shift}, {mean} lies above clean {mean} by {points(-value).removeprefix('+')}, as {_by(result)} found."
    return f"Under {result.shift}, {mean} falls below clean {mean} by {word}{points(value).removeprefix('+')}, as {_by(result)} found."


def _by(result: Result) -> str:
    return "every search together" if result.search == "union" else result.search


def _weighing(result: Result) -> str:
    if result.risk == "group":
        return f"Among {result.group} only."
    if result.risk == "mean":
        return ""
    return f"Weighed by {result.risk}, not a plain mean" + (f": this is {result.group}." if result.group else ".")


def _sampling(result: Result) -> str:
    if result.interval is None:
        return f"No interval, n = {result.n}."
    return f"({confidence(result.confidence)} interval {amount_span(result.interval, result.measure)}, n = {result.n}.)"
