"""What the leaderboard's page promises: escaped, self-contained, kinds apart, claims marked."""

from __future__ import annotations

import io
import re
from pathlib import Path

from rich.console import Console

from outline import Outline
from sample_audit import BREAKOUT, HOSTILE, sample_audit
from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.leaderboard.measured import entries_of
from shiftproof.leaderboard.robustbench import from_robustbench
from shiftproof.records.leaderboard import Leaderboard, ModelDetails, Number
from shiftproof.reports.leaderboard import bracket, leaderboard, terminal_leaderboard, write_leaderboard
from small_entries import CORRUPTED, LINF, measured


def everything() -> Leaderboard:
    about = ModelDetails(title=HOSTILE, venue=BREAKOUT, link="javascript:alert(1)", architecture=BREAKOUT, footnote=BREAKOUT)
    entries = entries_of(sample_audit(hostile=True, incomplete=True), source=f"runs/{BREAKOUT}", about=about)
    entries += [from_robustbench({**LINF, "name": BREAKOUT}, model=HOSTILE, threat="Linf")]
    entries += [from_robustbench(CORRUPTED, model="Fog", threat="corruptions"), measured("mine", [1, 0, 1]), measured("yours", [1, 0, 0])]
    return make_leaderboard(entries)


def test_hostile_names_are_text_and_only_web_addresses_are_links() -> None:
    page = Outline(leaderboard(everything(), left_out=[BREAKOUT]))
    assert HOSTILE in "".join(page.text)
    assert not [given for tag, given in page.elements if tag == "img"]
    links = {given["href"] for tag, given in page.elements if tag == "a" and not given["href"].startswith("#")}
    assert links == {"https://example.org/abs/1"}
    assert len(page.scripts) == 1
    assert not any(name.startswith("on") for _, given in page.elements for name in given)


def test_no_column_holds_two_kinds() -> None:
    page = Outline(leaderboard(everything()))
    assert len(page.tables) > 10
    for table in page.tables:
        head, *rows = table
        for row in rows:
            assert len(row) == len(head)
            for (kind, _), (head_kind, name) in zip(row, head, strict=True):
                assert kind in ("", head_kind)
                assert not kind or kind.replace("_", " ") in name.lower()


def test_every_claim_is_marked() -> None:
    found = everything()
    text = leaderboard(found)
    boards = [board for section in found.sections for board in section.boards]
    assert text.count(">as published, not re-measured</span>") == sum(board.claim == "published" for board in boards) == 2
    assert text.count(">measured here</span>") == sum(board.claim == "measured" for board in boards)
    assert "nothing was tested" not in text  # one published entry a table
    assert "another, stronger evaluation than AutoAttack" in text
    assert "incomplete" in text
    assert "zero_gradients" in text


def test_it_asks_nobody_for_anything() -> None:
    text = leaderboard(everything())
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert "default-src &#39;none&#39;" in policy or "default-src 'none'" in policy
    assert not re.findall(r'<(?:script|img|link|iframe)[^>]*(?:src|href)="(?!data:)', text)


def test_the_page_of_two_models_says_how_ranks_came_about(tmp_path: Path) -> None:
    found = make_leaderboard([measured("mine", [1, 0, 1]), measured("yours", [1, 0, 0])])
    path = write_leaderboard(found, tmp_path)
    assert path == tmp_path / "leaderboard.html"
    (table,) = Outline(path.read_text()).tables
    assert [row[0][1] for row in table[1:]] == ["=1", "=1"]
    assert "A rank is shared unless intervals do not overlap" in path.read_text()
    assert write_leaderboard(found, tmp_path / "new").exists()


def test_a_bracket_draws_what_is_known() -> None:
    full = measured("a", [1, 0], proven=Number(value=0.25, kind="at_least", search="linear"))
    drawn = str(bracket(full))
    assert 'x1="40.0" x2="80.0"' in drawn  # from a quarter to a half of 160
    assert "open" not in drawn
    assert 'class="open" x1="0.0" x2="80.0"' in str(bracket(measured("a", [1, 0])))


def test_the_terminal_shows_names_as_they_are() -> None:
    found = make_leaderboard([measured("\x1b[31mevil[/]", [1, 0, 1]), measured("yours", [1, 0, 0])])
    out = io.StringIO()
    Console(file=out, width=200).print(terminal_leaderboard(found))
    assert "\x1b[31mevil" not in out.getvalue()
    assert "�[31mevil[/]" in out.getvalue()
    assert re.search(r"=1 .*yours .*90.0%.*≤ 33.3%", out.getvalue())
