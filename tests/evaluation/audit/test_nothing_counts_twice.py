"""An example counts once in every number: whatever is asked for twice, in whatever spelling, is run and pooled once."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest

import shiftproof as sp
from shiftproof._errors import Contradiction
from shiftproof.data.source import Wrapped
from shiftproof.evaluation.audit import collect
from shiftproof.evaluation.audit.plan import make_plan
from shiftproof.evaluation.audit.pooled import join_tables, pooled_results, refuse_doubles
from shiftproof.evaluation.compare import verdicts
from shiftproof.evaluation.config import make_config
from shiftproof.evaluation.curves.stress_run import stress_run
from shiftproof.records.audit import UNION, Audit
from shiftproof.runs.store import Store
from small_runs import linear_net

N = 24


def audit(out: Path | None = None, **options: Any) -> Audit:
    place = {} if out is None else {"out": str(out)}
    report = sp.audit(linear_net(), "digits:", **{"limit": N, "progress": False, "pictures": 0, **place, **options})
    record: Audit = report.record
    assert record.complete
    return record


def means(record: Audit) -> dict[tuple[str, str, str], list[int]]:
    found: dict[tuple[str, str, str], list[int]] = {}
    for result in record.results:
        if result.risk == "mean":
            found.setdefault((result.shift, result.search, result.measure), []).append(result.n)
    return found


@pytest.mark.parametrize(
    "options",
    [
        {"shifts": ["identity"]},
        {"shifts": ["identity", "identity"], "searches": ["one_draw"]},
        {"shifts": ["linf(eps=8/255)", f"linf(eps={8 / 255!r})"], "searches": ["one_draw"]},
        {"shifts": ["linf(eps=0.1)", "linf(eps=0.10)", "linf(0.1)", "linf(eps=1e-1)"], "searches": ["one_draw"]},
        {"shifts": ["gaussian_noise(severity=3)", "gaussian_noise(severity=3.0)"]},
        {"shifts": ["linf(eps=0.1)"], "searches": ["pgd(steps=3)", "gradient_ascent(steps=3)"]},
        {"shifts": ["linf(eps=0.1)"], "searches": ["gradient_ascent(steps=3)", "gradient_ascent(steps=3, restarts=1)"]},
        {"shifts": ["linf(eps=0.1)", "linf(eps=0.1)"], "searches": ["best_of_n(n=2)", "best_of_n(n=2)"]},
        {"shifts": ["linf(eps=0.01)"], "searches": ["one_draw"], "certify": ["linear", "linear"]},
        {"shifts": ["linf(eps=0.01)", "linf(eps=0.010)"], "searches": ["one_draw"], "certify": ["linear"], "shard_size": 7},
    ],
    ids=lambda options: " ".join(map(str, options.values())),
)
def test_what_is_asked_for_twice_is_pooled_once(options: dict[str, Any]) -> None:
    record = audit(**options)
    assert {tuple(ns) for ns in means(record).values()} == {(N,)}
    assert [cell.n for cell in record.cells] == [N] * len(record.cells)
    assert len({cell.key for cell in record.cells}) == len(record.cells)
    assert record.clean.n == N


def test_a_shift_beside_itself_in_python() -> None:
    from shiftproof.shifts import Identity, Linf

    record = audit(shifts=[Identity(), Linf(0.1), "linf(eps=0.1)", "identity"], searches=["one_draw"])
    assert {tuple(ns) for ns in means(record).values()} == {(N,)}


def test_a_sample_that_names_an_example_twice_is_refused() -> None:
    class Twice(Wrapped):
        """A source of a user's own, that says so."""

        @property
        def ids(self) -> npt.NDArray[np.str_]:
            return np.array(["a", "b", "a", "c"])

    with pytest.raises(sp.UsageError, match="name two examples 'a'.*give each one of its own"):
        sp.audit(linear_net(), Twice(sp.load_data("digits:", limit=4)), shifts=["identity"], progress=False)


