"""Replays of published answers, without a call: GPT-4V's raw replies, CLIP and LLaVA on PACS and VLCS, FLUKE's and PromptBench's."""

from __future__ import annotations

import csv
import gzip
import json
import os
from pathlib import Path

import numpy as np
import pytest

from shiftproof.measures.closed_answer import domain_accuracy, reply_kind
from shiftproof.measures.perturbation_effects import perturbation_effects
from shiftproof.measures.variants import variant_robustness

FOLDER = Path(os.environ.get("SHIFTPROOF_DATA", "")) / "text"
pytestmark = pytest.mark.skipif(
    not os.environ.get("SHIFTPROOF_DATA"), reason="SHIFTPROOF_DATA does not name a folder with the published answers"
)
PACS = ["dog", "elephant", "giraffe", "guitar", "horse", "house", "person"]


def table(name: str) -> list[dict[str, str]]:
    with gzip.open(FOLDER / name, "rt", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_ninety_raw_replies_of_gpt_4v() -> None:
    with gzip.open(FOLDER / "pacs_vlm" / "gpt4v_raw_replies.jsonl.gz", "rt", encoding="utf-8") as file:
        replies = [json.loads(line) for line in file]
    found = [reply_kind(reply, PACS) for reply in replies]
    kinds = [kind for kind, _ in found]
    assert (len(kinds), kinds.count("answered"), kinds.count("server_error"), kinds.count("rate_limit")) == (90, 39, 38, 13)
    answers = [(answer, reply) for (kind, answer), reply in zip(found, replies, strict=True) if kind == "answered" and answer]
    assert sum(answer.choice == reply["image_path"].split("/")[2] for answer, reply in answers) == 39
    assert all(0.5 <= answer.confidence <= 1 for answer, _ in answers)


@pytest.mark.parametrize(("model", "right", "sketch"), [("clip-vit-base-patch16", 134, 29), ("llava", 138, 33)])
def test_accuracy_by_domain_on_pacs(model: str, right: int, sketch: int) -> None:
    rows = {
        (row["domain"], row["image"]): row for row in table("pacs_vlm/answers.csv.gz") if model in row["model"] and row["dataset"] == "PACS"
    }
    own = [*rows.values()]
    assert len(own) == 140
    verdicts = [row["true_class"] == row["predicted_class"] for row in own]
    found = {one.domain: one for one in domain_accuracy(verdicts, [row["domain"] for row in own], first="photo")}
    assert sum(verdicts) == right
    assert (found["sketch"].right, found["sketch"].n) == (sketch, 35)


@pytest.mark.parametrize(("model", "right"), [("clip-vit-base-patch16", 19), ("llava", 18)])
def test_accuracy_on_vlcs(model: str, right: int) -> None:
    rows = {row["image"]: row for row in table("pacs_vlm/answers.csv.gz") if model in row["model"] and row["dataset"] == "VLCS"}
    assert (sum(row["true_class"] == row["predicted_class"] for row in rows.values()), len(rows)) == (right, 20)


def test_negation_in_flukes_answers() -> None:
    rows = table("fluke/answers_sa_paired.csv.gz")
    expected = {"gpt4o": (13, 3, 0.0213), "llama": (12, 3, 0.0352), "bert": (19, 3, 0.0009), "t5": (24, 0, 0.0)}
    for model, (lost, gained, p) in expected.items():
        own = [row for row in rows if row["model"] == model and row["modification"] == "negation"]
        before = np.array([row["original_pred"] == row["original_label"] for row in own])
        after = np.array([row["modified_pred"] == row["modified_label"] for row in own])
        (effect,) = perturbation_effects(before, {"negation": after})
        assert (effect.lost, effect.gained) == (lost, gained)
        assert effect.p_value == pytest.approx(p, abs=5e-5)


def test_flukes_table_is_replayed_from_its_answers() -> None:
    """Accuracy before and after of each of 68 pairs of model and modification: the published one, to its two digits, but for three.

    In those three the published accuracy after the edit is that of the answers against the labels of the texts before it: 16 of the 100
    edits turn the label over, and the table counts none of them. GPT-4o's is one answer below. The other four rows are averages.
    """
    answers: dict[tuple[str, str], list[dict[str, str]]] = {}
    for row in table("fluke/answers_sa_paired.csv.gz"):
        answers.setdefault((row["model"], row["modification"]), []).append(row)
    with (FOLDER / "fluke" / "published_drops.csv").open(encoding="utf-8") as file:
        published = {(row["model"], row["modification"].removesuffix("_100")): row for row in csv.DictReader(file)}
    cells = {cell: row for cell, row in published.items() if cell[1] != "average"}
    other: dict[tuple[str, str], float] = {}
    for cell, row in cells.items():
        own = answers[cell]
        before = np.array([one["original_pred"] == one["original_label"] for one in own])
        after = np.array([one["modified_pred"] == one["modified_label"] for one in own])
        (effect,) = perturbation_effects(before, {cell[1]: after})
        assert effect.drop == pytest.approx((effect.lost - effect.gained) / len(own))
        assert before.mean() == pytest.approx(float(row["original_res"]), abs=0.0051)
        if abs(after.mean() - float(row["modified_res"])) > 0.0051:
            unturned = np.mean([one["modified_pred"] == one["original_label"] for one in own])
            other[cell] = round(float(unturned) - float(row["modified_res"]), 2)
            assert sum(one["modified_label"] != one["original_label"] for one in own) == 16
        else:
            assert effect.drop == pytest.approx(-float(row["difference"]), abs=0.0151)
    assert (len(cells), len(published)) == (68, 72)
    assert other == {("claude-3-5-sonnet", "sentiment"): 0.0, ("gpt4o", "sentiment"): 0.01, ("llama", "sentiment"): 0.0}


def test_performance_drop_rates_of_prompt_bench() -> None:
    """The rate of one prompt is 1 - attacked / original; ours, from verdicts of 100 items with these accuracies, is the same number."""
    rows = [row for row in table("promptbench/adv_prompts.csv.gz") if float(row["original_acc"]) > 0]
    rates: dict[str, list[float]] = {}
    for row in rows:
        before, after = float(row["original_acc"]), float(row["attacked_acc"])
        rates.setdefault(row["attack"], []).append(1 - after / before)
    expected = {
        "bertattack": 0.346,
        "textfooler": 0.329,
        "textbugger": 0.226,
        "deepwordbug": 0.188,
        "checklist": 0.160,
        "stresstest": 0.131,
    }
    assert {attack: round(float(np.mean(values)), 3) for attack, values in rates.items() if attack in expected} == expected
    whole = [row for row in rows if all(float(row[name]).is_integer() for name in ("original_acc", "attacked_acc"))][:5]
    for row in whole:
        first, second = (np.arange(100) < int(float(row[name])) for name in ("original_acc", "attacked_acc"))
        found = variant_robustness(first, second[:, None]).drop_rate
        assert found == pytest.approx(1 - float(row["attacked_acc"]) / float(row["original_acc"]))
