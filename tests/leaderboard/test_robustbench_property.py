"""Any entry that the format can hold comes back."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.leaderboard.robustbench import from_robustbench, lost, to_robustbench
from small_entries import measured

words = st.none() | st.text(max_size=20)
shares = st.integers(0, 10_000).map(lambda n: f"{n / 100:.2f}") | st.integers(0, 100).map(str)
infos = st.fixed_dictionaries(
    {"dataset": st.text(min_size=1, max_size=8).filter(lambda t: t.strip() not in ("", "null")), "autoattack_acc": shares},
    optional={
        **dict.fromkeys(("link", "name", "authors", "venue", "architecture", "footnote"), words),
        **{key: st.none() | shares for key in ("clean_acc", "reported", "external")},
        **{key: st.none() | st.booleans() for key in ("additional_data", "unreliable")},
        "number_forward_passes": st.none() | st.integers(1, 99),
        "eps": st.none() | st.integers(1, 255).map(lambda n: f"{n}/255") | st.floats(0.001, 3, allow_nan=False).map(lambda x: f"{x:.4f}"),
    },
)


@settings(deadline=None, max_examples=60)
@given(infos)
def test_there_and_back_and_there(info: dict[str, object]) -> None:
    entry = from_robustbench(info, model="m", threat="L2")
    assert to_robustbench(entry) == info
    assert lost(entry) == []
    bare = entry.model_copy(update={"as_written": None})
    again = from_robustbench(to_robustbench(bare), model="m", threat="L2")
    assert again.model_copy(update={"as_written": None}) == bare


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.integers(0, 1), min_size=1, max_size=30), min_size=1, max_size=6))
def test_ranks_are_those_of_a_competition(verdicts: list[list[int]]) -> None:
    found = make_leaderboard([measured(f"m{place}", right) for place, right in enumerate(verdicts)])
    (section,) = found.sections
    assert sum(len(board.places) for board in section.boards) == len(verdicts)
    for board in section.boards:
        values = [place.entry.basis.value for place in board.places if place.entry.basis]
        assert values == sorted(values, key=lambda v: -(v or 0.0))
        ranks = [place.rank or 0 for place in board.places]
        assert ranks[0] == 1
        for position, rank in enumerate(ranks[1:], start=2):
            assert rank in (position, ranks[position - 2])
