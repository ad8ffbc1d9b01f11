"""The gate on a real run: what the plan promises is what the record has, and what is promised can be judged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import shiftproof as sp
from shiftproof.data.arrays import ArraySource
from shiftproof.evaluation.audit.available import available
from shiftproof.evaluation.audit.plan import make_plan
from shiftproof.evaluation.config import make_config
from shiftproof.gate import available_in, exit_code, verdicts
from shiftproof.gate.match import entries_of

GROUPS = {"sex": ["F", "M"] * 4, "age": ["(30, 40]"] * 4 + ["(40, 50]"] * 4}


def net() -> torch.nn.Module:
    linear = torch.nn.Linear(4, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[9.0, 0, 0, 0], [0, 9, 0, 0]]))
        linear.bias.zero_()
    return linear


def sample(seed: int) -> sp.Examples:
    x = np.random.default_rng(seed).random((8, 4), dtype=np.float32)
    return sp.examples(x, (x[:, 1] > x[:, 0]).astype(np.int64), groups=GROUPS)


def options(out: Path) -> dict[str, Any]:
    return {
        "data": sample(0),
        "shift_from": [ArraySource(sample(1), name="npz:b (2).npz")],
        "shifts": ["linf(eps=0.1)"],
        "searches": ["one_draw", "gradient_ascent(steps=5)", "best_of_n(n=3)"],
        "certify": ["linear"],
        "out": str(out),
    }


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module")
def report(out: Path) -> sp.Report:
    conditions = ["accuracy < 1", "linf(0.1).union.robust_accuracy<1", "natural.drop.high > 0.99", 'accuracy[age="(30, 40]" & sex=M] < 1']
    return sp.audit(net(), progress=False, fail_on=conditions, **options(out / "run"))


def test_every_promised_number_can_be_judged(report: sp.Report, out: Path) -> None:
    promised = available(make_plan(make_config({"model": net(), **options(out / "other")})))
    found = verdicts(report.record, [f"{entry.label} < 0.5" for entry in entries_of(promised)])
    assert len(found) > 20
    assert {str(v.condition): v.detail for v in found if v.state == "unjudged"} == {}


def test_the_plan_promises_all_but_the_union_and_other_samples_groups(report: sp.Report, out: Path) -> None:
    promised = {entry.label for entry in entries_of(available(make_plan(make_config({"model": net(), **options(out / "other")}))))}
    more = {entry.label for entry in entries_of(available_in(report.record))} - promised
    assert {label for label in more if ".union." not in label and not label.startswith("natural(")} == set()


def test_a_model_of_labels_promises_no_probabilities(out: Path) -> None:
    def labels(x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
        return (x[:, 1] > x[:, 0]).astype(np.int64)

    plan = make_plan(make_config({**options(out / "labels"), "model": labels, "searches": ["best_of_n(n=3)"], "certify": ()}))
    assert "error_probability" not in {measure for _, _, _, measure, _ in available(plan)}


def test_the_record_has_the_verdicts(report: sp.Report) -> None:
    gates = report.record.gates
    assert [g.condition for g in gates][1] == "linf(eps=0.1).union.robust_accuracy < 1.0"
    assert [g.failed for g in gates] == [False, True, False, False]
    assert exit_code(gates, report.record.complete) == 1


def test_a_condition_on_nothing_stops_before_any_work(out: Path) -> None:
    with pytest.raises(sp.UsageError, match=r"matches no number of this run. Nearest: linf\(eps=0.1\)"):
        sp.audit(net(), progress=False, fail_on=["linf(eps=0.2).robust_accuracy < 1"], **options(out / "none"))
    assert not (out / "none").exists()
