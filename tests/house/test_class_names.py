"""One class per name: whoever reads a class's name anywhere in the source knows which class it is."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "shiftproof"

SHARED = {
    "GaussianNoise": "a corruption and a defence, both under the name that papers have for them",
    "Scale": "a shift, and Vega-Lite's own word for a part of a chart",
    "Axis": "the scale of accuracies on a line, and Vega-Lite's own word for a part of a chart",
    "Shape": "that of a layer's inputs, and Vega-Lite's own word for that of a point",
    "Data": "probes of the contract of parts, and Vega-Lite's own word for the rows of a chart",
}
"""Names that several classes may have, each with its reason."""


def classes_in(files: Mapping[str, str]) -> dict[str, list[str]]:
    """Every class, at any depth, by its name: the files that define it."""
    found: dict[str, list[str]] = defaultdict(list)
    for file, code in files.items():
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(file)
    return found


def aliases_in(files: Mapping[str, str]) -> dict[str, list[str]]:
    """Every name with a capital letter that a module gives to a type: `Kind = Literal[...]`."""
    found: dict[str, list[str]] = defaultdict(list)
    for file, code in files.items():
        for node in ast.parse(code).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)]) if name[0].isupper() and not name.isupper():
                    found[name].append(file)
    return found


def shared(files: Mapping[str, str]) -> dict[str, list[str]]:
    """The names that several classes have, or a class and a type alias of another file."""
    classes, aliases = classes_in(files), aliases_in(files)
    both = {name: [*places, *aliases.get(name, [])] for name, places in classes.items()}
    return {name: places for name, places in both.items() if len(places) > 1}


def source() -> dict[str, str]:
    return {str(file.relative_to(SOURCE)): file.read_text(encoding="utf-8") for file in sorted(SOURCE.rglob("*.py"))}


def test_no_two_classes_share_a_name() -> None:
    found = shared(source())
    assert {name: places for name, places in found.items() if name not in SHARED} == {}


def test_a_planted_second_class_is_seen() -> None:
    sound = {"a.py": "class One: ...\n", "b.py": "Two = int\n"}
    assert shared(sound) == {}
    assert shared({**sound, "c.py": "def f():\n    class One: ...\n"}) == {"One": ["a.py", "c.py"]}
    assert shared({**sound, "c.py": "One = str\n"}) == {"One": ["a.py", "c.py"]}
