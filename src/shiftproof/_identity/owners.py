"""Whose code it is: of an installed package, by name and version; of Python; ours; or the user's own."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import sys
import sysconfig
from collections.abc import Mapping
from difflib import SequenceMatcher
from functools import cache
from pathlib import Path, PurePath
from types import FunctionType, ModuleType

OURS = "shiftproof"
_SITES = ("site-packages", "dist-packages")
PYTHON = "python " + ".".join(platform.python_version_tuple()[:2])


def owner_of_module(name: object) -> str | None:
    """Who wrote the module of this name, such as "torch 2.4.0"; None for the user's own code.

    So it is for what is no name: the `__module__` of a class that forwards its objects' attributes is a property.

    >>> owner_of_module("json") == PYTHON, owner_of_module("shiftproof.door"), owner_of_module("__main__")
    (True, 'shiftproof', None)
    """
    if not isinstance(name, str) or name in ("__main__", "__mp_main__"):
        return None
    if name.partition(".")[0] == OURS:
        return OURS
    module = sys.modules.get(name)
    return None if module is None else owner_of(vars(module))


def owner_of(namespace: Mapping[str, object]) -> str | None:
    """Who wrote the module with these globals; None for the user's own code."""
    name, file, spec = (namespace.get(key) for key in ("__name__", "__file__", "__spec__"))
    if isinstance(name, str) and name.partition(".")[0] == OURS:
        return OURS
    if isinstance(file, str):
        return _owner_of_file(file)
    origin = getattr(spec, "origin", None)
    return PYTHON if origin in ("built-in", "frozen") else None


def owner_to_be(name: str) -> str | None:
    """Who wrote a module that may not be imported yet, by its top package; None for the user's own code and for what is not there."""
    top = name.partition(".")[0]
    spec = None if top in sys.modules else importlib.util.find_spec(top)
    return owner_of_module(top) if spec is None else owner_of({"__name__": top, "__file__": spec.origin, "__spec__": spec})


def stands_in(value: type | FunctionType, module: str) -> bool:
    """Whether a class or function is what its qualified name leads to in this module."""
    found: object = sys.modules.get(module)
    for name in value.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is value


def is_own(module: ModuleType) -> bool:
    """Whether the user wrote this module."""
    return owner_of(vars(module)) is None


def seen_from(value: object, namespace: Mapping[str, object]) -> object:
    """A place in the folder of the module with these globals, as seen from there: the same wherever the folder lies."""
    file = namespace.get("__file__")
    if not isinstance(file, str) or not isinstance(value, str | PurePath):
        return value
    folder, place = Path(file).absolute().parent, Path(value)
    if place.is_absolute():
        for home in (folder, folder.resolve()):
            if place.is_relative_to(home):
                return f"beside the module: {place.relative_to(home).as_posix()}"
    return value


def namespace_of(cls: type) -> Mapping[str, object]:
    """The globals of the module that a class is defined in."""
    module = sys.modules.get(cls.__module__)
    return {} if module is None else vars(module)


@cache
def _owner_of_file(file: str) -> str | None:
    parts = Path(file).parts
    at = max((i for i, part in enumerate(parts) if part in _SITES), default=None)
    if at is not None:
        return _installed(parts[at + 1].partition(".")[0], str(Path(*parts[: at + 1])))
    standard = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    homes = standard | {folder.resolve() for folder in standard}
    return PYTHON if homes & {*Path(file).parents, *Path(file).resolve().parents} else None


@cache
def _installed(top: str, site: str) -> str | None:
    """The distribution that brought a top-level package into a site folder; None where it is editable or was copied there by hand."""
    names = [folder.name.partition("-")[0] for folder in Path(site).glob("*-info")]
    near = sorted(names, key=lambda name: -SequenceMatcher(None, name.lower(), top.lower()).ratio())  # most often of nearly that name
    for found in (importlib.metadata.distribution(name) for name in near):
        if _holds(found, top):
            editable = json.loads(found.read_text("direct_url.json") or "{}").get("dir_info", {}).get("editable", False)
            return None if editable else f"{found.metadata['Name']} {found.version}"
    return None


def _holds(found: importlib.metadata.Distribution, top: str) -> bool:
    listed = found.read_text("RECORD") or ""
    return any(f"\n{start}" in f"\n{listed}" for start in (f"{top}/", f"{top}.")) or top in (found.read_text("top_level.txt") or "").split()
