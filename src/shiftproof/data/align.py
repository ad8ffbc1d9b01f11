"""Several samples that one model is asked about: classes numbered by name over all of them, and tables with the same columns and codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from shiftproof._errors import UsageError
from shiftproof.data.class_names import by_number, few, keys, listed, near
from shiftproof.data.examples import Examples
from shiftproof.data.source import Source, Wrapped
from shiftproof.data.space import Column, InputSpace


@dataclass(frozen=True, eq=False)
class AlignedSources:
    """Samples with one numbering of classes and one coding of columns.

    Args:
        sources: the samples, in the order in which they were given.
        given: the same as they came.
        class_names: the classes of all of them in label order; empty where no sample names any.
        space: the first sample's, its columns' categories those of all samples: what a model is asked in.
        strangers: per sample, by name, the classes that the first lacks and no sample names along with the first's: a model must know them.
    """

    sources: tuple[Source, ...]
    given: tuple[Source, ...]
    class_names: tuple[str, ...]
    space: Any
    strangers: Mapping[str, tuple[str, ...]]

    def refuse_strangers(self, known: Sequence[str]) -> None:
        """Raises where a sample has classes that neither the first one nor the model has, whose own are `known` (none: nobody knows)."""
        there = set(keys(known))
        for uri, names in self.strangers.items():
            strange = [name for name, key in zip(names, keys(names), strict=True) if key not in there]
            if strange:
                first, other = self.given[0], next(source for source in self.given if source.uri == uri)
                alike = near(strange, first.class_names)
                way = "Change names with ?rename=OLD:NEW, or name all classes of the model in its order with ?classes=FILE on the first."
                raise UsageError(
                    f"The classes of '{uri}' ({few(other.class_names)}) are not those of '{first.uri}' ({few(first.class_names)}): neither "
                    f"the latter nor the model knows {few([repr(name) for name in strange])}. {alike} {way}".replace("  ", " ")
                )


class Recoded(Wrapped):
    """A source whose classes are numbered as in `names`."""

    def __init__(self, inner: Source, y: npt.NDArray[np.int64], names: tuple[str, ...]) -> None:
        super().__init__(inner)
        self._y, self._names = y, names

    @property
    def y(self) -> npt.NDArray[np.int64]:
        return self._y

    @property
    def class_names(self) -> tuple[str, ...]:
        return self._names

    def fingerprint(self) -> str:
        return f"{self.inner.fingerprint()}+classes:{','.join(self._names)}"

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        import torch

        return replace(self.inner.take(rows), y=torch.from_numpy(self._y[rows].copy()), class_names=self._names)


class AlignedTable(Wrapped):
    """A table with the columns and codes of several: its own ranges, the categories of all, and a mark wherever one of them has it."""

    def __init__(self, inner: Source, columns: tuple[Column, ...]) -> None:
        super().__init__(inner)
        own = {column.name: column for column in inner.space.columns}
        self._columns = tuple(_own(own.get(column.name), column) for column in columns)

    @property
    def space(self) -> Any:
        return replace(self.inner.space, columns=self._columns)

    @cached_property
    def _moves(self) -> list[tuple[int, npt.NDArray[np.float64] | None]]:
        """Of each column its place in the inner table (-1: nothing is missing there), and the new codes of its categories."""
        own = {column.name: (place, column) for place, column in enumerate(self.inner.space.columns)}
        found: list[tuple[int, npt.NDArray[np.float64] | None]] = []
        for column in self._columns:
            place, mine = own.get(column.name, (-1, column))
            codes = [column.categories.index(category) for category in mine.categories] if mine.categories else None
            found.append((place, None if codes is None else np.array(codes, dtype=np.float64)))
        return found

    def fingerprint(self) -> str:
        coded = ";".join(f"{c.name}={','.join(c.categories)}" for c in self._columns if c.categories)
        return f"{self.inner.fingerprint()}+columns:{coded}"

    def take(self, rows: slice | npt.NDArray[np.intp]) -> Examples:
        import torch

        batch = self.inner.take(rows)
        x = batch.x.numpy()
        made = np.zeros((len(x), len(self._moves)), dtype=x.dtype)
        for to, (place, codes) in enumerate(self._moves):
            if place >= 0:
                made[:, to] = x[:, place] if codes is None else codes[np.rint(x[:, place]).astype(np.int64)]
        return replace(batch, x=torch.from_numpy(made), space=self.space)


def _own(mine: Column | None, shared: Column) -> Column:
    """The sample's own column where its codes are the shared ones."""
    keeps = mine is not None and mine.categories == shared.categories[: len(mine.categories)]
    return mine if mine is not None and keeps else shared


class Noted(Wrapped):
    """A source with further notes."""

    def __init__(self, inner: Source, notes: Sequence[str]) -> None:
        super().__init__(inner)
        self._notes = tuple(notes)

    @classmethod
    def of(cls, source: Source, notes: Sequence[str]) -> Source:
        """The source with these notes; itself where there are none."""
        return cls(source, notes) if notes else source

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.inner.notes, *self._notes)


