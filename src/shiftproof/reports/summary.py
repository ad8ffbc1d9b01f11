"""An audit in three lines of plain text."""

from __future__ import annotations

from shiftproof.evaluation.records import Audit
from shiftproof.reports import digest
from shiftproof.reports.words import printable


def summary(audit: Audit) -> str:
    """How good it is, where it breaks, and what is left open or failed: three lines."""
    good, *breaks, left_open = digest.sentences(audit)
    failed = [gate.condition for gate in audit.gates if gate.failed]
    verdict = f" Failed: {'; '.join(failed)}." if failed else ""
    return "\n".join(printable(line) for line in (good, " ".join(breaks), left_open + verdict))
