"""The accuracy-on-the-line page: out-of-distribution against in-distribution accuracy of each model, and the line through them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Group
from rich.table import Table
from rich.text import Text

from shiftproof._writing import write_atomic
from shiftproof.measures.effective_robustness import AXES, AccuracyLine
from shiftproof.measures.many_shifts import ManyShifts, many_shifts
from shiftproof.reports import vega as alt
from shiftproof.reports._html import render
from shiftproof.reports.figure import ChartRow, Figure, make_figure, table_of
from shiftproof.reports.number_format import confidence, percent, plural, points, points_span, printable

_TICKS = (0.001, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
_SHOWN = 10


def line_chart(line: AccuracyLine) -> Figure:
    """One point a model on the line's own scale; over several columns at home, against what the fit expects."""
    to = AXES[line.axis][0]
    one = len(line.inside) == 1
    at = np.array([model.inside[0] if one else model.expected for model in line.models])
    rows: list[ChartRow] = [
        {
            "model": model.model,
            "x": float(to(np.asarray(x))),
            "y": float(to(np.asarray(model.outside))),
            "inside": float(x),
            "outside": float(model.outside),
            "effective": float(model.effective),
            "kind": "fitted" if model.fitted else "other",
            "at": percent(float(x)),
            "there": percent(model.outside),
            "beyond": points(model.effective),
            "span": points_span(model.interval),
        }
        for model, x in zip(line.models, at, strict=True)
    ]
    ends = np.array([at.min(), at.max()])
    through: list[ChartRow] = [
        {"x": float(to(np.asarray(x))), "y": float(to(np.asarray(line.expected(x) if one else x))), "which": "fit"} for x in ends
    ]
    same: list[ChartRow] = [{"x": float(to(np.asarray(x))), "y": float(to(np.asarray(x))), "which": "same"} for x in ends]
    x_axis = alt.X("x:Q", title=line.inside[0] if one else "expected by the fit", scale=alt.Scale(zero=False), axis=_axis(line, at))
    there = np.array([model.outside for model in line.models])
    y_axis = alt.Y("y:Q", title=line.outside, scale=alt.Scale(zero=False), axis=_axis(line, np.concatenate([there, at])))
    heads = (
        ("model", "model"),
        ("at", line.inside[0] if one else "expected"),
        ("there", line.outside),
        ("beyond", "beyond the line"),
        ("span", "interval"),
    )
    kinds = ["fitted", "other"]
    legend = None
    if any(not model.fitted for model in line.models):
        legend = alt.Legend(title=None, orient="top", labelColor="var(--ink)", symbolOpacity=1)
    dots = (
        alt.Chart(table_of(rows))
        .mark_point(filled=True, size=42, opacity=0.75)
        .encode(
            x=x_axis,
            y=y_axis,
            color=alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=["var(--run-1)", "var(--run-2)"]), legend=legend),
            shape=alt.Shape("kind:N", scale=alt.Scale(domain=kinds, range=["circle", "diamond"]), legend=legend),
            tooltip=[alt.Tooltip(field=field, type="nominal", title=title) for field, title in heads],
        )
    )
    fit = alt.Chart(table_of(through)).mark_line(color="var(--ink)", strokeWidth=1.6).encode(x="x:Q", y="y:Q")
    level = alt.Chart(table_of(same)).mark_line(color="var(--muted)", strokeDash=[4, 4]).encode(x="x:Q", y="y:Q")
    layers = [level, fit, dots] if one else [fit, dots]
    what = f"Accuracy on {line.outside} of {plural(len(rows), 'model')}, on {line.axis} axes, with the fitted line."
    return make_figure(
        alt.layer(*layers).properties(height=380),
        f"{what} The same numbers are in the table below.",
        tables={"model": rows, "fit": through, **({"same accuracy": same} if one else {})},
        columns={
            "model": "model",
            "kind": "used",
            "inside": "in-distribution accuracy" if one else "expected accuracy",
            "outside": "out-of-distribution accuracy",
            "effective": "effective robustness",
            "x": "x",
            "y": "y",
        },
    )


