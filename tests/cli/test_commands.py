"""What the commands do with good input: exit codes, files, and what they print."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from rich.console import Console
from scipy.stats import binomtest

import shiftproof as sp
from shiftproof.catalogue import registries
from shiftproof.evaluation.compare import compare_runs
from shiftproof.reports.audit.terminal import terminal_comparison
from shiftproof.reports.compare import compare as compare_page
from small_runs import cell_of, command, linear_net, record, right_of, write_nets

SHIFT, SEARCH = "linf(eps=0.1)", "best_of_n(n=2)"


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nets(tmp_path_factory.mktemp("nets"))


@pytest.fixture
def words(nets: Path, tmp_path: Path) -> list[str]:
    model = ["--model", f"{nets}:nearest", "--data", "digits:"]
    return ["audit", *model, "--limit", "40", "--shift", SHIFT, "--search", SEARCH, "--out", str(tmp_path / "run")]


def test_the_gate(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    held, failed = f"{SHIFT}.robust_accuracy < 0.01", f"{SHIFT}.robust_accuracy <= 1"
    assert command(monkeypatch, *words) == 0
    out = capsys.readouterr().out
    assert f"Page:   {tmp_path / 'run' / 'index.html'}" in out
    assert f"Record: {tmp_path / 'run' / 'audit.json'}" in out
    assert command(monkeypatch, *words, "--quiet", "--fail-on", held) == 0
    assert capsys.readouterr().out == ""
    assert command(monkeypatch, *words, "--quiet", "--fail-on", held, "--fail-on", failed) == 1
    gates = record(tmp_path / "run")["gates"]
    assert [(gate["condition"], gate["failed"]) for gate in gates] == [
        ("linf(eps=0.1).robust_accuracy < 0.01", False),
        ("linf(eps=0.1).robust_accuracy <= 1.0", True),
    ]
    monkeypatch.setattr("shiftproof.runs.work.Work._run", lambda *_: 1 / 0)
    for path in (tmp_path / "run" / "cells").glob("*.parquet"):
        path.unlink()
    assert command(monkeypatch, *words, "--quiet", "--fail-on", held) == 2


def test_junit(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "reports" / "gate.xml"
    conditions = ["--fail-on", "accuracy < 0.01", "--fail-on", "accuracy <= 1"]
    assert command(monkeypatch, *words, "--quiet", *conditions, "--junit", place) == 1
    suite = ElementTree.parse(place).getroot()
    cases = {case.get("name"): case.find("failure") for case in suite.iter("testcase")}
    assert cases["accuracy < 0.01"] is None
    failure = cases["accuracy <= 1.0"]
    assert failure is not None
    assert (suite if suite.tag == "testsuite" else suite[0]).get("failures") == "1"


def test_junit_where_it_cannot_be_written(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert command(monkeypatch, *words, "--quiet", "--junit", tmp_path / "file" / "gate.xml") == 2
    assert re.fullmatch(r"shiftproof: The output folder '.*file' cannot be written: .*\n", capsys.readouterr().err)


def test_a_config_file_and_options_that_win(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "audit.toml"
    lines = {
        "model": f"{nets}:nearest",
        "data": "digits:",
        "out": str(tmp_path / "run"),
        "limit": 40,
        "seed": 3,
        "shifts": SHIFT,
        "searches": [SEARCH],
    }
    config.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items()) + "box = [0, 1]\nshard_size = 15\n")
    assert command(monkeypatch, "audit", "--config", config, "--limit", "20", "--confidence", "0.9", "--quiet") == 0
    found = record(tmp_path / "run")
    assert (found["data"]["n"], found["provenance"]["seed"], found["provenance"]["confidence"]) == (20, 3, 0.9)
    assert {(cell["shift"], cell["search"]) for cell in found["cells"]} == {("identity", "one_draw"), (SHIFT, SEARCH)}
    assert len(list((tmp_path / "run" / "cells").glob("*.parquet"))) == 4  # shards of 15

    other = tmp_path / "other"
    assert command(monkeypatch, "audit", "--config", config, "--shift", "l2(eps=0.5)", "--out", other, "--quiet") == 0
    assert {cell["shift"] for cell in record(other)["cells"]} == {"identity", "l2(eps=0.5)"}


def test_the_command_line_and_python_make_the_same_run(
    words: list[str], nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert command(monkeypatch, *words, "--quiet") == 0
    options: dict[str, Any] = {"limit": 40, "shifts": [sp.Linf(0.1)], "searches": [sp.BestOfN(2)]}
    report = sp.audit(f"{nets}:nearest", "digits:", progress=False, out=str(tmp_path / "run"), **options)
    assert [cell.key for cell in report.record.cells] == [cell["key"] for cell in record(tmp_path / "run")["cells"]]
    assert report.accuracy() == record(tmp_path / "run")["clean"]["accuracy"]
    right = right_of(tmp_path / "run", SHIFT, SEARCH)
    assert report.accuracy(SHIFT) == sum(right.values()) / 40
    with pytest.raises(sp.UsageError, match=r"no finished number for l2\(eps=1\) under grid. It has: identity under one_draw; linf"):
        report.accuracy("l2(eps=1)", "grid")


def test_report_writes_the_page_again(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, *words, "--quiet") == 0
    page = tmp_path / "run" / "index.html"
    written = page.read_bytes()
    page.unlink()
    assert command(monkeypatch, "report", tmp_path / "run") == 0
    out = capsys.readouterr().out
    assert f"Page: {page}" in out
    assert "linf(eps=0.1)" in out
    assert page.read_bytes() == written


def test_cite(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, *words, "--quiet", "--shift", "gaussian_noise(severity=1)") == 0
    assert command(monkeypatch, "cite", tmp_path / "run") == 0
    out = capsys.readouterr().out
    assert "hendrycks2019benchmarking" in out
    assert "hein2017formal" not in out  # no certificate was run


@pytest.mark.parametrize("kind", ["shifts", "searches", "risks", "certificates", "defences", "methods", "studies", "sources"])
def test_list(kind: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "list", kind) == 0
    out = capsys.readouterr().out
    assert out.startswith(kind)
    expected = ["digits:", "npz:", "idx:", "imagefolder:", "csv:"] if kind == "sources" else registries()[kind].names()
    assert [name for name in expected if not re.search(rf"^  {re.escape(name)}\b|^  {re.escape(name)}", out, re.M)] == []
    assert "could not be imported" not in out


def test_list_of_everything(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(monkeypatch, "list") == 0
    out = capsys.readouterr().out
    kinds = ["shifts", "searches", "judges", "risks", "measures", "certificates", "defences", "methods", "suites", "sources", "studies"]
    assert re.findall(r"^(\w+): ", out, re.M) == [*kinds, "flags"]


DIM = '''
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from shiftproof._errors import must
from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Boxed, Params


@dataclass(frozen=True)
class Dim(Boxed):
    """Makes images darker by a share of at most `most`.

    Example:
        >>> Dim(0.5).spec()
        'dim(most=0.5)'
    """

    name: ClassVar[str] = "dim"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    strength: ClassVar[str] = "most"
    most: float

    def check(self) -> None:
        if not 0 < self.most <= 1:
            raise must("most", self.name, "be in (0, 1]", self.most)

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0,), (self.most,)

    def apply(self, x: Tensor, params: Params) -> Tensor:
        share = params.to(x.dtype).reshape(-1, *[1] * (x.dim() - 1))
        low, _ = self.space.bounds(x)
        return low + (x - low) * (1 - share)


@dataclass(frozen=True)
class Lost(Dim):
    """Makes inputs darker, or so it says: it leaves the box."""

    name: ClassVar[str] = "lost"

    def apply(self, x: Tensor, params: Params) -> Tensor:
        return super().apply(x, params) - 5
'''


def test_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "dims.py"
    path.write_text(DIM)
    assert command(monkeypatch, "check", f"{path}:Dim") == 0, capsys.readouterr().out
    assert "dims.py:Dim" in capsys.readouterr().out
    assert command(monkeypatch, "check", f"{path}:Lost") == 1
    assert "box" in capsys.readouterr().out


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Runs of two models on the same examples; the second is worse at some and better at others."""
    folder = tmp_path_factory.mktemp("two")
    other = linear_net()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(0.35 * torch.randn_like(parameter))
    for name, model in (("a", linear_net()), ("b", other)):
        options: dict[str, Any] = {"limit": 200, "shifts": [SHIFT], "searches": [SEARCH], "shard_size": 90, "pictures": 0}
        sp.audit(model, "digits:", progress=False, out=str(folder / name), **options)
    return folder / "a", folder / "b"


