"""`shiftproof list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import click

from shiftproof._errors import unknown
from shiftproof.cli._options import FileOr
from shiftproof.cli._say import say

PURPOSES = {
    "shifts": "How the world may move one input",
    "searches": "How the move is chosen",
    "judges": "When an answer is right",
    "risks": "How examples are weighed",
    "measures": "Figures made of stored answers",
    "certificates": "Proofs that no move changes the decision",
    "defences": "What may stand before a model",
    "methods": "Ways to train a network",
    "suites": "Sets of shifts and searches",
    "sources": "Where data come from",
    "studies": "Published claims to measure again",
    "flags": "Warnings about a number",
}
"""Every kind of part, and what it is for."""
_MOVES = {
    "norms": "a small change of any kind: norm balls",
    "corruptions": "what cameras, weather and files do to images",
    "geometry": "where an image stands",
    "factors": "one property of a scene",
    "frequency": "which frequencies an image has",
    "patch": "a part of the image, printed",
    "physical": "what is in front of the camera",
    "tabular": "columns of a table",
    "text": "how something is written",
}
"""What the shifts of each folder move; the others combine shifts."""
_SEES = {"gradients": "by gradients", "scores": "by scores", "labels": "by decisions", "answers": "by answers of any kind"}


@click.command("list")
@click.argument("kind", required=False, type=FileOr(*PURPOSES))
def command(kind: str | None) -> int:
    """List the parts of a KIND, by what they are for. Without it, all. See 'shiftproof explain PART' for one of them.

    The kinds are shifts, searches, judges, risks, measures, certificates, defences, methods, suites, sources, studies and flags.
    """
    if kind is not None and kind not in PURPOSES:
        raise unknown("kind of part", kind, PURPOSES)
    for each in (kind,) if kind else PURPOSES:
        click.secho(f"{each}: {PURPOSES[each]}", bold=True)
        _TABLES[each]() if each in _TABLES else _parts(each)
        say()
    return 0


def _parts(kind: str) -> None:
    from shiftproof.catalogue import registries

    registry = registries()[kind]
    purpose = _purpose.get(kind)
    groups: dict[str, list[tuple[str, str]]] = {}
    for name in registry.names():
        if name not in registry.failures:
            part = registry.get(name)
            groups.setdefault(purpose(part) if purpose else "", []).append((signature(part), _meaning(part)))
    for group, rows in groups.items():
        if group:
            say(f" {group}")
        _table(rows)
    for name, trace in registry.failures.items():
        click.secho(f"  {name}: could not be imported\n{trace}", fg="red")


def _moves(part: Any) -> str:
    """What a shift moves, by the folder that it is in."""
    folder = part.__module__.removeprefix("shiftproof.shifts.").partition(".")[0]
    return _MOVES.get(folder, "of another package" if not part.__module__.startswith("shiftproof.") else "as it is, and combinations")


def _sees(part: Any) -> str:
    """What a search sees of the model."""
    from shiftproof.models.abstract import access_name

    return _SEES.get(access_name(part.needs), "") if isinstance(part.needs, type) else "by what its parts see"


_purpose: Mapping[str, Callable[[Any], str]] = {"shifts": _moves, "searches": _sees}


def _sources() -> None:
    from shiftproof.data.sources import sources

    _table([(f"{source.scheme}:", source.what) for source in sources.describe()])
    for scheme, trace in sources.failures.items():
        click.secho(f"  {scheme}: could not be imported\n{trace}", fg="red")


def _suites() -> None:
    from shiftproof.evaluation.audit.suites import GENERAL
    from shiftproof.suites.published import PUBLISHED, in_words

    said = {"quick": "a look, in seconds", "standard": "for a claim, with checks for masked gradients", "thorough": "for a paper"}
    _table([(name, said[name]) for name in GENERAL])
    _table([(name, in_words(name)) for name in PUBLISHED])


def _flags() -> None:
    from shiftproof.reports.flags import FLAGS

    _table([(name, flag.means) for name, flag in FLAGS.items()])


_TABLES: Mapping[str, Callable[[], None]] = {"sources": _sources, "suites": _suites, "flags": _flags}


def _table(rows: list[tuple[str, str]]) -> None:
    width = min(max((len(left) for left, _ in rows), default=0), 48)
    for left, right in rows:
        gap = "\n" + " " * (width + 4) if len(left) > width else ""
        say(f"  {left:<{width}}{gap}  {right}")


def signature(part: Any) -> str:
    """A part with its options; those without a default as `name=...`."""
    from shiftproof._part import option_types, required_options, written_option

    needed = required_options(part)
    options = ", ".join(f"{written_option(name)}=..." if name in needed else f"[{written_option(name)}]" for name in option_types(part))
    aliases = f" (also {', '.join(part.aliases)})" if part.aliases else ""
    return f"{part.name}({options}){aliases}" if options else f"{part.name}{aliases}"


def _meaning(part: Any) -> str:
    return (part.__doc__ or "").strip().split("\n")[0]
