"""The samples of an audit: its own, others beside it, and one that calibrates; all checked before any work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch

from shiftproof._errors import UsageError
from shiftproof.data.align import AlignedSources, align
from shiftproof.data.arrays import add_rows
from shiftproof.data.examples import Examples
from shiftproof.data.load import load_data
from shiftproof.data.prompted import Prompted
from shiftproof.data.prompts import read_prompt
from shiftproof.data.short_names import short_names
from shiftproof.data.source import Renamed, Source
from shiftproof.evaluation.audit.table_suite import grouped_by_time
from shiftproof.evaluation.calibration import CalibratingSource, calibrating_on, check_ways, share_name, split_source
from shiftproof.evaluation.config import AuditConfig
from shiftproof.preflight import check_examples

CHECK_ROWS = 2048


@dataclass(frozen=True, eq=False)
class AuditSamples:
    """Everything that the model is asked about.

    Args:
        aligned: all of it with one numbering of classes and one coding of columns.
        data: the audit's own sample; without the examples that calibrate.
        natural: other samples.
        calibrating: the calibration examples; None where there are none.
        uris: the URI of each sample that has a short name.
    """

    aligned: AlignedSources
    data: Source
    natural: tuple[Source, ...]
    calibrating: CalibratingSource | None
    uris: Mapping[str, str]


def load_audit_samples(config: AuditConfig, *, numbers: bool = False, by_time: bool = False) -> AuditSamples:
    """Loads and checks every sample.

    Args:
        config: the options.
        numbers: the label is a column of numbers to predict.
        by_time: tables that have dates and no groups are grouped by time.

    Raises:
        UsageError: one cannot be read or used, two of them are the same, or calibration inputs are test inputs too.
    """
    check_ways(config.calibrate, config.calibrate_on)
    others = short_names(config.shift_from)
    named = [(None, config.data), *others, *([] if config.calibrate_on is None else [(None, config.calibrate_on)])]
    prompt = read_prompt(Path(config.prompt)) if config.prompt else None
    loaded = [_load(given, name, config, numbers) for name, given in named]
    aligned = align(*_distinct([Prompted(source, prompt) for source in loaded] if prompt else loaded))
    data, *rest = (grouped_by_time(source) if by_time else source for source in aligned.sources)
    natural = tuple(rest[: len(others)])
    _check((data, *natural))
    data, calibrating = _calibrating(config, data, rest[len(others) :])
    return AuditSamples(aligned, data, natural, calibrating, {name: str(given) for name, given in others if name is not None})


def _calibrating(config: AuditConfig, data: Source, own: Sequence[Source]) -> tuple[Source, CalibratingSource | None]:
    if config.calibrate is None and not own:
        return data, None
    data.require_classes("--calibrate")
    if config.calibrate is not None:
        test, share = split_source(data, config.calibrate, config.seed)
        return test, share._replace(source=Renamed(share.source, share_name(data.uri, config.calibrate)))
    _check(own)
    return data, calibrating_on(own[0], data)


def _load(given: object, name: str | None, config: AuditConfig, numbers: bool) -> Source:
    made = isinstance(given, Source | Examples)  # has its box and its columns already
    asked: dict[str, Any] = {
        option: value for option, value in (("target" if numbers else "label", config.label), ("groups", config.groups)) if value
    }
    source = load_data(given, box=None if made else config.box, limit=config.limit, **asked)
    return source if name is None else Renamed(source, name)


def _distinct(sources: Sequence[Source]) -> list[Source]:
    """The same sources under different names: results are told apart by them."""
    taken: dict[str, int] = {}
    named: list[Source] = []
    for source in sources:
        taken[source.uri] = taken.get(source.uri, 0) + 1
        again = taken[source.uri]
        named.append(source if again == 1 else Renamed(source, f"{source.uri} ({again})"))
    if len({source.fingerprint() for source in named}) < len(named):
        raise UsageError("The same data were given twice: a natural shift is another sample than the audit's own.")
    return named


def _check(sources: Sequence[Source]) -> None:
    """Raises `UsageError` where a sample cannot be used, holds a name twice, or is another one's in another place or format."""
    known: dict[bytes, str] = {}
    for source in sources:
        if not len(source):
            raise UsageError(f"The data '{source.uri}' hold no examples.")
        names, counts = np.unique(source.ids, return_counts=True)
        if int(counts.max()) > 1:
            twice = str(names[counts.argmax()])
            raise UsageError(f"The data '{source.uri}' name two examples '{twice}'. Results pair by name: give each one of its own.")
        digest = blake2b(source.y.tobytes() if source.y.dtype != object else repr(source.y.tolist()).encode())
        for batch in source.batches(CHECK_ROWS):
            check_examples(batch)
            if len(sources) > 1:
                add_rows(digest, batch.x.float() if isinstance(batch.x, torch.Tensor) else batch.x)
        same = known.setdefault(digest.digest(), source.uri)
        if same != source.uri:  # their names differ, see `_distinct`
            raise UsageError(
                f"The data '{source.uri}' hold the same examples as '{same}': a natural shift is another sample than the audit's own."
            )
