"""Logs of other tools as items by variants."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from shiftproof._errors import UsageError
from shiftproof._secrets import remember_fields, without_keys
from shiftproof.data.sources.files import json_lines
from shiftproof.integrations.eval_logs import inspect_log, lm_eval_samples, promptfoo_results
from shiftproof.integrations.eval_logs.log_row import ITEM_KEYS, VARIANT_KEYS, LogRow, ReadLog
from shiftproof.records.transcripts import Exchange, Transcripts

UNCHANGED = ("identity", "base", "clean", "original")
"""Names by which a variant says that its items are as they are."""


def read_logs(
    paths: Sequence[Path],
    *,
    item: str | None = None,
    variant: str | None = None,
    base: str | None = None,
    score: str | None = None,
    model: str | None = None,
) -> Transcripts:
    """One log whose samples are variants of items, or several logs of the same items, each a variant.

    Args:
        paths: of logs of one tool: .eval or .json of inspect, samples JSONL of lm-eval, results JSON of promptfoo.
        item: key of the samples' metadata under which their item is; `sp_item` or `item` without it, else the sample's own name.
        variant: likewise their variant; `sp_variant` or `variant`. Without it, of several logs each is one, by its file's name.
        base: the variant in which items are as they are. Without it one called identity, base, clean or original, else the first.
        score: which score is read, where a log has several.
        model: which model's answers, where a file has those of several.

    Raises:
        UsageError: a file is no such log, or which is which cannot be told.
    """
    logs = [_read(path, score, model) for path in paths]
    if len({log.tool for log in logs}) > 1:
        raise UsageError(f"The logs are of several tools: {', '.join(sorted({log.tool for log in logs}))}. Give those of one.")
    if len({log.scorer for log in logs}) > 1:
        raise UsageError(f"The logs have different scores: {', '.join(sorted({log.scorer for log in logs}))}. Name one with --score.")
    for log in logs:
        if not log.rows:
            raise UsageError(f"The log '{log.path}' has no samples. Log them (inspect and promptfoo do so; lm_eval --log_samples).")
    placed = [(log, row, _key(row, variant, VARIANT_KEYS) or row.variant) for log in logs for row in log.rows]
    names = list(dict.fromkeys(name for _, _, name in placed))
    notes: list[str] = []
    by_file = not any(names) and len(logs) > 1
    if by_file:
        names = _file_names(paths)
        by_path = dict(zip(paths, names, strict=True))
        placed = [(log, row, by_path[log.path]) for log, row, _ in placed]
    elif len(logs) > 1:
        raise UsageError("Several logs whose samples name variants cannot be told apart. Give one log.")
    elif "" in names and len(names) > 1:
        raise UsageError(f"Some samples of '{logs[0].path}' name no variant. Name the key that all have with --variant.")
    elif names == [""]:
        names, placed = [UNCHANGED[0]], [(log, row, UNCHANGED[0]) for log, row, _ in placed]
        notes.append("The samples name no variants, so nothing is paired. Name the key with --variant, or give a second log.")
    shown = _distinct(names)
    meant = _base([*shown.values()], base, notes)
    answers = [(_key(row, item, ITEM_KEYS) or row.name, name, row) for _, row, name in placed]
    items = _distinct([key for key, _, _ in answers])
    exchanges = _joined([(items[key], shown[name], row) for key, name, row in answers], notes)
    models = list(dict.fromkeys(_whole(log.model) for log in logs))
    return Transcripts(
        source=[_whole(str(path)) for path in paths],
        tool=logs[0].tool,
        model=" and ".join(models),
        scorer=_whole(logs[0].scorer),
        base=meant,
        notes=list(map(_whole, notes)),
        exchanges=exchanges,
    )


def _read(path: Path, score: str | None, model: str | None) -> ReadLog:
    """The log in a file, by what is in it."""
    if not path.is_file():
        raise UsageError(f"There is no file '{path}'. Give a run's folder, or logs of inspect, lm-eval or promptfoo.")
    if zipfile.is_zipfile(path):
        return inspect_log.read_archive(path, score)
    forms = "an .eval or .json log of inspect, samples JSONL of lm-eval, or results JSON of promptfoo"
    try:
        if path.suffix == ".jsonl":
            lines = [row for _, row in json_lines(path)]
            remember_fields(lines)
            if lines and all(map(lm_eval_samples.is_sample, lines)):
                return lm_eval_samples.read_samples(path, lines, score)
        else:
            content = json.loads(path.read_text(encoding="utf-8"))
            remember_fields(content)
            if promptfoo_results.is_results(content):
                return promptfoo_results.read_results(path, content, score, model)
            if isinstance(content, dict) and isinstance(content.get("eval"), dict):
                return inspect_log.read_plain(path, content, score)
    except UsageError:
        raise  # it is a ValueError, and says what is wrong already
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"The file '{path}' cannot be read ({error}). It must be {forms}.") from error
    raise UsageError(f"The file '{path}' is no log that can be read. It must be {forms}.")


def _key(row: LogRow, named: str | None, usual: Iterable[str]) -> str:
    """What a sample's metadata say under a key; empty where they say nothing."""
    if named is not None:
        if named not in row.metadata:
            known = ", ".join(sorted(map(str, row.metadata))) or "none"
            raise UsageError(f"The sample '{row.name}' has no '{named}' in its metadata. It has: {known}.")
        return str(row.metadata[named])
    return next((str(row.metadata[key]) for key in usual if key in row.metadata), "")