def test_the_same_sample_in_another_format_is_no_natural_shift(tmp_path: Path) -> None:
    data = sp.load_data("digits:", limit=N).take(slice(None))
    for name, kind in (("a", np.float32), ("b", np.float64)):
        np.savez(tmp_path / f"{name}.npz", x=data.x.numpy().astype(kind), y=data.y.numpy())
    shutil.copy(tmp_path / "a.npz", tmp_path / "copy.npz")
    options: dict[str, Any] = {"shifts": ["identity"], "progress": False, "box": (0, 1)}
    for other in ("b", "copy"):
        with pytest.raises(sp.UsageError, match="hold the same examples as|same data were given twice"):
            sp.audit(linear_net(), f"npz:{tmp_path}/a.npz", shift_from=[f"npz:{tmp_path}/{other}.npz"], **options)
    np.savez(tmp_path / "other.npz", x=1 - data.x.numpy(), y=data.y.numpy())
    assert sp.audit(linear_net(), f"npz:{tmp_path}/a.npz", shift_from=[f"npz:{tmp_path}/other.npz"], **options).record.complete


def test_shards_that_overlap_make_no_number(tmp_path: Path) -> None:
    out = tmp_path / "run"
    audit(out, shifts=["identity"], shard_size=10)
    plan = make_plan(make_config({"model": linear_net(), "data": "digits:", "limit": N, "shifts": ["identity"], "shard_size": 10}))
    store = Store(out)
    (whole,) = pooled_results(store, plan.cells, plan.sources)
    assert len(whole.rows) == N
    with pytest.raises(Contradiction, match="in the results twice"):
        pooled_results(store, [*plan.cells, plan.cells[0]], plan.sources)
    with pytest.raises(Contradiction, match="10 examples are in the results twice, first"):
        join_tables([store.read(cell) for cell in (*plan.cells, plan.cells[0])])
    refuse_doubles(np.array(["a", "b"]))


def test_what_reads_a_folder_with_a_shard_too_many_refuses_it(tmp_path: Path) -> None:
    out = tmp_path / "run"
    record = audit(out, shifts=["linf(eps=0.1)"], searches=["one_draw"], shard_size=10)
    key = next(cell.key for cell in record.cells if cell.shift == "identity")
    shutil.copy(out / "cells" / f"{key}-0-10.parquet", out / "cells" / f"{key}-0-11.parquet")
    for reads in (lambda: stress_run(out), lambda: verdicts(out, key)):
        with pytest.raises(sp.UsageError, match="belongs to another part or another run than its name says"):
            reads()


def test_searches_that_stand_on_different_examples_make_no_union(tmp_path: Path) -> None:
    """Two shards of equal length hold different examples: side by side they would be taken for the same."""
    out = tmp_path / "run"
    options: dict[str, Any] = {"shifts": ["linf(eps=0.1)"], "searches": ["best_of_n(n=2)", "gradient_ascent(steps=3)"], "shard_size": 12}
    record = audit(out, **options)
    assert any(result.search == UNION for result in record.results)
    one, two = (next(cell.key for cell in record.cells if cell.search.startswith(name)) for name in ("best_of_n", "gradient"))
    (out / "cells" / f"{one}-0-12.parquet").unlink()
    (out / "cells" / f"{two}-12-24.parquet").unlink()
    plan = make_plan(make_config({"model": linear_net(), "data": "digits:", "limit": N, **options}))
    store = Store(out)
    pools = pooled_results(store, plan.cells, plan.sources)
    assert UNION not in {p.method for p in pools}
    assert not collect.suspicions(pools, {})
    assert {r.measure for r in collect.results(pools, 0.95) if r.shift != "identity"} == {"robust_accuracy", "error_probability"}


def test_a_union_counts_each_example_once(tmp_path: Path) -> None:
    out = tmp_path / "run"
    record = audit(out, shifts=["linf(eps=0.1)"], searches=["best_of_n(n=2)", "pgd(steps=3)", "gradient_ascent(steps=3)"])
    union = [result for result in record.results if result.search == UNION and result.risk == "mean"]
    assert {result.n for result in union} == {N}
    assert union[0].cell.count("+") == 1  # two searches, though three were named
    ids, right, _ = verdicts(out, union[0].cell)
    assert len(ids) == len(right) == len(set(ids.tolist())) == N


def test_a_file_keeps_every_example_once(tmp_path: Path) -> None:
    out = tmp_path / "run"
    audit(out, shifts=["identity", "linf(eps=0.1)"], searches=["one_draw"], shard_size=10)
    names = [name for path in (out / "cells").glob("*.parquet") for name in pq.read_table(path)["id"].to_pylist()]
    assert len(names) == 2 * N
