"""The BibTeX of what a run used."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError
from shiftproof._part import Part, option_types
from shiftproof._references import bibtex, entry_key
from shiftproof._sealed import read_document
from shiftproof.catalogue import registries
from shiftproof.records.audit import Audit, read_audit
from shiftproof.records.defend import DefendRecord
from shiftproof.registry import parse_spec

_OWN_RISKS = ("group", "mean")
_WITHIN = {
    "shift": "shifts",
    "corruptions": "shifts",
    "search": "searches",
    "risk": "risks",
    "method": "methods",
}
"""Which registry an option of a part, or of a training, is the spec of a part of."""
Used = Iterable[tuple[str, tuple[str, ...]]]
"""Specs, each with the registries to look it up in."""


def cite_folder(folder: Path) -> str:
    """The bibliography of the audit, the comparison of defences or the training that is in a folder."""
    if (folder / "defend.json").is_file():
        return _read(folder / "defend.json", "defend", lambda text: cite_defend(DefendRecord.model_validate_json(text)))
    if (folder / "training.json").is_file():
        return _read(folder / "training.json", "training", cite_training)
    return cite(read_audit(folder))


def cite(audit: Audit) -> str:
    """Every reference of the parts and diagnostics behind the audit's numbers, once each, shiftproof itself first.

    Parts that are not installed here, such as another machine's plugins, are named in a comment and never left out silently.
    """
    return _bibliography(audit.provenance.shiftproof, _used(audit), _of_diagnoses(audit))


def cite_defend(record: DefendRecord) -> str:
    """The same of a comparison of defences: those compared, their training, and how they were attacked and proven."""
    parts: list[tuple[str, tuple[str, ...]]] = [(record.threat, ("shifts",)), (record.unseen, ("shifts",)), (record.search, ("searches",))]
    for row in record.rows:
        if row.name != "standard":
            parts.append((row.name, ("defences", "methods")))
        parts += [(spec, ("shifts",)) for spec in row.corruptions]
        if row.certified.value is not None:
            parts.append((row.certificate.partition(", of ")[0], ("certificates",)))
    return _bibliography(record.provenance.shiftproof, parts)


def cite_training(text: bytes) -> str:
    """The same of a training, from its record: the method, what it is made of, and the attack that chose the checkpoint."""
    asked: dict[str, Any] = json.loads(text)["asked"]
    parts = [(asked["method"], ("methods",)), (asked["search"], ("searches",))]
    if asked["threat"]:
        parts.append((asked["threat"], ("shifts",)))
    return _bibliography(asked["shiftproof"], parts)


def _read(path: Path, kind: str, parse: Callable[[bytes], str]) -> str:
    try:
        return parse(read_document(path, kind))
    except UsageError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise UsageError(f"'{path}' is not a record that this version of shiftproof can read: {error}") from error


def _bibliography(version: str, used: Used, first: Iterable[str] = ()) -> str:
    found: dict[str, str] = {"shiftproof": _itself(version)}
    lost: dict[str, None] = {}
    references = list(first)
    for spec, kinds in _with_inner(used):
        part = _part(spec, kinds)
        if part is None:
            lost[spec.partition("(")[0]] = None
        references += part.references if part else ()
    unknown: dict[str, None] = {}
    for reference in references:
        entry = bibtex(reference)
        if entry is None:
            unknown[reference] = None
        else:
            found.setdefault(entry_key(entry), entry)
    comments = [f"% Not installed here, so its references are not known: {_one_line(name)}" for name in lost]
    comments += [f"% No BibTeX entry is known for this key: {_one_line(key)}" for key in unknown]
    return "\n\n".join([*found.values(), *(["\n".join(comments)] if comments else [])]) + "\n"


def _with_inner(used: Used) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every part, each followed by the parts that it is made of, those of its defaults included."""
    for spec, kinds in used:
        yield spec, kinds
        for option, value in _options(spec, kinds).items():
            if option in _WITHIN and isinstance(value, str):
                yield from _with_inner((part.strip(), (_WITHIN[option],)) for part in value.split(";") if part.strip())


def _options(spec: str, kinds: Iterable[str]) -> dict[str, object]:
    """The options of a spec, with the defaults of its part; none where it is unknown."""
    part = _part(spec, kinds)
    if part is None:
        return {}
    _, positional, named = parse_spec(spec)
    names = option_types(part)
    defaults = {field.name: field.default for field in fields(part) if field.name in names}
    return {**defaults, **dict(zip(names, positional, strict=False)), **named}


def _used(audit: Audit) -> Used:
    """Every part's spec once, with where to look it up."""
    pairs: dict[tuple[str, str], tuple[str, ...]] = {}
    found = re.match(r"defended:([\w/]+)\(", audit.model.fingerprint)
    if found:
        pairs[found[1], "defence"] = ("defences",)
    for cell in audit.cells:
        pairs.setdefault((cell.shift, "shift"), ("shifts",))
        pairs.setdefault((cell.search, "search"), ("searches", "certificates"))
    for curve in audit.curves:
        pairs.setdefault((curve.search, "search"), ("searches", "certificates"))
    for result in audit.results:
        if result.risk not in _OWN_RISKS:
            pairs.setdefault((result.risk, "risk"), ("risks",))
    return [(spec, kinds) for (spec, _), kinds in pairs.items()]


def _of_diagnoses(audit: Audit) -> tuple[str, ...]:
    """Those of the checks against masked gradients, where they were made."""
    if not any(diagnosis.checks for diagnosis in audit.diagnoses):
        return ()
    from shiftproof.diagnostics import masking

    return masking.REFERENCES


def _part(spec: str, kinds: Iterable[str]) -> type[Part] | None:
    """The class that a spec names in the first registry that knows it."""
    try:
        name = parse_spec(spec)[0]
    except UsageError:
        return None
    for kind in kinds:
        with suppress(UsageError):
            found: type[Part] = registries()[kind].get(name)
            return found
    return None


def _itself(version: str) -> str:
    return f"""@software{{shiftproof,
  title = {{shiftproof: how far a machine-learning model can be trusted when the world moves}},
  author = {{{{The shiftproof authors}}}},
  version = {{{_one_line(version)}}}
}}"""


def _one_line(text: str) -> str:
    return " ".join(text.split())
