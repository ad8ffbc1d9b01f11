"""Which column of a table plays which part: label, groups, id, features."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.sources.abstract import AddressedSource
from shiftproof.data.sources.cuts import parse_cuts


@dataclass(frozen=True)
class ColumnRoles:
    """The columns by the part that they play; `filters` are those that `where=` names, `cuts` where columns are cut into groups."""

    label: str
    groups: tuple[str, ...]
    cuts: Mapping[str, tuple[str, ...]]
    id: str | None
    features: tuple[str, ...]
    filters: tuple[str, ...] = ()

    def needed(self) -> list[str]:
        """Every column that is read, once."""
        return list(dict.fromkeys(filter(None, (self.label, *self.groups, self.id, *self.features, *self.filters))))


def find_roles(
    source: AddressedSource,
    there: Sequence[str],
    *,
    owner: str,
    unasked: Collection[str],
    elsewhere: Collection[str],
    filters: tuple[str, ...],
) -> ColumnRoles:
    """The parts that the options of a table give its columns.

    Args:
        source: whose options are read.
        there: the table's columns.
        owner: what messages call the table.
        unasked: columns that are not features unless they are named.
        elsewhere: columns that another table of the same layout has, which `drop=` may name too.
        filters: columns that `where=` names.

    Raises:
        UsageError: a column is not there, has two parts, or none is left as a feature.
    """
    label, identity, text = _label(source, there), source.text("id"), source.text("text")
    named = [parse_cuts(written, there) for written in dict.fromkeys(source.names("groups"))]
    cuts = dict(named)
    if len(cuts) < len(named):
        raise must("groups", source.uri, "name each column once", ", ".join(source.names("groups")), "Cut a column as in age:30:50.")
    groups, drop, chosen = tuple(cuts), source.names("drop"), source.names("features")
    coded = (*source.names("categorical"), *source.names("as_category"))
    dropped = [name for name in drop if name in there or name not in elsewhere]
    for name in filter(None, (label, identity, text, *groups, *dropped, *chosen, *coded, *filters)):
        if name not in there:
            raise unknown(f"column of {owner}", name, there)
    without = groups if source.flag("exclude_groups") else ()
    out = {label, *drop, *(() if chosen else unasked), *([identity] if identity else []), *without}
    features = tuple(name for name in chosen or there if name not in out)
    if text is not None:
        if text in out or chosen:
            raise must("text", source.uri, "be a column of its own, without features=", text)
        features = (text,)
    if label in (*drop, *chosen):
        raise UsageError(f"The column '{label}' of {source.uri} is the label: name it neither in drop= nor in features=.")
    if not features:
        raise UsageError(f"{source.uri} leaves no column as a feature. Columns: {', '.join(there)}. Drop fewer.")
    return ColumnRoles(label, groups, cuts, identity, features, filters)


def _label(source: AddressedSource, there: Sequence[str]) -> str:
    label, target = source.text("label"), source.text("target")
    if label is not None and target is not None:
        raise UsageError(f"{source.uri} names both a label ({label}) and a target ({target}). Name the one that the model predicts.")
    found = label if target is None else target
    if found is None:
        columns = f"Columns: {', '.join(there)}."
        if source.scheme == "frame":
            way = "For a column of numbers to predict: shiftproof.load_data(frame, target=NAME)."
            raise UsageError(f"The data frame needs its column of labels: give label=NAME. {columns} {way}")
        raise UsageError(f"{source.uri} needs its column of labels: write ?label=NAME. {columns} Numbers to predict are ?target=NAME.")
    return found
