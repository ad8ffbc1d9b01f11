"""Recorded trials: answers of people or models, one row per trial, as psychophysics and model-vs-human store them."""

from __future__ import annotations

import io
import math
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shiftproof._arrays import Bools
from shiftproof._errors import UsageError, must
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson

if TYPE_CHECKING:
    import pandas as pd

REFERENCES: tuple[str, ...] = ("geirhos2019imagenet", "geirhos2020beyond", "geirhos2021partial")
COLUMNS = ("subj", "condition", "category", "object_response")
"""Who answered, what was done to the image, what it shows, and the answer."""
_CONFLICT = re.compile(r"([a-z]+)\d*-([a-z]+)\d*\.\w+$")
"""How the name of an image with one object's shape and another's texture ends, such as _airplane1-knife2.png."""

_PLACE = re.compile(r"^\d+_[a-z]+_[a-z0-9]+_")
"""How an image's name begins that says where in which session it was shown, such as 0001_cop_s01_."""


@dataclass(frozen=True)
class RecordedShapeBias:
    """What an observer did with images of one object's shape and another's texture.

    Args:
        shape: answers with the object of the shape.
        texture: answers with that of the texture.
        neither: other answers.
        bias: shape / (shape + texture); NaN where there was neither.
        interval: of `bias`, trials taken as independent.
    """

    shape: int
    texture: int
    neither: int
    bias: float
    interval: Interval


@dataclass(frozen=True)
class ErrorConsistency:
    """Whether two observers err on the same images, beyond what their accuracies make likely.

    Args:
        observed: share of common images on which both are right or both wrong, mean over conditions.
        kappa: (observed - expected) / (1 - expected) in each condition, mean over conditions: 0 as if by chance, 1 the same errors.
        interval: of `kappa`, by resampling the images of each condition.
        images: how many were seen by both.
        conditions: in how many conditions; those where chance alone explains all, as both are right on everything, are left out.
    """

    observed: float
    kappa: float
    interval: Interval
    images: int
    conditions: int


def is_trials(columns: Sequence[str]) -> bool:
    """Whether a table with these columns is one of trials."""
    return set(COLUMNS) <= set(columns)


def read_trials(*paths: str | Path) -> pd.DataFrame:
    """All trials in CSV files, in archives (.tar, .tar.gz, .tar.xz) of CSV files, and in folders of either.

    Raises:
        UsageError: something cannot be read, holds no trials, or lacks a column.
    """
    import pandas as pd

    parts = [part for path in paths for part in _parts(Path(path))]
    if not parts:
        raise UsageError(f"There are no trials in {', '.join(map(str, paths))}. Name CSV files, or an archive or a folder of them.")
    found: list[pd.DataFrame] = []
    for name, content in parts:
        try:
            table = pd.read_csv(io.BytesIO(content), dtype=dict.fromkeys((*COLUMNS, "imagename"), str))
        except ValueError as error:  # pandas' own errors are ValueErrors
            raise UsageError(f"The trials '{name}' cannot be read: {error}.") from error
        missing = [column for column in COLUMNS if column not in table.columns]
        if missing:
            raise UsageError(f"The trials '{name}' lack the column {missing[0]}; they need {', '.join(COLUMNS)}.")
        found.append(table)
    return pd.concat(found, ignore_index=True)


def accuracy_of_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """The share of right answers of each observer (rows) in each condition (columns): a table for `effective_robustness`."""
    right = trials["object_response"] == trials["category"]
    return right.groupby([trials["subj"], trials["condition"]]).mean().unstack()


def shape_bias_of_trials(trials: pd.DataFrame, *, confidence: float = 0.95) -> dict[str, RecordedShapeBias]:
    """The shape bias of each observer, from trials on cue-conflict images, as its authors count it.

    Images whose shape and texture are of one object are no conflict and are left out. The texture is read from the end of `imagename`,
    such as airplane1-knife2.png; the shape is the trial's category.

    Raises:
        UsageError: the trials have no `imagename`, or no name says a shape and a texture.

    Reference: Geirhos et al. 2019, "ImageNet-trained CNNs are biased towards texture"; the recorded trials of Geirhos et al. 2021, "Partial
    success in closing the gap between human and machine vision".
    """
    if not 0 < confidence < 1:
        raise must("confidence", "shape_bias_of_trials", "be in (0, 1)", confidence)
    names = trials["imagename"].astype(str) if "imagename" in trials.columns else trials["subj"].astype(str)
    texture = names.str.extract(_CONFLICT)[1]
    conflict = texture.notna() & (texture != trials["category"])
    if not conflict.any():
        raise UsageError("These trials show no image of one object's shape and another's texture, such as airplane1-knife2.png.")
    shape, other = trials["object_response"] == trials["category"], trials["object_response"] == texture
    found: dict[str, RecordedShapeBias] = {}
    for observer, rows in trials[conflict].groupby("subj").groups.items():
        first, second = int(shape[rows].sum()), int(other[rows].sum())
        ends = clopper_pearson(first, first + second, confidence=confidence).one()
        bias = first / (first + second) if first + second else math.nan
        found[str(observer)] = RecordedShapeBias(first, second, len(rows) - first - second, bias, ends)
    return found


