"""Writes `__init__.pyi` beside each package whose names are lazy: what type checkers and editors read in place of its table.

    python tools/stubs.py

The table in `__init__.py` is the one place that people edit; a test fails while a stub says something else.
"""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import shiftproof
from shiftproof._lazy import LazyExports
from shiftproof.registry import Registry

HEAD = '"""Made from the table in `__init__.py` by `make stubs`."""\n\n'


def packages() -> Iterator[ModuleType]:
    """Every package with lazy names."""
    names = ["shiftproof", *(info.name for info in pkgutil.walk_packages(shiftproof.__path__, "shiftproof.") if info.ispkg)]
    for package in map(importlib.import_module, names):
        if isinstance(vars(package).get("__getattr__"), LazyExports):
            yield package


def stub(package: ModuleType) -> str:
    """The text of a package's stub."""
    homes: dict[str, str] = vars(package)["__getattr__"].homes
    by_home: dict[str, list[str]] = defaultdict(list)
    for name, home in homes.items():
        by_home[home].append(name)
    said = [f"from {home} import {', '.join(sorted(names))}" for home, names in by_home.items()]
    values: list[str] = []
    for name, value in sorted(vars(package).items()):
        if isinstance(value, Registry):
            generic = bool(vars(value.base).get("__parameters__"))
            said.append("from shiftproof.registry import Registry")
            said += ["from typing import Any"] * generic
            values.append(f"{name}: Registry[{value.base.__name__}{'[Any]' * generic}]")
    if "__version__" in vars(package):
        values.append("__version__: str")
    exported = f"__all__ = {sorted(vars(package)['__all__'])!r}"
    return _formatted(HEAD + "\n".join([*said, "", *values, exported]) + "\n", package)


def _formatted(text: str, package: ModuleType) -> str:
    """The text in the house's format and order of imports."""
    name = ["--stdin-filename", str(path_of(package))]
    for command in (["check", "--fix", "--quiet", "--select", "I,RUF022"], ["format", "--quiet"]):
        ran = subprocess.run([sys.executable, "-m", "ruff", *command, *name, "-"], input=text, capture_output=True, text=True, check=True)
        text = ran.stdout
    return text


def path_of(package: ModuleType) -> Path:
    """Where its stub lies."""
    return Path(str(package.__file__)).with_suffix(".pyi")


if __name__ == "__main__":
    for each in packages():
        path_of(each).write_text(stub(each), encoding="utf-8")
