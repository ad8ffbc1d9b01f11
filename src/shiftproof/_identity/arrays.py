"""NumPy, pandas and SciPy: by the numbers, not by how they lie in memory."""

from __future__ import annotations

import hashlib
import sys
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof._identity.graph import ValueView

GenericArray = npt.NDArray[np.generic]


def array(value: GenericArray) -> ValueView:
    """An array by type, shape and content. Fields of records are read one by one, since what lies between them is arbitrary."""
    label = f"array {value.dtype.str} {value.shape}"
    if value.dtype.names is not None:
        fields: Any = value
        return ValueView(label, [(f"[{name!r}]", fields[name]) for name in value.dtype.names])
    if value.dtype.hasobject:
        return ValueView(label, [(f"[{i}]", each) for i, each in enumerate(value.ravel().tolist())])
    return ValueView(f"{label} {hashlib.sha256(np.ascontiguousarray(value).view(np.ndarray).tobytes()).hexdigest()}")


def scalar(value: np.generic) -> ValueView:
    """A number of NumPy's."""
    return ValueView("scalar", [("", np.asarray(value))])


def dtype(value: np.dtype[np.generic]) -> ValueView:
    """A type of numbers."""
    return ValueView(f"dtype {value.descr}")


def ufunc(value: np.ufunc) -> ValueView:
    """One of NumPy's or SciPy's own functions; one that was made of a Python function does not tell what it does."""
    homes: list[ModuleType] = [np, *(sys.modules[name] for name in ("scipy.special",) if name in sys.modules)]
    if any(vars(home).get(value.__name__) is value for home in homes):
        return ValueView(f"ufunc {value.__name__}", [(" of NumPy", np)])
    return ValueView(f"ufunc {value.__name__}", gap="functions made by numpy.frompyfunc do not tell their code")


def frame(value: object) -> ValueView:
    """A data frame, series, index or column of pandas."""
    import pandas as pd

    match value:
        case pd.DataFrame():
            columns = [(f"[{name!r}]", value.iloc[:, i].array) for i, name in enumerate(value.columns)]
            return ValueView("frame", [(".index", value.index), (".columns", value.columns), *columns])
        case pd.Series():
            return ValueView("series", [(".name", value.name), (".index", value.index), (".values", value.array)])
        case pd.MultiIndex():
            return ValueView("index", [(".names", list(value.names)), (".values", value.to_numpy())])
        case pd.Index():
            return ValueView("index", [(".name", value.name), (".values", value.array)])
        case pd.Categorical():
            return ValueView(f"categorical {value.ordered}", [(".codes", np.asarray(value.codes)), (".categories", value.categories)])
        case pd.api.extensions.ExtensionArray():
            return ValueView(f"column {value.dtype}", [(".values", np.asarray(value, dtype=object if value.dtype.kind == "O" else None))])
    raise TypeError(type(value))


def sparse(value: object) -> ValueView:
    """A sparse matrix of SciPy, by its entries that are not zero."""
    from scipy.sparse import csr_array

    whole = csr_array(value)
    whole.sum_duplicates()
    parts = (("rows", whole.indptr.astype(np.int64)), ("columns", whole.indices.astype(np.int64)), ("data", whole.data))
    return ValueView(f"sparse {type(value).__name__} {whole.shape}", [(f".{name}", part) for name, part in parts])
