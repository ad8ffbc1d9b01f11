"""Confusions: counted by hand from the stored answers, for few classes and for many, without a question to the model."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shiftproof as sp
from shiftproof.evaluation.audit.confusions import MOST_PAIRS, count_pairs
from shiftproof.records.audit import Audit
from small_runs import linear_net, table_of

Floats = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Audit, Path]:
    folder = tmp_path_factory.mktemp("run") / "a"
    options: dict[str, Any] = {"limit": 150, "shard_size": 60, "pictures": 0, "progress": False, "out": str(folder)}
    report = sp.audit(
        linear_net(), "digits:", shifts=["linf(eps=0.1)"], searches=["one_draw", "single_step"], certify=["linear"], **options
    )
    return report.record, folder


def test_every_pair_is_counted_as_by_hand(run: tuple[Audit, Path]) -> None:
    record, folder = run
    assert {(c.shift, c.search, c.kind) for c in record.confusions} == {
        ("identity", "one_draw", "estimate"),
        ("linf(eps=0.1)", "one_draw", "estimate"),
        ("linf(eps=0.1)", "single_step", "at_most"),
    }
    for found in record.confusions:
        table = table_of(folder, found.cell)
        by_hand = Counter(zip(table["label"].tolist(), table["prediction"].tolist(), strict=True))
        assert {(int(p.label), int(p.said)): p.count for p in found.pairs} == by_hand
        assert {int(p.label): p.of for p in found.pairs} == Counter(table["label"].tolist())
        assert found.n == 150
        assert found.wrong == sum(count for (y, said), count in by_hand.items() if y != said) > 0
        assert found.unlisted == 0


def test_what_is_wrong_is_what_accuracy_says(run: tuple[Audit, Path]) -> None:
    record, _ = run
    unmoved = next(c for c in record.confusions if c.shift == "identity")
    assert record.clean.accuracy == pytest.approx(1 - unmoved.wrong / unmoved.n)


def test_the_model_is_not_asked(run: tuple[Audit, Path], tmp_path: Path) -> None:
    record, _ = run
    asked = sum(cell.forwards_per_example * cell.n for cell in record.cells)
    assert record.asked == round(asked)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-1, 6)), min_size=1, max_size=60))
def test_counts_of_any_answers(answers: list[tuple[int, int]]) -> None:
    y, said = (np.array(each, dtype=np.int64) for each in zip(*answers, strict=True))
    names = ["a", "b", "c", "d"]
    found = count_pairs(y, said, names)
    by_hand = Counter((names[a], names[b] if 0 <= b < 4 else "no class") for a, b in answers)
    assert {(p.label, p.said): p.count for p in found} == by_hand
    assert [p.count for p in found] == sorted((p.count for p in found), reverse=True)


def test_of_many_classes_the_pairs_mistaken_most_often() -> None:
    k, rng = 60, np.random.default_rng(0)
    y = np.arange(k).repeat(6)
    said = np.where(rng.random(len(y)) < 0.5, y, (y + 1 + (rng.random(len(y)) < 0.3)) % k)
    x = np.eye(k, dtype=np.float32)[said]

    def ask(inputs: Floats) -> Floats:
        return inputs

    report = sp.audit(ask, sp.examples(x, y), shifts=["linf(eps=0.01)"], searches=["one_draw"], box=(0, 1), progress=False)
    found = next(c for c in report.record.confusions if c.shift == "identity")
    wrong = Counter((str(a), str(b)) for a, b in zip(y.tolist(), said.tolist(), strict=True) if a != b)
    assert found.classes == []
    assert len(found.pairs) == MOST_PAIRS
    assert all(p.count == wrong[p.label, p.said] for p in found.pairs)
    assert found.pairs[0].count == max(wrong.values())
    assert found.unlisted == sum(wrong.values()) - sum(p.count for p in found.pairs) > 0
    text = report.page.read_text(encoding="utf-8")
    assert "Which classes it mistakes" in text
    assert '<table class="confusion">' not in text  # sixty columns have no room


def test_judges_without_classes_have_none() -> None:
    def ask(inputs: Floats) -> Floats:
        return inputs[:, 0]

    x = np.linspace(0, 1, 30, dtype=np.float32)[:, None]
    data = sp.examples(x, x[:, 0], truth="numbers")
    report = sp.audit(ask, data, judge="within(absolute=0.1)", shifts=["linf(eps=0.01)"], searches=["one_draw"], box=(0, 1), progress=False)
    assert report.record.confusions == []
    text = report.page.read_text(encoding="utf-8")
    assert "Which classes it mistakes" not in text
    assert "Share within the allowed error is 100.0% as the examples were collected." in text
    assert "Within is" not in text
