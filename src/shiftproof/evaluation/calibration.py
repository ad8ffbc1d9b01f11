"""Calibration examples: a share of the data or another sample, kept apart from test examples by content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples, Ids
from shiftproof.data.source import Source
from shiftproof.data.subset import Subset
from shiftproof.randomness import Rng

Digests = npt.NDArray[np.str_]
Positions = npt.NDArray[np.intp]
_READ_ROWS = 2048


class Split(NamedTuple):
    """Which rows are tested and which calibrate, and how many do neither since the same input is a test row."""

    test: Positions
    calibration: Positions
    left_out: int


class CalibratingSource(NamedTuple):
    """The calibration sample of a run, and the rows of it left out since the same inputs are test rows."""

    source: Source
    left_out: int


def check_ways(share: float | None, uri: object) -> None:
    """Raises `UsageError` where both ways to calibrate are given."""
    if share is not None and uri is not None:
        raise UsageError("Give either --calibrate SHARE, which splits the data, or --calibrate-on URI, another sample: not both.")


def split_source(data: Source, share: float, seed: int) -> tuple[Source, CalibratingSource]:
    """The test examples and the calibration examples of a source; every input is read once."""
    split = split_rows(data.uri, data.ids, content(data.batches(_READ_ROWS)), share, seed)
    test = Subset(data, split.test, f"{len(split.test)} of {len(data)} examples are tested; a share of {share:g} by id calibrates.")
    calibrating = Subset(data, split.calibration, f"A share of {share:g} of the data, chosen by id.")
    return test, CalibratingSource(calibrating, split.left_out)


def calibrating_on(sample: Source, data: Source) -> CalibratingSource:
    """Another sample as calibration sample; raises `UsageError` where inputs of it are test inputs."""
    refuse_shared(content(sample.batches(_READ_ROWS)), content(data.batches(_READ_ROWS)), sample.uri)
    return CalibratingSource(sample, 0)


def share_name(uri: str, share: float) -> str:
    """What a share of the data is called.

    >>> share_name("digits:", 0.5)
    'digits:, a share of 0.5 by id'
    """
    return f"{uri}, a share of {share:g} by id"


def split_rows(uri: str, ids: Ids, digests: Digests, share: float, seed: int) -> Split:
    """Positions by their ids and the seed, so that a row's side does not depend on the others.

    Raises:
        UsageError: the share is not in (0, 1), or one side is empty.
    """
    if not 0 < share < 1:
        raise must("calibrate", "the data", "be a share in (0, 1)", share, "0.5 calibrates on half of the data and measures on the rest.")
    chosen = Rng.for_ids(seed, ids).child("calibrate").uniform(1)[:, 0].numpy() < share
    both = chosen & np.isin(digests, digests[~chosen])
    split = Split(np.flatnonzero(~chosen), np.flatnonzero(chosen & ~both), int(both.sum()))
    for part, what in ((split.test, "test"), (split.calibration, "calibration")):
        if not len(part):
            raise UsageError(f"With --calibrate {share:g} of n = {len(ids)} there is no {what} example in '{uri}'. Give more data.")
    return split


def refuse_shared(calibration: Digests, test: Digests, uri: str) -> None:
    """Raises where calibration inputs are test inputs, whatever their ids: a threshold must not be judged by the answers that made it."""
    if not len(calibration):
        raise UsageError(f"The calibration sample '{uri}' holds no examples.")
    shared = int(np.isin(calibration, test).sum())
    if shared:
        raise UsageError(
            f"{shared} of the {len(calibration)} calibration inputs in '{uri}' are test inputs too, whatever their ids. Calibrate on other "
            "examples, or split the data with --calibrate 0.5."
        )


def content(batches: Iterable[Examples]) -> Digests:
    """A digest of each input, shape (n,); inputs are tensors."""
    found = [
        hashlib.blake2b(row.tobytes(), digest_size=16).hexdigest()
        for batch in batches
        for row in np.ascontiguousarray(batch.x.detach().cpu().numpy())
    ]
    return np.array(found, dtype="<U32")
