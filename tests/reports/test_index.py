"""The index of a folder of runs: one row a run, with links that lead somewhere, and nothing of others' overwritten."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from outline import Outline
from sample_audit import BREAKOUT, HOSTILE, sample_audit, write_run
from shiftproof._errors import UsageError
from shiftproof.reports.index import find_runs, index_page, write_index
from small_runs import as_typed


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    plain = sample_audit(gallery=False)
    write_run(folder / "a b", plain)
    write_run(folder / "deep" / "c&d", plain.model_copy(update={"gates": []}))
    write_run(folder / "e", sample_audit(hostile=True, incomplete=True, gallery=False))
    return folder


def test_each_run_has_a_row_and_a_link_to_its_page(runs: Path) -> None:
    page = Outline(write_index(find_runs(runs), runs).read_text(encoding="utf-8"))
    links = [given["href"] for tag, given in page.elements if tag == "a" and "index.html" in given["href"]]
    assert len(links) == 3
    for link in links:
        assert (runs / unquote(link)).is_file()
    assert {run.name for run in find_runs(runs)} == {"a b", "deep/c&d", "e"}


def test_states_and_numbers(runs: Path) -> None:
    first, second, third = find_runs(runs)
    assert (first.state, second.state, third.state) == ("a condition failed", "complete", "incomplete")
    text = index_page([first, second, third], "runs")
    assert "91.8%" in text
    assert "Holds 1 of 2 conditions; fails: linf(eps=4/255).robust_accuracy &lt; 0.4." in text
    assert text.count("Holds 1 of 2") == 2  # the one without conditions has none
    assert first.attacked is not None
    assert f"≤ {100 * first.attacked.value:.1f}%" in text


def test_no_name_becomes_markup(runs: Path) -> None:
    page = Outline(index_page(find_runs(runs), BREAKOUT))
    assert HOSTILE not in [tag for tag, _ in page.elements]
    assert not [given for tag, given in page.elements if tag == "img"]
    assert len(page.scripts) == 1


def test_a_page_of_others_is_never_overwritten(runs: Path) -> None:
    (runs / "index.html").write_text("<title>My own page</title>")
    with pytest.raises(UsageError, match="is a page that shiftproof did not write, and would be lost. Move it"):
        write_index(find_runs(runs), runs)
    assert (runs / "index.html").read_text() == "<title>My own page</title>"


def test_the_command(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for _ in range(2):  # its own index is written again
        assert as_typed(monkeypatch, "report", str(runs)) == 0
    out = capsys.readouterr().out
    assert f"Page: {runs / 'index.html'}" in out
    assert "3 runs" in out
    assert "a b: street-net on npz:street_signs.npz, n = 500, a condition failed" in out
    assert max(len(line) for line in out.splitlines() if not line.startswith("Page")) <= 80


def test_a_folder_without_runs_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert as_typed(monkeypatch, "report", str(tmp_path)) == 2
    assert "has no audit.json, and no folder below it has one" in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "index.html").exists()