def _axis(line: AccuracyLine, values: np.typing.NDArray[np.float64]) -> alt.Axis:
    """Ticks at round accuracies within what is shown, named in percent."""
    room = 0.02
    ticks = [tick for tick in _TICKS if values.min() - room <= tick <= values.max() + room]
    if len(ticks) < 3:
        ticks = np.linspace(values.min(), values.max(), 4).round(3).tolist()
    placed = [float(AXES[line.axis][0](np.asarray(tick))) for tick in ticks]
    names = [f"{100 * tick:g}%" for tick in ticks]
    return alt.Axis(values=placed, labelExpr=f"{names!r}[indexof({placed!r}, datum.value)]", grid=True)


def terminal_line(lines: Sequence[AccuracyLine]) -> Group:
    """Each line, and the models furthest from it on either side; control characters in names do nothing."""
    parts: list[Table | Text] = []
    for line in lines:
        parts.append(Text(printable(f"{line}; {confidence(line.confidence)} intervals")))
        table = Table()
        for place, head in enumerate(("model", *line.inside, line.outside, "expected", "effective robustness", "interval")):
            table.add_column(Text(printable(head)), justify="left" if place == 0 else "right")
        shown = line.models if len(line.models) <= 2 * _SHOWN else (*line.models[:_SHOWN], *line.models[-_SHOWN:])
        for place, model in enumerate(shown):
            if place == _SHOWN and len(shown) < len(line.models):
                table.add_row(f"... {len(line.models) - len(shown)} more", *[""] * (len(line.inside) + 4))
            each = [percent(x) for x in (*model.inside, model.outside, model.expected)]
            beyond = [points(model.effective), points_span(model.interval)]
            table.add_row(Text(printable(model.model)), *each, *beyond)
        parts.append(table)
        parts += [Text(said) for said in _left_out(line)]
    together = _together(lines)
    return Group(*parts, *(_terminal_shifts(together) if together else ()))


def _together(lines: Sequence[AccuracyLine]) -> ManyShifts | None:
    """What all lines together say, where they are of several shifts."""
    return many_shifts(lines) if len({line.outside for line in lines}) == len(lines) > 1 else None


def _terminal_shifts(together: ManyShifts) -> tuple[Text, Table]:
    table = Table(title="Effective robustness on every shift")
    for place, head in enumerate(("model", *together.shifts, "above", "below")):
        table.add_column(Text(printable(head)), justify="left" if place == 0 else "right")
    for model in together.models[:_SHOWN]:
        each = [points(place.effective) for place in model.places]
        table.add_row(Text(printable(model.model)), *each, str(model.above), str(model.below))
    if len(together.models) > _SHOWN:
        table.add_row(f"... {len(together.models) - _SHOWN} more", *[""] * (len(together.shifts) + 2))
    return Text(str(together)), table


def _left_out(line: AccuracyLine) -> list[str]:
    if not line.left_out:
        return []
    more = f", and {len(line.left_out) - 3} more" if len(line.left_out) > 3 else ""
    return [printable(f"Left out: {'; '.join(line.left_out[:3])}{more}.")]


def write_line(lines: Sequence[AccuracyLine], source: str, out: Path) -> Path:
    """Writes line.html into the folder `out`, which is made; returns the page's path."""
    out.mkdir(parents=True, exist_ok=True)
    target = out / "line.html"
    write_atomic(target, line_page(lines, source).encode())
    return target


def line_figures(lines: Sequence[AccuracyLine]) -> dict[str, Figure]:
    """Every chart of the page by its name on it; each hands out its numbers with `frame`."""
    return {f"line{place}": line_chart(line) for place, line in enumerate(lines)}


def line_page(lines: Sequence[AccuracyLine], source: str) -> str:
    """The lines as one self-contained HTML file."""
    return render(
        "line.html.j2",
        charts=line_figures(lines),
        lines=lines,
        said=[str(line) for line in lines],
        left_out=[_left_out(line) for line in lines],
        together=_together(lines),
        source=source,
    )
