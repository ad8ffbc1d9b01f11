"""The papers behind the parts: one file of BibTeX, which parts name entries of by key."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files


@cache
def _entries() -> dict[str, str]:
    text = (files("shiftproof") / "references.bib").read_text(encoding="utf-8")
    text = re.sub(r",\n *unchecked = \{[^}]*\}", "", text)  # a note to ourselves: what no published bibliography has confirmed
    return {entry_key(entry): entry for entry in re.split(r"\n\n(?=@)", text.strip())}


def bibtex(reference: str) -> str | None:
    """The BibTeX entry of a reference: a key of `references.bib`, or, in a part of another package, the entry; None for an unknown key.

    >>> print(bibtex("madry2018towards").splitlines()[0])
    @inproceedings{madry2018towards,
    """
    return reference.strip() if reference.lstrip().startswith("@") else _entries().get(reference)


def entry_key(entry: str) -> str:
    """The key of a BibTeX entry.

    >>> entry_key("@article{gauss1809theoria, title = {}}")
    'gauss1809theoria'
    """
    match = re.match(r"\s*@\w+\s*\{\s*([^,\s]+)", entry)
    return match.group(1) if match else entry.strip()
