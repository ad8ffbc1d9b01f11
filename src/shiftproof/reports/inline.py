"""A chart as SVG inside a notebook: the page's look, in the notebook's own light or dark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shiftproof._errors import MissingExtra

_LIGHT = {
    "bg": "#fff",
    "ink": "#18202b",
    "muted": "#5c6773",
    "line": "#e2e6eb",
    "link": "#1f4e9c",
    "at-least": "#0b7a63",
    "estimate": "#2c62b5",
    "at-most": "#c0450b",
    "bracket": "#8a94a1",
}
_DARK = {
    "bg": "#11151b",
    "ink": "#e5e9ee",
    "muted": "#98a3b1",
    "line": "#2a323d",
    "link": "#8fb8ff",
    "at-least": "#45c4a6",
    "estimate": "#7fabf5",
    "at-most": "#f58d55",
    "bracket": "#7b8694",
}
_WHERE_DARK = ("[data-jp-theme-light=false] .shiftproof", ".vscode-dark .shiftproof", "html[theme=dark] .shiftproof")
"""How JupyterLab, VS Code and Colab say that the notebook is dark; elsewhere the reader's system decides."""
WIDTH = 640
_ROOM = 40
"""Pixels beside the names of rows, which the reader's font may draw wider than they were measured."""
LEGEND = (
    '<p style="font-size:.85em"><span style="color:var(--at-least)">&#9654; at least (proven)</span> &emsp; '
    '<span style="color:var(--estimate)">&#9679; estimate</span> &emsp; '
    '<span style="color:var(--at-most)">&#9664; at most (attacked)</span> &emsp; '
    '<span style="color:var(--muted)">dashed: as collected</span></p>'
)


def svg(spec: Mapping[str, Any], *, width: int = WIDTH) -> str:
    """A Vega-Lite spec as an SVG element, `width` pixels wide; its colours are CSS variables, see `STYLE`.

    Raises:
        MissingExtra: vl-convert-python is not installed.
    """
    try:
        import vl_convert
    except ImportError as error:
        raise MissingExtra("vl-convert-python", "charts") from error
    made: str = vl_convert.vegalite_to_svg(
        json.dumps({**spec, "width": width, "padding": {"left": _ROOM, "right": 5, "top": 5, "bottom": 5}})
    )
    return made


def _variables(colours: dict[str, str]) -> str:
    return ";".join(f"--{name}:{value}" for name, value in colours.items())


STYLE = (
    f"<style>.shiftproof{{{_variables(_LIGHT)};color:var(--ink);max-width:52rem}}"
    ".shiftproof svg{max-width:100%;height:auto}.shiftproof a{color:var(--link)}"
    f"@media (prefers-color-scheme:dark){{:root:not([data-jp-theme-light]) .shiftproof{{{_variables(_DARK)}}}}}"
    f"{','.join(_WHERE_DARK)}{{{_variables(_DARK)}}}</style>"
)
"""What gives the colours their values: once for each output of a notebook."""


def notebook_html(*parts: str) -> str:
    """Parts of HTML as one output of a notebook."""
    return f'{STYLE}<div class="shiftproof">{"".join(parts)}</div>'
