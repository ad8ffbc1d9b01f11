"""`shiftproof list`."""

from __future__ import annotations

from typing import Any

import click

from shiftproof._errors import unknown
from shiftproof.cli._say import say

KINDS = ("shifts", "searches", "judges", "risks", "measures", "certificates", "defences", "methods", "studies", "sources")


@click.command("list")
@click.argument("kind", required=False)
def command(kind: str | None) -> int:
    """List the parts of a KIND; without it, of every kind.

    Kinds: shifts, searches, judges, risks, measures, certificates, defences, methods, studies, sources.
    """
    if kind is not None and kind not in KINDS:
        raise unknown("kind of part", kind, KINDS)
    for each in (kind,) if kind else KINDS:
        click.secho(each, bold=True)
        _sources() if each == "sources" else _parts(each)
        say()
    return 0


def _parts(kind: str) -> None:
    from shiftproof.catalogue import registries

    registry = registries()[kind]
    rows = [(_signature(registry.get(name)), _meaning(registry.get(name))) for name in registry.names() if name not in registry.failures]
    _table(rows)
    for name, trace in registry.failures.items():
        click.secho(f"  {name}: could not be imported\n{trace}", fg="red")


def _sources() -> None:
    from shiftproof.data.sources import sources

    _table([(f"{source.scheme}:", source.what) for source in sources.describe()])
    for scheme, trace in sources.failures.items():
        click.secho(f"  {scheme}: could not be imported\n{trace}", fg="red")


def _table(rows: list[tuple[str, str]]) -> None:
    width = min(max((len(left) for left, _ in rows), default=0), 48)
    for left, right in rows:
        gap = "\n" + " " * (width + 4) if len(left) > width else ""
        say(f"  {left:<{width}}{gap}  {right}")


def _signature(part: Any) -> str:
    from shiftproof._part import option_types, required_options, written_option

    needed = required_options(part)
    options = ", ".join(f"{written_option(name)}=..." if name in needed else f"[{written_option(name)}]" for name in option_types(part))
    aliases = f" (also {', '.join(part.aliases)})" if part.aliases else ""
    return f"{part.name}({options}){aliases}" if options else f"{part.name}{aliases}"


def _meaning(part: Any) -> str:
    return (part.__doc__ or "").strip().split("\n")[0]
