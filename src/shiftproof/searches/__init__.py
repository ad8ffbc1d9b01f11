"""How a move is chosen inside a shift: one file, one way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftproof._lazy import lazy_exports
from shiftproof.registry import Registry

if TYPE_CHECKING:
    from shiftproof.searches.abstract import Incumbent, Search
    from shiftproof.searches.best_of_n import BestOfN
    from shiftproof.searches.gradient_ascent import GradientAscent
    from shiftproof.searches.grid import Grid
    from shiftproof.searches.one_draw import OneDraw

_HOME = "shiftproof.searches"
searches: Registry[Search] = Registry(
    "search",
    f"{_HOME}.abstract:Search",
    {
        "one_draw": f"{_HOME}.one_draw:OneDraw",
        "best_of_n": f"{_HOME}.best_of_n:BestOfN",
        "grid": f"{_HOME}.grid:Grid",
        "gradient_ascent": f"{_HOME}.gradient_ascent:GradientAscent",
    },
)

__all__ = ["BestOfN", "GradientAscent", "Grid", "Incumbent", "OneDraw", "Search", "searches"]

__getattr__ = lazy_exports(
    __name__,
    {
        "Search": "abstract",
        "Incumbent": "abstract",
        "OneDraw": "one_draw",
        "BestOfN": "best_of_n",
        "Grid": "grid",
        "GradientAscent": "gradient_ascent",
    },
)