@pytest.mark.parametrize(("shift", "search"), [("identity", "one_draw"), (SHIFT, SEARCH)])
def test_a_paired_comparison_counts_as_by_hand(two: tuple[Path, Path], shift: str, search: str) -> None:
    first, second = (right_of(folder, shift, search) for folder in two)
    counts = {(a, b): sum((first[i], second[i]) == (a, b) for i in first) for a in (True, False) for b in (True, False)}
    assert min(counts.values()) > 0  # else this compares little
    (row,) = [r for r in compare_runs(two).rows if (r.shift, r.search, r.risk) == (shift, search, "mean") and r.measure != "drop"]
    assert row.paired[0] is None
    found = row.paired[1]
    assert found is not None
    assert (found.n, found.both_right, found.both_wrong) == (200, counts[True, True], counts[False, False])
    assert (found.only_first, found.only_second) == (counts[True, False], counts[False, True])
    assert found.difference == pytest.approx(np.mean(list(second.values())) - np.mean(list(first.values())))
    lost, won = counts[True, False], counts[False, True]
    assert found.p_value == pytest.approx(binomtest(won, lost + won, 0.5).pvalue)
    assert found.interval[0] < found.difference < found.interval[1]


def test_compare(two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert command(monkeypatch, "compare", *two, "--out", tmp_path) == 0
    out = capsys.readouterr().out
    assert "linf(eps=0.1)" in out
    assert f"{record(two[0])['clean']['accuracy']:.1%}" in out
    assert f"{record(two[1])['clean']['accuracy']:.1%}" in out
    assert f"Page: {tmp_path / 'comparison.html'}" in out
    assert (tmp_path / "comparison.html").read_text().startswith("<!")


def test_compare_says_what_only_one_run_has(two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options: dict[str, Any] = {"limit": 200, "searches": [SEARCH], "shard_size": 90, "pictures": 0}
    sp.audit(linear_net(), "digits:", progress=False, out=str(tmp_path / "c"), shifts=[SHIFT, "rotation(degrees=10)"], **options)
    found = compare_runs([two[0], tmp_path / "c"])
    only = f"rotation(degrees=10) under {SEARCH}"
    assert found.alone == ((), (only,))
    assert compare_runs(two).alone == ((), ())
    Console(width=200).print(terminal_comparison(found))
    assert f"Only run 2 has: {only}" in capsys.readouterr().out
    text = html.unescape(compare_page(found))
    assert f"Only run 2 has: <code>{only}</code>" in text
    assert "Only run 1 has" not in text


def test_runs_whose_examples_are_gone_are_compared_unpaired(two: tuple[Path, Path], tmp_path: Path) -> None:
    for folder, name in zip(two, "ab", strict=True):
        (tmp_path / name).mkdir()
        (tmp_path / name / "audit.json").write_bytes((folder / "audit.json").read_bytes())
    rows = compare_runs([tmp_path / "a", tmp_path / "b"]).rows
    assert rows
    assert all(row.paired == (None, None) for row in rows)


def test_runs_that_share_no_number(two: tuple[Path, Path], tmp_path: Path) -> None:
    found = record(two[0])
    del found["seal"]  # somebody's own record, which says nothing of where it is from
    (tmp_path / "audit.json").write_text(json.dumps({**found, "results": [{**r, "shift": "other"} for r in found["results"]]}))
    with pytest.raises(sp.UsageError, match="These runs share no number"):
        compare_runs([two[0], tmp_path])


def test_a_page_that_cannot_be_written_is_said(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert command(monkeypatch, "compare", *two, "--out", tmp_path / "file" / "page") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_full_disk(
    two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`shiftproof compare ... | head`: the pipe closes when the page is written already."""

    def gone(*_: object, **__: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    with monkeypatch.context() as patch:
        patch.setattr("shiftproof.cli.compare.click.echo", gone)
        command(monkeypatch, "compare", *two, "--out", tmp_path / "page")
    assert (tmp_path / "page" / "comparison.html").exists()
    err = capsys.readouterr().err
    assert "cannot be written" not in err
    assert "Traceback" not in err


def test_help_names_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from shiftproof.cli.main import COMMANDS

    assert command(monkeypatch, "--help") == 0
    out = capsys.readouterr().out
    assert all(re.search(rf"^  {name} ", out, re.M) for name in COMMANDS)
    for name in COMMANDS:
        assert command(monkeypatch, name, "--help") == 0
        assert f"Usage: shiftproof {name}" in capsys.readouterr().out


def test_the_gate_reads_the_number_of_the_record(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number that the gate reads is the one in the record."""
    assert command(monkeypatch, *words, "--quiet") == 0
    cell = cell_of(tmp_path / "run", SHIFT, SEARCH)
    value = cell["outcomes"]["held"] / cell["n"]
    assert command(monkeypatch, *words, "--quiet", "--fail-on", f"{SHIFT}.robust_accuracy < {value}") == 0
    assert command(monkeypatch, *words, "--quiet", "--fail-on", f"{SHIFT}.robust_accuracy <= {value}") == 1
