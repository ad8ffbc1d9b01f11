"""How a part is found, which instances are checked, and how the report reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from shiftproof._errors import UsageError
from shiftproof._imports import load_object
from shiftproof._part import Part
from shiftproof.conformance import CheckResult, ConformanceReport, OffersExamples, check_part
from shiftproof.conformance.instances import instances
from shiftproof.conformance.report import Failed, NotApplicable, run_checks
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.norms.linf import Linf

RAIN = '''
"""A shift of one's own."""
from __future__ import annotations
from dataclasses import dataclass
from typing import ClassVar
import torch
from drops import SIZE
from shiftproof.shifts import Boxed

@dataclass(frozen=True)
class Rain(Boxed):
    name: ClassVar[str] = "rain"
    strength: ClassVar[str] = "amount"
    kinds: ClassVar[frozenset[str]] = frozenset({"vector"})
    amount: float = SIZE

    def check(self) -> None:
        from shiftproof._errors import must
        if not 0 < self.amount <= 1:
            raise must("amount", self.name, "be in (0, 1]", self.amount)

    def limits(self):
        return (0.0,), (self.amount,)

    def apply(self, x, params):
        return (x - params.to(x)).clamp(self.space.low, self.space.high)

class House:
    Rain = Rain
'''


@pytest.fixture
def rain(tmp_path: Path) -> Path:
    (tmp_path / "drops.py").write_text("SIZE = 0.25\n")
    file = tmp_path / "rain.py"
    file.write_text(RAIN)
    return file


def test_part_in_a_file(rain: Path) -> None:
    report = check_part(f"{rain}:Rain")
    assert report.passed, f"\n{report}"
    assert str(report).startswith(f"shift {rain}:Rain")
    assert str(report).splitlines()[-1] == f"{rain}:Rain passes: 21 checks passed, 0 failed, 1 skipped."


def test_same_file_is_the_same_class_until_it_changes(rain: Path) -> None:
    first = load_object(f"{rain}:Rain")
    assert load_object(f"{rain}:House.Rain") is first
    rain.write_text(RAIN.replace("amount: float = SIZE", "amount: float = 0.5"))
    second = load_object(f"{rain}:Rain")
    assert second is not first
    assert isinstance(second, type)
    assert second().spec() == "rain"
    assert second().amount == 0.5


def test_part_in_a_module() -> None:
    assert load_object("shiftproof.shifts.norms.linf:Linf") is Linf
    assert load_object("shiftproof.shifts:Linf") is Linf  # a name that its module finds when asked


def test_module_in_the_working_folder(rain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(rain.parent)
    (rain.parent / "shiftproof_test_thunder.py").write_text("STORM = 3\n")
    assert load_object("shiftproof_test_thunder:STORM") == 3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rain.py", r"Cannot read 'rain\.py'\. Write it as FILE\.py:Name or package\.module:Name\."),
        (":Rain", "Cannot read ':Rain'"),
        ("rain:", "Cannot read 'rain:'"),
        ("nowhere/rain.py:Rain", r"There is no file 'nowhere/rain\.py' \(in 'nowhere/rain\.py:Rain'\)\. Paths are relative to /"),
        (
            "shiftproof_no_such:Rain",
            r"There is no module 'shiftproof_no_such' .* Install its package, or run from the folder that holds it\.",
        ),
        ("shiftproof.no_such:Rain", r"There is no module 'shiftproof\.no_such'"),
        ("shiftproof.shifts.norms.linf:Lin", r"Unknown name in shiftproof\.shifts\.norms\.linf 'Lin'\. Did you mean: Linf"),
    ],
)
def test_wrong_path(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_object(spec)


def test_error_inside_the_users_file_keeps_its_traceback(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("import no_such_package_at_all\n")
    for _ in range(2):  # a half-imported module is not kept
        with pytest.raises(ModuleNotFoundError, match="no_such_package_at_all"):
            load_object(f"{file}:Rain")


def test_missing_import_inside_an_installed_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shiftproof_test_hollow.py").write_text("import no_such_package_at_all\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_package_at_all"):
        load_object("shiftproof_test_hollow:Rain")


@pytest.mark.parametrize("target", [3, int, object()])
def test_target_that_is_no_part(target: object) -> None:
    said = "The 'target' of check_part must be a Shift, Search, Judge, Measure, Risk, Certificate, Defence, Method or model, its class"
    with pytest.raises(UsageError, match=said):
        check_part(target)


def test_abstract_class() -> None:
    with pytest.raises(UsageError, match="Shift is abstract and cannot be checked: it lacks apply, excess, project, sample"):
        check_part(Shift)


def test_part_without_a_name() -> None:
    class Nameless(Linf):
        pass

    Nameless.name = None  # type: ignore[assignment]
    report = check_part(Nameless)
    assert [(r.check, r.status) for r in report.results] == [("has_a_name", "fail")]
    assert "Its class must declare name: ClassVar[str]" in str(report)


def test_instance_is_checked_as_it_is() -> None:
    report = check_part(Linf(0.02))
    assert report.passed
    assert report.target == "linf(eps=0.02)"
    assert {r.case for r in report.results} >= {"linf(eps=0.02)", "linf(eps=0.02) on vectors"}


@dataclass(frozen=True)
class Odd(Part):
    name: ClassVar[str] = "odd"
    word: str
    threshold: float

    def check(self) -> None:
        if self.threshold != 0.123:
            raise UsageError("The threshold is 0.123.")


def test_options_without_known_values() -> None:
    with pytest.raises(UsageError, match=r"No valid values are known for the options word, threshold of Odd.* examples_for_check"):
        instances(Odd)

    @dataclass(frozen=True)
    class Numeric(Part):
        name: ClassVar[str] = "numeric"
        threshold: float

        def check(self) -> None:
            raise UsageError("It must be 0.123.")

    with pytest.raises(UsageError, match=r"The last error was: It must be 0\.123\."):
        instances(Numeric)


def test_known_names_are_tried_until_one_fits() -> None:
    @dataclass(frozen=True)
    class Wide(Part):
        name: ClassVar[str] = "wide"
        radius: float
        count: int

        def check(self) -> None:
            if self.radius < 1 or self.count < 3:
                raise UsageError("too small")

    assert [part.spec() for part in instances(Wide)] == ["wide(radius=2, count=3)"]


def test_large_defaults_are_lowered_where_the_part_takes_it() -> None:
    @dataclass(frozen=True)
    class Slow(Part):
        name: ClassVar[str] = "slow"
        eps: float
        steps: int = 1000
        restarts: int = 10

        def check(self) -> None:
            if self.restarts < 5:
                raise UsageError("too few")

    assert [part.spec() for part in instances(Slow)] == ["slow(eps=0.1, steps=30)"]
    assert instances(Slow)[0].options()["restarts"] == 10  # it takes no fewer
    assert Slow(0.1).steps == 1000


def test_offered_examples() -> None:
    class Offers(Odd):
        @classmethod
        def examples_for_check(cls) -> list[Part]:
            return [cls("a", 0.123), cls("b", 0.123)]

    class OffersNone(Odd):
        @classmethod
        def examples_for_check(cls) -> list[Part]:
            return []

    assert isinstance(Offers, OffersExamples)
    assert [part.spec() for part in instances(Offers)] == ["odd(word=a, threshold=0.123)", "odd(word=b, threshold=0.123)"]
    with pytest.raises(UsageError, match=r"OffersNone\.examples_for_check\(\) must return a list of OffersNone, and returned none"):
        instances(OffersNone)


def good(part: str) -> None:
    """It is good."""


def bad(part: str) -> None:
    """It is bad."""
    raise Failed(f"{part} was seen.\nDo this.")


def idle(part: str) -> None:
    """It is idle."""
    raise NotApplicable("There is nothing to do.")


def crash(part: str) -> None:
    """It works.

    More that a table does not show.
    """
    raise KeyError(part)


def test_report_reads_as_a_table() -> None:
    results = [r for case in ("one", "two") for r in run_checks([good, bad, idle, crash], case, f"part {case}")]
    report = ConformanceReport("Part", "shift", tuple(results))
    assert not report.passed
    assert [r.check for r in report.failures] == ["bad", "crash", "bad", "crash"]
    text = str(report)
    assert text.splitlines()[:14] == [
        "shift Part",
        "",
        "pass  good   It is good.",
        "fail  bad    It is bad.",
        "      on part one:",
        "        one was seen.",
        "        Do this.",
        "      on part two:",
        "        two was seen.",
        "        Do this.",
        "skip  idle   It is idle.",
        "      on part one and 1 more:",
        "        There is nothing to do.",
        "fail  crash  It works.",
    ]
    assert "It raised KeyError: 'one'\n          at test_conformance_report.py:" in text
    assert text.endswith("Part FAILS: 1 checks passed, 2 failed, 1 skipped.")


def test_long_reports_are_cut() -> None:
    results = [r for case in ("one", "two", "three", "four") for r in run_checks([bad], case, case)]
    text = str(ConformanceReport("Part", "shift", tuple(results)))
    assert "two was seen." in text
    assert "three was seen." not in text
    assert "      and 2 more messages." in text.splitlines()


def test_nothing_checked_is_not_passed() -> None:
    assert not ConformanceReport("Part", "shift", ()).passed
    assert not ConformanceReport("Part", "shift", (CheckResult("idle", "", "", "skip"),)).passed
    assert ConformanceReport("Part", "shift", (CheckResult("good", "", "", "pass"),)).passed
