"""The language of conditions: what it reads, what it refuses and in which words, and what it is checked against."""

from __future__ import annotations

import pytest

from shiftproof import UsageError
from shiftproof.gate import Available, check_against, parse
from shiftproof.gate.match import natural_spec

PLAN: list[Available] = [
    ("identity", "one_draw", "mean", "accuracy", None),
    ("identity", "one_draw", "worst_group", "accuracy", None),
    ("identity", "one_draw", "group", "accuracy", "sex=F & race=B"),
    ("identity", "one_draw", "cvar(alpha=0.1)", "error_probability", None),
    ("linf(eps=8/255)", "gradient_ascent(steps=20)", "mean", "robust_accuracy", None),
    ("linf(eps=8/255)", "best_of_n(n=10)", "mean", "robust_accuracy", None),
    ("linf(eps=8/255)", "best_of_n(n=10)", "mean", "drop", None),
    ("linf(eps=0.1)", "gradient_ascent", "mean", "robust_accuracy", None),
    ("linf(eps=0.1)", "gradient_ascent(steps=20)", "mean", "robust_accuracy", None),
    ("linf(eps=0.1)", "linear", "mean", "certified_accuracy", None),
    ("rotation(degrees=30)", "one_draw", "mean", "accuracy", None),
    ("rotation(degrees=30)", "best_of_n(n=20)", "mean", "robust_accuracy", None),
    ("rotation(degrees=30)", "best_of_n(n=5)", "mean", "robust_accuracy", None),
    ("natural", "one_draw", "mean", "accuracy", None),
]


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("linf(eps=0.1).robust_accuracy < 0.6", "linf(eps=0.1).robust_accuracy < 0.6"),
        ("linf(eps=8/255).gradient_ascent.robust_accuracy.high < 0.6", "linf(eps=8/255).gradient_ascent.robust_accuracy.high < 0.6"),
        ("linf(eps=0.03137254901960784).pgd.robust_accuracy<.6", "linf(eps=8/255).gradient_ascent.robust_accuracy < 0.6"),
        (
            "linf(8/255).pgd(restarts=2, steps=5).robust_accuracy<6e-1",
            "linf(eps=8/255).gradient_ascent(steps=5, restarts=2).robust_accuracy < 0.6",
        ),
        ("linf(eps=1).pgd(steps=40).robust_accuracy >= 1", "linf(eps=1).gradient_ascent().robust_accuracy >= 1.0"),
        (
            "rotation( degrees = 30.0 ) . best_of_n(n=20) . robust_accuracy < 0.5",
            "rotation(degrees=30).best_of_n(n=20).robust_accuracy < 0.5",
        ),
        ("linf(eps=8).robust_accuracy < 0.6", "linf(eps=8).robust_accuracy < 0.6"),
        ("linf(eps=0.1).union.robust_accuracy < 0.6", "linf(eps=0.1).union.robust_accuracy < 0.6"),
        ("worst_group.accuracy < 0.7", "worst_group.accuracy < 0.7"),
        ("clean.accuracy < 90%", "accuracy < 0.9"),
        ("identity.accuracy.value <= 0.9", "accuracy <= 0.9"),
        ("accuracy < 0.9", "accuracy < 0.9"),
        ("gaussian_noise(severity=3).accuracy.low < 0.8", "gaussian_noise(severity=3).accuracy.low < 0.8"),
        ("gaussian_noise(severity=3).drop > 7 %", "gaussian_noise(severity=3).drop > 0.07"),
        ("drop > -.1", "drop > -0.1"),
        ("accuracy[sex=F] < 0.7", "accuracy[sex=F] < 0.7"),
        ("accuracy[ sex = F & race='B' ].high < .7", "accuracy[race=B & sex=F].high < 0.7"),
        ('accuracy[age="(30, 40]"] < .7', 'accuracy[age="(30, 40]"] < 0.7'),
        ("accuracy[income=<=50K] < .7", 'accuracy[income="<=50K"] < 0.7'),
        (r'accuracy[name="a \"b\" & c"] < .7', r'accuracy[name="a \"b\" & c"] < 0.7'),
        ("accuracy[city=São Paulo] < .7", "accuracy[city=São Paulo] < 0.7"),
        ("cvar(alpha=0.1).error_probability > 0.5", "cvar(alpha=0.1).error_probability > 0.5"),
        ("linf(eps=0.1).pgd.worst_group.robust_accuracy < 0.5", "linf(eps=0.1).gradient_ascent.worst_group.robust_accuracy < 0.5"),
        ("natural.drop.high > 0.2", "natural.drop.high > 0.2"),
        ("natural('a (1).csv').accuracy < 0.8", "natural(source='a (1).csv').accuracy < 0.8"),
    ],
)
def test_reads(text: str, canonical: str) -> None:
    condition = parse(text)
    assert str(condition) == canonical
    assert parse(canonical) == condition


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Cannot read the condition ''. Write it as SHIFT.MEASURE < NUMBER, for example"),
        ("accuracy", "Cannot read the condition 'accuracy'"),
        ("linf(eps=0.1.robust_accuracy < 0.6", "Cannot read the condition"),
        ("accuracy[sex=F < 0.6", "Cannot read the condition"),
        (
            "accuracy == 0.6",
            r"must compare with <, <=, > or >=, got '=='\. A measured number carries sampling error, so it is never exactly equal",
        ),
        ("accuracy != 0.6", "never exactly equal"),
        ("accuracy <> 0.6", "never exactly equal"),
        ("accuracy << 0.6", r"must compare with <, <=, > or >=, got '<<'\.$"),
        ("accuracy < high", "The threshold of the condition 'accuracy < high' must be a number such as 0.6 or 60%, got 'high'"),
        ("accuracy < nan", "must be a number such as 0.6 or 60%, got 'nan'"),
        ("accuracy <", "must be a number such as 0.6 or 60%, got ''"),
        ("accuracy < 60", r"must be in \[0, 1\], got 60\. Did you mean 60%\?"),
        ("accuracy < -0.1", r"must be in \[0, 1\], got -0\.1\.$"),
        ("accuracy < 160%", r"must be in \[0, 1\], got 160%\.$"),
        ("drop > 2", r"must be in \[-1, 1\], got 2\. Did you mean 2%\?"),
        ("acuracy < 0.6", "Unknown measure 'acuracy'. Did you mean: accuracy.* In the condition 'acuracy < 0.6'"),
        ("linf(eps=0.1) < 0.6", r"names no measure after 'linf\(eps=0.1\)'. Add one of: accuracy, robust_accuracy"),
        ("worst_group < 0.6", "names no measure after 'worst_group'"),
        ("linff(eps=0.1).robust_accuracy < 0.6", "Unknown shift, search, certificate or risk 'linff'. Did you mean: linf"),
        (
            "pgd.linf(eps=0.1).robust_accuracy < 0.6",
            r"The shift 'linf\(eps=0.1\)' is in the wrong place .* The order is SHIFT",
        ),
        ("linf(eps=0.1).l2(eps=1).robust_accuracy < 0.6", r"The shift 'l2\(eps=1\)' is in the wrong place"),
        ("linf(esp=0.1).robust_accuracy < 0.6", "Unknown option of shift 'linf' 'esp'. Did you mean: eps"),
        ("linf().robust_accuracy < 0.6", "shift 'linf' needs eps"),
        ("linf(0.1, 2, 3).robust_accuracy < 0.6", "shift 'linf' takes 2 options"),
        ("linf(eps=__import__).pgd(steps=open).robust_accuracy.mid < 0.6", "Unknown end of an interval 'mid'|Unknown measure 'mid'"),
        ("accuracy[sex=F].mid < 0.6", "Unknown end of an interval 'mid'. Known: high, low, value"),
        ("accuracy[sex] < 0.6", r"Cannot read the group '\[sex\]' .* Write it as \[column=value\]"),
        ("accuracy[] < 0.6", "Cannot read the group"),
        ("accuracy[sex=F &] < 0.6", "Cannot read the group"),
        ("accuracy[sex=F race='B'] < 0.6", "Cannot read the group"),
        ("natural(uri='b').accuracy < 0.6", "Unknown option of natural 'uri'. Known: source"),
        ("natural(3).accuracy < 0.6", r"Write natural for any other sample, or natural\(source='its URI'\)"),
        ("natural('a', 'b').accuracy < 0.6", "Write natural for any other sample"),
    ],
)
def test_refuses(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(text)


def test_nothing_is_evaluated() -> None:
    with pytest.raises(UsageError, match="Cannot read the value"):
        parse("linf(eps=open['x']).robust_accuracy < 0.6")


@pytest.mark.parametrize(
    "text",
    [
        "accuracy < 0.9",
        "linf(eps=0.03137254901960784).robust_accuracy < 0.6",
        "linf(eps=8/255).pgd.robust_accuracy < 0.6",
        "linf(eps=8/255).pgd(steps=20).robust_accuracy < 0.6",
        "linf(eps=8/255).union.robust_accuracy < 0.6",
        "linf(eps=8/255).drop > 0.5",
        "linf(eps=0.1).pgd.robust_accuracy < 0.6",  # two fit; the one with its options at their defaults is written so
        "linf(eps=0.1).pgd(steps=40).robust_accuracy < 0.6",
        "linf(eps=0.1).certified_accuracy < 0.3",
        "linf(eps=0.1).linear.certified_accuracy < 0.3",
        "rotation(degrees=30).robust_accuracy < 0.6",
        "rotation.accuracy < 0.6",
        "worst_group.accuracy < 0.7",
        "cvar.error_probability > 0.7",
        "accuracy[race=B & sex=F] < 0.7",
        "natural.accuracy < 0.7",
        "natural(source='b.csv').accuracy < 0.7",
    ],
)
def test_a_plan_has(text: str) -> None:
    check_against([text], PLAN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "linf(eps=7/255).robust_accuracy < 0.6",
            r"The condition 'linf\(eps=7/255\).robust_accuracy < 0.6' matches no number of this run. Nearest: linf\(eps=8/255\)",
        ),
        ("robust_accuracy < 0.6", "matches no number of this run. Nearest: .*robust_accuracy"),
        ("linf(eps=8/255).pgd(steps=21).robust_accuracy < 0.6", r"matches no number .*gradient_ascent\(steps=20\)"),
        ("accuracy[sex=F] < 0.7", r"matches no number .*accuracy\[sex=F & race=B\]"),
        ("worst_group.accuracy[sex=F] < 0.7", "matches no number"),
        ("linf(eps=0.2).union.robust_accuracy < 0.6", "matches no number"),
        ("natural.drop > 0.1", "matches no number .*natural.accuracy"),
        (
            "rotation(degrees=30).best_of_n.robust_accuracy < 0.6",
            r"The 'best_of_n' of the condition .* fits several of this run: best_of_n\(n=20\), best_of_n\(n=5\). Write one of them in full",
        ),
        ("linf.robust_accuracy < 0.6", r"The 'linf' of the condition .* fits several of this run: linf\(eps=0.1\), linf\(eps=8/255\)"),
    ],
)
def test_a_plan_has_not(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_against(["accuracy < 0.9", text], PLAN)


def test_an_empty_run_says_so() -> None:
    with pytest.raises(UsageError, match="It has no numbers at all"):
        check_against(["accuracy < 0.5"], [])


@pytest.mark.parametrize("text", ["worst_group.accuracy < 0.5", "accuracy[sex=F] < 0.5"])
def test_data_without_groups_are_said(text: str) -> None:
    with pytest.raises(UsageError, match="matches no number of this run. Its data have no groups. Nearest: accuracy"):
        check_against([text], PLAN[:1])


def test_samples_that_a_plan_names_are_told_apart() -> None:
    named: list[Available] = [(natural_spec(uri), "one_draw", "mean", "accuracy", None) for uri in ("a.csv", "b (2).csv?label=y")]
    check_against(["natural.accuracy < 0.7", "natural('b (2).csv?label=y').accuracy < 0.7"], named)
    with pytest.raises(UsageError, match=r"Nearest: natural\(source='a.csv'\).accuracy"):
        check_against(["natural('c.csv').accuracy < 0.7"], named)


def test_what_is_listed_can_be_copied() -> None:
    from shiftproof.gate.match import entries_of

    for entry in entries_of(PLAN):
        check_against([f"{entry.label} < 0.5"], PLAN)