def error_consistency(trials: pd.DataFrame, *, confidence: float = 0.95, seed: int = 0) -> dict[tuple[str, str], ErrorConsistency]:
    """The error consistency of every pair of observers in trials on the same images, by names in order.

    Images are matched by `imagename` without its leading number, experiment and session, as recorded trials name them, within a condition.

    Args:
        trials: what `read_trials` gives.
        confidence: of the intervals, in (0, 1).
        seed: of the 1,000 resamples.

    Raises:
        UsageError: the trials have no `imagename`, or two observers share no image in any condition.

    Reference: Geirhos et al. 2020 [geirhos2020beyond], "Beyond accuracy: quantifying trial-by-trial behaviour of CNNs and humans by
    measuring error consistency".
    """
    import pandas as pd

    if not 0 < confidence < 1:
        raise must("confidence", "error_consistency", "be in (0, 1)", confidence)
    if "imagename" not in trials.columns:
        raise UsageError("These trials do not say which image was shown. They need the column imagename.")
    image = trials["imagename"].astype(str).str.replace(_PLACE, "", regex=True)
    right = (trials["object_response"] == trials["category"]).rename("right")
    table = pd.concat([trials[["subj", "condition"]].astype(str), image, right], axis=1)
    wide = table.groupby(["condition", "imagename", "subj"])["right"].mean().unstack()
    found: dict[tuple[str, str], ErrorConsistency] = {}
    for first, second in combinations(sorted(str(name) for name in wide.columns), 2):
        both = wide[[first, second]].dropna().round().astype(bool)
        parts = [part.to_numpy() for _, part in both.groupby(level="condition")]
        found[first, second] = _consistency(parts, first, second, confidence, np.random.default_rng(seed))
    return found


def _consistency(parts: Sequence[Bools], first: str, second: str, confidence: float, numbers: np.random.Generator) -> ErrorConsistency:
    each = [(_kappa(part), part) for part in parts]
    kept = [(kappa, part) for kappa, part in each if math.isfinite(kappa)]
    if not kept:
        raise UsageError(f"The observers '{first}' and '{second}' share no image in any condition, or never err on any.")
    drawn = [[_kappa(part[numbers.integers(0, len(part), len(part))]) for _, part in kept] for _ in range(1000)]
    means = np.nanmean(np.array(drawn), axis=1)
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    observed = float(np.mean([(part[:, 0] == part[:, 1]).mean() for _, part in kept]))
    images = sum(len(part) for _, part in kept)
    return ErrorConsistency(observed, float(np.mean([kappa for kappa, _ in kept])), Interval(float(low), float(high)), images, len(kept))


def _kappa(both: Bools) -> float:
    """Of whether two observers are right, shape (n, 2); NaN where chance explains everything."""
    one, two = both.mean(0)
    expected = one * two + (1 - one) * (1 - two)
    return float(((both[:, 0] == both[:, 1]).mean() - expected) / (1 - expected)) if expected < 1 else math.nan


def _parts(path: Path) -> Iterator[tuple[str, bytes]]:
    """The name and content of every CSV file in a file, an archive or a folder."""
    try:
        if path.is_dir():
            for inner in sorted(path.iterdir()):
                yield from _parts(inner)
        elif path.name.endswith((".tar", ".tar.gz", ".tar.xz", ".tar.bz2")):
            with tarfile.open(path) as archive:
                for member in archive:
                    content = archive.extractfile(member) if member.isfile() and member.name.endswith(".csv") else None
                    if content is not None:
                        yield f"{path}:{member.name}", content.read()
        elif path.suffix == ".csv":
            yield str(path), path.read_bytes()
    except (OSError, tarfile.TarError) as error:
        raise UsageError(f"The trials '{path}' cannot be read: {error}.") from error
