"""Recorded trials: answers of people or models, one row per trial, as psychophysics and model-vs-human store them."""

from __future__ import annotations

import io
import math
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from shiftproof._errors import UsageError, must
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson

if TYPE_CHECKING:
    import pandas as pd

REFERENCES: tuple[str, ...] = ("geirhos2019imagenet", "geirhos2021partial")
COLUMNS = ("subj", "condition", "category", "object_response")
"""Who answered, what was done to the image, what it shows, and the answer."""
_CONFLICT = re.compile(r"([a-z]+)\d*-([a-z]+)\d*\.\w+$")
"""How the name of an image with one object's shape and another's texture ends, such as _airplane1-knife2.png."""


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
