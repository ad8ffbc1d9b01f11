"""The BibTeX of what a run used."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shiftproof._errors import UsageError
from shiftproof._part import Part
from shiftproof.certificates import certificates
from shiftproof.evaluation.records import Audit
from shiftproof.registry import Registry, parse_spec
from shiftproof.risks import risks
from shiftproof.searches import searches
from shiftproof.shifts import shifts

_OWN_RISKS = ("group", "mean")


def cite(audit: Audit) -> str:
    """Every reference of the parts and diagnostics behind the audit's numbers, once each, shiftproof itself first.

    Parts that are not installed here, such as another machine's plugins, are named in a comment and never left out in silence.
    """
    found: dict[str, str] = {"shiftproof": _itself(audit.provenance.shiftproof)}
    lost: dict[str, None] = {}
    for entry in _of_diagnoses(audit):
        found.setdefault(entry_key(entry), entry.strip())
    for spec, registries in _used(audit):
        references = _references(spec, registries)
        if references is None:
            lost[spec.partition("(")[0]] = None
        for entry in references or ():
            found.setdefault(entry_key(entry), entry.strip())
    comments = [f"% Not installed here, so its references are not known: {_one_line(name)}" for name in lost]
    return "\n\n".join([*found.values(), *(["\n".join(comments)] if comments else [])]) + "\n"


def _used(audit: Audit) -> Iterable[tuple[str, tuple[Registry[Part], ...]]]:
    """Every part's spec once, with where to look it up."""
    pairs: dict[tuple[str, int], tuple[Registry[Part], ...]] = {}
    methods: tuple[Registry[Part], ...] = (searches, certificates)  # type: ignore[assignment]  # a registry of searches gives parts
    for cell in audit.cells:
        pairs.setdefault((cell.shift, 0), (shifts,))  # type: ignore[arg-type]
        pairs.setdefault((cell.search, 1), methods)
    for curve in audit.curves:
        pairs.setdefault((curve.search, 1), methods)
    for result in audit.results:
        if result.risk not in _OWN_RISKS:
            pairs.setdefault((result.risk, 2), (risks,))  # type: ignore[arg-type]
    return [(spec, registries) for (spec, _), registries in pairs.items()]


def _of_diagnoses(audit: Audit) -> tuple[str, ...]:
    """Those of the checks against masked gradients, where they were made."""
    if not any(diagnosis.checks for diagnosis in audit.diagnoses):
        return ()
    from shiftproof.diagnostics import masking

    return masking.REFERENCES


def _references(spec: str, registries: Iterable[Registry[Part]]) -> tuple[str, ...] | None:
    try:
        name = parse_spec(spec)[0]
    except UsageError:
        return None
    for registry in registries:
        try:
            return registry.get(name).references
        except UsageError:
            continue
    return None


def entry_key(entry: str) -> str:
    """The key of a BibTeX entry.

    >>> entry_key("@article{gauss1809theoria, title = {}}")
    'gauss1809theoria'
    """
    match = re.match(r"\s*@\w+\s*\{\s*([^,\s]+)", entry)
    return match.group(1) if match else entry.strip()


def _itself(version: str) -> str:
    return f"""@software{{shiftproof,
  title = {{shiftproof: how far a machine-learning model can be trusted when the world moves}},
  author = {{{{The shiftproof authors}}}},
  version = {{{_one_line(version)}}}
}}"""


def _one_line(text: str) -> str:
    return " ".join(text.split())
