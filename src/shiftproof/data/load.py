"""From what people write to a source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError, must
from shiftproof.data.arrays import ArraySource
from shiftproof.data.examples import Examples, Ids
from shiftproof.data.groups import GroupBy, grouped_by
from shiftproof.data.held import held_source
from shiftproof.data.source import Source, Wrapped
from shiftproof.data.sources import sources
from shiftproof.data.sources.abstract import AddressedSource
from shiftproof.data.sources.address import Written
from shiftproof.data.space import ValueRange


def load_data(
    given: object,
    *,
    box: ValueRange | None = None,
    limit: int | None = None,
    group_by: GroupBy | None = None,
    like: object = None,
    **options: Written,
) -> Source:
    """The source that a URI names, or the data that people hold in memory.

    Args:
        given: ``scheme:place?option=value``, such as ``npz:test.npz?x=images`` (`shiftproof list sources` lists schemes and options); a
            table or folder of pictures by its plain name, ``adult.csv?label=income`` or ``photos/``, also as a `pathlib.Path`; a pandas or
            polars frame, (X, y), a torch data set or loader, a Hugging Face data set (see `held_source`); a source; or examples in memory.
        box: least and greatest legal value of the inputs. Pixel levels are mapped onto it; other numbers are taken to lie in it.
        limit: use the first so many examples only, in order.
        group_by: says the group of each example from its id, label and groups; a further column of groups, called like the function.
        like: of a table, another one of the same layout, such as the training set, whose categories, classes and (at least) ranges hold
            here too: a frame for a frame, (X, y) for (X, y), or a file.
        options: the options of the source, for a frame those of tables: ``label="income", groups=["sex", "race"], drop=["note"]``.

    Returns:
        A source. Files are looked at here; inputs are read when asked for. Data in memory are read once.

    Raises:
        UsageError: there is no such place, it cannot be read, or an option is unknown.

    Example:
        >>> from shiftproof import load_data
        >>> digits = load_data("digits:", limit=100, group_by=lambda about: "round" if about.label in (0, 6, 8, 9) else "straight")
        >>> len(digits), sorted(set(digits.groups["group"].tolist()))
        (100, ['round', 'straight'])
        >>> import pandas as pd
        >>> people = pd.DataFrame({"age": [30, 41], "sex": ["F", "M"], "income": ["low", "high"]})
        >>> load_data(people, label="income", groups=["sex"]).class_names
        ('high', 'low')
    """
    source = _opened(given, box, limit, options, like)
    if limit is not None:
        opened, source = source, Limited(source, limit)
        if isinstance(given, str | Path) and isinstance(opened, AddressedSource):
            opened.first = limit
    return source if group_by is None else grouped_by(source, group_by)


def _opened(given: object, box: ValueRange | None, limit: int | None, options: Mapping[str, Written], like: object) -> Source:
    if isinstance(given, str | Path):
        if not isinstance(like, str | Path | None):
            raise must(
                "like", str(given), "be a file, as the data are", type(like).__name__, "Or read the data yourself, and give the frame."
            )
        return sources.open(str(given), box=box, options=options if like is None else {**options, "like": str(like)})
    if not isinstance(given, Source | Examples):
        return held_source(given, box=box, limit=limit, options=options, like=like)
    if options or like is not None:
        raise UsageError(
            f"The option '{next(iter(options), 'like')}' is for data that are read here: a source and examples have their columns already."
        )
    if box is not None:
        raise UsageError("Data in memory have their box already: declare it where they are made, as in shiftproof.examples(x, y, box=...).")
    return ArraySource(given) if isinstance(given, Examples) else given


class Limited(Wrapped):
    """The first examples of a source, in its order."""

    def __init__(self, inner: Source, limit: int) -> None:
        super().__init__(inner)
        if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
            raise must("limit", inner.uri, "be a whole number from 1 on", limit)
        self.limit = limit

    @property
    def ids(self) -> Ids:
        return self.inner.ids[: self.limit]

    @property
    def y(self) -> npt.NDArray[Any]:
        return self.inner.y[: self.limit]

    @property
    def groups(self) -> Mapping[str, npt.NDArray[np.str_]]:
        return {column: values[: self.limit] for column, values in self.inner.groups.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        whole = len(self.inner)
        if self.limit >= whole:
            return self.inner.notes
        kept, there = (len(np.unique(self.y)), len(np.unique(self.inner.y))) if self.labelled else (0, 0)
        classes = f"; they are of {kept} of its {there} classes" if kept < there else ""
        return (*self.inner.notes, f"Only the first {self.limit} of {whole} examples are used{classes}.")

    def fingerprint(self) -> str:
        return self.inner.fingerprint() + (f"[:{self.limit}]" if self.limit < len(self.inner) else "")

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        return self.inner.take(np.arange(len(self.inner))[: self.limit][rows])
