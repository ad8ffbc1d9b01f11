"""The samples of a trust report: test, calibration apart from it, naturally shifted, and unfamiliar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shiftproof._errors import UsageError, must
from shiftproof.data.align import AlignedSources, align
from shiftproof.data.examples import Examples
from shiftproof.data.load import load_data
from shiftproof.data.short_names import short_names
from shiftproof.data.source import Source
from shiftproof.data.space import ValueRange
from shiftproof.evaluation.calibration import check_ways, content, refuse_shared, share_name, split_rows
from shiftproof.preflight import check_examples

CLEAN = "test"


@dataclass(frozen=True, eq=False)
class Calibrating:
    """The calibration examples.

    Args:
        uri: where they come from.
        examples: n of them.
        left_out: rows dropped since the same inputs are test rows.
    """

    uri: str
    examples: Examples
    left_out: int


@dataclass(frozen=True, eq=False)
class Samples:
    """Everything that the model is asked about.

    Args:
        data: the source of the test examples.
        aligned: all labelled samples with one numbering of classes.
        test: the clean test examples.
        calibrating: None where nothing is calibrated.
        shifted: naturally shifted examples by name.
        unfamiliar: inputs of no class of the model, by name; their labels are not looked at.
    """

    data: Source
    aligned: AlignedSources
    test: Examples
    calibrating: Calibrating | None
    shifted: dict[str, Examples]
    unfamiliar: dict[str, Examples]


def load_samples(
    data: object,
    *,
    calibrate: float | None,
    calibrate_on: str | None,
    shift_from: Sequence[str],
    unfamiliar: Sequence[str],
    seed: int,
    box: ValueRange | None,
    limit: int | None,
) -> Samples:
    """Loads every sample, and keeps calibration examples apart from test examples, by content.

    Raises:
        UsageError: a sample cannot be read, both ways to calibrate are given, or calibration inputs are test inputs too.
    """
    check_ways(calibrate, calibrate_on)
    names, uris = _named(shift_from)
    first = load_data(data, box=box if isinstance(data, str) else None, limit=limit)
    others = [load_data(uri, box=box) for uri in ([calibrate_on] if calibrate_on else []) + uris]
    samples = align(first, *others)
    source, *rest = samples.sources
    test = source.take(slice(None))
    check_examples(test)
    calibrating = None
    if calibrate is not None:
        split = split_rows(source.uri, test.ids, content([test]), calibrate, seed)
        calibrating = Calibrating(share_name(source.uri, calibrate), test[split.calibration], split.left_out)
        test = test[split.test]
    if calibrate_on is not None:
        calibrating = Calibrating(calibrate_on, rest.pop(0).take(slice(None)), 0)
        refuse_shared(content([calibrating.examples]), content([test]), calibrate_on)
    shifted = {name: each.take(slice(None)) for name, each in zip(names, rest, strict=True)}
    return Samples(source, samples, test, calibrating, shifted, _strangers(unfamiliar, test, box, set(shifted)))


def _named(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names and URIs; a sample without a name bears its URI."""
    pairs = short_names(given, (CLEAN,))
    return [name or str(uri) for name, uri in pairs], [str(uri) for _, uri in pairs]


def _strangers(given: Sequence[str], test: Examples, box: ValueRange | None, taken: set[str]) -> dict[str, Examples]:
    names, uris = _named(given)
    found: dict[str, Examples] = {}
    for name, uri in zip(names, uris, strict=True):
        if name in taken:
            raise UsageError(f"The name '{name}' is taken by another sample. Write NAME=URI with a name of its own.")
        examples = load_data(uri, box=box).take(slice(None))
        if examples.x.shape[1:] != test.x.shape[1:] or not len(examples):
            rule = f"hold inputs of shape {tuple(test.x.shape[1:])}, as the data"
            raise must("unfamiliar", f"the sample '{name}'", rule, (len(examples), *examples.x.shape[1:]))
        found[name] = examples
    return found
