"""Closed answers, domains, stability, entropy and the gain of a picture: by hand, against definitions, and with planted truths."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from shiftproof._errors import UsageError
from shiftproof.measures.closed_answer import CLOSED_FORMAT, domain_accuracy, read_closed_answer, reply_kind
from shiftproof.measures.image_gain import image_gain, relative_robustness
from shiftproof.measures.stability import agreement, answer_entropy, stability_predictor
from validity import assert_interval

PETS = ["dog", "cat", "cat fish"]


@pytest.mark.parametrize(
    ("text", "choice", "confidence"),
    [
        ("---BEGIN---\nAnswer Choice: Dog\nConfidence Score: 0.97\nReasoning: It barks.\n---END---", "dog", 0.97),
        ("**Answer Choice**: [cat]\n**Confidence Score**: 85%\n**Reasoning**: a", "cat", 0.85),
        ("Answer Choice: cat fish\nConfidence Score: 99", "cat fish", 0.99),
        ("Answer Choice: dog or cat\nConfidence Score: 0.5", "", 0.5),
        ("Answer Choice: [one of the classes]\nAnswer Choice: dog\nConfidence Score: high", "dog", float("nan")),
        ("It is a dog.", "", float("nan")),
        ("", "", float("nan")),
    ],
)
def test_what_a_closed_answer_says(text: str, choice: str, confidence: float) -> None:
    found = read_closed_answer(text, PETS)
    assert found.choice == choice
    assert found.confidence == pytest.approx(confidence, nan_ok=True)


def test_raw_replies_of_every_kind() -> None:
    said = {"choices": [{"message": {"content": "Answer Choice: dog\nConfidence Score: 1\nReasoning: x"}}]}
    assert reply_kind(said, PETS)[0] == "answered"
    assert reply_kind({"error": {"code": "rate_limit_exceeded"}}, PETS) == ("rate_limit", None)
    assert reply_kind({"error": {"message": "The server had an error", "code": None}}, PETS) == ("server_error", None)
    assert reply_kind({"choices": []}, PETS) == ("unreadable", None)
    assert reply_kind({"choices": [{"message": {"content": "Hm."}}]}, PETS)[0] == "unreadable"
    assert "{options}" in CLOSED_FORMAT


def test_gaps_of_domains_hold_planted_truths() -> None:
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(150):
        right = [*(rng.random(35) < 0.95), *(rng.random(35) < 0.8)]
        found = domain_accuracy(right, ["photo"] * 35 + ["sketch"] * 35, first="photo", confidence=0.9)
        gaps.append(found[1].gap_interval)
    assert_interval(gaps, -0.15, 0.9)
    with pytest.raises(UsageError, match="be one of a, b"):
        domain_accuracy([True, True], ["a", "b"], first="c")


def test_agreement_and_entropy_by_hand() -> None:
    answers = [["a"] * 4, ["a", "a", "b", "c"], ["a", "b", "c", "d"]]
    assert agreement(answers).tolist() == [1.0, 0.5, 0.25]
    expected = [0.0, -(0.5 * np.log(0.5) + 2 * 0.25 * np.log(0.25)), np.log(4)]
    np.testing.assert_allclose(answer_entropy(answers), expected, atol=1e-12)
    with pytest.raises(UsageError, match="be at least one"):
        agreement([[]])


def test_stability_is_what_its_definition_says() -> None:
    rng = np.random.default_rng(1)
    answers = [[str(rng.integers(1 + place % 3)) for _ in range(3)] for place in range(90)]
    right = (rng.random(90) < agreement(answers)).astype(float)
    found = stability_predictor(answers, right)
    stable = np.array([len(set(own)) == 1 for own in answers])
    assert found.stable == stable.sum()
    assert found.difference == pytest.approx(right[stable].mean() - right[~stable].mean())
    assert found.auroc == pytest.approx(roc_auc_score(right, agreement(answers)))
    whole = stability_predictor([["a", "a"]] * 3, [1, 0, 1])
    assert (whole.flip_rate, whole.interval) == (0.0, (-1.0, 1.0))
    with pytest.raises(UsageError, match="be 0 or 1"):
        stability_predictor([["a"]], [1])


def test_the_interval_of_stability_holds_a_planted_difference() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(150):
        stable = rng.random(40) < 0.6
        answers = [["a", "a" if one else "b"] for one in stable]
        found.append(stability_predictor(answers, rng.random(40) < np.where(stable, 0.9, 0.4), confidence=0.9).interval)
    assert_interval(found, 0.5, 0.9)


def test_a_model_that_ignores_the_picture_gains_nothing() -> None:
    rng = np.random.default_rng(3)
    answers = rng.integers(2, size=60)
    blind_model = (answers == 1).astype(float)  # says yes, with and without the picture
    found = image_gain(blind_model, blind_model, ["yes" if one else "no" for one in answers])
    assert found.gain.value == 0.0
    assert found.gain.interval.low <= 0 <= found.gain.interval.high
    assert found.most_frequent == max(answers.mean(), 1 - answers.mean())
    seeing = image_gain(np.ones(60), blind_model, ["yes"] * 60)
    assert seeing.gain.value == pytest.approx(1 - blind_model.mean())
    assert seeing.gain.interval.low > 0
    with pytest.raises(UsageError, match="be of one length"):
        image_gain([1.0], [1.0, 0.0], ["a"])


def test_relative_robustness_is_the_share_that_is_left() -> None:
    assert relative_robustness(0.8, 0.8) == 1.0
    assert relative_robustness(0.5, 0.25) == 0.5
    assert np.isnan(relative_robustness(0.0, 0.1))
