"""Examples from arrays in memory, and the source that serves them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.chats import Chat, ChatSpace, is_chat
from shiftproof.data.examples import Examples, Ids
from shiftproof.data.labels import check_ids, encode_labels, group_names, missing_groups, row_ids, text_values
from shiftproof.data.rows import Fields, Items, as_objects, rows_of
from shiftproof.data.source import Source
from shiftproof.data.space import UNIT, FieldsSpace, Kind, Space, TextSpace, ValueRange, boxed
from shiftproof.data.values import EXACT, Given, read_values

if TYPE_CHECKING:
    import torch

_OWNER = "the examples"
Truth = Literal["labels", "numbers", "answers"]
"""What examples are judged by: classes, numbers, or texts that are accepted."""


def examples(
    x: npt.ArrayLike | torch.Tensor | Items[Any] | Fields | Sequence[Chat],
    y: Given | Items[Any],
    *,
    truth: Truth | None = None,
    ids: Given | None = None,
    groups: Mapping[str, Given] | None = None,
    box: ValueRange = UNIT,
    kind: Kind | None = None,
) -> Examples:
    """Labelled examples from arrays.

    Args:
        x: inputs, numbers of shape (n, ...) in the units of `box`. Whole numbers and half floats become the float that holds them exactly
            (uint8 becomes float32, int64 float64); single and double floats stay as they are. Or a list of texts, or of chats (lists of
            messages); or `Fields` of such.
        y: labels, shape (n,): whole numbers 0, 1, 2, ..., or words, which become the places of their sorted names. Arrays of objects and
            columns of pandas are read value by value: numbers stay numbers. Missing labels are refused, and so are numbers among words.
            Or what `truth` says.
        truth: "labels"; "numbers", shape (n,), for regression; or "answers", of each example a text or a tuple of texts that are accepted.
            Where absent, tuples of texts are answers and all else labels.
        ids: one name per example, unique; row numbers where absent. Randomness depends on them, and shifted data are paired by them.
        groups: per column of group names, one value per example; examples without one are the group "(missing)".
        box: least and greatest legal value of every feature.
        kind: "image" for (n, channels, height, width), else "vector" or "table"; where absent, four dimensions are images.

    Returns:
        The examples. Values outside the box or not finite are found when they are used.

    Raises:
        UsageError: shapes, types or lengths that do not fit, ids that are not unique, labels that are not classes.

    Example:
        >>> import numpy as np
        >>> import shiftproof as sp
        >>> batch = sp.examples(np.zeros((2, 1, 8, 8)), [0, 1], groups={"pen": ["blue", "black"]})
        >>> batch.space.kind, len(batch)
        ('image', 2)
    """
    inputs, space = _placed(x, box, kind)
    labels, names = _true(y, truth)
    named = row_ids(len(inputs)) if ids is None else check_ids(text_values(ids, name="ids", owner=_OWNER), owner=_OWNER)
    columns = {str(column): group_names(values, name=f"groups[{column}]", owner=_OWNER) for column, values in (groups or {}).items()}
    return Examples(inputs, labels, named, columns, space, names)


def _placed(x: Any, box: ValueRange, kind: Kind | None) -> tuple[Any, Space]:
    """Inputs as rows, and the space that they are in."""
    if isinstance(x, Fields):
        parts = {name: _placed(column, box, None) for name, column in x.columns.items()}
        space = FieldsSpace(tuple((name, own) for name, (_, own) in parts.items()))
        return Fields(**{name: rows for name, (rows, _) in parts.items()}), space
    if isinstance(x, Items | list | tuple) and len(x) and all(is_chat(one) for one in x):
        return rows_of(x), ChatSpace()
    if isinstance(x, Items) or (isinstance(x, list | tuple) and x and all(isinstance(one, str) for one in x)):
        return rows_of(x), TextSpace()
    inputs = floating(x, owner=_OWNER)
    if inputs.dim() < 2:
        raise must("x", _OWNER, "have shape (n, ...), one input per row", tuple(inputs.shape), "A single column: x.reshape(-1, 1).")
    kind = ("image" if inputs.dim() == 4 else "vector") if kind is None else kind
    if kind == "image" and inputs.dim() != 4:
        raise must("x", _OWNER, "have shape (n, channels, height, width) for images", tuple(inputs.shape), "Grey images: x[:, None].")
    return inputs, boxed(box, kind)


def _true(y: Any, truth: Truth | None) -> tuple[Any, tuple[str, ...]]:
    """Truths as rows, and the names of their classes where they are labels."""
    import torch

    accepted = isinstance(y, Items) or (isinstance(y, list | tuple) and len(y) > 0 and all(_texts(one) for one in y))
    match truth or ("answers" if accepted else "labels"):
        case "labels":
            labels, names = encode_labels(y, owner=_OWNER)
            return torch.from_numpy(labels), names
        case "numbers":
            numbers = floating(y, owner=_OWNER)
            if numbers.dim() != 1:
                raise must("y", _OWNER, "have shape (n,) where it is numbers", tuple(numbers.shape))
            return numbers, ()
        case "answers":
            return Items((one,) if isinstance(one, str) else one if not isinstance(one, list) else tuple(one) for one in y), ()
        case other:
            raise must("truth", _OWNER, "be labels, numbers or answers", other)


def _texts(one: object) -> bool:
    return isinstance(one, list | tuple) and len(one) > 0 and all(isinstance(text, str) for text in one)


def floating(x: npt.ArrayLike | torch.Tensor, *, owner: str) -> torch.Tensor:
    """Numbers as a floating tensor that holds them exactly; raises `UsageError` where they are not numbers."""
    import torch

    if isinstance(x, torch.Tensor):
        if x.is_complex():
            raise must("x", owner, "hold real numbers", str(x.dtype))
        if x.dtype in (torch.float32, torch.float64):
            return x.detach()
        if not x.is_floating_point():
            return floating(x.detach().cpu().numpy(), owner=owner).to(x.device)
        return x.detach().to(torch.float32)
    try:
        array = np.asarray(x)
    except ValueError as error:  # rows of different lengths
        raise UsageError(f"The 'x' of {owner} must be a full array: its rows differ in shape. Resize or pad them first.") from error
    array = _unboxed(array, owner)
    if array.dtype.kind not in "fiub":
        raise must("x", owner, "hold numbers", str(array.dtype), "Encode words as numbers, or load a table with csv: or parquet:.")
    if array.dtype.kind in "iu" and array.size and max(int(array.max()), -int(array.min())) > EXACT:
        largest, hint = max(int(array.max()), -int(array.min())), "Leave out numbers that only name things."
        raise must("x", owner, "hold integers of at most 2**53, which float64 holds exactly", largest, hint)
    array = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)  # long doubles, which torch does not have
    native = array.astype(array.dtype.newbyteorder("="), copy=False)
    return torch.from_numpy(np.ascontiguousarray(native) if native.flags.writeable else native.copy())


def _unboxed(array: npt.NDArray[np.generic], owner: str) -> npt.NDArray[np.generic]:
    """Numbers that NumPy holds as objects, as a frame of several types gives them; anything else as it is."""
    if array.dtype.kind != "O" or not array.size:
        return array
    read = read_values(array.ravel(), name="x", owner=owner)
    if read.kind == "words":
        return array
    values = np.where(read.missing, np.nan, read.values.astype(np.float64)) if read.missing.any() else read.values
    return values.reshape(array.shape)


class ArraySource(Source):
    """Examples that are in memory already.

    Args:
        examples: what it serves, as made by `shiftproof.examples`.
        name: what people call the sample in a report.
        class_names: what the classes are called, in label order.
    """

    def __init__(self, examples: Examples, *, name: str = "examples", class_names: tuple[str, ...] = ()) -> None:
        if not len(examples):
            raise UsageError(f"The data '{name}' hold no examples.")
        self._examples = examples
        self._name = name
        self._class_names = class_names or examples.class_names
        self._labels = _plain_truth(examples.y, name)
        check_ids(examples.ids, owner=f"the data '{name}'")

    @property
    def uri(self) -> str:
        return self._name

    @property
    def space(self) -> Any:
        return self._examples.space

    @property
    def ids(self) -> Ids:
        return self._examples.ids

    @property
    def y(self) -> npt.NDArray[Any]:
        return self._labels

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._class_names

    @property
    def groups(self) -> Mapping[str, npt.NDArray[np.str_]]:
        return self._examples.groups

    @property
    def notes(self) -> tuple[str, ...]:
        return missing_groups(self.groups)

    @property
    def named(self) -> bool:
        return not bool((self.ids == row_ids(len(self.ids))).all())

    def fingerprint(self) -> str:
        digest = hashlib.sha256()
        add_rows(digest, self._examples.x, str(self.space))
        digest.update(self._labels.tobytes() if self.labelled else repr(self._labels.tolist()).encode())
        if self._class_names:
            digest.update("\0".join(self._class_names).encode())
        for column, values in {"": self.ids, **self.groups}.items():
            digest.update("\0".join([column, *values.tolist(), ""]).encode())
        return f"arrays:{digest.hexdigest()[:24]}"

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        batch = self._examples[rows]
        x, y = (_own(batch.x), _own(batch.y)) if isinstance(rows, slice) else (batch.x, batch.y)
        return Examples(x, y, batch.ids, batch.groups, batch.space, self.class_names)


def _plain_truth(y: Any, name: str) -> npt.NDArray[Any]:
    """Truths as an array: labels, numbers, or objects."""
    import torch

    if isinstance(y, torch.Tensor):
        return y.detach().cpu().numpy() if y.is_floating_point() else encode_labels(y, owner=f"the data '{name}'")[0]
    return as_objects(y)


def _own(rows: Any) -> Any:
    """Tensors as copies, so that nobody else's are written into."""
    import torch

    if isinstance(rows, Fields):
        return Fields(**{name: _own(column) for name, column in rows.columns.items()})
    return rows.clone() if isinstance(rows, torch.Tensor) else rows


def add_rows(digest: Any, rows: Any, said: str = "") -> None:
    """Adds all of some rows to a digest, and what is `said` of them."""
    import torch

    if isinstance(rows, Fields):
        digest.update(said.encode())
        for name, column in rows.columns.items():
            add_rows(digest, column, name)
    elif isinstance(rows, torch.Tensor):
        x = rows.detach().cpu().contiguous()
        digest.update(f"{x.dtype}{tuple(x.shape)}{said}".encode())
        digest.update(np.ascontiguousarray(x.numpy()).data)
    else:
        digest.update(f"{said}{[*rows]!r}".encode())
