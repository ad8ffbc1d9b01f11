"""Every paper is in the bibliography once, and every part names papers that are there."""

from __future__ import annotations

import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from shiftproof._references import bibtex, entry_key
from shiftproof.catalogue import registries
from shiftproof.certificates.smoothing.noises import noises

TEXT = (files("shiftproof") / "references.bib").read_text(encoding="utf-8")
ENTRIES = re.split(r"\n\n(?=@)", TEXT.strip())
KINDS = {**registries(), "noises": noises}


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_has_an_entry(kind: str) -> None:
    registry = KINDS[kind]
    lost = {name: key for name in registry.names() for key in registry.get(name).references if bibtex(key) is None}
    assert lost == {}


def test_every_entry_is_named_in_the_code() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in Path(str(files("shiftproof"))).rglob("*.py"))
    assert [key for key in map(entry_key, ENTRIES) if f'"{key}"' not in code and f"[{key}]" not in code] == []


def test_keys_are_unique_and_sorted() -> None:
    keys = [entry_key(entry) for entry in ENTRIES]
    assert max(Counter(keys).values()) == 1
    assert keys == sorted(keys)


@pytest.mark.parametrize("entry", ENTRIES, ids=entry_key)
def test_an_entry_is_whole(entry: str) -> None:
    assert entry.count("{") == entry.count("}")
    assert all(re.search(rf"^\s*{field} = \{{", entry, re.MULTILINE) for field in ("title", "author", "year"))


def test_what_no_published_bibliography_confirmed_is_said_by_the_entry() -> None:
    """All else was compared with the bibliographies of proceedings and of other papers."""
    open_ = {entry_key(entry): match[1] for entry in ENTRIES if (match := re.search(r"^\s*unchecked = \{(.+)\}$", entry, re.MULTILINE))}
    assert open_ == {
        "daouia2019extremiles": "volume and number",
        "dowd2008spectral": "journal, volume, number and pages",
        "mu2019mnist": "workshop",
        "teng2020l1": "where it lies",
        "wallace2019learning": "doi",
    }
    assert all("unchecked" not in (bibtex(key) or "") for key in open_)


def test_a_part_from_elsewhere_brings_its_own_entry() -> None:
    assert bibtex("  @misc{rain2026, title = {Rain}}\n") == "@misc{rain2026, title = {Rain}}"
    assert bibtex("rain2026") is None
