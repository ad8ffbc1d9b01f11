"""Models that are above the line on every shift, on none, and on some, planted in tables."""

from __future__ import annotations

from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmarks.many_shifts import verdict
from shiftproof import UsageError
from shiftproof.measures.effective_robustness import AccuracyLine, effective_robustness
from shiftproof.measures.many_shifts import many_shifts
from shiftproof.reports.accuracy_on_the_line import line_page, terminal_line

STANDARD = [f"standard {i}" for i in range(12)]
SHIFTS = ("fog", "night", "sketch")


def table() -> pd.DataFrame:
    numbers = np.random.default_rng(0)
    home = np.linspace(0.5, 0.9, 12)
    made = {shift: 0.9 * home - 0.02 * place + numbers.normal(0, 0.003, 12) for place, shift in enumerate(SHIFTS)}
    rows = pd.DataFrame({"home": home, **made}, index=STANDARD)
    expected = {shift: 0.9 * 0.7 - 0.02 * place for place, shift in enumerate(SHIFTS)}
    for name, gains in (("all", (0.1, 0.2, 0.15)), ("one", (0.1, -0.1, 0.0)), ("none", (0.0, 0.0, 0.0))):
        rows.loc[name] = [0.7, *(expected[shift] + gain for shift, gain in zip(SHIFTS, gains, strict=True))]
    rows.loc["partly"] = [0.7, 0.6, np.nan, 0.6]
    return rows


def lines(**options: object) -> list[AccuracyLine]:
    given: dict[str, object] = {"fit": STANDARD, "n": 2000, **options}
    return [effective_robustness(table(), inside="home", outside=shift, axis="linear", **given) for shift in SHIFTS]  # type: ignore[arg-type]


def test_planted_models_are_told_apart() -> None:
    together = many_shifts(lines())
    found = {model.model: model for model in together.models}
    assert list(found) == ["all", "one", "none"]
    assert {name: model.everywhere for name, model in found.items()} == {"all": "yes", "one": "no", "none": "open"}
    assert (found["all"].above, found["all"].below) == (3, 0)
    assert (found["one"].above, found["one"].below) == (1, 1)
    assert found["all"].places[1].effective == pytest.approx(0.2, abs=0.01)
    assert together.left_out == 1
    assert "Above the line on all 3 shifts: 1 of 3 models that the lines were not fitted to" in str(together)
    assert [verdict([found[name] for name in names]) for names in (["all", "one"], ["one"], ["one", "none"])] == [
        "not reproduced",
        "reproduced",
        "inconclusive",
    ]


def test_without_other_models_those_of_the_line_are_told() -> None:
    every = [*STANDARD, "all", "one", "none"]
    together = many_shifts(lines(fit=every))
    assert together.fitted
    assert {model.model for model in together.models} == set(every)


def test_one_shift_or_one_twice_is_refused() -> None:
    made = lines()
    for few in (made[:1], [made[0], made[0]]):
        with pytest.raises(UsageError, match="two or more shifts, each once"):
            many_shifts(few)


def test_the_page_and_the_terminal_show_all_shifts_together_where_there_are_several() -> None:
    made = lines()
    out = StringIO()
    Console(file=out, width=160).print(terminal_line(made))
    assert "Effective robustness on every shift" in out.getvalue()
    assert "All shifts together" in line_page(made, "made")
    assert "All shifts together" not in line_page(made[:1], "made")
