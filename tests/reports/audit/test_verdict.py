"""What a run comes to in one line, and how far groups differ with intervals that hold together."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sample_audit import sample_audit
from shiftproof import audit, examples
from shiftproof.records.audit import Audit, JudgeCard
from shiftproof.reports.audit.group_gaps import GroupGap, GroupShare, gap_lines, group_gaps
from shiftproof.reports.audit.verdict import verdict_line


def run(right: dict[str, tuple[int, int]], fail_on: tuple[str, ...] = ()) -> Audit:
    """A model that is right on so many of so many examples of each group."""
    groups = [name for name, (_, n) in right.items() for _ in range(n)]
    x = np.concatenate([np.r_[np.ones(k), np.zeros(n - k)] for k, n in right.values()])[:, None]

    def ask(inputs: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return np.concatenate([1 - inputs, inputs], axis=1)

    data = examples(x.astype(np.float32), np.ones(len(x), dtype=int), groups={"sex": groups})
    return audit(ask, data, shifts=["linf(eps=0.1)"], searches=["one_draw"], fail_on=fail_on, progress=False).record


def test_conditions_come_first() -> None:
    record = run({"F": (40, 50), "M": (45, 50)}, ("accuracy < 50%", "accuracy < 90%"))
    assert verdict_line(record) == "Holds 1 of 2 conditions; fails: accuracy < 0.9."


def test_where_all_conditions_hold_the_weakest_point_follows() -> None:
    record = run({"F": (10, 100), "M": (95, 100)}, ("accuracy < 20%",))
    assert verdict_line(record).startswith("Holds 1 of 1 condition. Weakest point: group sex=F, 10.0% right (")


def test_without_conditions_the_weakest_point() -> None:
    assert verdict_line(run({"F": (10, 100), "M": (95, 100)})).startswith("Weakest point: group sex=F, 10.0% right (")
    assert verdict_line(run({"F": (50, 50), "M": (50, 50)})).startswith("No weak point was found: accuracy is nowhere measurably below")


def test_an_attack_that_does_worse_stands_beside_it() -> None:
    record = sample_audit()
    said = verdict_line(record.model_copy(update={"gates": []}))
    assert said.startswith("Weakest point")
    assert "at most " in said
    assert said.count("right (") == (2 if "; under attack: " in said else 1)


def test_a_mean_score_is_no_share_of_right_answers() -> None:
    record = sample_audit().model_copy(update={"gates": [], "judge": JudgeCard(spec="token_f1", measure="f1", word="mean F1", graded=True)})
    said = verdict_line(record)
    assert " right" not in said
    assert ", mean F1 at most " in said


def test_a_gap_is_stated_at_what_it_is_at_least() -> None:
    (gap,) = group_gaps(run({"F": (60, 100), "M": (95, 100), "X": (1, 1)}))
    assert [share.group for share in gap.groups] == ["sex=F", "sex=M", "sex=X"]
    low = stats.binomtest(95, 100).proportion_ci(1 - 0.05 / 3, method="exact").low
    high = stats.binomtest(60, 100).proportion_ci(1 - 0.05 / 3, method="exact").high
    assert gap.sure == pytest.approx(low - high)
    said = gap.sentence("accuracy")
    assert "60.0% for sex=F (n = 100) and 95.0% for sex=M (n = 100)" in said
    assert "1 group of fewer than 30 examples says little." in said


def test_a_gap_that_may_be_chance_is_said_to_be() -> None:
    (gap,) = group_gaps(run({"F": (45, 50), "M": (46, 50)}))
    assert gap.sure == 0
    assert "the gap may be chance" in gap.sentence("accuracy")
    small = replace(gap, groups=(GroupShare("a", 3, 1.0, 0.3, 1.0), GroupShare("b", 3, 0.0, 0.0, 0.7)))
    assert "no two groups are large enough to be compared by accuracy. 2 groups of fewer than 30 examples say little." in small.sentence(
        "accuracy"
    )


def test_the_terminal_shows_each_group() -> None:
    lines = gap_lines(run({"F": (45, 50), "M": (46, 50)}))
    assert lines[0].startswith("sex: accuracy is 90.0% for sex=F (n = 50)")
    assert lines[1].startswith("  sex=F: 90.0% (")
    assert lines[1].endswith("n = 50")


@pytest.mark.slow
def test_gaps_that_are_not_there_are_rarely_stated() -> None:
    rng = np.random.default_rng(0)
    false = 0
    for _ in range(2000):
        record = [(int(rng.binomial(n, 0.8)), int(n)) for n in (40, 100, 300)]
        ends = [stats.binomtest(k, n).proportion_ci(1 - 0.05 / 3, method="exact") for k, n in record]
        shares = tuple(GroupShare(str(i), n, k / n, end.low, end.high) for i, ((k, n), end) in enumerate(zip(record, ends, strict=True)))
        false += GroupGap("g", shares, 0.95).sure > 0
    assert stats.binomtest(false, 2000, 0.05, alternative="greater").pvalue > 0.01
