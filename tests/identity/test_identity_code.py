"""Edits of a model's file and of one beside it: what changes an answer makes another model, what does not keeps it."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

import shiftproof as sp

NETS = '''
"""My nets."""
import functools
import math
import torch
from collections import namedtuple
from pathlib import Path
import helpers
from helpers import scale

HERE = Path(__file__).parent
LEVEL = 0.5
TABLE = {"a": [1, 2], "b": {3, 4}}
Pair = namedtuple("Pair", "one two")
# a remark


def louder(function):
    @functools.wraps(function)
    def made(self, x):
        return function(self, x) * 2
    return made


class Base(torch.nn.Module):
    def final(self, x):
        return x + 1


class Net(Base):
    """A net."""

    FACTOR = 3

    def __init__(self):
        super().__init__()
        self.where = str(HERE)

    @property
    def gain(self):
        return 4

    @staticmethod
    def shift(x):
        return x + 5

    @classmethod
    def moved(cls, x):
        return x + 6

    @louder
    def loud(self, x):
        return x + 7

    def forward(self, x, power=8):
        """Forward."""
        from helpers import late

        def inner(value):
            return value + 9

        class Local:
            """Local."""

            def step(self, value):
                return value + 10

        x = scale(x.flatten(1)[:, :3]) * self.FACTOR * self.gain
        x = helpers.lift(x) + late(x) + helpers.SHIFT
        x = self.loud(self.moved(self.shift(x))) + Local().step(inner(x))
        x = x * (1 if LEVEL > 0 else 2) + sum(TABLE["a"]) + Pair(1, 2).one + min(map(lambda v: v + 11, (1, 2)))
        return self.final(x) ** power


def net():
    return Net()
'''
HELPERS = """
SHIFT = 12


def scale(x):
    return _by(x)


def _by(x):
    return x * 13


def lift(x):
    return x + 14


def late(x):
    return x + 15


def unused(x):
    return x + 16
