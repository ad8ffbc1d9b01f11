"""Fills pages from the code while the documentation is built, so that they cannot say something else.

A page asks with a comment: `<!-- parts shifts -->` lists every registered part of that kind (and the constants of each corruption),
`<!-- sources -->` every data source with its options, `<!-- commands -->` every command's help, `<!-- studies -->` the stored verdicts of
studies, `<!-- flags -->` what each flag means, and
`<!-- schema -->` the tables of audit.json. Run as a program it prints the JSON schema of audit.json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from griffe import Extension, Object

_ASK = re.compile(r"^<!-- (parts|sources|commands|schema|studies|flags) ?(\w*) -->$", re.MULTILINE)
_FETCHED = re.compile(r"<(?:script|link(?![^>]*canonical)|img|iframe|source)\b[^>]*\b(?:src|href)=[\"']?(?:https?:)?//[^>]*>")
_DEFINITIONS = "#/$defs/"
_RECORDS = Path(__file__).parents[1] / "benchmarks" / "results" / "0.1.0" / "studies"


class ShowExamples(Extension):
    """Shows the house's `Example:` as code: the docstring parser knows the section by its plural only."""

    def on_object(self, *, obj: Object, **_: object) -> None:
        """Griffe calls this with everything it has read."""
        if obj.docstring:
            obj.docstring.value = re.sub(r"^( *)Example:$", r"\1Examples:", obj.docstring.value, flags=re.MULTILINE)


def on_page_markdown(markdown: str, **_: object) -> str:
    """MkDocs calls this with each page's text."""
    write: dict[str, Callable[[str], Iterator[str]]] = {
        "parts": _parts,
        "sources": _sources,
        "commands": _commands,
        "schema": _schema,
        "studies": _studies,
        "flags": _flags,
    }
    return _ASK.sub(lambda ask: "\n".join(write[ask[1]](ask[2])), markdown)


def on_post_page(output: str, **_: object) -> str:
    """MkDocs calls this with each finished page; raises where it would fetch something from elsewhere when it is opened."""
    fetched = _FETCHED.search(output)
    if fetched:
        raise ValueError(f"The documentation must work without a network, and a page has {fetched[0]}")
    return output


def _parts(kind: str) -> Iterator[str]:
    from shiftproof.catalogue import registries

    registry = registries()[kind]
    for name in registry.names():
        part = registry.get(name)
        if part.__module__.startswith("shiftproof."):  # a plugin that happens to be installed has its own documentation
            aliases = f" (alias {', '.join(f'`{a}`' for a in part.aliases)})" if part.aliases else ""
            yield f"## `{name}`{aliases} {{ #{name} }}\n\n::: {part.__module__}.{part.__name__}"
            yield "    options:\n      members: false\n      show_root_toc_entry: false\n"
            yield from _constants(part)


def _constants(part: type[Any]) -> Iterator[str]:
    """The table of a corruption's constants: a row per benchmark, a column per severity. Nothing for other parts."""
    from shiftproof.shifts import Corruption

    if not issubclass(part, Corruption):
        return
    benchmarks: dict[tuple[Any, ...], list[str]] = {}
    for benchmark, rows in part.published.items():
        benchmarks.setdefault(rows, []).append(f"`{benchmark}`")
    tables = list(benchmarks)
    names = ", ".join(f"`{field}`" for field in tables[0][0]._fields)
    severities = range(6 - max(map(len, tables)), 6)
    yield f"Constants ({names}) by severity:\n\n| setting | {' | '.join(map(str, severities))} |\n|---|{'---|' * len(severities)}"
    for rows, settings in benchmarks.items():
        cells = [", ".join(f"{constant:.4g}" for constant in row) for row in rows]
        yield f"| {', '.join(settings)} | {' | '.join([''] * (len(severities) - len(cells)) + cells)} |"
    yield ""


def _studies(_: str) -> Iterator[str]:
    from shiftproof.reports.number_format import seconds
    from shiftproof.reports.studies import cpu_seconds, decisive, ends, expected, figure
    from shiftproof.studies import read_studies

    records = read_studies(_RECORDS)
    yield "| study | verdict | why | changed after a look, or extended |\n|---|---|---|---|"
    for record in records:
        more = f"{len(record.trials)} seeds, {record.planned} planned." if record.extensions else ""
        changes = " ".join([*(look.what for look in record.looks if look.changed), more]).strip() or "–"
        yield f"| [{record.study}](../reference/studies.md#{record.study}) | {record.verdict} | {decisive(record)} | {changes} |"
    yield "\nEvery prediction, with what was measured:\n"
    yield "| study | the claim predicts | measured | the paper's | verdict | CPU time |\n|---|---|---|---|---|---|"
    for record in records:
        name = f"[{record.study}](../reference/studies.md#{record.study})"
        for said in record.predictions:
            measured = f"{figure(said.value, said.unit)} ({ends(said.interval, said.unit)})"
            whole = f"**{record.marked}**" if said is record.predictions[0] else ""
            spent = seconds(cpu_seconds(record)) if whole else ""
            mark = f"{said.verdict}{': ' + whole if whole else ''}" if len(record.predictions) > 1 else whole
            yield f"| {name} | {said.says}: {expected(said)} | {measured} | {figure(said.paper, said.unit)} | {mark} | {spent} |"
            name = ""


def _flags(_: str) -> Iterator[str]:
    from shiftproof.reports.flags import FLAGS

    for name, flag in FLAGS.items():
        yield f"## `{name}` {{ #{name} }}\n\nRaised when {flag.means}.\n\n**What to do:** {flag.do}\n"


def _sources(_: str) -> Iterator[str]:
    from shiftproof.data.sources import sources

    yield "| scheme | what lies there | options |\n|---|---|---|"
    for name in sources.names():
        source = sources.get(name)
        if source.__module__.startswith("shiftproof."):
            options = "; ".join(f"`{option.name}`: {option.what}" for option in source.options) or "none"
            yield f"| `{name}:` | {source.what} | {options} |"


def _commands(_: str) -> Iterator[str]:
    from shiftproof.cli.main import app

    top = app.make_context("shiftproof", [], resilient_parsing=True)
    yield f"```text\n{app.get_help(top)}\n```\n"
    for name in app.list_commands(top):
        command = app.get_command(top, name)
        if command is not None and not command.hidden:
            here = command.make_context(name, [], parent=top, resilient_parsing=True)
            yield f"## shiftproof {name}\n\n```text\n{command.get_help(here)}\n```\n"


def _schema(_: str) -> Iterator[str]:
    from shiftproof.records.audit import Audit

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


if __name__ == "__main__":
    from shiftproof.records.audit import Audit

    print(json.dumps(Audit.model_json_schema(), indent=2))  # noqa: T201  # `make schema` keeps it
