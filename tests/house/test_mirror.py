"""Tests mirror the house: the tests of a module are in the folder of its package."""

from __future__ import annotations

from pathlib import Path

from repository import ROOT

SOURCE, TESTS = ROOT / "src" / "shiftproof", ROOT / "tests"
OF_THE_REPOSITORY = {"docs", "house"}
RENAMED = {"_identity": "identity", "sklearn": "sklearn_estimators"}
"""A folder that hid a package of the same name from the type checker, or that would be private."""
TESTED_FROM_ABOVE = {
    "shifts/patch": "with shifts/physical, in shifts/test_patch_physical_oracle.py",
    "shifts/physical": "with shifts/patch",
}


def folders(root: Path) -> set[str]:
    """Every folder below that holds Python files of its own, as a path."""
    return {file.parent.relative_to(root).as_posix() for file in root.rglob("*.py") if file.name != "__init__.py"} - {"."}


def mirrored(folder: str) -> str:
    """Where the tests of a package are."""
    first, *rest = folder.split("/")
    return "/".join([RENAMED.get(first, first), *rest])


def test_every_package_has_its_folder_of_tests() -> None:
    assert {mirrored(folder) for folder in folders(SOURCE) - set(TESTED_FROM_ABOVE)} - folders(TESTS) == set()


def test_every_folder_of_tests_is_that_of_a_package() -> None:
    assert folders(TESTS) - OF_THE_REPOSITORY - {mirrored(folder) for folder in folders(SOURCE)} == set()


def test_exceptions_are_needed() -> None:
    assert set(TESTED_FROM_ABOVE) <= folders(SOURCE) - folders(TESTS)
