"""What a condition may be about: the mean scores of judges by their words, and the measures that are parts."""

from __future__ import annotations

from functools import cache

from shiftproof._errors import UsageError
from shiftproof.gate.names import word_of
from shiftproof.measures import measures
from shiftproof.measures.abstract import Measure
from shiftproof.registry import parse_spec

DROP = "drop"


@cache
def words() -> dict[str, tuple[float, float]]:
    """The measures that an audit has by itself, with their ranges: every judge's mean score in its three forms, and what follows."""
    from shiftproof.judges import judges

    every = [judges.get(name) for name in judges.names() if name not in judges.failures]
    means = {f"{prefix}{judge.measure}": (0.0, 1.0) for judge in every for prefix in ("", "robust_", "certified_")}
    losses = {f"{judge.measure}_loss": (0.0, 1.0) for judge in every if judge.graded}
    others = dict.fromkeys(("smoothed_accuracy", "smoothed_robust_accuracy", "error_probability", "corrected_share"), (0.0, 1.0))
    return {**means, **losses, **others, DROP: (-1.0, 1.0)}


def names() -> list[str]:
    """Every measure by name."""
    return list(dict.fromkeys([*words(), *measures.names()]))


def is_measure(segment: str) -> bool:
    """Whether a word of a condition, with its options, names a measure."""
    return segment in words() or word_of(segment) == DROP or knows(word_of(segment))


def canonical(segment: str) -> str:
    """A measure as results have it: options in their order, those at their defaults left out.

    >>> canonical("balanced_accuracy()"), canonical('drop(recall(class="a b"))')
    ('recall', "drop(recall(class='a b'))")

    Raises:
        UsageError: it has no such option, or an option's value is out of range.
    """
    if segment in words():
        return segment
    found = part_of(segment)
    return found.spec() if word_of(segment) != DROP else f"{DROP}({found.spec()})"


def limits(measure: str) -> tuple[float, float]:
    """The range of a measure in canonical form."""
    if measure in words():
        return words()[measure]
    low, high = part_of(measure).range
    return (low - high, high - low) if word_of(measure) == DROP else (low, high)


def part_of(segment: str) -> Measure:
    """The part that a measure is, or that a drop is of."""
    word, positional, named = parse_spec(segment)
    if word != DROP:
        found: Measure = measures.build(segment)
        return found
    given = [*positional, *named.values()]
    if len(given) != 1 or not set(named) <= {"measure"} or not isinstance(given[0], str):
        raise UsageError(f"Cannot read {segment!r}. Write drop for that of the mean score, or drop(recall(class=a)) for that of a measure.")
    inner: Measure = measures.build(given[0])
    return inner


def is_part(measure: str) -> bool:
    """Whether a measure in canonical form is made of stored answers by a part; `f1` may be that or the mean score of token_f1."""
    return word_of(measure) == DROP != measure or knows(word_of(measure))


def knows(word: str) -> bool:
    """Whether a part has this name or alias."""
    if word in measures.names():
        return True
    try:
        measures.get(word)
    except UsageError:
        return False
    return True
