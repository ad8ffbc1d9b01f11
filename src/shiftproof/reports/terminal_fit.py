"""Tables for a terminal of any width: the first layout that fits is printed, so that no number is cut from its interval."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Callable, Iterable

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.text import Text

from shiftproof.reports.number_format import printable

_ANY = 10_000
_HARD_SPACE = "\N{NO-BREAK SPACE}"


class FirstThatFits:
    """Prints the first of several layouts whose width the terminal has, else the last.

    Args:
        layouts: each makes what is printed, the widest first.
    """

    def __init__(self, *layouts: Callable[[], RenderableType]) -> None:
        self.layouts = layouts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        *wider, last = self.layouts
        for layout in wider:
            made = layout()
            if Measurement.get(console, options.update(width=_ANY), made).maximum <= options.max_width:
                yield made
                return
        yield last()


class Sentence:
    """A line of text, broken between words where the terminal ends, and never inside an interval."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console
        yield text(wrapped([self.value], width=options.max_width))


def text(value: str) -> Text:
    """Text that is printed, never obeyed: no markup in it counts, and control characters are replaced; it may have several lines."""
    return Text("\n").join(Text(printable(line)) for line in value.split("\n"))


def wrapped(lines: Iterable[str], *, width: int | None = None) -> str:
    r"""Lines for a terminal of `width` columns (by default its own), broken between words, never inside "(91.2 to 93.0%)".

    >>> print(wrapped(["  right for 80.5% (76.0 to 84.5%) of all"], width=24))
      right for 80.5%
        (76.0 to 84.5%) of
        all
    """
    columns = width or shutil.get_terminal_size().columns
    return "\n".join(_wrapped(line, columns) for line in lines)


def _wrapped(line: str, width: int) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    held = _together(line.lstrip())
    made = textwrap.fill(
        held,
        width,
        initial_indent=indent,
        subsequent_indent=f"{indent}  " if indent else "",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return made.replace(_HARD_SPACE, " ")


def _together(line: str) -> str:
    """The line with its short brackets, which hold intervals, tied together."""
    parts = line.split("(")
    tied = [parts[0]]
    for part in parts[1:]:
        inside, close, rest = part.partition(")")
        tied.append(f"{inside.replace(' ', _HARD_SPACE) if ' to ' in inside and len(inside) < 40 else inside}{close}{rest}")
    return "(".join(tied)
