"""Fills pages from the code while the documentation is built, so that they cannot say something else.

A page asks with a comment: `<!-- parts shifts -->` lists every registered part of that kind, `<!-- commands -->` every command's help, and
`<!-- schema -->` the tables of audit.json.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any

_ASK = re.compile(r"^<!-- (parts|commands|schema) ?(\w*) -->$", re.MULTILINE)
_DEFINITIONS = "#/$defs/"


def on_page_markdown(markdown: str, **_: object) -> str:
    """MkDocs calls this with each page's text."""
    write: dict[str, Callable[[str], Iterator[str]]] = {"parts": _parts, "commands": _commands, "schema": _schema}
    return _ASK.sub(lambda ask: "\n".join(write[ask[1]](ask[2])), markdown)


def _parts(kind: str) -> Iterator[str]:
    registry = getattr(importlib.import_module(f"shiftproof.{kind}"), kind)
    for name in registry.names():
        part = registry.get(name)
        if part.__module__.startswith("shiftproof."):  # a plugin that happens to be installed has its own documentation
            aliases = f" (alias {', '.join(f'`{a}`' for a in part.aliases)})" if part.aliases else ""
            yield f"## `{name}`{aliases} {{ #{name} }}\n\n::: {part.__module__}.{part.__name__}\n    options:\n      members: false\n"


def _commands(_: str) -> Iterator[str]:
    import click

    from shiftproof.cli.main import main

    top = click.Context(main, info_name="shiftproof")
    yield f"```text\n{main.get_help(top)}\n```\n"
    for name in main.list_commands(top):
        command = main.get_command(top, name)
        if command is not None and not command.hidden:
            yield f"## shiftproof {name}\n\n```text\n{command.get_help(click.Context(command, info_name=name, parent=top))}\n```\n"


def _schema(_: str) -> Iterator[str]:
    from shiftproof.evaluation.records import Audit

    schema = Audit.model_json_schema()
    for name, record in {"Audit": schema, **schema["$defs"]}.items():
        yield f"## {name} {{ #{name.lower()} }}\n\n{record.get('description', '')}\n\n| key | type | meaning |\n|---|---|---|"
        for key, entry in record.get("properties", {}).items():
            always = "" if key in record.get("required", []) else " (optional)"
            yield f"| `{key}` | {_kind(entry)}{always} | {entry.get('description', '')} |"
        yield ""


def _kind(entry: dict[str, Any]) -> str:
    if "$ref" in entry:
        name = entry["$ref"].removeprefix(_DEFINITIONS)
        return f"[{name}](#{name.lower()})"
    if "anyOf" in entry:
        return " or ".join(_kind(option) for option in entry["anyOf"])
    if "enum" in entry:
        return ", ".join(f"`{value}`" for value in entry["enum"])
    if entry.get("type") == "array":
        return f"[{', '.join(map(_kind, entry['prefixItems']))}]" if "prefixItems" in entry else f"list of {_kind(entry['items'])}"
    if isinstance(entry.get("additionalProperties"), dict):
        return f"map of {_kind(entry['additionalProperties'])}"
    return str(entry.get("type", "any"))
