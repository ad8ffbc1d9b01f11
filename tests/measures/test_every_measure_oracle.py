"""Every measure against scikit-learn, brute force or a closed form, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from sklearn import metrics

from shiftproof import UsageError
from shiftproof.confidence.checked import Refused
from shiftproof.measures import Answered, Measure, measures
from shiftproof.measures.abstract import SampleFacts

NAMES = ("fine", "fraud", "other")


def drawn(seed: int = 0, n: int = 60, classes: int = 3) -> Answered:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, classes, n)
    scores = np.round(rng.normal(size=(n, classes)), 1)
    scores[np.arange(n), y] += 0.7
    said = scores.argmax(1)
    own = scores[np.arange(n), y][:, None]
    rank = ((scores > own) | ((scores == own) & (np.arange(classes) < y[:, None]))).sum(1)
    return Answered(y, said == y, NAMES[:classes], said, scores, rank, {"sex": rng.choice(["F", "M"], n)})


def value(spec: str, answered: Answered) -> float:
    return measures.build(spec).measure(answered).value


def test_as_scikit_learn_has_them() -> None:
    a = drawn()
    p = softmax(a.scores, axis=1)
    said = a.said
    assert said is not None
    one_hot = np.eye(3)[a.y]
    assert value("recall", a) == pytest.approx(metrics.balanced_accuracy_score(a.y, said))
    assert value("balanced_accuracy", a) == value("recall", a)
    assert value("precision(class=fraud)", a) == pytest.approx(metrics.precision_score(a.y, said, average=None)[1])
    assert value("precision", a) == pytest.approx(metrics.precision_score(a.y, said, average="macro"))
    assert value("f1(class=other)", a) == pytest.approx(metrics.f1_score(a.y, said, average=None)[2])
    assert value("f1", a) == pytest.approx(metrics.f1_score(a.y, said, average="macro"))
    assert value("auroc(class=fine)", a) == pytest.approx(metrics.roc_auc_score(a.y == 0, p[:, 0]))
    assert value("auroc", a) == pytest.approx(metrics.roc_auc_score(a.y, p, multi_class="ovr", average="macro"))
    assert value("aupr(class=fine)", a) == pytest.approx(metrics.average_precision_score(a.y == 0, p[:, 0]))
    assert value("log_loss(most=50)", a) == pytest.approx(metrics.log_loss(a.y, p))
    assert value("brier", a) == pytest.approx(float(((p - one_hot) ** 2).sum(1).mean()))
    assert value("top_k(k=2)", a) == pytest.approx(metrics.top_k_accuracy_score(a.y, p - 1e-9 * np.arange(3), k=2))  # ties in class order


@pytest.mark.parametrize("levels", [1, 2, 3])
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_as_scikit_learn_has_them_on_ties(seed: int, classes: int, levels: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.append(np.arange(classes), rng.integers(0, classes, 40))
    odds = rng.integers(0, levels, (len(y), classes)).astype(float)
    p = softmax(odds, axis=1)
    said = odds.argmax(1)
    rank = ((odds > (own := odds[np.arange(len(y)), y][:, None])) | ((odds == own) & (np.arange(classes) < y[:, None]))).sum(1)
    a = Answered(y, said == y, NAMES[:classes], said, odds, rank)
    for label, name in enumerate(NAMES[:classes]):
        is_class = y == label
        assert value(f"auroc(class={name})", a) == pytest.approx(metrics.roc_auc_score(is_class, p[:, label].round(12)))
        assert value(f"aupr(class={name})", a) == pytest.approx(metrics.average_precision_score(is_class, p[:, label].round(12)))
        assert value(f"recall(class={name})", a) == pytest.approx(metrics.recall_score(y, said, labels=[label], average=None)[0])
        if (said == label).any():
            assert value(f"precision(class={name})", a) == pytest.approx(metrics.precision_score(y, said, labels=[label], average=None)[0])
        assert value(f"f1(class={name})", a) == pytest.approx(metrics.f1_score(y, said, labels=[label], average=None)[0])
    assert value("log_loss(most=50)", a) == pytest.approx(metrics.log_loss(y, p, labels=range(classes)))
    assert value("brier", a) == pytest.approx(float(((p - np.eye(classes)[y]) ** 2).sum(1).mean()))
    for k in range(1, classes):
        least = p - 1e-9 * np.arange(classes)  # ties in class order
        found = metrics.top_k_accuracy_score(y, least[:, 1] - least[:, 0] if classes == 2 else least, k=k, labels=range(classes))
        assert value(f"top_k(k={k})", a) == pytest.approx(found)


def test_of_two_classes_none_is_said_to_lack_an_area() -> None:
    assert measures.build("auroc").measure(drawn(classes=2)).notes == ()  # the figure of both classes is one, so it is taken once
    two = drawn(classes=2)
    assert two.scores is not None
    three = replace(two, class_names=NAMES, scores=np.hstack([two.scores, np.zeros((60, 1))]))
    assert measures.build("auroc").measure(three).notes == ("the mean is over 2 of 3 classes: it does not exist for other",)


def test_the_odds_of_a_class_do_not_saturate() -> None:
    y = np.array([0, 0, 1, 1])
    scores = np.array([[0.0, 50.0], [0.0, 60.0], [0.0, 70.0], [0.0, 80.0]])  # all probabilities are 1 in double precision
    assert value("auroc", Answered(y, y == 1, NAMES[:2], scores=scores)) == 1.0


def test_all_tied_aupr_is_the_share_of_the_class() -> None:
    a = replace(drawn(), scores=np.zeros((60, 3)))
    assert value("aupr(class=fraud)", a) == pytest.approx((a.y == 1).mean())


@pytest.mark.parametrize("spec", ["auroc(class=fraud)", "auroc", "aupr(class=fraud)"])
def test_rising_maps_of_the_odds_change_nothing(spec: str) -> None:
    rng = np.random.default_rng(1)
    y, odds = rng.integers(0, 2, 40), rng.normal(size=40)
    plain, bent = (Answered(y, y == 1, NAMES[:2], scores=np.stack([np.zeros(40), z], 1)) for z in (odds, np.exp(3 * odds)))
    assert value(spec, plain) == value(spec, bent)


def test_equalized_odds_of_two_classes_by_hand() -> None:
    y = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    said = np.array([1, 1, 1, 0, 0, 0, 1, 1])
    sex = np.array(["F", "F", "M", "M", "F", "M", "M", "M"])
    found = measures.build("equalized_odds_gap(by=sex)").measure(Answered(y, y == said, NAMES[:2], said, groups={"sex": sex}))
    assert found.value == pytest.approx(2 / 3)  # true positives 1 against 1/2, false positives 0 against 2/3
    assert found.interval.low == 0
    assert found.interval.high <= 1
    assert found.n == 8


def test_the_equalized_odds_gap_of_a_large_sample_is_seen() -> None:
    y = np.ones(4000, dtype=np.int64)
    sex = np.where(np.arange(4000) % 2, "F", "M")
    said = np.where((sex == "F") | (np.arange(4000) % 4 == 0), 1, 0)
    low, high = measures.build("equalized_odds_gap(by=sex)").measure(Answered(y, y == said, NAMES[:2], said, groups={"sex": sex})).interval
    assert 0.4 < low < 0.5 < high < 0.6


def test_costs() -> None:
    a = drawn(classes=2)
    confusion = metrics.confusion_matrix(a.y, a.said)
    assert value("expected_cost(matrix='0 1; 5 0')", a) == pytest.approx((confusion * [[0, 1], [5, 0]]).sum() / 60)


def test_log_loss_says_what_was_cut_off() -> None:
    y, scores = np.array([0, 1]), np.array([[0.0, 99.0], [0.0, 0.0]])
    found = measures.build("log_loss").measure(Answered(y, y == 1, NAMES[:2], scores=scores))
    assert found.value == pytest.approx((10 + math.log(2)) / 2)
    assert found.notes == ("1 of 2 examples cost more than 10 nats and count as that",)


def test_a_class_without_examples_is_named_and_left_out() -> None:
    a = drawn()
    some = a[a.y < 2]
    found = measures.build("recall").measure(some)
    assert found.value == pytest.approx(np.mean([some.right[some.y == k].mean() for k in (0, 1)]))
    assert found.notes == ("the mean is over 2 of 3 classes: it does not exist for other",)
    assert math.isnan(value("recall(class=other)", some))
    assert math.isnan(value("auroc(class=other)", some))


@pytest.mark.parametrize(
    "spec", ["recall", "precision", "f1", "auroc", "aupr", "log_loss", "brier", "top_k(k=1)", "equalized_odds_gap(by=sex)"]
)
def test_nothing_measured_is_nan(spec: str) -> None:
    nothing = drawn()[np.zeros(60, dtype=bool)]
    assert math.isnan(value(spec, nothing))
    assert math.isnan(measures.build(spec).change(nothing, nothing, paired=True).value)


def test_the_change_of_auroc_is_that_of_its_pairs() -> None:
    before, after = drawn(2), drawn(3)
    after = replace(after, y=before.y)
    auroc = measures.build("auroc")
    found = auroc.change(before, after, paired=True)
    assert found.value == pytest.approx(auroc.measure(after).value - auroc.measure(before).value)
    assert auroc.change(before, before, paired=True).interval.high < auroc.change(before, before, paired=False).interval.high


def test_few_changes_make_a_narrow_interval() -> None:
    a = drawn(4, n=2000)
    moved = replace(a, right=a.right & (np.arange(2000) != np.flatnonzero(a.right)[0]))
    low, high = measures.build("recall").change(a, moved, paired=True).interval
    assert low > -0.01
    assert high < 0.01


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("recall(class=fruad)", "Unknown class 'fruad'. Did you mean: fraud"),
        ("equalized_odds_gap(by=race)", r"Unknown group column 'race'. Known: sex. In the measure equalized_odds_gap\(by=race\)"),
        (
            "expected_cost(matrix='0 1; 1 0')",
            "The 'matrix' of expected_cost must have 3 rows and columns, one for each class, got 2",
        ),
        ("top_k(k=3)", "The 'k' of top_k must be at most 2 with 3 classes, got 3"),
        ("coverage(level=0.9)", "needs calibration examples: add --calibrate 0.3"),
    ],
)
def test_what_does_not_fit_the_sample_is_refused_before_any_work(spec: str, message: str) -> None:
    measures.build("recall(class=fraud)").check_sample(SampleFacts(NAMES, {"sex": ("F", "M")}, True, False))
    with pytest.raises(UsageError, match=message):
        measures.build(spec).check_sample(SampleFacts(NAMES, {"sex": ("F", "M")}, True, False))


def test_scores_are_needed() -> None:
    with pytest.raises(UsageError, match="The measure auroc is made of scores, and the model gives labels only"):
        measures.build("auroc").check_sample(SampleFacts(NAMES, {}, False, False))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("expected_cost(matrix='0 1')", "The 'matrix' of expected_cost must hold as many rows as columns"),
        ("expected_cost(matrix='0 a; 1 0')", "must hold as many rows as columns"),
        ("expected_cost(matrix='0 0; 0 0')", "not all 0"),
        ("log_loss(most=0)", "must be in"),
        ("coverage(level=1)", "must be in"),
        ("coverage(level=0.9, sets=none)", "Unknown set score 'none'"),
        ("top_k(k=0)", "must be at least 1"),
        ("recall(klass=a)", "Unknown option of measure 'recall' 'klass'. Did you mean: class"),
    ],
)
def test_bad_options(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        measures.build(spec)


def test_what_is_not_stored_is_refused() -> None:
    a = drawn()
    union = replace(a, said=None, scores=None, rank=None)
    for spec in ("precision", "auroc", "top_k(k=1)"):
        with pytest.raises(Refused, match="stored here|say different ones"):
            measures.build(spec).measure(union)
    infinite = replace(a, scores=np.full((60, 3), np.nan))
    with pytest.raises(Refused, match="the model's scores are NaN or infinite for 60 of 60 examples"):
        measures.build("brier").measure(infinite)
    with pytest.raises(Refused, match="this sample has no group column 'race'"):
        measures.build("equalized_odds_gap(by=race)").measure(a)
    with pytest.raises(Refused, match="no calibration answers"):
        measures.build("coverage(level=0.9)").measure(a)


@pytest.mark.parametrize(
    ("spec", "label"),
    [
        ("recall", "balanced accuracy"),
        ("f1(class=a)", "F1 of class a"),
        ("auroc", "AUROC, mean over"),
        ("top_k(k=3)", "top-3"),
        ("brier", "Brier"),
        ("aupr(class=1)", "AUPR of class 1"),
        ("coverage(level=0.95)", "coverage of 0.95"),
        ("equalized_odds_gap(by=sex)", "equalized odds gap by sex"),
    ],
)
def test_what_people_call_them(spec: str, label: str) -> None:
    measure: Measure = measures.build(spec)
    assert measure.label.startswith(label)


@pytest.mark.parametrize(
    "spec", ["recall(class=3)", "recall(class='>50K')", "recall(class=fraud)", "f1", "expected_cost(matrix='0 1; 5 0')"]
)
def test_specs_read_back(spec: str) -> None:
    built = measures.build(spec)
    assert built.spec() == spec
    assert measures.build(built.spec()) == built
    assert measures.build(built.full_spec()) == built
