"""Who shares a table and who shares a rank, on verdicts whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.leaderboard.robustbench import from_robustbench
from shiftproof.records.leaderboard import Board, Entry, Leaderboard, Number
from small_entries import L2, LINF, Verdict, measured, verdict

N = 400


def first(right: int, n: int = N) -> list[int]:
    """The first `right` of n examples are right."""
    return [1] * right + [0] * (n - right)


def only(found: Leaderboard) -> Board:
    (section,) = found.sections
    (board,) = section.boards
    return board


def ranks(board: Board) -> list[tuple[str, int | None, bool, str]]:
    return [(place.entry.model, place.rank, place.tied, place.test) for place in board.places]


def test_pairs_tell_apart_what_intervals_cannot() -> None:
    right = {"a": first(240), "b": first(220), "c": first(219)}
    entries = [measured(name, values) for name, values in right.items()]
    paired = make_leaderboard(entries, verdicts=lambda e: verdict(right[e.model]))
    assert ranks(only(paired)) == [("a", 1, False, "first"), ("b", 2, True, "paired"), ("c", 2, True, "paired")]
    assert only(paired).confidence == 0.95
    alone = make_leaderboard(entries)
    assert ranks(only(alone)) == [("a", 1, True, "first"), ("b", 1, True, "intervals"), ("c", 1, True, "intervals")]
    assert only(alone).confidence is None


def test_many_models_need_more_evidence_than_two() -> None:
    pair = {"a": first(208), "b": first(200)}
    two = make_leaderboard([measured(k, v) for k, v in pair.items()], verdicts=lambda e: verdict(pair[e.model]))
    assert [place.rank for place in only(two).places] == [1, 2]
    crowd = pair | {f"z{i}": first(10) for i in range(20)}
    many = make_leaderboard([measured(k, v) for k, v in crowd.items()], verdicts=lambda e: verdict(crowd[e.model]))
    assert [place.rank for place in only(many).places] == [1, 1, *[3] * 20]


def test_equal_models_are_rarely_ranked_apart() -> None:
    """At 95 % at most a twentieth of tables of five equal models may have two ranks; 60 tables leave room for luck."""
    wrong = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        right = {f"m{i}": (rng.random(150) < 0.5).astype(int) for i in range(5)}
        board = only(make_leaderboard([measured(k, v) for k, v in right.items()], verdicts=lambda e, r=right: verdict(r[e.model])))  # type: ignore[misc]
        wrong += {place.rank for place in board.places} != {1}
    assert wrong <= 8  # P(Binomial(60, 0.05) > 8) < 0.004


@pytest.mark.parametrize("why", ["ids", "labels"])
def test_verdicts_of_other_examples_are_not_paired(why: str) -> None:
    right = {"a": first(240), "b": first(220)}

    def verdicts(entry: Entry) -> Verdict:
        ids, values, labels = verdict(right[entry.model])
        if entry.model == "b":
            return (np.char.add("x", ids), values, labels) if why == "ids" else (ids, values, np.full(N, "7"))
        return ids, values, labels

    assert [place.test for place in only(make_leaderboard([measured(k, v) for k, v in right.items()], verdicts=verdicts)).places] == [
        "first",
        "intervals",
    ]


def test_what_cannot_be_compared_is_not_in_one_table() -> None:
    entries = [
        measured("a", first(240)),
        measured("b", first(200)),
        measured("other data", first(300), fingerprint="else"),
        measured("fewer", first(90, 100)),
        measured("other search", first(350), search="best_of_n(n=1)"),
        from_robustbench({**LINF, "dataset": "npz:a.npz"}, model="published", threat="Linf"),
    ]
    (section,) = make_leaderboard(entries).sections
    assert [[place.entry.model for place in board.places] for board in section.boards] == [
        ["a", "b"],
        ["other data"],
        ["fewer"],
        ["other search"],
        ["published"],
    ]
    assert [board.claim for board in section.boards] == ["measured"] * 4 + ["published"]
    text = " ".join(section.differences)
    for words in ("not re-measured", "other examples", "other searches"):
        assert words in text
    assert make_leaderboard(entries[:2]).sections[0].differences == []


def test_a_bound_and_an_estimate_are_never_ranked_together() -> None:
    mean = Number(value=0.99, kind="estimate", search="one_draw", made_by=["one_draw()"], interval=(0.9, 1.0), confidence=0.95, n=N)
    entries = [measured("attacked", first(200)), measured("average only", first(200), attacked=[], average=mean)]
    (section,) = make_leaderboard(entries).sections
    assert [(board.basis, board.places[0].entry.model) for board in section.boards] == [
        ("at_most", "attacked"),
        ("estimate", "average only"),
    ]
    assert "some claim different things" in section.differences


def test_a_lower_bound_found_elsewhere_is_said() -> None:
    weak, strong = measured("a", first(300)), measured("a", first(100), search="cascade")
    (section,) = make_leaderboard([weak, strong]).sections
    found = {place.entry.attacked[0].search: place.lower for board in section.boards for place in board.places}
    assert found["cascade"] is None
    assert found["gradient_ascent"] == strong.bound


def test_published_entries_with_equal_numbers_share_a_rank_and_nothing_else_does() -> None:
    infos = {"a": "60.0", "b": "59.99", "c": "60.00"}
    entries = [from_robustbench({**LINF, "autoattack_acc": v, "external": None}, model=k, threat="Linf") for k, v in infos.items()]
    assert ranks(only(make_leaderboard(entries))) == [("a", 1, True, "first"), ("c", 1, True, "value"), ("b", 3, False, "value")]


def test_nothing_measured_is_last_and_has_no_rank() -> None:
    none = Number(value=None, kind="at_most", search="gradient_ascent", made_by=["gradient_ascent"], n=0)
    (section,) = make_leaderboard([measured("a", first(1)), measured("nothing", first(1), attacked=[none])]).sections
    assert [[(p.entry.model, p.rank) for p in board.places] for board in section.boards] == [[("a", 1)], [("nothing", None)]]
    assert section.differences == ["some have no number to rank"]


def test_sections_are_by_threat_and_by_examples_whatever_they_are_called() -> None:
    named = measured("b", first(2), dataset="cifar10")
    entries = [
        measured("a", first(1)),
        named,
        from_robustbench(LINF, model="p", threat="Linf"),
        from_robustbench(L2, model="q", threat="L2"),
    ]
    sections = make_leaderboard(entries).sections
    assert [(s.threat, s.dataset, sum(len(b.places) for b in s.boards)) for s in sections] == [
        ("linf(eps=8/255)", "cifar10", 3),
        ("l2(eps=0.5)", "cifar10", 1),
    ]
    for spec in ("linf(eps=8/255)", "linf( eps = 8/255 )", f"linf(eps={8 / 255!r})", "linf"):
        assert [s.threat for s in make_leaderboard(entries, threat=spec).sections] == ["linf(eps=8/255)"]
    with pytest.raises(UsageError, match=r"Unknown threat 'linf\(eps=4/255\)'. Did you mean: .*linf\(eps=8/255\).* No entry here has it."):
        make_leaderboard(entries, threat="linf(eps=4/255)")
    with pytest.raises(UsageError, match=r"Unknown threat 'linff'. Did you mean: linf"):
        make_leaderboard(entries, threat="linff")
