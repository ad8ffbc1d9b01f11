"""The package ships what it needs, and the pins cover what it asks for."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from importlib.metadata import distributions, entry_points
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import shiftproof
from repository import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in a freshly built wheel. The build needs no network: hatchling is a development dependency."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_every_file_of_the_package_ships(wheel: set[str]) -> None:
    here = {str(file.relative_to(ROOT / "src")) for file in (ROOT / "src").rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert "shiftproof/py.typed" in here
    assert here - wheel == set()


def test_nothing_else_ships(wheel: set[str]) -> None:
    metadata = f"shiftproof-{shiftproof.__version__}.dist-info/"
    assert {name for name in wheel if not name.startswith(("shiftproof/", metadata))} == set()
    assert f"{metadata}licenses/LICENSE" in wheel


def test_entry_points_lead_somewhere() -> None:
    declared = {"console_scripts": "shiftproof.cli.main:main", "pytest11": "shiftproof.pytest_plugin"}
    for group, value in declared.items():
        (found,) = [entry for entry in entry_points(group=group) if entry.name == "shiftproof"]
        assert found.value == value
        assert found.load() is not None


def asked_for() -> list[Requirement]:
    """What the package, its tested extras, the development tools and the build ask for."""
    extras = PROJECT["project"]["optional-dependencies"]
    tested = [line for name in ("boosting", "http", "onnx") for line in extras[name]]
    lines = [*PROJECT["project"]["dependencies"], *tested, *PROJECT["dependency-groups"]["dev"]]
    return [Requirement(line) for line in [*lines, *PROJECT["build-system"]["requires"]]]


@pytest.mark.parametrize("requirement", asked_for(), ids=str)
def test_each_requirement_is_pinned_inside_its_range(requirement: Requirement) -> None:
    assert requirement.name in PINS or requirement.marker is not None
    if requirement.name in PINS:
        assert Version(PINS[requirement.name]) in requirement.specifier


def test_pins_are_plain_versions() -> None:
    assert PINS["torch"] == "2.13.0"
    assert all(re.fullmatch(r"[a-z0-9-]+", name) and re.fullmatch(r"[0-9][0-9a-z.]*", pin) for name, pin in PINS.items())


def test_everything_that_runs_here_is_pinned_and_at_its_pin() -> None:
    """In the environment that `make` builds; elsewhere (a user's own versions) there is nothing to compare."""
    if not (ROOT / ".venv" / ".installed-dev").exists() or Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("not the environment that make builds")
    here = {str(canonicalize_name(d.name)): d.version.split("+")[0] for d in distributions()}
    del here["shiftproof"]
    assert {name: version for name, version in here.items() if PINS.get(name) != version} == {}
