from __future__ import annotations

from pathlib import Path

import pytest

from recorded_logs import table, write_inspect
from sample_audit import sample_audit, write_run
from shiftproof.integrations.eval_logs.read_logs import read_logs
from shiftproof.records.transcripts import Exchange, Transcripts, write_transcripts
from shiftproof.reports.audit.page import write_page
from shiftproof.reports.audit.transcripts import MOST_BYTES, transcript_table


def written(folder: Path, base: list[float | None], **variants: list[float | None]) -> Path:
    found = read_logs([write_inspect(folder / "run.eval", table(base, **variants))])
    write_transcripts(folder, found)
    return folder


def test_items_that_change_come_first_with_what_changed(tmp_path: Path) -> None:
    found = transcript_table(written(tmp_path, [1.0, 1.0, 0.0], typos=[1.0, 0.0, 0.0], loud=[1.0, 0.0, 1.0]), 0.95)
    assert found is not None
    assert [item.name for item in found.items] == ["1", "2", "0"]
    first = found.items[0]
    assert list(first.marks) == [("✓", "good"), ("✗", "bad"), ("✗", "bad")]
    assert [each.variant for each in first.exchanges] == ["identity", "typos", "loud"]
    assert [(part.kind, part.text) for part in first.exchanges[1].changes if part.kind != "same"] == [("old", "1?"), ("new", "1 typos?")]
    assert [each.variant for each in found.items[1].exchanges] == ["identity", "loud"]  # typos is judged as the item is
    assert found.robustness is not None
    assert found.robustness.flip_rate == pytest.approx(3 / 6)
    assert found.uncertainty is not None
    assert (found.uncertainty.n, found.uncertainty.answers) == (3, 3)
    assert [(effect.name, effect.lost, effect.gained) for effect in found.effects] == [("typos", 1, 0), ("loud", 1, 1)]


def test_no_rate_over_variants_that_were_searched_or_items_that_were_chosen(tmp_path: Path) -> None:
    exchanges = [Exchange(item=str(i), variant=name, prompt="a", score=float(i)) for i in range(2) for name in ("identity", "worst")]
    for change in ({"searched": ["worst"]}, {"left_out": 3}):
        kept = {"source": ["x"], "tool": "t", "model": "m", "scorer": "s", "base": "identity", "exchanges": exchanges, **change}
        write_transcripts(tmp_path, Transcripts.model_validate(kept))
        found = transcript_table(tmp_path, 0.95)
        assert found is not None
        assert (list(found.effects), found.robustness, found.uncertainty) == ([], None, None)


def test_agreement_of_answers_is_told_with_its_calibration(tmp_path: Path) -> None:
    said = {"identity": "So", "a": " so", "b": "no"}
    exchanges = [
        Exchange(item=str(i), variant=name, prompt=name, said=text, score=float((text != "no") == (i % 2 == 0)))
        for i in range(40)
        for name, text in said.items()
    ]
    folder = write_run(tmp_path / "run", sample_audit())
    write_transcripts(folder, Transcripts(source=["x"], tool="t", model="m", scorer="s", base="identity", exchanges=exchanges))
    found = transcript_table(folder, 0.95)
    assert found is not None
    assert found.uncertainty is not None
    assert found.uncertainty.agreement == pytest.approx(2 / 3)
    assert (found.uncertainty.accuracy, found.uncertainty.auroc) == (0.5, 0.5)
    assert found.uncertainty.calibration.bias == pytest.approx(1 / 6)
    assert "Agreement of the 3 answers to an item" in write_page(folder).read_text()


def test_a_page_with_many_long_transcripts_stays_below_a_megabyte(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", sample_audit())
    before = len(write_page(folder).read_bytes())
    exchanges = [
        Exchange(item=str(i), variant=name, prompt=f"{i} é " * 900 + name, said="<b>so</b> " * 300, score=float(name == "identity"))
        for i in range(300)
        for name in ("identity", "a", "b")
    ]
    write_transcripts(folder, Transcripts(source=["x"], tool="t", model="m", scorer="s", base="identity", exchanges=exchanges))
    page = write_page(folder).read_bytes()
    assert len(page) - before < 2 * MOST_BYTES  # escapes and markup
    found = transcript_table(folder, 0.95)
    assert found is not None
    assert 0 < len(found.items) < found.total == 300
    assert b"<b>so</b>" not in page
