"""Objects by path: "mypkg.shifts:Rain" from an installed module, "rain.py:Rain" from a file.

Importing runs the user's own code, so this is called only with a path that the user wrote.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

from shiftproof._errors import UsageError, unknown


def load_object(spec: str) -> object:
    """The object that `spec` names: "package.module:Name" or "FILE.py:Name"; dots after the colon walk into it.

    A module is looked for in the working folder too, and a file's imports in its own folder.

    Raises:
        UsageError: the spec has no colon, the file or module is not there, or it has no such name.
        Exception: whatever the imported code raises, with its traceback.
    """
    where, colon, path = spec.rpartition(":")
    if not colon or not where or not path:
        raise UsageError(f"Cannot read '{spec}'. Write it as FILE.py:Name or package.module:Name.")
    found: object = _load_file(where, spec) if where.endswith(".py") else _load_module(where, spec)
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            raise unknown(f"name in {where}", name, [n for n in dir(found) if not n.startswith("_")]) from None
    return found


def state_of(spec: str) -> tuple[int, int]:
    """What tells the states of the file in FILE.py:Name apart, for caches of what was loaded; the same always for an installed module."""
    where = spec.rpartition(":")[0]
    try:
        found = Path(where).expanduser().stat() if where.endswith(".py") else None
    except OSError:  # said where it is loaded
        found = None
    return (0, 0) if found is None else (found.st_mtime_ns, found.st_size)


def _load_file(where: str, spec: str) -> ModuleType:
    file = Path(where).expanduser().resolve()
    if not file.is_file():
        raise UsageError(f"There is no file '{where}' (in '{spec}'). Paths are relative to {Path.cwd()}.")
    # One module an absolute path and content: the same file is the same classes, and an edited file is read again.
    name = f"_shiftproof_{file.stem}_{hashlib.sha256(bytes(file) + file.read_bytes()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    recipe = importlib.util.spec_from_file_location(name, file, loader=_FromSource(name, str(file)))
    if recipe is None or recipe.loader is None:
        raise UsageError(f"'{where}' cannot be imported as Python.")
    module = importlib.util.module_from_spec(recipe)
    sys.modules[name] = module  # dataclasses look their module up while it runs
    try:
        with beside(file.parent):
            recipe.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _FromSource(SourceFileLoader):
    """Compiles a file as it stands: stored bytecode is known by size and second, so an edit within one would not be seen."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def _load_module(where: str, spec: str) -> ModuleType:
    with on_path(Path.cwd()):
        try:
            return importlib.import_module(where)
        except ModuleNotFoundError as error:
            if error.name is None or not (where == error.name or where.startswith(f"{error.name}.")):
                raise  # the module is there, and something that it imports is not
            fix = "Install its package, or run from the folder that holds it."
            raise UsageError(f"There is no module '{error.name}' (in '{spec}'). {fix}") from None


_NEIGHBOURS: dict[str, Path] = {}
"""Modules that a file brought in from its own folder, by name."""


@contextmanager
def beside(folder: Path) -> Iterator[None]:
    """Makes files in `folder` importable, as when one of them is run.

    An `import nets` then finds the nets.py of this folder, not one that a file loaded before brought in from another folder.
    """
    for name in [name for name, home in _NEIGHBOURS.items() if home != folder]:
        sys.modules.pop(name, None)
        del _NEIGHBOURS[name]
    before = set(sys.modules)
    try:
        with on_path(folder):
            yield
    finally:
        _NEIGHBOURS.update({name: folder for name in set(sys.modules) - before if _lies_in(name, folder)})


def _lies_in(name: str, folder: Path) -> bool:
    """True for a module that an import by name found in `folder` itself; packages installed somewhere below it do not count."""
    top = sys.modules.get(name.partition(".")[0])
    origin = getattr(top, "__file__", None)
    if origin is None or name.startswith("_shiftproof_"):
        return False
    file = Path(origin)
    return folder == (file.parent.parent if file.name == "__init__.py" else file.parent)


@contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """`folder` first among the places that imports look in, for the time of one import."""
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)
