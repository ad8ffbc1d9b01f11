"""An audit in a few lines of plain text."""

from __future__ import annotations

from shiftproof.records.audit import Audit
from shiftproof.reports.audit import digest
from shiftproof.reports.audit.masking_checks import masking_sentences
from shiftproof.reports.audit.measures import measure_sentence
from shiftproof.reports.number_format import printable


def summary(audit: Audit) -> str:
    """How good it is, where it breaks, its measures and whether that can be trusted (where asked), what is open or failed: a line each."""
    good, *breaks, left_open = digest.sentences(audit)
    checked = masking_sentences(audit)
    breaks = breaks[: len(breaks) - len(checked)]
    failed = [gate.condition for gate in audit.gates if gate.failed and gate.value is not None]
    unjudged = [gate.condition for gate in audit.gates if gate.value is None]
    verdict = f" Failed: {'; '.join(failed)}." if failed else ""
    verdict += f" Not judged: {'; '.join(unjudged)}." if unjudged else ""
    return "\n".join(printable(line) for line in (good, " ".join(breaks), *measure_sentence(audit), *checked, left_open + verdict))
