"""What `shiftproof.audit` returns: the record, its numbers as a table, its failures as objects, its charts and its verdict."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, unknown
from shiftproof.gate import GateVerdict, available_in, check_against, exit_code, table, verdicts
from shiftproof.records.audit import Audit, GalleryExample, Result, Shown
from shiftproof.records.picture import read_picture
from shiftproof.reports.audit.summary import summary
from shiftproof.reports.number_format import is_mean_score

if TYPE_CHECKING:
    import pandas as pd

    from shiftproof.reports.figure import Figure

_COLUMNS = (
    "data",
    "shift",
    "family",
    "strength",
    "search",
    "access",
    "risk",
    "measure",
    "group",
    "value",
    "kind",
    "low",
    "high",
    "confidence",
    "n",
    "forwards_per_example",
    "backwards_per_example",
    "sent",
    "seconds",
    "flags",
    "notes",
)


@dataclass(frozen=True, eq=False)
class Failure:
    """One example that only the move broke, before and after.

    Args:
        id: the example's name.
        shift, search: specs of what moved it, and of what chose the move.
        label: the truth; the accepted answers, where texts are judged.
        before, after: the input as collected and as moved: an array of the shape of one input, or a text.
        prediction_before, prediction: what the model says of the two.
        confidence: its largest probability at `after`; NaN where it gives no scores.
    """

    id: str
    shift: str
    search: str
    label: Shown
    before: npt.NDArray[Any] | str
    after: npt.NDArray[Any] | str
    prediction_before: Shown
    prediction: Shown
    confidence: float

    def __repr__(self) -> str:
        said = f"{self.prediction_before} -> {self.prediction}, truth {self.label}"
        return f"Failure({self.id!r} under {self.shift} by {self.search}: {said})"


@dataclass(frozen=True)
class GateResult:
    """What conditions came to on a run; true where all of them hold and the run is complete.

    Args:
        verdicts: one for each condition, with its number and a sentence.
        complete: whether every cell of the run is finished.
    """

    verdicts: tuple[GateVerdict, ...]
    complete: bool

    @property
    def exit_code(self) -> int:
        """As `shiftproof audit` ends: 0 holds, 1 a condition failed, 2 one could not be judged or the run is incomplete."""
        return exit_code([verdict.record() for verdict in self.verdicts], self.complete)

    def __bool__(self) -> bool:
        return self.exit_code == 0

    def __str__(self) -> str:
        return table(self.verdicts) + ("" if self.complete else "\nThe run is incomplete.")


@dataclass(frozen=True, repr=False)
class Report:
    """A finished or interrupted run: its record, and the folder with the page.

    In a notebook it shows its summary, the headline chart and a link to the page.
    """

    record: Audit
    folder: Path

    @property
    def page(self) -> Path:
        """The HTML page, one self-contained file."""
        return self.folder / "index.html"

    def accuracy(self, shift: str = "identity", search: str | None = None) -> float:
        """Accuracy (the judge's mean score) under a shift given by its spec: the least over its searches, or that of one of them."""
        values = [
            r.value
            for r in self.record.results
            if r.shift == shift and r.risk == "mean" and is_mean_score(r.measure) and search in (None, r.search) and r.value is not None
        ]
        if not values:
            known = sorted({f"{r.shift} under {r.search}" for r in self.record.results})
            raise UsageError(
                f"This run has no finished number for {shift}" + (f" under {search}" if search else "") + f". It has: {'; '.join(known)}."
            )
        return min(values)

    def to_frame(self) -> pd.DataFrame:
        """Every number of the run, a row each: what it is about, `value`, what it claims (`kind`), its interval (`low`, `high`), its cost.

        What was not measured is NaN. `flags` and `notes` are texts, joined by "; ".
        """
        import pandas as pd

        return pd.DataFrame([_row(result) for result in self.record.results], columns=list(_COLUMNS))

    def failures(self, shift: str | None = None, search: str | None = None) -> list[Failure]:
        """The failures that the run kept, the surest of each shift and search first: at most `pictures` of each (an option of the audit).

        Args:
            shift: spec of a shift; all where None.
            search: spec of a search; all where None.

        Raises:
            UsageError: the run measured no such shift or search, or a kept file is missing or damaged.
        """
        for what, name, known in (
            ("shift of this run", shift, {cell.shift for cell in self.record.cells}),
            ("search of this run", search, {cell.search for cell in self.record.cells}),
        ):
            if name is not None and name not in known:
                raise unknown(what, name, known)
        kept = [one for one in self.record.gallery if shift in (None, one.shift) and search in (None, one.search)]
        return [_failure(self.folder / "gallery" / one.file, one) for one in kept]

    def plot(self, name: str = "headline") -> Figure:
        """A chart of the page; its `frame()` has the numbers. A notebook shows it.

        Args:
            name: "headline", or another of the page's charts: "groups", "natural", "curve:linf", ...

        Raises:
            UsageError: the page has no such chart.
        """
        from shiftproof.reports.audit.page import figures

        found = figures(self.record)
        if name not in found:
            raise unknown("chart", name, found)
        return found[name]

    def gate(self, *conditions: str) -> GateResult:
        """What conditions come to on this run: those given, or those of its `fail_on`.

        Example:
            >>> import shiftproof as sp
            >>> report = sp.audit(model, data, shifts=["linf(eps=0.1)"])  # doctest: +SKIP
            >>> assert report.gate("linf(eps=0.1).robust_accuracy < 0.6"), report.gate()  # doctest: +SKIP

        Raises:
            UsageError: a condition cannot be read, or is about a number that the run does not have.
        """
        wanted = conditions or tuple(gate.condition for gate in self.record.gates)
        if not wanted:
            raise UsageError("This run has no conditions. Give one, for example report.gate('accuracy < 0.9').")
        if self.record.complete:  # else what is missing may just be unfinished, which its verdict says
            check_against(wanted, available_in(self.record))
        return GateResult(tuple(verdicts(self.record, wanted)), self.record.complete)

    def __str__(self) -> str:
        return summary(self.record)

    def __repr__(self) -> str:
        return f"Report({self.record.model.name!r} on {self.record.data.uri}, {len(self.record.cells)} cells, in {self.folder})"

    def _repr_html_(self) -> str:
        from shiftproof.reports.inline import notebook_html

        lines = "<br>".join(html.escape(line) for line in str(self).splitlines())
        chart = self.plot().element() if any(r.shift != "identity" for r in self.record.results) or self.record.natural else ""
        link = f'<p>Page: <a href="{html.escape(self.page.as_posix())}" target="_blank">{html.escape(str(self.page))}</a></p>'
        return notebook_html(f"<p>{lines}</p>", chart, link)


def _row(result: Result) -> dict[str, Any]:
    low, high = result.interval or (None, None)
    said = {"low": low, "high": high, "flags": "; ".join(result.flags), "notes": "; ".join(result.notes)}
    return {**result.model_dump(include=set(_COLUMNS)), **said}


def _failure(path: Path, kept: GalleryExample) -> Failure:
    from shiftproof._sealed import DamagedFile

    try:
        arrays = read_picture(path)
    except (DamagedFile, OSError) as error:
        raise UsageError(f"The failure kept in '{path}' cannot be read: {error}. Run the audit again.") from error
    before, after = (array.item() if array.dtype.kind == "U" else array for array in (arrays["clean"], arrays["moved"]))
    confidence = np.nan if kept.confidence is None else kept.confidence
    return Failure(kept.id, kept.shift, kept.search, kept.label, before, after, kept.clean_prediction, kept.prediction, confidence)
