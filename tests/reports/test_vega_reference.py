"""Every chart of every page is the spec that Altair makes of the same calls."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import shiftproof.reports
from every_page import PAGES
from repository import ROOT
from shiftproof.reports import figure, vega
from shiftproof.reports.figure import Figure, Spec

altair = pytest.importorskip("altair", reason="what specs are compared with")


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(shiftproof.reports.__path__, "shiftproof.reports."):
        yield importlib.import_module(found.name)


def specs(folder: Path, monkeypatch: pytest.MonkeyPatch, library: Any) -> list[Spec]:
    """The specs of every chart of every page, made by this library."""
    kept: list[Spec] = []
    plain_make = figure.make_figure

    def kept_figure(chart: Any, description: str, **options: Any) -> Figure:
        made = plain_make(chart, description, **options)
        kept.append(json.loads(json.dumps(bare(made.spec))))
        return made

    with monkeypatch.context() as patch:
        for module in modules():
            if vars(module).get("make_figure") is plain_make:
                patch.setattr(module, "make_figure", kept_figure)
            for name, value in list(vars(module).items()):
                if isinstance(value, vega.SpecPart) and library is altair:  # made when the module was imported
                    patch.setattr(module, name, vars(library)[type(value).__name__](**value.options))
            if vars(module).get("alt") is vega:
                patch.setattr(module, "alt", library)
        for name, write in sorted(PAGES.items()):
            (folder / name).mkdir(parents=True)
            write(folder / name, 0)
    return kept


def bare(spec: Spec) -> Spec:
    """Without what Altair says of itself."""
    return {name: part for name, part in spec.items() if name not in ("config", "$schema", "usermeta")}


def test_every_chart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = (specs(tmp_path / name, monkeypatch, library) for name, library in (("a", vega), ("b", altair)))
    assert len(ours) > 20
    assert ours == theirs
    assert altair.SCHEMA_VERSION == vega.VERSION


def test_nothing_of_the_package_imports_altair() -> None:
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert "altair" not in names, f"{file}: from shiftproof.reports import vega as alt"
