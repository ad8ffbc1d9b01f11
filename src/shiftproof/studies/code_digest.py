"""Which code a study is: a digest of its sources as they compute, and the commit that holds them."""

from __future__ import annotations

import ast
import hashlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec, resolve_name
from pathlib import Path

from shiftproof._errors import UsageError
from shiftproof.studies.abstract import Study

_WORDS = {"paper", "references", "figure", "protocol", "scaled_down", "looks"}
"""What a study says about itself and never computes with."""


@dataclass(frozen=True)
class Code:
    """The code that a trial is measured with; None where there is no source, or no repository that holds it."""

    digest: str | None
    commit: str | None
    dirty: bool | None


def code_of(study: type[Study]) -> Code:
    """The digest of a study's sources, and the commit that holds them.

    Covered are the modules of the class and of its bases, and what these import, directly or not, from their own packages: the study and
    the parts of the framework that it measures with. Comments, docstrings, layout and the texts in which a study describes itself are left
    out, so only a change of what is computed, claimed or predicted changes the digest. Not covered: the rest of the library, whose version
    is recorded beside it.
    """
    homes = list(dict.fromkeys(base.__module__ for base in study.__mro__ if issubclass(base, Study)))
    own = _source(study.__module__)
    if own is None:
        return Code(None, None, None)
    packages = {home.rpartition(".")[0] for home in homes}
    found: dict[str, str] = {}
    waiting = homes
    while waiting:
        module = waiting.pop()
        path = _source(module)
        if path is None or str(path) in found:
            continue
        tree = _parsed(path)
        waiting += [name for name in _imported(tree, module) if _near(name, packages, own.parent)]
        found[str(path)] = f"{path.stem}\n{ast.unparse(_Computing().visit(tree))}"
    return Code(hashlib.sha256("\n".join(sorted(found.values())).encode()).hexdigest()[:24], *_kept(own))


def _source(module: str) -> Path | None:
    """The file of a module, in a script or a package, where it has one."""
    loaded = sys.modules.get(module)
    origin = vars(loaded).get("__file__") if loaded is not None else (spec.origin if (spec := find_spec(module)) else None)
    path = Path(origin) if origin else None
    return path.resolve() if path is not None and path.suffix == ".py" and path.is_file() else None


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError) as error:
        raise UsageError(f"The source '{path}' of a study cannot be read: {error}") from error


def _imported(tree: ast.Module, module: str) -> Iterator[str]:
    """The full names of all modules, and of what may be modules, that a module imports, wherever in it the import stands."""
    package = module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module or ""
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def _near(name: str, packages: set[str], folder: Path) -> bool:
    """Whether a module lies beside a study: in a package of its classes, or as a file in the folder of a script."""
    package, _, last = name.rpartition(".")
    if package:
        return package in packages and find_spec(package) is not None and (name in sys.modules or find_spec(name) is not None)
    return "" in packages and (folder / f"{last}.py").is_file()


class _Computing(ast.NodeTransformer):
    """A module without docstrings, attributes' docstrings, and the words that a study says about itself."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:  # ast's name
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            return None
        return self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.body = [each for each in node.body if not _describes(each)]
        return self._filled(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._filled(node)

    def _filled(self, node: ast.ClassDef | ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node


def _describes(node: ast.stmt) -> bool:
    return isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in _WORDS


def _kept(path: Path) -> tuple[str | None, bool | None]:
    """The commit of the repository that tracks a file, and whether anything tracked in it was changed since."""
    if _git(path, "ls-files", "--error-unmatch", path.name) is None:
        return None, None
    commit, changed = _git(path, "rev-parse", "HEAD"), _git(path, "status", "--porcelain", "--untracked-files=no")
    return commit, None if changed is None else bool(changed)


def _git(path: Path, *words: str) -> str | None:
    """What git answers in the folder of a file; None where it refuses or is not there."""
    try:
        answer = subprocess.run(["git", *words], cwd=path.parent, capture_output=True, text=True, timeout=20, check=False)  # noqa: S603, S607
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
