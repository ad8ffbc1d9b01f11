"""Another sample beside the audit's own: paired where the ids are, else as independent samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from scipy.stats import binomtest

import shiftproof as sp
from shiftproof.data.align import Noted
from shiftproof.risks.intervals import proportion_difference
from small_runs import linear_net, record, table_of

Words = npt.NDArray[np.str_]


def sample(n: int, *, dark: float = 0.0, start: int = 0, ids: Words | None = None) -> sp.Examples:
    """Test images, `dark` by so much and a little noisy for it."""
    taken = sp.load_data("digits:").take(slice(start, start + n))
    torch.manual_seed(0)
    x = (taken.x * (1 - dark) + dark * torch.rand_like(taken.x)).clamp(0, 1)
    return sp.examples(x, taken.y, ids=ids)


def named(n: int, start: int = 0) -> Words:
    return np.array([f"image-{i}" for i in range(start, start + n)])


def run(out: Path, data: object, *others: object) -> sp.Report:
    options: dict[str, Any] = {"shifts": ("linf(eps=0.05)",), "searches": ("one_draw",), "out": str(out), "shard_size": 64}
    return sp.audit(linear_net(), data, shift_from=others, progress=False, **options)


def right(out: Path, uri: str) -> dict[str, bool]:
    (cell,) = [c for c in record(out)["cells"] if (c["data"], c["shift"]) == (uri, "identity")]
    table = table_of(out, cell["key"])
    return {str(name): bool(p == y) for name, p, y in zip(table["id"], table["prediction"], table["label"], strict=True)}


def test_what_was_decided_about_another_sample_is_said(tmp_path: Path) -> None:
    said = "the other sample is in file order"
    report = run(tmp_path / "run", sample(40, dark=0.2), Noted.of(sp.load_data("digits:", limit=40), (said,)))
    assert said in report.record.natural[0].notes
    assert said in report.page.read_text()


def test_the_same_ids_pair(tmp_path: Path) -> None:
    """150 and 120 images, of which 100 are the same under another light: the test stands on those."""
    own, other = sample(150, ids=named(150)), sample(120, dark=0.6, start=50, ids=named(120, 50))
    report = run(tmp_path / "run", own, other)
    (natural,) = report.record.natural
    one, two = right(tmp_path / "run", "examples"), right(tmp_path / "run", "examples (2)")
    shared = one.keys() & two.keys()
    assert len(shared) == 100
    cells = [(one[name], two[name]) for name in shared]
    pairs = natural.paired
    assert pairs is not None
    assert (pairs.n, pairs.both_right, pairs.both_wrong) == (100, cells.count((True, True)), cells.count((False, False)))
    assert (pairs.only_first, pairs.only_second) == (cells.count((True, False)), cells.count((False, True)))
    assert pairs.only_first > pairs.only_second > 0  # else this compares little
    assert natural.difference == pairs.difference == pytest.approx((pairs.only_second - pairs.only_first) / 100)
    assert natural.difference_interval == pairs.interval
    assert pairs.p_value == pytest.approx(binomtest(pairs.only_first, pairs.only_first + pairs.only_second, 0.5).pvalue)
    assert natural.n == 120
    assert natural.accuracy == pytest.approx(float(np.mean(list(two.values()))))


def test_other_examples_do_not(tmp_path: Path) -> None:
    own, other = sample(150, ids=named(150)), sample(130, dark=0.6, start=200, ids=named(130, 200))
    report = run(tmp_path / "run", own, other)
    (natural,) = report.record.natural
    one, two = (np.array(list(right(tmp_path / "run", uri).values())) for uri in ("examples", "examples (2)"))
    assert natural.paired is None
    assert natural.difference == pytest.approx(two.mean() - one.mean())
    ends = proportion_difference((one.sum(), 150), (two.sum(), 130), confidence=0.95).one()
    assert natural.difference_interval == pytest.approx(tuple(ends))
    assert report.record.clean.accuracy == pytest.approx(one.mean())


def test_rows_of_another_length_or_other_labels_are_no_pairs(tmp_path: Path) -> None:
    """Row numbers name an example only where both samples have the same rows, and labels say whether they do."""
    own = sample(100)
    unequal, relabelled = sample(90, dark=0.5), sample(100, dark=0.5, start=100)
    report = run(tmp_path / "run", own, unequal, relabelled, sample(100, dark=0.5))
    assert [natural.paired is not None for natural in report.record.natural] == [False, False, True]


def test_samples_in_memory_are_told_apart(tmp_path: Path) -> None:
    report = run(tmp_path / "run", sample(40), sample(40, dark=0.2), sample(40, dark=0.9))
    assert report.record.data.uri == "examples"
    assert [natural.source for natural in report.record.natural] == ["examples (2)", "examples (3)"]
    assert len({natural.accuracy for natural in report.record.natural}) == 2
    with pytest.raises(sp.UsageError, match="l2"):  # and the gate knows them by these names
        sp.audit(linear_net(), sample(40), shift_from=(sample(40, dark=0.2),), fail_on=("l2(eps=1).robust_accuracy < 1",), progress=False)


def test_the_same_sample_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(sp.UsageError, match="The same data were given twice: a natural shift is another sample than the audit's own"):
        run(tmp_path / "run", sample(40), sample(40))
    assert not (tmp_path / "run").exists()


def test_only_the_audits_own_sample_is_attacked(tmp_path: Path) -> None:
    run(tmp_path / "run", sample(40), sample(40, dark=0.2))
    cells = {(cell["data"], cell["shift"]) for cell in record(tmp_path / "run")["cells"]}
    assert cells == {("examples", "identity"), ("examples", "linf(eps=0.05)"), ("examples (2)", "identity")}


def test_another_sample_that_the_model_refuses(tmp_path: Path) -> None:
    other = sp.examples(np.zeros((5, 1, 4, 4), dtype=np.float32), np.arange(5))
    with pytest.raises(sp.UsageError, match=r"rejects inputs of shape \(5, 1, 4, 4\)"):
        run(tmp_path / "run", sample(40), other)
    assert not (tmp_path / "run").exists()
