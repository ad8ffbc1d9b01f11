"""Can the verdict be trusted? The diagnoses of an audit as sentences, and what of its extras did not finish."""

from __future__ import annotations

from dataclasses import dataclass

from shiftproof.records.audit import Audit
from shiftproof.records.diagnosis import CheckRecord, Diagnosis
from shiftproof.reports.number_format import plural


@dataclass(frozen=True)
class Unfinished:
    """A diagnosis or a curve that failed or never ran."""

    what: str
    state: str
    error: str | None


def masking_sentences(audit: Audit) -> list[str]:
    """One sentence for all that passed, and one for each family of shifts whose checks failed, with the searches to use next."""
    done = [diagnosis for diagnosis in audit.diagnoses if diagnosis.state == "done"]
    passed = [diagnosis for diagnosis in done if diagnosis.checks and not diagnosis.failed]
    said = [_failed(diagnosis) for diagnosis in done if diagnosis.failed]
    if passed:
        names = ", ".join(diagnosis.shift for diagnosis in passed)
        ran = min(diagnosis.ran for diagnosis in passed)
        said.append(f"Gradient masking: none of {plural(ran, 'check')} failed under {names}. This does not rule masking out.")
    return said + [f"{d.shift} could not be checked for masked gradients: {d.note.rstrip('.')}." for d in done if d.note]


def _failed(diagnosis: Diagnosis) -> str:
    names = ", ".join(f"{check.name} {figure_text(check.figure)} (limit {figure_text(check.limit)})" for check in diagnosis.failed)
    next_ = f" Next, search with {', then '.join(diagnosis.next_searches)}." if diagnosis.next_searches else ""
    return (
        f"Do not trust gradient search under {diagnosis.family} yet: {len(diagnosis.failed)} of {plural(diagnosis.ran, 'check')} failed "
        f"under {diagnosis.shift}: {names}.{next_}"
    )


def ordered(diagnosis: Diagnosis) -> list[CheckRecord]:
    """Its checks, those that failed first, those that were not run last."""
    order = {"fail": 0, "pass": 1, "not_run": 2}
    return sorted(diagnosis.checks, key=lambda check: order[check.state])


def unfinished_extras(audit: Audit) -> list[Unfinished]:
    """The diagnoses, curves and calibration without a result."""
    return [
        *(Unfinished(f"masked gradients under {d.shift}", d.state, d.error) for d in audit.diagnoses if d.state != "done"),
        *([Unfinished("calibration", audit.trust.state, audit.trust.error)] if audit.trust and audit.trust.state != "done" else []),
        *(Unfinished(f"curve of {c.family} by {c.search}", c.state, c.error) for c in audit.curves if c.state != "done"),
    ]


def unchecked(audit: Audit) -> list[str]:
    """What is open about the trust in its numbers, each as half a sentence."""
    said = [f"{extra.what} did not finish" for extra in unfinished_extras(audit)]
    searched = any(cell.kind == "at_most" and cell.access == "gradients" for cell in audit.cells)
    if searched and not audit.diagnoses:
        said.append("whether gradients are masked was not checked (--diagnose)")
    return said


def figure_text(figure: float | None) -> str:
    """A check's figure or limit.

    >>> figure_text(0.0512345), figure_text(None)
    ('0.0512', '–')
    """
    return "–" if figure is None else f"{figure:.3g}"
