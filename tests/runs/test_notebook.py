"""A bar in a notebook is HTML that is replaced; elsewhere there is none."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace

import pytest
from rich.progress import BarColumn, TextColumn

from shiftproof.runs.notebook import NotebookProgress, in_notebook


class Handle:
    """What IPython's display gives back."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def update(self, html: str) -> None:
        self.shown.append(html)


def test_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    handle, drawn = Handle(), list[str]()

    class ZMQInteractiveShell:
        pass

    def display(html: str, *, display_id: bool) -> Handle:
        assert display_id
        drawn.append(html)
        return handle

    ipython, place = ModuleType("IPython"), ModuleType("IPython.display")
    vars(ipython).update(get_ipython=ZMQInteractiveShell)
    vars(place).update(HTML=str, display=display)
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", place)
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)  # as in a kernel, where rich's own console shows each line that it prints
    assert in_notebook()
    with NotebookProgress(TextColumn("{task.description}"), BarColumn()) as bar:
        assert not bar.console.is_jupyter
        bar._drawn = -10.0
        task = bar.add_task("fog", total=10)
        bar.advance(task, 5)
        for _ in range(50):
            bar.advance(task, 0)
    assert "<pre" in drawn[0]
    assert "fog" in handle.shown[0]
    assert handle.shown[-1] == ""  # the report takes its place
    assert len(handle.shown) < 10  # not once a step


def test_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert not in_notebook()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()