def _file_names(paths: Sequence[Path]) -> list[str]:
    """A name for each file: its own, or with its folder where two have the same."""
    stems = [path.stem for path in paths]
    if len(set(stems)) < len(stems):
        stems = [f"{path.parent.name}/{path.stem}" for path in paths]
    if len(set(stems)) < len(stems):
        raise UsageError(f"Two of these logs have the same name: {', '.join(map(str, paths))}. Each must be another file.")
    return stems


def _base(names: Sequence[str], asked: str | None, notes: list[str]) -> str:
    if asked is not None:
        if asked not in names:
            raise UsageError(f"There is no variant '{asked}' for --base. There are: {', '.join(names)}.")
        return asked
    usual = [name for name in names if name in UNCHANGED]
    if len(usual) != 1 and len(names) > 1:
        notes.append(f"The variant '{(usual or names)[0]}' is taken for the items as they are; --base names another.")
    return (usual or names)[0]


def _joined(answers: Sequence[tuple[str, str, LogRow]], notes: list[str]) -> list[Exchange]:
    """One exchange for each item and variant: of several answers (epochs) the mean score, and the first text."""
    rows: dict[tuple[str, str], list[LogRow]] = {}
    for item, variant, row in answers:
        rows.setdefault((item, variant), []).append(row)
    several = max(map(len, rows.values()))
    if several > 1:
        notes.append(f"Up to {several} answers to the same prompt: their mean score is read, and the first is shown.")
        strange = next((key for key, own in rows.items() if len({row.prompt for row in own}) > 1), None)
        if strange is not None:
            why = "the same item and variant were asked in different words"
            raise UsageError(f"In the log {why}: item '{strange[0]}', variant '{strange[1]}'. Name the keys with --item and --variant.")
    found: list[Exchange] = []
    for (item, variant), own in rows.items():
        known = [row.score for row in own if row.score is not None]
        mean = sum(known) / len(known) if len(known) == len(own) else None
        texts = {"item": item, "variant": variant, "prompt": own[0].prompt, "said": own[0].said, "target": own[0].target}
        found.append(Exchange(**{name: _whole(text) for name, text in texts.items()}, score=mean))
    return found


def _distinct(names: Sequence[str]) -> dict[str, str]:
    """Each name as it may be written; those that are then equal are numbered."""
    found: dict[str, str] = {}
    taken: dict[str, int] = {}
    for name in dict.fromkeys(names):
        shown = _whole(name)
        taken[shown] = taken.get(shown, 0) + 1
        found[name] = shown if taken[shown] == 1 else f"{shown} ({taken[shown]})"
    return found


def _whole(text: str) -> str:
    r"""A text that can be written, without credentials and keys of providers.

    Half a character, as JSON may have it where an answer was cut, becomes a question mark.

    >>> _whole("cut \ud83e"), _whole("whole \U0001f600")
    ('cut ?', 'whole 😀')
    """
    return without_keys(text.encode(errors="replace").decode())
