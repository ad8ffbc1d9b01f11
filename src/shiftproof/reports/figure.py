"""One chart of a page with its numbers: a Vega-Lite spec and a data frame.

Colours are the page's own CSS variables, so one spec serves light, dark and print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shiftproof.reports import vega as alt
from shiftproof.reports.number_format import KIND_WORDS, KINDS

if TYPE_CHECKING:
    import pandas as pd

Spec = dict[str, Any]
"""A Vega-Lite spec: JSON."""
ChartRow = dict[str, str | float | int | None]
"""One mark of a chart: its numbers and names, and texts made of them for the tooltip."""

_COLOURS = alt.Scale(domain=[KIND_WORDS[k] for k in KINDS], range=["var(--at-least)", "var(--estimate)", "var(--at-most)"])
_SHAPES = alt.Scale(domain=[KIND_WORDS[k] for k in KINDS], range=["triangle-right", "circle", "triangle-left"])
NAMES = alt.Axis(
    style="names",
    grid=False,
    labelExpr=r"split(trim(replace(datum.label, regexp('(.{1,22})(\\s|$)', 'g'), '$1\n')), '\n')",
)
"""The names of rows, broken into lines between words."""
FULL = alt.Scale(domain=[0, 1], nice=False, clamp=True)
"""All shares there are."""

CONFIG: Spec = {
    "background": "transparent",
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "domain": False,
        "ticks": False,
        "gridColor": "var(--line)",
        "labelColor": "var(--muted)",
        "titleColor": "var(--muted)",
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelPadding": 6,
    },
    "axisY": {"labelLimit": 230, "titleAnchor": "start"},
    "style": {"names": {"labelColor": "var(--ink)"}},
}
"""The look of every chart, given once to the page."""


@dataclass(frozen=True)
class Figure:
    """One chart and the numbers that it draws.

    Args:
        spec: the chart, as Vega-Lite.
        tables: the rows behind its marks, by what the marks are.
        columns: the name that each field has in `frame`, by the field of the rows; fields that are left out are texts for tooltips.
    """

    spec: Spec
    tables: Mapping[str, Sequence[ChartRow]]
    columns: Mapping[str, str]

    def frame(self) -> pd.DataFrame:
        """The numbers of the chart: one row per mark, the column "mark" first, NaN where a mark has no such number."""
        import pandas as pd

        rows = [
            {"mark": mark, **{self.columns[field]: value for field, value in row.items() if field in self.columns}}
            for mark, table in self.tables.items()
            for row in table
        ]
        return pd.DataFrame(rows, columns=["mark", *dict.fromkeys(self.columns.values())])

    def element(self) -> str:
        """The chart as SVG with its legend, for a notebook, or a sentence that says what it needs."""
        from shiftproof._errors import MissingExtra
        from shiftproof.reports.inline import LEGEND, svg

        try:
            return svg({**self.spec, "config": CONFIG}) + LEGEND
        except MissingExtra as missing:
            return f"<p>The chart is on the page. Here, it needs more. {missing}</p>"

    def _repr_html_(self) -> str:
        from shiftproof.reports.inline import notebook_html

        return notebook_html(self.element())

    def named(self, word: str) -> Figure:
        """The chart with another word for accuracy in its titles, its texts and the names of its columns."""
        if word == "accuracy":
            return self
        columns = {field: word if name == "accuracy" else name for field, name in self.columns.items()}
        return Figure({key: _named(key, value, word) for key, value in self.spec.items()}, self.tables, columns)


def make_figure(
    chart: alt.Chart | alt.LayerChart, description: str, *, tables: Mapping[str, Sequence[ChartRow]], columns: Mapping[str, str]
) -> Figure:
    """A chart as a bare spec: full width of its figure, described for screen readers."""
    spec: Spec = chart.properties(width="container", description=description).to_dict()
    return Figure({**spec, "autosize": {"type": "fit-x", "contains": "padding"}}, tables, columns)


def _named(key: str, value: Any, word: str) -> Any:
    if isinstance(value, dict):
        return {inner: _named(inner, part, word) for inner, part in value.items()}
    if isinstance(value, list):
        return [_named(key, part, word) for part in value]
    if key == "title" and value == "accuracy":
        return word
    if key in ("what", "description") and isinstance(value, str):
        return value.replace("Accuracy", f"{word[:1].upper()}{word[1:]}").replace("accuracy", word)
    return value


def table_of(rows: Sequence[ChartRow]) -> alt.Data:
    """Rows as a chart's data."""
    return alt.Data(values=list(rows))


def coloured() -> alt.Color:
    """The colour of what a number claims, its field `kind`."""
    return alt.Color("kind:N", scale=_COLOURS, legend=None)


def shaped() -> alt.Shape:
    """The shape of what a number claims."""
    return alt.Shape("kind:N", scale=_SHAPES, legend=None)


def share_axis(field: str) -> alt.Y:
    """A share from 0 to 100% on the upright axis."""
    return alt.Y(field=field, type="quantitative", scale=FULL, title=None, axis=alt.Axis(format="%", tickCount=3))
