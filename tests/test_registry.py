"""Names to parts: specs are read and never evaluated, and a broken plugin is shown, not dropped."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import ClassVar

import pytest

from shiftproof import catalogue, registry
from shiftproof._errors import UsageError
from shiftproof._identity.parts import known_part
from shiftproof.catalogue import registries
from shiftproof.registry import Registry, parse_spec, plural
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search
from shiftproof.shifts import Linf, shifts
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True)
class Rain(Linf):
    name: ClassVar[str] = "mypkg/rain"


@dataclass(frozen=True)
class Names(Linf):
    name: ClassVar[str] = "names"
    inner: str = "best_of_n(of=mypkg/rain(eps=0.1))"


@dataclass(frozen=True)
class Misnamed(Linf):
    name: ClassVar[str] = "rain"


not_a_part = 3


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> Registry[Shift]:
    """A registry that finds one sound plugin and several broken ones."""
    found = {
        "mypkg/rain": f"{__name__}:Rain",
        "mypkg/gone": "shiftproof_no_such_module:Gone",
        "mypkg/crash": f"{__name__}:no_such_name",
        "mypkg/number": f"{__name__}:not_a_part",
        "mypkg/search": "shiftproof.searches.grid:Grid",
        "mypkg/misnamed": f"{__name__}:Misnamed",
    }

    def fake(group: str) -> list[EntryPoint]:
        return [EntryPoint(name, value, group) for name, value in found.items()] if group == "shiftproof.shifts" else []

    monkeypatch.setattr(registry, "entry_points", fake)
    return Registry("shift", "shiftproof.shifts.abstract:Shift", {"linf": "shiftproof.shifts.norms.linf:Linf"})


def test_plugin_is_listed_and_built(plugged: Registry[Shift]) -> None:
    assert plugged.names()[0] == "linf"  # ours first
    assert plugged.names()[1:] == ["mypkg/crash", "mypkg/gone", "mypkg/misnamed", "mypkg/number", "mypkg/rain", "mypkg/search"]
    rain = plugged.build("mypkg/rain(eps=0.1)")
    assert type(rain) is Rain
    assert plugged.build(rain.spec()) == rain


def test_a_spec_that_names_a_plugin_counts_its_code(plugged: Registry[Shift], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "registries", lambda: {"shifts": plugged})
    assert catalogue.named_plugins("adversarial(shift=mypkg/rain(eps=0.1))") == [Rain]
    assert catalogue.named_plugins("linf(eps=8/255)") == catalogue.named_plugins("mypkg/rainbow") == []

    before = known_part(Names(0.1)).text
    monkeypatch.setattr(Rain, "excess", lambda *_: None)
    assert known_part(Names(0.1)).text != before


def test_broken_plugins_are_shown_with_their_traceback(plugged: Registry[Shift]) -> None:
    assert sorted(plugged.failures) == ["mypkg/crash", "mypkg/gone"]
    with pytest.raises(UsageError) as error:
        plugged.get("mypkg/gone")
    assert str(error.value).startswith("The plugin shift 'mypkg/gone' could not be imported:\nTraceback (most recent call last):")
    assert "No module named 'shiftproof_no_such_module'" in str(error.value)
    with pytest.raises(UsageError, match="no_such_name"):
        plugged.build("mypkg/crash(eps=1)")
    assert plugged.build("linf(eps=0.1)") == Linf(0.1)  # others go on


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mypkg/number", "The shift 'mypkg/number' must be a subclass of shiftproof.shifts.abstract.Shift, got 3."),
        ("mypkg/search", "must be a subclass of shiftproof.shifts.abstract.Shift, got <class 'shiftproof.searches.grid.Grid'>."),
        ("mypkg/misnamed", "The shift 'mypkg/misnamed' has the name 'rain': its class must declare name = 'mypkg/misnamed'."),
        ("mypkg/rian", "Unknown shift 'mypkg/rian'. Did you mean: mypkg/rain"),
        ("lin", "Unknown shift 'lin'. Did you mean: linf?"),
        ("zzz", "Unknown shift 'zzz'. Known: linf, mypkg/crash,"),
    ],
)
def test_wrong_names(plugged: Registry[Shift], name: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        plugged.get(name)
    assert message in str(error.value)


def test_every_registered_name_is_its_class_own() -> None:
    for kind, found in registries().items():
        for name in found.names():
            part = found.get(name)
            assert part.name == name, kind
            assert all(found.get(alias) is part for alias in part.aliases)


def test_aliases_and_kinds() -> None:
    assert searches.get("pgd") is searches.get("gradient_ascent")
    assert searches.build("pgd(steps=3)").spec() == "gradient_ascent(steps=3)"
    assert [plural(kind) for kind in ("shift", "search", "risk", "certificate")] == ["shifts", "searches", "risks", "certificates"]
    assert {"shifts", "searches", "risks", "certificates", "defences", "methods"} <= set(registries())
    with pytest.raises(UsageError, match="Unknown search 'pdg'. Did you mean: pgd"):
        searches.get("pdg")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("linf", ("linf", [], {})),
        (" linf ( eps = 8/255 ) ", ("linf", [], {"eps": 8 / 255})),
        ("linf(8/255)", ("linf", [8 / 255], {})),
        (
            "a/b(-0.5, word, 'two words', x=True, y=false, z=-3, w=1e-3)",
            ("a/b", [-0.5, "word", "two words"], {"x": True, "y": False, "z": -3, "w": 0.001}),
        ),
        ("one()", ("one", [], {})),
    ],
)
def test_specs(spec: str, expected: tuple[str, list[object], dict[str, object]]) -> None:
    assert parse_spec(spec) == expected


@pytest.mark.parametrize(
    "spec",
    ["linf(", "linf(eps=)", "linf)(", "linf(0.1) + 1", "linf(0.1)(0.2)", "linf(0.1).pop(0.2)", "linf(**x)", "linf(\0)", "linf(eps=0.1"],
)
def test_specs_that_cannot_be_read(spec: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_spec(spec)
    assert str(error.value) == f"Cannot read {spec!r}. Write it as name(option=value, ...), for example linf(eps=8/255)."


@pytest.mark.parametrize("value", ["a.b(3)", "1/0", "a.b", "[1]", "-'x'", "2**3", "1+1", "'a'/2", "lambda: 0", "None", "*x", "1j", "-word"])
def test_values_that_are_not_plain(value: str) -> None:
    with pytest.raises(UsageError, match=r"Cannot read the value .*: use a number, a quotient such as 8/255, or a word\."):
        parse_spec(f"linf({value})")


def test_calls_are_text_and_never_made() -> None:
    """A part made of another is given the other's spec; nothing is looked up or called."""
    assert parse_spec("x(linf(eps=0.5), y=__import__('os'))") == ("x", ["linf(eps=0.5)"], {"y": "__import__('os')"})


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("rotation(1, 2)", "shift 'rotation' takes 1 options (degrees), got 2."),
        ("linf(epsilon=0.1)", "Unknown option of shift 'linf' 'epsilon'. Did you mean: eps?"),
        ("linf", "shift 'linf' needs eps: write linf(eps=...)."),
        ("rotation(space=3)", "Unknown option of shift 'rotation' 'space'. Known: degrees."),
        ("linf(eps=big)", "The 'eps' of linf must be a float, got 'big'."),
        ("linf(eps=True)", "The 'eps' of linf must be a float, got True."),
        ("linf(0.1, eps=0.2)", "shift 'linf(0.1, eps=0.2)' gives 'eps' twice, by place and by name. Give each option once."),
        ("linf(eps=0.1, eps=0.2)", "'linf(eps=0.1, eps=0.2)' gives 'eps' twice. Give each option once."),
        ("linf(-8)", "The 'eps' of linf must be in (0, inf), got -8. Units are those of the inputs ([0, 1]): 8/255 is 0.0314."),
    ],
)
def test_specs_that_cannot_be_built(spec: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        shifts.build(spec)
    assert str(error.value) == message


def test_build_gives_the_base_type() -> None:
    search: Search = searches.build("grid(points=3)")
    assert search.spec() == "grid(points=3)"


def test_a_long_list_of_known_names_is_cut_and_names_its_command() -> None:
    with pytest.raises(UsageError, match=r"Known: added_punctuation, .* and \d+ more: see 'shiftproof list shifts'\.$") as found:
        shifts.get("zzzz")
    assert "zoom_blur" in shifts.names()
    assert "zoom_blur" not in str(found.value)
