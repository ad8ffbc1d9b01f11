"""Conditions survive being written and read, and a lower threshold never makes a held one fail."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from shiftproof.gate import Condition, parse
from shiftproof.gate.condition import group_text
from shiftproof.gate.match import natural_spec
from shiftproof.gate.measured import canonical, limits, words
from shiftproof.gate.names import natural

FINITE = st.floats(1e-9, 1.0, exclude_min=True)
SHIFTS = st.one_of(
    st.just("clean"),
    st.builds("linf(eps={!r})".format, FINITE),
    st.builds("linf({}/255)".format, st.integers(1, 255)),
    st.builds("l2(eps={!r})".format, st.floats(1e-9, 1e9)),
    st.text(st.characters(codec="utf-8"), min_size=1).map(natural_spec),
)
SEARCHES = st.one_of(
    st.just("pgd"),
    st.just("union"),
    st.builds("best_of_n(n={})".format, st.integers(1, 10**6)),
    st.builds(
        "gradient_ascent(restarts={}, momentum={!r}, loss={}, random_start={})".format,
        st.integers(1, 9),
        FINITE,
        st.sampled_from(["margin", "cross_entropy"]),
        st.booleans(),
    ),
)
RISKS = st.one_of(st.just("worst_group"), st.builds("cvar(alpha={!r})".format, FINITE))
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
GROUPS = st.dictionaries(WORDS, WORDS, max_size=3).map(lambda pairs: tuple(sorted(pairs.items())))
CLASSES = WORDS.map(repr) | st.integers(0, 99).map(str)
PARTS = st.one_of(
    st.builds("recall(class={})".format, CLASSES),
    st.builds("equalized_odds_gap(by={})".format, WORDS.map(repr)),
    st.builds("log_loss(most={!r})".format, st.floats(0.1, 100)),
    st.sampled_from(["balanced_accuracy", "f1()", "coverage(level=0.95)", "expected_cost(matrix='0 1; 5 0')"]),
)
MEASURES = PARTS | PARTS.map("drop({})".format)
OPERATORS = st.sampled_from(["<", "<=", ">", ">="])
SPACE = st.sampled_from(["", " ", "  "])


@st.composite
def conditions(draw: st.DrawFn) -> str:
    places = [draw(st.none() | SHIFTS), draw(st.none() | SEARCHES), draw(st.none() | RISKS)]
    measure = draw(st.sampled_from(sorted(words())) | MEASURES)
    low, high = limits(canonical(measure))
    number = draw(st.floats(low, high).map(repr) | st.integers(int(100 * low), int(100 * high)).map("{}%".format))
    end = draw(st.sampled_from(["", ".low", ".high", ".value"]))
    dot = draw(SPACE) + "." + draw(SPACE)
    path = dot.join([*(place for place in places if place is not None), measure])
    return (
        f"{draw(SPACE)}{path}{draw(SPACE)}{group_text(draw(GROUPS))}{end}{draw(SPACE)}{draw(OPERATORS)}{draw(SPACE)}{number}{draw(SPACE)}"
    )


@settings(deadline=None, max_examples=150)
@given(conditions())
def test_the_canonical_form_reads_as_the_same_condition(text: str) -> None:
    condition = parse(text)
    again = parse(str(condition))
    assert again == condition
    assert str(again) == str(condition)


@settings(deadline=None, max_examples=50)
@given(GROUPS.filter(bool))
def test_a_group_of_any_words_survives(group: tuple[tuple[str, str], ...]) -> None:
    assert parse(f"accuracy{group_text(group)} < 0.5").group == group


@settings(deadline=None, max_examples=50)
@example("inf")
@given(WORDS)
def test_a_uri_of_any_characters_survives(uri: str) -> None:
    assert natural(natural_spec(uri)).options == (("source", uri),)


@settings(deadline=None, max_examples=100)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), OPERATORS)
def test_a_threshold_further_off_never_fails_what_held(number: float, one: float, two: float, op: str) -> None:
    """For < a lower threshold, for > a higher one."""

    def hit(threshold: float) -> bool:
        return parse(f"accuracy {op} {threshold!r}").hit(number)

    near, far = (max(one, two), min(one, two)) if op.startswith("<") else (min(one, two), max(one, two))
    assert hit(near) or not hit(far)


@settings(deadline=None, max_examples=100)
@given(st.floats(0, 1), st.floats(0, 1))
def test_an_operator_and_its_opposite_disagree(number: float, threshold: float) -> None:
    def hit(op: str) -> bool:
        condition: Condition = parse(f"accuracy {op} {threshold!r}")
        return condition.hit(number)

    assert hit("<") is not hit(">=")
    assert hit("<=") is not hit(">")
