"""Every registry of parts, in one place above all of them."""

from __future__ import annotations

from typing import Any

from shiftproof.certificates import certificates
from shiftproof.defences import defences
from shiftproof.registry import Registry, plural
from shiftproof.risks import risks
from shiftproof.searches import searches
from shiftproof.shifts import shifts
from shiftproof.studies import studies
from shiftproof.training import methods


def registries() -> dict[str, Registry[Any]]:
    """Every registry by the plural of its kind."""
    ours = (shifts, searches, risks, certificates, defences, methods, studies)
    return {plural(registry.kind): registry for registry in ours}
