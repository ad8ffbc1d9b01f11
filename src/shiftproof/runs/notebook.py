"""A progress bar in a notebook: what the terminal's bar shows, as HTML that is replaced a few times a second."""

from __future__ import annotations

import io
import sys
import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import Progress, ProgressColumn

_PAUSE = 0.5
"""Seconds between two pictures."""


def in_notebook() -> bool:
    """Whether this runs in the kernel of a notebook. IPython is not imported for it: in a notebook it is there."""
    module = sys.modules.get("IPython")
    shell = module.get_ipython() if module else None
    return shell is not None and type(shell).__name__ in ("ZMQInteractiveShell", "Shell")


class NotebookProgress(Progress):
    """rich's bar, drawn where the notebook shows HTML. Its own way needs ipywidgets, and writes a new line at each step without."""

    def __init__(self, *columns: str | ProgressColumn) -> None:
        # Told that it is in no notebook, as it would show there what it only renders here, line after line.
        console = Console(file=io.StringIO(), record=True, width=100, force_jupyter=False)
        super().__init__(*columns, console=console, auto_refresh=False)
        self._handle: Any = None
        self._drawn = 0.0

    def __enter__(self) -> NotebookProgress:
        from IPython.display import HTML, display

        self._handle = display(HTML(self._html()), display_id=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        from IPython.display import HTML

        self._handle.update(HTML(""))

    def update(self, *arguments: Any, **options: Any) -> None:
        """As of rich; draws now and then."""
        super().update(*arguments, **options)
        self._draw()

    def advance(self, *arguments: Any, **options: Any) -> None:
        """As of rich; draws now and then."""
        super().advance(*arguments, **options)
        self._draw()

    def _draw(self) -> None:
        from IPython.display import HTML

        now = time.monotonic()
        if self._handle is not None and now - self._drawn >= _PAUSE:
            self._drawn = now
            self._handle.update(HTML(self._html()))

    def _html(self) -> str:
        self.console.print(self.get_renderable())
        return self.console.export_html(inline_styles=True, clear=True, code_format="<pre style='font-size:.85em'>{code}</pre>")
