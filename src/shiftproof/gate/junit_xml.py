"""The gate's verdicts as JUnit XML, which every continuous-integration service reads."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from shiftproof.records.audit import Audit, CellRecord, GateRecord

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold even escaped, such as the colours in a traceback."""


def junit(audit: Audit, records: Sequence[GateRecord]) -> str:
    """JUnit XML: one test case a condition, and one a cell that failed, is missing, or lacks more than 5 % of its answers.

    A condition that failed is a `failure`; one that could not be judged, and a cell without a result, is an `error`.

    Args:
        audit: the run.
        records: what its conditions came to.

    Returns:
        A whole XML document, with its declaration.
    """
    broken = [cell for cell in audit.cells if not cell.measured or cell.too_many_missing]
    failures = sum(record.failed and record.value is not None for record in records)
    errors = sum(record.value is None for record in records) + len(broken)
    counts = {"tests": str(len(records) + len(broken)), "failures": str(failures), "errors": str(errors), "time": _seconds(audit)}
    root = ElementTree.Element("testsuites", {"name": "shiftproof", **counts})
    started = audit.provenance.started[:19]  # the schema's time has no zone
    suite = ElementTree.SubElement(root, "testsuite", {"name": _clean(audit.model.name), **counts, "skipped": "0", "timestamp": started})
    _properties(suite, audit)
    for record in records:
        _condition(suite, record)
    for cell in broken:
        _cell(suite, cell)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _properties(suite: ElementTree.Element, audit: Audit) -> None:
    properties = ElementTree.SubElement(suite, "properties")
    found = {
        "model": audit.model.spec,
        "model fingerprint": audit.model.fingerprint,
        "data": audit.data.uri,
        "examples": str(audit.data.n),
        "seed": str(audit.provenance.seed),
        "complete": str(audit.complete).lower(),
        "shiftproof": audit.provenance.shiftproof,
    }
    for name, value in found.items():
        ElementTree.SubElement(properties, "property", {"name": name, "value": _clean(value)})


def _condition(suite: ElementTree.Element, record: GateRecord) -> None:
    case = _case(suite, "shiftproof.gate", record.condition, 0.0)
    if record.value is None:
        _said(case, "error", "unjudged", f"could not be judged: {record.condition}", record.detail)
    elif record.failed:
        _said(case, "failure", "condition", f"{record.condition}: it is {record.value:.4g}", record.detail)
    else:
        ElementTree.SubElement(case, "system-out").text = _clean(record.detail)


def _cell(suite: ElementTree.Element, cell: CellRecord) -> None:
    name = f"{cell.shift} under {cell.search} on {cell.data}"
    case = _case(suite, "shiftproof.cell", name, cell.seconds)
    silent = f"No answer came to {cell.unanswered} of {cell.n} examples. Run again to ask these."
    why = cell.error or (silent if cell.measured else "This cell has no result. Run again to go on.")
    _said(case, "error", cell.state, f"{name} is {cell.state}", why)


def _case(suite: ElementTree.Element, kind: str, name: str, seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", {"classname": kind, "name": _clean(name), "time": f"{seconds:.3f}"})


def _said(case: ElementTree.Element, tag: str, kind: str, message: str, text: str) -> None:
    ElementTree.SubElement(case, tag, {"type": kind, "message": _clean(message)}).text = _clean(text)


def _seconds(audit: Audit) -> str:
    return f"{sum(cell.seconds for cell in audit.cells):.3f}"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