"""
MATTERS = {
    "global": ("LEVEL = 0.5", "LEVEL = 0.25"),
    "list in a global": ('"a": [1, 2]', '"a": [1, 7]'),
    "set in a global": ('"b": {3, 4}', '"b": {3, 5}'),
    "decorator": ("(self, x) * 2", "(self, x) * 3"),
    "base class": ("return x + 1\n", "return x + 21\n"),
    "class attribute": ("FACTOR = 3", "FACTOR = 23"),
    "property": ("return 4", "return 24"),
    "static method": ("x + 5", "x + 25"),
    "class method": ("x + 6", "x + 26"),
    "decorated method": ("x + 7", "x + 27"),
    "default": ("power=8", "power=2"),
    "nested function": ("value + 9", "value + 29"),
    "nested class": ("value + 10", "value + 30"),
    "lambda": ("v + 11", "v + 31"),
    "order of calls": ("self.moved(self.shift(x))", "self.shift(self.moved(x))"),
    "comparison": ("LEVEL > 0", "LEVEL < 0"),
    "another helper": ("import scale", "import lift as scale"),
    "number in another module": ("SHIFT = 12", "SHIFT = 32"),
    "helper of a helper": ("x * 13", "x * 33"),
    "attribute of a module": ("x + 14", "x + 34"),
    "import inside a function": ("x + 15", "x + 35"),
}
NOTHING = {
    "comment": ("# a remark", "# another remark, longer"),
    "docstring of a class": ('"""A net."""', '"""Another."""'),
    "docstring of a function": ('        """Forward."""\n', ""),
    "docstring of a local class": ('            """Local."""\n\n', ""),
    "docstring of a module": ('"""My nets."""', ""),
    "moved lines": ("def louder", "\n\n\n\ndef louder"),
    "broken lines": (
        "x = scale(x.flatten(1)[:, :3]) * self.FACTOR * self.gain",
        "x = (scale(\n    x.flatten(1)[:, :3]\n) * self.FACTOR\n* self.gain)",
    ),
    "annotation": ("def shift(x):", "def shift(x: torch.Tensor) -> torch.Tensor:"),
    "function nobody calls": ("x + 16", "x + 36"),
    "methods in another order": ("    FACTOR = 3\n", "    def __neg__(self): ...\n    del __neg__\n    FACTOR = 3\n"),
    "import of what is not used": ("import math", "import math, json"),
}


def known(folder: Path, nets: str = NETS, helpers: str = HELPERS) -> str:
    folder.mkdir(exist_ok=True, parents=True)
    (folder / "nets.py").write_text(nets)
    (folder / "helpers.py").write_text(helpers)
    return sp.load_model(f"{folder / 'nets.py'}:net").fingerprint()


def edited(folder: Path, before: str, after: str) -> str:
    assert (NETS + HELPERS).count(before) == 1, "the edit must be one"
    return known(folder, NETS.replace(before, after), HELPERS.replace(before, after))


@pytest.mark.parametrize("edit", MATTERS)
def test_an_edit_that_changes_answers_makes_another_model(edit: str, tmp_path: Path) -> None:
    before, after = MATTERS[edit]
    bare = NETS.replace("        self.where = str(HERE)\n", "")  # so that nothing but the edit can tell the two apart
    assert (bare + HELPERS).count(before) == 1
    again, changed = known(tmp_path / "a", bare), known(tmp_path / "b", bare.replace(before, after), HELPERS.replace(before, after))
    assert again == known(tmp_path / "c", bare) != changed


@pytest.mark.parametrize("edit", NOTHING)
def test_an_edit_that_changes_nothing_keeps_the_model(edit: str, tmp_path: Path) -> None:
    assert edited(tmp_path / "after", *NOTHING[edit]) == known(tmp_path / "before")


def test_a_second_import_and_another_folder_keep_the_model(tmp_path: Path) -> None:
    assert known(tmp_path / "a") == known(tmp_path / "a") == known(tmp_path / "b" / "deep")


PACKAGE = "class Net(__import__('torch').nn.Module):\n    def forward(self, x):\n        return x.flatten(1)[:, :3] * 2\n"


@pytest.mark.parametrize("kind", ["installed", "editable", "copied"])
def test_an_installed_package_counts_by_its_version_and_any_other_by_its_code(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "lib" / "site-packages"

    def measured(number: int, code: str, version: str) -> str:
        top = f"made{kind}{number}"
        home = site if kind != "editable" else tmp_path / "src"
        (home / top).mkdir(parents=True)
        (home / top / "__init__.py").write_text(code)
        info = site / f"{top}-{version}.dist-info"
        if kind != "copied":
            info.mkdir(parents=True)
            (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {top}\nVersion: {version}\n")
            (info / "RECORD").write_text(f"{top}/__init__.py,,\n")
        if kind == "editable":
            (info / "direct_url.json").write_text('{"url": "file:///x", "dir_info": {"editable": true}}')
        monkeypatch.setattr(sys, "path", [str(home), str(site), *sys.path])
        importlib.invalidate_caches()
        net = importlib.import_module(top).Net()
        return sp.as_model(net, name="net").fingerprint().replace(top, "top")

    if kind == "installed":
        name = measured(0, PACKAGE, "1.0")
        module = sys.modules["madeinstalled0"]
        module.Net.forward.__code__ = (lambda self, x: x.flatten(1)[:, :3] * 4).__code__
        assert sp.as_model(module.Net(), name="net").fingerprint() == name  # its version says what it is
        return
    same, edited_ = measured(0, PACKAGE, "1.0"), measured(1, PACKAGE.replace("* 2", "* 3"), "1.0")
    assert same == measured(2, PACKAGE, "1.0") != edited_


def test_a_method_that_the_user_puts_into_a_package_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.ReLU())
    before = sp.as_model(net).fingerprint()
    monkeypatch.setattr(torch.nn.ReLU, "forward", lambda _self, x: x * 2)
    after = sp.as_model(net).fingerprint()
    monkeypatch.setattr(torch.nn.ReLU, "forward", lambda _self, x: x * 3)
    assert len({before, after, sp.as_model(net).fingerprint()}) == 3
