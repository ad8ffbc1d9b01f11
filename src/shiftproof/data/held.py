"""Data that people hold in memory, as sources: frames, (X, y), torch data sets and loaders, Hugging Face data sets."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.align import Noted
from shiftproof.data.arrays import ArraySource, examples
from shiftproof.data.rows import Fields
from shiftproof.data.source import Source
from shiftproof.data.sources import sources
from shiftproof.data.sources.address import Written, as_written
from shiftproof.data.sources.frame import Frame
from shiftproof.data.sources.pixels import stored_array
from shiftproof.data.sources.tables import TableSource
from shiftproof.data.space import ValueRange

if TYPE_CHECKING:
    import pandas as pd

_FORMS = (
    "a URI or path, a Source, Examples, a pandas or polars frame with label=COLUMN, (X, y), a torch Dataset or DataLoader, or a Hugging "
    "Face data set"
)
_PAIR = 2


def held_source(given: object, *, box: ValueRange | None, limit: int | None, options: Mapping[str, Written], like: object = None) -> Source:
    """Data in memory as a source.

    Args:
        given: a pandas or polars frame, or a pyarrow table, whose label is named by the option ``label``; ``(X, y)`` with X a frame or
            numbers (n, ...), and y (n,); a torch `Dataset`, `TensorDataset` or `DataLoader` of pairs (input, label); or a
            `datasets.Dataset`.
        box: least and greatest legal value of inputs that are no table. Matrices (n, columns) without one are tables: each column has the
            range observed.
        limit: how many examples will be used, so that no more of a data set are read.
        options: of tables, or of ``hf:``.
        like: of tables, a table of the same layout, as it is given itself: a frame for a frame, (X, y) for (X, y), or a file.

    Raises:
        UsageError: it is none of these, or an option does not fit.
    """
    frame = as_frame(given)
    if frame is not None:
        return Frame(frame, options, box=box, like=_like(like, options))
    if isinstance(given, list | tuple) and len(given) == _PAIR:
        return _pair(given[0], given[1], box, options, like=like)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(given, torch.utils.data.Dataset | torch.utils.data.DataLoader):
        from shiftproof.data.torch_datasets import read_dataset

        x, y, names, said = read_dataset(given, limit)
        return _pair(x, y, box, options, names=names, said=said, like=like)
    datasets = sys.modules.get("datasets")
    if datasets is not None and isinstance(given, datasets.Dataset):
        from shiftproof.data.sources.hugging_face import HeldDataset, is_table

        if is_table(given, options):
            return Frame(given.to_pandas(), options, box=box, like=_like(like, options))
        _refuse_like(like)
        return HeldDataset(given, options, box=box)
    hint = f"Give {_FORMS}. Arrays with ids, groups or texts: shiftproof.examples(x, y, ...)."
    raise must("data", "this run", "be data that can be read", type(given).__name__, hint)


def as_frame(given: object) -> pd.DataFrame | None:
    """A pandas, polars or pyarrow table as a pandas frame; None where it is none of these."""
    pandas, polars, arrow = (sys.modules.get(name) for name in ("pandas", "polars", "pyarrow"))
    found: pd.DataFrame | None = None
    if pandas is not None and isinstance(given, pandas.DataFrame):
        found = given
    elif polars is not None and isinstance(given, polars.DataFrame | polars.LazyFrame):
        found = (given.collect() if isinstance(given, polars.LazyFrame) else given).to_pandas()
    elif arrow is not None and isinstance(given, arrow.Table):
        found = given.to_pandas()
    return found


def _pair(
    x: Any,
    y: Any,
    box: ValueRange | None,
    options: Mapping[str, Written],
    *,
    names: tuple[str, ...] = (),
    said: tuple[str, ...] = (),
    like: object = None,
) -> Source:
    """(X, y): a frame or a matrix is a table, other numbers are inputs in a box, and texts are texts."""
    if "label" in options or "target" in options:
        raise UsageError(
            "The label is given twice: by name, and as the y of (X, y). Give the whole frame with label=COLUMN, or (X, y) alone."
        )
    frame = as_frame(x)
    texts = isinstance(x, list | tuple) and bool(x) and isinstance(x[0], str)
    values = np.empty(0) if texts or frame is not None or isinstance(x, Fields) else _array(x)
    if values.ndim == _PAIR and box is None:
        frame = _matrix(values)
        said = (
            *said,
            "The inputs are a matrix, read as a table: each column's legal range is the one observed. For one box of all give box=.",
        )
    if frame is not None:
        return _labelled(frame.reset_index(drop=True), _labels(y), box, options, said, _like(like, options))
    _refuse_like(like)
    if options:
        raise UsageError(
            f"The option '{next(iter(options))}' names columns of a table, and these inputs have none. Use shiftproof.examples."
        )
    if texts or isinstance(x, Fields):
        return ArraySource(examples(x, y), name="(X, y)", class_names=names)
    stored = stored_array(values, owner="(X, y)", box=box)
    made = examples(stored.inputs(slice(None)), y, box=(stored.space.low, stored.space.high), kind=stored.space.kind)
    return Noted.of(ArraySource(made, name="(X, y)", class_names=names), (*said, *stored.notes))


def _labelled(
    frame: pd.DataFrame,
    y: npt.NDArray[Any],
    box: ValueRange | None,
    options: Mapping[str, Written],
    said: tuple[str, ...],
    like: TableSource | None,
) -> Frame:
    """A frame of features with its labels as one more column; fractions are numbers to predict."""
    if len(y) != len(frame):
        raise must("y", "(X, y)", f"have one label per row of X ({len(frame)})", len(y))
    column = next(name for name in ("label", "label_", "label__") if name not in map(str, frame.columns))
    numbers = y.dtype.kind == "f" and not bool((y == np.floor(y)).all())
    part: dict[str, Written] = {"target" if numbers else "label": column}
    return Frame(frame.assign(**{column: y.tolist()}), {**options, **part}, box=box, name="(X, y)", said=said, like=like)


def _like(given: object, options: Mapping[str, Written]) -> TableSource | None:
    """The table of `like=`, with the options of the data that concern it."""
    if given is None or isinstance(given, TableSource):
        return given
    frame = as_frame(given)
    kept = {name: value for name, value in options.items() if name not in ("where", "id", "rename", "drop")}
    left = [unquote(name) for part in ("drop", "id") for name in as_written(options.get(part, "")).split(",") if name]
    if frame is not None and left:
        there = set(map(str, frame.columns))
        kept["drop"] = [name for name in left if name in there]
    named = "label" in options or "target" in options
    if not named and frame is not None:
        raise must("like", "(X, y)", "be a pair (X, y) as well", type(given).__name__)
    if not named and isinstance(given, str | Path):
        raise must("like", "(X, y)", "be a pair (X, y) as well", str(given), "Or give the data as a frame with label=COLUMN.")
    found: Source | None = sources.open(str(given), box=None, options=kept) if isinstance(given, str | Path) else None
    if frame is not None or isinstance(given, list | tuple):
        source = held_source(given, box=None, limit=None, options=kept)
        found = source.inner if isinstance(source, Noted) else source
    if not isinstance(found, TableSource):
        raise must("like", "the data", "be a table, as the data are", type(given).__name__)
    return found


def _refuse_like(like: object) -> None:
    if like is not None:
        raise UsageError("The option 'like' is another table, and these data are none. Leave it out.")


def _labels(y: Any) -> npt.NDArray[Any]:
    """The labels as they are, shape (n,); a single column counts."""
    values = _array(y)
    if values.ndim > 1 and values.shape[1] > 1:
        hint = "One-hot labels become classes with y.argmax(axis=1); of several outputs give one at a time."
        raise must("y", "(X, y)", "have one label per row", f"shape {values.shape}", hint)
    return values.reshape(-1)


def _array(values: Any) -> npt.NDArray[Any]:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(values, torch.Tensor):
        values = values.detach().cpu().numpy()
    sparse = sys.modules.get("scipy.sparse")
    if sparse is not None and sparse.issparse(values):
        raise UsageError("The X of (X, y) is a sparse matrix, and inputs are full ones. Give X.toarray().")
    try:
        return np.asarray(values)
    except ValueError as error:  # rows of different lengths
        raise UsageError("The X of (X, y) must be a full array: its rows differ in shape. Resize or pad them first.") from error


def _matrix(values: npt.NDArray[Any]) -> pd.DataFrame:
    """A matrix as a frame with columns x0, x1, ..."""
    import pandas as pd

    return pd.DataFrame(values, columns=[f"x{place}" for place in range(values.shape[1])])
