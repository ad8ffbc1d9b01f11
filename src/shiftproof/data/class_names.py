"""Names of classes: which two are the same, what `rename=` and `classes=` make of them, and how labels follow."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence

import numpy as np

from shiftproof._arrays import Ints
from shiftproof._errors import must, unknown

Classed = tuple[Ints, tuple[str, ...]]
"""Labels and the names of their classes, empty where they are numbers."""
_WHOLE = re.compile(r"[+-]?\d+(\.0*)?")
SHOWN = 8


def canonical(name: object) -> str:
    """A class as any file might write it: without spaces around it, and whole numbers without a point or leading zeros.

    >>> canonical(1.0), canonical(" 01 "), canonical(True), canonical("1e3")
    ('1', '1', 'True', '1e3')
    """
    said = str(name).strip()
    return str(int(said.partition(".")[0])) if _WHOLE.fullmatch(said) else said


def keys(names: Sequence[object]) -> tuple[str, ...]:
    """What names are looked up by: their canonical forms, or the names as they are where two of them would become one.

    >>> keys(["b", " a"]), keys(["1", "01"])
    (('b', 'a'), ('1', '01'))
    """
    plain = tuple(canonical(name) for name in names)
    return plain if len(set(plain)) == len(plain) else tuple(str(name) for name in names)


def by_number(names: Sequence[str]) -> bool:
    """Whether all names are whole numbers, so that labels that are numbers can be looked up among them."""
    return all(_WHOLE.fullmatch(canonical(name)) for name in names)


def few(names: Sequence[object]) -> str:
    """Some names, and how many more there are."""
    return ", ".join(map(str, names[:SHOWN])) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def near(strange: Sequence[str], known: Sequence[str]) -> str:
    """A sentence that names the nearest known class of the strange ones; empty where none is near.

    >>> near(["<=50K."], ["<=50K", ">50K"])
    "'<=50K.' is near '<=50K'."
    """
    plain = {re.sub(r"[\W_]+$", "", name.strip().casefold()): name for name in known}
    said = []
    for name in strange:
        same = plain.get(re.sub(r"[\W_]+$", "", name.strip().casefold()))
        close = [same] if same else difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        said += [f"'{name}' is near '{close[0]}'" for _ in close[:1]]
    return f"{'; '.join(said[:3])}." if said else ""


def renamed(y: Ints, names: Sequence[str], changes: Mapping[str, str], *, declared: bool, owner: str) -> Classed:
    """Labels and names after `changes`; two names that become one are one class.

    Args:
        y: labels, shape (n,).
        names: their classes; empty where labels are numbers, which then are names too.
        changes: new names by old ones.
        declared: the order of names was said by someone, and stays; otherwise it is that of sorting.
        owner: whose they are, for messages.
    """
    if not changes:
        return y, tuple(names)
    before = tuple(names) or tuple(str(code) for code in range(int(y.max()) + 1))
    lookup = dict(zip(keys(before), before, strict=True))
    for old in changes:
        if canonical(old) not in lookup and old not in lookup:
            raise unknown(f"class in rename= of {owner}", old, before)
    new = {lookup.get(canonical(old), old): name for old, name in changes.items()}
    after = [new.get(name, name) for name in before]
    kept = tuple(dict.fromkeys(after)) if declared or not names else tuple(sorted(set(after)))
    return _moved(y, [kept.index(name) for name in after]), kept


def listed(y: Ints, names: Sequence[str], order: Sequence[str], *, owner: str) -> Classed:
    """Labels as places in `order`: by name, and where they are numbers by number if `order` is of numbers, else as the places.

    Raises:
        UsageError: a class is not among those of `order`, or stands there twice.
    """
    there = keys(order)
    if len(set(there)) < len(there):
        twice = next(name for name in there if there.count(name) > 1)
        raise must("classes", owner, "name each class once", twice)
    if names:
        strange = [name for name, key in zip(names, keys(names), strict=True) if key not in there]
        if strange:
            raise unknown(f"class of {owner}", strange[0], order, "Change names with ?rename=OLD:NEW.")
        return _moved(y, [there.index(key) for key in keys(names)]), tuple(order)
    if by_number(order):
        place = {int(name): code for code, name in enumerate(there)}
        missing = [label for label in np.unique(y).tolist() if label not in place]
        if missing:
            raise unknown(f"class of {owner}", str(missing[0]), order)
        return np.array([place[label] for label in y.tolist()], dtype=np.int64), tuple(order)
    if int(y.max()) >= len(order):
        raise must("labels", owner, f"be below {len(order)}, the number of its classes ({few(order)})", int(y.max()))
    return y, tuple(order)


def _moved(y: Ints, codes: Sequence[int]) -> Ints:
    return np.array(codes, dtype=np.int64)[y]


def order_notes(names: Sequence[str]) -> tuple[str, ...]:
    """A note where names are numbers and the codes are others: text sorts "10" before "2"."""
    if not names or not by_number(names):
        return ()
    numbers = [int(canonical(name)) for name in names]
    if numbers == [*range(len(numbers))]:
        return ()
    code = next(code for code, number in enumerate(numbers) if number != code)
    said = f"Class names are numbers, but codes are positions in their list: class '{names[code]}' has code {code} (order: {few(names)})."
    return (f"{said} Where the model's order is another, name all its classes in its order with ?classes=FILE.",)
