"""An audit in a few lines of plain text."""

from __future__ import annotations

from shiftproof.records.audit import Audit
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.masking_checks import masking_sentences
from shiftproof.reports.audit.measures import measure_sentence
from shiftproof.reports.audit.verdict import conditions_held
from shiftproof.reports.number_format import printable


def summary(audit: Audit) -> str:
    """How good it is, where it breaks, its measures and whether that can be trusted (where asked), what is open, what conditions say."""
    good, *breaks, left_open = digest.sentences(audit)
    checked = masking_sentences(audit)
    breaks = breaks[: len(breaks) - len(checked)]
    lines = (good, " ".join(breaks), *measure_sentence(audit), *checked, left_open, *_verdicts(audit))
    return "\n".join(printable(line) for line in lines)


def _verdicts(audit: Audit) -> list[str]:
    """How many conditions hold, and of each that does not what was measured; nothing without conditions."""
    if not audit.gates:
        return []
    failing = [gate for gate in audit.gates if gate.failed or gate.value is None]
    words = [f"{'Not judged' if gate.value is None else 'Failed'}: {gate.condition}: {gate.detail}" for gate in failing]
    return [f"{conditions_held(audit)}.", *words]
