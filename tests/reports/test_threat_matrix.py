"""One matrix of models by threats: the tightest bound of each claim, ranks beside the numbers that rank, samples apart."""

from __future__ import annotations

from shiftproof.leaderboard.board import make_leaderboard
from shiftproof.records.leaderboard import Entry, Number, Threat
from shiftproof.reports.leaderboard import leaderboard
from shiftproof.reports.threat_matrix import threat_matrices
from small_entries import LINF, measured

NOISE = Threat(family="gaussian_noise", spec="gaussian_noise(severity=3)", strength=3.0, strength_name="severity", units="[0, 1]")


def against_noise(model: str, value: float, fingerprint: str = "data", n: int = 4) -> Entry:
    number = Number(value=value, kind="estimate", search="one_draw", made_by=["one_draw"], interval=(0.0, 1.0), confidence=0.95, n=n)
    return measured(model, [1] * n, fingerprint=fingerprint, threat=NOISE, attacked=[], average=number)


def board(*more: Entry) -> list[Entry]:
    return [
        measured("good", [1, 1, 1, 0]),
        measured("bad", [1, 0, 0, 0]),
        against_noise("good", 0.75),
        against_noise("bad", 0.5),
        *more,
    ]


def test_a_row_a_model_and_a_column_a_threat_and_claim() -> None:
    (matrix,) = threat_matrices(make_leaderboard(board()))
    assert [row.model for row in matrix.rows] == ["good", "bad"]
    assert list(matrix.threats) == ["linf(eps=8/255)", "gaussian_noise(severity=3)"]
    assert [(column.threat.partition("(")[0], column.kind) for column in matrix.columns] == [
        ("linf", "at_most"),
        ("gaussian_noise", "estimate"),
    ]
    values = [[one.number.value if one else None for one in row.numbers] for row in matrix.rows]
    assert values == [[0.75, 0.75], [0.25, 0.5]]
    assert [[one.place.rank if one and one.place else None for one in row.numbers] for row in matrix.rows] == [[1, 1], [1, 1]]


def test_the_tightest_bound_of_several_runs_stands_and_is_marked() -> None:
    stronger = measured("good", [1, 0, 0, 0], search="cascade")
    (matrix,) = threat_matrices(make_leaderboard(board(stronger)))
    good = next(row for row in matrix.rows if row.model == "good")
    assert good.numbers[0] is not None
    assert good.numbers[0].number.search == "cascade"
    assert good.numbers[0].number.value == 0.25
    assert [column.alike for column in matrix.columns] == [False, True]
    assert "not all by the same searches" in leaderboard(make_leaderboard(board(stronger)))
    assert "not all by the same searches" not in leaderboard(make_leaderboard(board()))


def test_a_model_that_was_not_measured_has_a_gap() -> None:
    (matrix,) = threat_matrices(make_leaderboard(board(measured("third", [1, 1, 0, 0]))))
    third = next(row for row in matrix.rows if row.model == "third")
    assert [one is None for one in third.numbers] == [False, True]


def test_samples_stay_apart_and_one_threat_needs_no_matrix() -> None:
    elsewhere = [measured("good", [1] * 5, fingerprint="other"), against_noise("good", 0.5, "other", 5)]
    found = threat_matrices(make_leaderboard(board(*elsewhere)))
    assert [(matrix.fingerprint, len(matrix.rows)) for matrix in found] == [("data", 2), ("other", 1)]
    assert threat_matrices(make_leaderboard([measured("good", [1, 0]), measured("bad", [0, 0])])) == []


def test_published_numbers_are_in_no_matrix() -> None:
    from shiftproof.leaderboard.robustbench import from_robustbench

    published = from_robustbench(LINF, model="published", threat="Linf")
    (matrix,) = threat_matrices(make_leaderboard(board(published)))
    assert "published" not in [row.model for row in matrix.rows]
