"""Imports go down by the table in `floors.py`, no files import each other in a circle, and reports load neither torch nor a runner."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from floors import FLOORS, MOST_UP, UP

import shiftproof

SOURCE = Path(__file__).parents[2] / "src" / "shiftproof"
Edge = tuple[str, str]


def modules_in(package: Path) -> dict[str, Path]:
    """Every module of a package's folder by its full name."""
    found: dict[str, Path] = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports_in(modules: Mapping[str, Path]) -> set[Edge]:
    """Every import of one of these modules by another, wherever in a file it stands."""
    edges: set[Edge] = set()
    for module, file in modules.items():
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            for name in _named(node, module, is_package=file.name == "__init__.py"):
                while name and name not in modules:
                    name = name.rpartition(".")[0]
                if name and name != module:
                    edges.add((module, name))
    return edges


def _named(node: ast.AST, module: str, *, is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        home = module.split(".") if is_package else module.split(".")[:-1]
        start = home[: len(home) - node.level + 1] if node.level else []
        base = ".".join([*start, *([node.module] if node.module else [])])
        yield from (f"{base}.{alias.name}" for alias in node.names)


def top(module: str) -> str:
    """The package or module directly under the root that a module is of; the root itself by its own name."""
    root, _, rest = module.partition(".")
    return rest.partition(".")[0] or root


def going_up(edges: set[Edge], floors: Sequence[Sequence[str]]) -> set[Edge]:
    """The imports that do not go to a lower floor, those within one package apart."""
    floor = {name: number for number, names in enumerate(floors) for name in names}
    return {(one, two) for one, two in edges if top(one) != top(two) and floor[top(two)] >= floor[top(one)]}


def circles(edges: set[Edge]) -> list[set[str]]:
    """The sets of modules that import each other, directly or not."""
    after: dict[str, set[str]] = {}
    for one, two in edges:
        after.setdefault(one, set()).add(two)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for name in after.get(waiting.pop(), set()) - seen:
                seen.add(name)
                waiting.append(name)
        return seen

    reach = {name: reached(name) for name in after}
    rings = {frozenset(other for other in found if name in reach.get(other, ())) for name, found in reach.items() if name in found}
    return [set(ring) for ring in rings]


@pytest.fixture(scope="module")
def edges() -> set[Edge]:
    return imports_in(modules_in(SOURCE))


def test_every_package_stands_on_one_floor() -> None:
    named = [name for names in FLOORS for name in names]
    assert sorted(named) == sorted({top(module) for module in modules_in(SOURCE)})


def test_imports_go_down_but_for_those_with_a_reason(edges: set[Edge]) -> None:
    assert going_up(edges, FLOORS) == set(UP)
    assert len(UP) <= MOST_UP
    assert all(len(reason.split()) > 5 for reason in UP.values())


def test_no_files_import_each_other_in_a_circle(edges: set[Edge]) -> None:
    # An import that goes up with a reason stands in a function, and may close a ring of packages.
    assert circles(edges - set(UP)) == []


HOUSE = {
    "__init__.py": "",
    "low/__init__.py": "",
    "low/word.py": "WORD = 1\n",
    "high/__init__.py": "",
    "high/room.py": "from house.low.word import WORD\n",
}


def planted(folder: Path, **more: str) -> set[Edge]:
    """The imports of a small house, with lines added to files of it."""
    for name, text in HOUSE.items():
        file = folder / "house" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + more.get(name.removesuffix(".py").replace("/", "_"), ""))
    return imports_in(modules_in(folder / "house"))


FEW = (("house",), ("low",), ("high",))


def test_a_sound_house_is_green(tmp_path: Path) -> None:
    edges = planted(tmp_path)
    assert edges == {("house.high.room", "house.low.word")}
    assert (going_up(edges, FEW), circles(edges)) == (set(), [])


@pytest.mark.parametrize(
    "line",
    [
        "from house.high.room import WORD as W\n",
        "from ..high import room\n",
        "import house.high.room\n",
        "def late() -> None:\n    from house.high import room\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from house.high.room import WORD as W\n",
    ],
    ids=["name", "relative", "module", "function", "type checking"],
)
def test_a_planted_import_that_goes_up_is_red(tmp_path: Path, line: str) -> None:
    edges = planted(tmp_path, low_word=line)
    assert going_up(edges, FEW) == {("house.low.word", "house.high.room")}
    assert circles(edges) == [{"house.low.word", "house.high.room"}]


def test_an_import_within_one_floor_is_red(tmp_path: Path) -> None:
    assert going_up(planted(tmp_path), (("house",), ("low", "high"))) == {("house.high.room", "house.low.word")}


def private_elsewhere(edges: set[Edge]) -> set[Edge]:
    """The imports of a private module by one outside the package that it is private to; what stands under the root is for all of it."""
    found: set[Edge] = set()
    for one, two in edges:
        parts = two.split(".")
        homes = [".".join(parts[:at]) for at, part in enumerate(parts) if at and part.startswith("_") and part != "__main__"]
        if any(not f"{one}.".startswith(f"{home}.") for home in homes):
            found.add((one, two))
    return found


def test_no_private_module_is_imported_by_another_package(edges: set[Edge]) -> None:
    assert private_elsewhere(edges) == set()


def test_a_planted_private_import_is_red() -> None:
    assert private_elsewhere({("house.high.room", "house.low._word")}) == {("house.high.room", "house.low._word")}
    assert private_elsewhere({("house.low.word", "house.low._word"), ("house.high.room", "house._word")}) == set()


def test_no_package_bears_the_name_of_a_public_function() -> None:
    tops = {top(module) for module in modules_in(SOURCE)}
    assert tops & set(shiftproof.__all__) == set()
    assert len(shiftproof.__all__) > 20


def test_reports_import_records_and_no_runner(edges: set[Edge]) -> None:
    used = {top(two) for one, two in edges if top(one) == "reports"}
    assert "records" in used
    assert used & {"runs", "evaluation", "door", "models", "training", "leaderboard", "studies"} == set()


LOADING = """
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
runners = ("torch", "shiftproof.runs", "shiftproof.evaluation", "shiftproof.door")
print("loaded:", *[name for name in runners if name in sys.modules])
"""


def loaded_by(names: Sequence[str]) -> str:
    result = subprocess.run([sys.executable, "-c", LOADING.format(names=names)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_no_report_loads_torch_or_a_runner() -> None:
    names = sorted(name for name in modules_in(SOURCE) if top(name) == "reports")
    assert len(names) > 15
    assert loaded_by(names) == "loaded:"


def test_a_runner_would_be_seen() -> None:
    assert loaded_by(["shiftproof.runs.cell"]) == "loaded: torch shiftproof.runs"
