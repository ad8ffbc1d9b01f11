"""The stubs that type checkers read say what the tables of the packages say."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import pytest

from repository import ROOT


def tool() -> ModuleType:
    """The program behind `make stubs`, as a module."""
    recipe = importlib.util.spec_from_file_location("stubs", ROOT / "tools" / "stubs.py")
    assert recipe is not None
    assert recipe.loader is not None
    module = importlib.util.module_from_spec(recipe)
    recipe.loader.exec_module(module)
    return module


TOOL = tool()
PACKAGES: dict[str, ModuleType] = {package.__name__: package for package in TOOL.packages()}


def test_every_package_of_parts_has_a_table() -> None:
    assert {"shiftproof", "shiftproof.shifts", "shiftproof.searches", "shiftproof.risks", "shiftproof.certificates"} <= set(PACKAGES)


@pytest.mark.parametrize("name", PACKAGES)
def test_the_stub_says_what_the_table_says(name: str) -> None:
    package = PACKAGES[name]
    written = TOOL.path_of(package).read_text(encoding="utf-8")
    assert written == TOOL.stub(package), "The table has changed: run `make stubs`."


@pytest.mark.parametrize("name", PACKAGES)
def test_every_name_of_the_table_is_there(name: str) -> None:
    package = PACKAGES[name]
    assert all(getattr(package, public) is not None for public in package.__all__)
