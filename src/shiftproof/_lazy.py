"""Public names that import their module when first used, so that `import shiftproof` stays fast and torch comes late."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable
from typing import Any


class LazyExports:
    """A module-level `__getattr__` (PEP 562) that imports each public name from its home when it is first asked for.

    The module's `dir` then has them too.

    Args:
        package: the package whose names these are.
        homes: "module:Name" for each public name, the module relative to the package.
    """

    def __init__(self, package: str, homes: Iterable[str]) -> None:
        self.package = package
        self.homes = {name: f"{package}.{module}" for module, _, name in (home.partition(":") for home in homes)}
        module = vars(sys.modules[package])
        module["__dir__"] = lambda: sorted({*module, *self.homes})

    def __call__(self, name: str) -> Any:
        if name not in self.homes:
            raise AttributeError(f"module '{self.package}' has no attribute '{name}'")
        return getattr(importlib.import_module(self.homes[name]), name)


def lazy_exports(package: str, *homes: str) -> tuple[list[str], LazyExports]:
    """A package's `__all__` and `__getattr__` from "module:Name" of each public name.

    `make stubs` writes the same table into the package's `__init__.pyi`, which type checkers and editors read.
    """
    exports = LazyExports(package, homes)
    return sorted(exports.homes), exports