def align(*sources: Source) -> AlignedSources:
    """The samples with one numbering of classes and, for tables, one coding of columns.

    Classes match by name. Their order is the first sample's; where another one names the first's and more, it is that one's, which a note
    says. Labels that are numbers are looked up among names that are numbers, and are places among other names, which a note says too.

    Raises:
        UsageError: numbers beyond the names, or tables whose columns differ.
    """
    first = sources[0]
    for source in sources[1:]:
        if type(source.space) is not type(first.space) or source.labelled != first.labelled:
            raise UsageError(f"The data '{source.uri}' and '{first.uri}' are of different kinds, so one model cannot be asked about both.")
    tables = [source for source in sources if isinstance(source.space, InputSpace) and source.space.columns]
    aligned, space = (_aligned(sources), _space(sources)) if len(tables) == len(sources) > 1 else (sources, first.space)
    if not first.labelled:
        return AlignedSources(aligned, sources, (), space, {})
    named = [source for source in aligned if source.class_names]
    if not named:
        return AlignedSources(tuple(aligned), sources, (), space, {})
    order, strangers, notes = _order(aligned, named)
    first, *others = (_recoded(source, order, notes, named[0]) for source in aligned)
    return AlignedSources((Noted.of(first, notes), *others), sources, order, space, strangers)


def _order(sources: Sequence[Source], named: Sequence[Source]) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]], list[str]]:
    """The classes of all in label order, those that only a later sample knows, and the notes."""
    every = {key for source in named for key in keys(source.class_names)}
    if not sources[0].class_names and by_number(named[0].class_names) and all(by_number(source.class_names) for source in named):
        most = max(int(sources[0].y.max()), *(int(key) for key in every))
        return tuple(str(code) for code in range(most + 1)), {}, []
    whole = next((source for source in named if every <= set(keys(source.class_names))), None)
    if whole is not None:
        said = f"Classes are numbered as in '{whole.uri}', which names those of all samples: {few(whole.class_names)}."
        return whole.class_names, {}, [] if whole is named[0] else [said]
    known = dict(zip(keys(named[0].class_names), named[0].class_names, strict=True))
    strangers: dict[str, tuple[str, ...]] = {}
    for source in named[1:]:
        new = {key: name for key, name in zip(keys(source.class_names), source.class_names, strict=True) if key not in known}
        if new:
            strangers[source.uri] = tuple(new.values())
            known.update(new)
    return tuple(known.values()), strangers, []


def numbered(source: Source, names: tuple[str, ...]) -> Source:
    """The source with its classes numbered as in `names`; itself where they are."""
    if source.class_names == names:
        return source
    return Recoded(source, *listed(source.y, source.class_names, names, owner=f"'{source.uri}'"))


def _recoded(source: Source, order: tuple[str, ...], notes: list[str], named: Source) -> Source:
    if not source.class_names and not by_number(order):
        notes.append(f"The labels of '{source.uri}' are numbers, taken as indices into the classes of '{named.uri}' ({few(order)}).")
    return numbered(source, order)


def _space(sources: Sequence[Source]) -> Any:
    return replace(sources[0].space, columns=_columns(sources))


def _aligned(sources: Sequence[Source]) -> tuple[Source, ...]:
    columns = _columns(sources)
    names = [column.name for column in columns]

    def fits(own: tuple[Column, ...]) -> bool:
        return [c.name for c in own] == names and all(_own(mine, shared) is mine for mine, shared in zip(own, columns, strict=True))

    return tuple(source if fits(source.space.columns) else AlignedTable(source, columns) for source in sources)


def _columns(sources: Sequence[Source]) -> tuple[Column, ...]:
    """The first table's columns with the categories of all; marks of missing numbers that any of them has come last."""
    first, *others = sources
    plain = {column.name: column for column in first.space.columns if not column.marks}
    marks = {column.name: column for source in sources for column in source.space.columns if column.marks}
    for source in others:
        theirs = {column.name: column for column in source.space.columns if not column.marks}
        if set(theirs) != set(plain):
            raise UsageError(
                f"The tables '{first.uri}' and '{source.uri}' must have the same columns: only one of the two has "
                f"{few(sorted(set(theirs) ^ set(plain)))}. Choose with features= or drop=."
            )
        plain = {name: _joined(column, theirs[name], first, source) for name, column in plain.items()}
    return (*plain.values(), *marks.values())


def _joined(mine: Column, theirs: Column, first: Source, other: Source) -> Column:
    if (mine.kind == "categorical") != (theirs.kind == "categorical"):
        what = {True: "words", False: "numbers"}
        raise UsageError(
            f"The column '{mine.name}' holds {what[mine.kind == 'categorical']} in '{first.uri}' and {what[theirs.kind == 'categorical']} "
            f"in '{other.uri}'. Change one, or treat the numbers as names in both with categorical={mine.name}."
        )
    if mine.kind != "categorical":
        return mine if mine.kind == theirs.kind or mine.kind == "real" else replace(mine, kind="real", dtype=theirs.dtype)
    new = [place for place, category in enumerate(theirs.categories) if category not in mine.categories]
    if not new:
        return mine
    categories = (*mine.categories, *(theirs.categories[place] for place in new))
    values = (*mine.values, *(theirs.values[place] for place in new)) if mine.values and theirs.values else ()
    return replace(mine, high=float(len(categories) - 1), categories=categories, values=values, dtype=_widened(mine.dtype, values))


def _widened(dtype: object, values: Sequence[object]) -> object:
    """A pandas type that holds these values too: a type of categories with those that it lacks."""
    if dtype is None:
        return None
    import pandas as pd

    if not isinstance(dtype, pd.CategoricalDtype):
        return dtype
    new = [value for value in values if not pd.isna(value) and value not in dtype.categories]
    return pd.CategoricalDtype([*dtype.categories, *new], ordered=dtype.ordered)
