"""`shiftproof explain`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import click
from click.shell_completion import CompletionItem

from shiftproof._errors import unknown
from shiftproof.cli._options import part_names, suite_names
from shiftproof.cli._say import say


class _Name(click.ParamType[str]):
    """A name of anything that can be explained."""

    name = "part"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        del ctx, param
        return [CompletionItem(name) for name in _names() if name.startswith(incomplete)]


@click.command("explain")
@click.argument("part", type=_Name())
def command(part: str) -> int:
    """Say what PART means, what its options are, what it costs and which papers it comes from.

    PART is the name or spec of a shift, search, judge, risk, certificate, defence, method or study, a suite, or a flag; or FILE.py:CLASS.

    \b
    shiftproof explain cascade
    shiftproof explain zero_gradients
    """  # noqa: D301  # \b is click's mark for lines to keep
    say("\n".join(_lines(part.partition("(")[0].strip())))
    return 0


def _names() -> list[str]:
    from shiftproof.catalogue import registries
    from shiftproof.reports.flags import FLAGS

    return [*part_names(registries()), *suite_names(), *FLAGS]


def _lines(name: str) -> Iterator[str]:
    from shiftproof.catalogue import registries
    from shiftproof.reports.flags import FLAGS

    found = False
    for kind, registry in registries().items():
        if name in registry.names() or name in registry.aliases() or (":" in name and registry.holds(name)):
            yield from [*([""] if found else []), *_part(kind, registry.get(name))]
            found = True
    if name in FLAGS:
        yield from (f"{name}: a flag", "", f"Raised when {FLAGS[name].means}.", f"What to do: {FLAGS[name].do}")
    elif name in suite_names():
        yield from _suite(name)
    elif not found:
        raise unknown("part", name, _names(), "See 'shiftproof list'.")


def _part(kind: str, part: Any) -> Iterator[str]:
    from shiftproof._references import bibtex
    from shiftproof.cli.list import PURPOSES, signature

    yield f"{signature(part)}: {PURPOSES[kind].lower()} ({kind})"
    yield ""
    yield inspect.cleandoc(part.__doc__ or "")
    entries = [entry for reference in part.references if (entry := bibtex(reference)) is not None]
    if entries:
        yield "\nCites:\n"
        yield "\n\n".join(entries)


def _suite(name: str) -> Iterator[str]:
    from shiftproof.suites.published import PUBLISHED, in_words

    if name in PUBLISHED:
        yield f"{name}: a suite of {in_words(name)}"
        yield ", ".join(PUBLISHED[name])
    else:
        yield f"{name}: a suite that fits the kind of data and what the model gives"
        yield f"Show what it runs on yours, and what that costs: shiftproof audit --suite {name} --model ... --data ... --plan"
