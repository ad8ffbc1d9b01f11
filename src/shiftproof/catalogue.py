"""Every registry of parts, in one place above all of them."""

from __future__ import annotations

import re
from typing import Any

from shiftproof._part import Part
from shiftproof.certificates import certificates
from shiftproof.defences import defences
from shiftproof.judges import judges
from shiftproof.measures import measures
from shiftproof.registry import Registry, plural
from shiftproof.risks import risks
from shiftproof.searches import searches
from shiftproof.shifts import shifts
from shiftproof.studies import studies
from shiftproof.training.methods import methods


def registries() -> dict[str, Registry[Any]]:
    """Every registry by the plural of its kind."""
    ours = (shifts, searches, judges, risks, measures, certificates, defences, methods, studies)
    return {plural(registry.kind): registry for registry in ours}


def named_plugins(text: str) -> list[type[Part]]:
    """The classes of other packages' parts that a spec names, at any depth: "adversarial(shift=mypkg/rain(most=1))"."""
    if "/" not in text:  # plugins keep their package's prefix
        return []
    named = [(registry, name) for registry in registries().values() for name in registry.plugins() if _names(text, name)]
    return [registry.get(name) for registry, name in named]


def _names(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w/]){re.escape(name)}(?![\w/])", text) is not None
