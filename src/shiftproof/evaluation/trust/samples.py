"""The samples of a trust report: test, calibration apart from it, naturally shifted, and unfamiliar."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.align import AlignedSources, align
from shiftproof.data.examples import Examples
from shiftproof.data.load import load_data
from shiftproof.data.source import Source
from shiftproof.data.space import ValueRange
from shiftproof.preflight import check_examples
from shiftproof.randomness import Rng

_NAME = re.compile(r"^([A-Za-z_][\w.-]*)=(?=[A-Za-z_]+:|.*/)")
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
    if calibrate is not None and calibrate_on is not None:
        raise UsageError("Give either --calibrate SHARE, which splits the data, or --calibrate-on URI, another sample: not both.")
    names, uris = _named(shift_from)
    first = load_data(data, box=box if isinstance(data, str) else None, limit=limit)
    others = [load_data(uri, box=box) for uri in ([calibrate_on] if calibrate_on else []) + uris]
    samples = align(first, *others)
    source, *rest = samples.sources
    test = source.take(slice(None))
    check_examples(test)
    calibrating = None
    if calibrate is not None:
        test, calibrating = _split(source.uri, test, calibrate, seed)
    if calibrate_on is not None:
        calibrating = Calibrating(calibrate_on, rest.pop(0).take(slice(None)), 0)
        refuse_shared(calibrating.examples, test, calibrate_on)
    shifted = {name: each.take(slice(None)) for name, each in zip(names, rest, strict=True)}
    return Samples(source, samples, test, calibrating, shifted, _strangers(unfamiliar, test, box, set(shifted)))


def _named(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names and URIs of NAME=URI; a sample without a name bears its URI."""
    pairs = [(found[1], text[found.end() :]) if (found := _NAME.match(text)) else (text, text) for text in given]
    names = [name for name, _ in pairs]
    twice = next((name for name in names if names.count(name) > 1 or name == CLEAN), None)
    if twice is not None:
        raise UsageError(f"The name '{twice}' is taken by another sample. Write NAME=URI with a name of its own.")
    return names, [uri for _, uri in pairs]


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


def _split(uri: str, examples: Examples, share: float, seed: int) -> tuple[Examples, Calibrating]:
    """Test and calibration examples by their ids and the seed, so that a row's side does not depend on the others."""
    if not 0 < share < 1:
        raise must("calibrate", "trust", "be a share in (0, 1)", share, "0.5 calibrates on half of the data and measures on the rest.")
    chosen = Rng.for_ids(seed, examples.ids).child("calibrate").uniform(1)[:, 0].numpy() < share
    digests = content(examples)
    both = chosen & np.isin(digests, digests[~chosen])
    test, calibration = examples[np.flatnonzero(~chosen)], examples[np.flatnonzero(chosen & ~both)]
    for part, what in ((test, "test"), (calibration, "calibration")):
        if not len(part):
            raise UsageError(f"With --calibrate {share:g} of n = {len(examples)} there is no {what} example. Give more data.")
    return test, Calibrating(f"{uri}, a share of {share:g} by id", calibration, int(both.sum()))


def refuse_shared(calibration: Examples, test: Examples, uri: str) -> None:
    """Raises where calibration inputs are test inputs, whatever their ids: a threshold must not be judged by the answers that made it."""
    if not len(calibration):
        raise UsageError(f"The calibration sample '{uri}' holds no examples.")
    shared = int(np.isin(content(calibration), content(test)).sum())
    if shared:
        raise UsageError(
            f"{shared} of the {len(calibration)} calibration inputs in '{uri}' are test inputs too, whatever their ids. Calibrate on other "
            "examples, or split the data with --calibrate 0.5."
        )


def content(examples: Examples) -> npt.NDArray[np.str_]:
    """A digest of each input, shape (n,)."""
    rows = np.ascontiguousarray(examples.x.detach().cpu().numpy())
    return np.array([hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest() for row in rows], dtype="<U32")
