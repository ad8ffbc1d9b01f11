"""The lines of conditions that must be readable, each true of one run and false of another."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import shiftproof as sp
from shiftproof.data.rows import Fields
from shiftproof.data.space import Column, InputSpace
from shiftproof.gate import check_against, parse, verdicts
from shiftproof.records.audit import Audit

INCOME = ("<=50K", ">50K", "fraud")
SEX = 3
"""The column that says who somebody is, which the bad model looks at."""
LINES = [
    'recall(class=">50K").high < 50%',
    "linf(eps=8/255).recall(class=fraud) < 90%",
    "natural(usps).coverage(level=0.95).high < 90%",
    "equalized_odds_gap(by=sex).low > 10%",
    "expectation(linf(eps=8/255)).accuracy < 0.5",
]
MISSING = "missing(share=0.1).recall(class=fraud) < 90%"
ASKED = "on(field=question, inner=typos(edits=1)).exact_match < 80%"


class Scorer(torch.nn.Module):
    """Says the class of the largest of three numbers; the bad one says another to women."""

    def __init__(self, *, bad: bool) -> None:
        super().__init__()
        self.bad = bad

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = 9 * x[:, :3]
        return torch.where((x[:, SEX:] > 0.5) & self.bad, scores.roll(1, dims=1), scores)


def people(seed: int, n: int) -> sp.Examples:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, n)
    x = rng.uniform(0, 0.4, (n, 4)).astype(np.float32)
    x[np.arange(n), y] += 0.5
    x[:, SEX] = rng.random(n) < 0.8
    return sp.examples(x, np.array(INCOME)[y], groups={"sex": np.where(x[:, SEX] > 0, "F", "M")})


def usps(path: Path, *, bad: bool) -> str:
    """Another sample as a file; in the bad one everybody is a clear case, so that a wrong answer is a sure one."""
    other = people(7, 200)
    x, y = other.x.numpy(), other.y.numpy()
    if bad:
        x[:, :3] = np.eye(3)[y]
    np.savez(path, x=x, y=np.array(INCOME)[y])
    return f"usps=npz:{path}"


@pytest.fixture(scope="module", params=[False, True], ids=["good", "bad"])
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[bool, Audit]:
    bad, folder = bool(request.param), tmp_path_factory.mktemp("lines")
    report = sp.audit(
        Scorer(bad=bad),
        people(0, 600),
        progress=False,
        shifts=["linf(eps=8/255)"],
        searches=["one_draw", "best_of_n(n=2)"],
        shift_from=[usps(folder / "usps.npz", bad=bad)],
        calibrate=0.3,
        fail_on=LINES,
        out=str(folder / "run"),
    )
    return bad, report.record


def test_each_line_is_true_of_the_bad_model_and_false_of_the_good_one(run: tuple[bool, Audit]) -> None:
    bad, record = run
    found = verdicts(record, LINES)
    assert {str(v.condition): v.state for v in found} == {str(parse(line)): "failed" if bad else "held" for line in LINES}
    assert [v.number.n for v in found if v.number and str(v.condition).startswith("natural")] == [200]


def test_the_average_is_read_where_no_search_is_named(run: tuple[bool, Audit]) -> None:
    (average,) = verdicts(run[1], ["linf(eps=8/255).recall(class=fraud) < 90%"])
    (worst,) = verdicts(run[1], ["linf(eps=8/255).best_of_n(n=2).recall(class=fraud) < 90%"])
    (precise,) = verdicts(run[1], ["linf(eps=8/255).best_of_n(n=2).drop(recall(class=fraud)) > 90%"])
    assert average.number
    assert average.number.kind == "estimate"
    assert "name a search for its worst case" in average.detail
    assert worst.number
    assert worst.number.kind == "at_most"
    assert precise.number
    assert precise.number.kind == "at_least"
    assert precise.state == "held"


def test_figures_at_moves_found_for_another_purpose_say_so(run: tuple[bool, Audit]) -> None:
    found = [m for m in run[1].measures if m.search != "one_draw" and not m.measure.startswith("recall")]
    assert found
    assert all(m.kind == "estimate" and m.searched and "not for this measure" in m.notes[0] for m in found)


def test_a_measure_of_a_group(run: tuple[bool, Audit]) -> None:
    bad, record = run
    women, men = verdicts(record, ['recall(class=">50K")[sex=F] < 50%', 'recall(class=">50K")[sex=M].low < 50%'])
    assert women.state == ("failed" if bad else "held")
    assert men.state == "held"


@pytest.mark.parametrize(("bad", "state"), [(False, "held"), (True, "failed")])
def test_fraud_is_found_where_a_value_is_missing(bad: bool, state: str, tmp_path: Path) -> None:
    """Each number stands twice in a row; the bad model does without the second, and calls every row with a gap harmless."""
    given = people(0, 120)
    twice = torch.cat([given.x[:, :SEX], given.x[:, :SEX]], dim=1)
    columns = tuple(Column(f"c{i}", "real", 0, 1, quantiles=tuple(np.linspace(0, 1, 101))) for i in range(6))
    examples = replace(given, x=twice, space=InputSpace(kind="table", columns=columns))

    def scores(x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        found: npt.NDArray[np.float32] = np.nanmean(x.reshape(-1, 2, 3), axis=1)
        found[np.isnan(x).any(1) & bad, INCOME.index("<=50K")] = 9
        return found

    options: dict[str, Any] = {
        "shifts": ["missing(share=0.1)"],
        "searches": ["one_draw"],
        "fail_on": [MISSING],
        "out": str(tmp_path / "run"),
    }
    record = sp.audit(scores, examples, progress=False, **options).record
    assert [v.state for v in verdicts(record, [MISSING])] == [state]
    (whole,) = verdicts(record, ["recall(class=fraud) < 90%"])
    assert whole.state == "held", "without a gap both find it"


def test_the_answer_to_a_question_with_a_typo(tmp_path: Path) -> None:
    questions, answers = ["what is the name of it"] * 40, [(f"the{i}",) for i in range(40)]
    examples = sp.examples(Fields(question=questions, context=[one[0] for one in answers]), answers)

    def good(asked: Fields) -> list[Any]:
        return list(asked["context"])

    def bad(asked: Fields) -> list[Any]:
        return [said if question == questions[0] else "?" for question, said in zip(asked["question"], asked["context"], strict=True)]

    for model, state in ((good, "held"), (bad, "failed")):
        report = sp.audit(
            model,
            examples,
            progress=False,
            judge="exact_match",
            shifts=["on(field=question, inner=typos(edits=1))"],
            searches=["one_draw"],
            fail_on=[ASKED],
            out=str(tmp_path / state),
        )
        assert [v.state for v in verdicts(report.record, [ASKED])] == [state]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("natural(mnist).coverage(level=0.95) < 90%", r"matches no number of this run\. Nearest: natural\(source=usps\)\.coverage"),
        ("natural(usps).coverage(level=0.9) < 90%", r"matches no number of this run\. Nearest: natural\(source=usps\)"),
        ("l2(eps=1).recall(class=fraud) < 90%", r"matches no number of this run\. Nearest: .*recall\(class=fraud\)"),
        ("recall(class=fraud)[sex=X] < 90%", r"Nearest: .*recall\(class=fraud\)\[sex=F\]"),
    ],
)
def test_what_the_run_has_not_is_refused_with_the_nearest(run: tuple[bool, Audit], line: str, message: str) -> None:
    from shiftproof.gate import available_in

    with pytest.raises(sp.UsageError, match=message):
        check_against([line], available_in(run[1]))


def labels_only(x: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    said: npt.NDArray[np.int64] = x[:, :3].argmax(1)
    return said


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"fail_on": ["recall(class=frod) < 50%"]}, "Unknown class 'frod'. Did you mean: fraud"),
        ({"fail_on": ["equalized_odds_gap(by=race) > 10%"]}, "Unknown group column 'race'"),
        ({"fail_on": ["coverage(level=0.9) < 90%"]}, "needs calibration examples: add --calibrate"),
        ({"fail_on": ["linf(eps=1).recall(class=fraud) < 50%"]}, "matches no number of this run. Nearest"),
        ({"measures": ["recal"]}, "Unknown measure 'recal'. Did you mean: recall"),
        ({"measures": ["auroc"], "model": labels_only}, "is made of scores, and the model gives labels only"),
        ({"calibrate": 0.3, "model": labels_only}, "--calibrate is about confidence, and the model '.*' gives labels only"),
        ({"calibrate": 0.3, "calibrate_on": people(3, 20)}, "Give either --calibrate SHARE"),
        ({"calibrate_on": people(0, 40)[np.arange(10)]}, "10 of the 10 calibration inputs in .* are test inputs too"),
        ({"calibrate": 0.001}, "there is no calibration example"),
        ({"shift_from": ["a=npz:x.npz", "a=npz:y.npz"]}, "The name 'a' is taken by another sample"),
    ],
)
def test_what_cannot_be_measured_stops_before_any_work(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(sp.UsageError, match=message):
        sp.audit(
            **{
                "model": Scorer(bad=False),
                "data": people(0, 40),
                "progress": False,
                "shifts": ["linf(eps=0.1)"],
                **options,
                "out": str(tmp_path / "x"),
            }
        )
    assert not (tmp_path / "x").exists()
