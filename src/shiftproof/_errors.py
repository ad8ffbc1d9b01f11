"""Errors that a person can act on.

Every message says which value, what it must be, what it was, and how to fix it. The command line shows a `UsageError` without a
traceback and leaves with exit code 2; anything else is a defect of ours or of a plugin and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from shiftproof._called import as_called
from shiftproof._secrets import without_secrets

_SHOWN = 24  # known names in a message; people stop reading a longer list


class UsageError(ValueError):
    """The caller's input cannot be used; the message says why and what to do. It holds no credentials, whoever wrote it."""

    def __init__(self, message: str) -> None:
        super().__init__(without_secrets(as_called(message)))


class MissingExtra(UsageError, ImportError):
    """An optional dependency is not installed; the message says what needs it, and names the install command."""

    def __init__(self, package: str, extra: str, *, owner: str = "This") -> None:
        super().__init__(f"{owner} needs the package '{package}', which is not installed. Run: pip install 'shiftproof[{extra}]'")


class NotCertifiable(UsageError):
    """A model does something that its traced graph does not show, so nothing can be proven."""


class StoredFileWarning(UserWarning):
    """A file of a run is not used, or used with a reservation: the message says which, why, and what happens instead."""

    def __init__(self, message: str) -> None:
        super().__init__(as_called(message))


class BudgetExceeded(RuntimeError):
    """A search returned a move outside its shift. The search is wrong, and its verdicts cannot be used."""


class Contradiction(RuntimeError):
    """A certified example was broken by an attack: one of the two is wrong, so neither is reported."""


def must(name: str, owner: str, rule: str, got: object, hint: str = "") -> UsageError:
    """Builds the house's message: which value, what it must be, what it was, how to fix it.

    >>> print(must("eps", "linf", "be in (0, inf)", -8, "Units are those of the inputs."))
    The 'eps' of linf must be in (0, inf), got -8. Units are those of the inputs.
    """
    return UsageError(f"The '{name}' of {owner} must {rule}, got {got!r}." + (f" {hint}" if hint else ""))


def unknown(what: str, name: str, known: Iterable[str], hint: str = "", *, listed_by: str = "") -> UsageError:
    """An unknown name, with the nearest known ones; `listed_by` is the command to see all where they are too many for a message.

    >>> print(unknown("shift", "linff", ["linf", "l2", "rotation"]))
    Unknown shift 'linff'. Did you mean: linf?
    """
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if near:
        ask = f"Did you mean: {', '.join(near)}?"
    else:
        see = f": see '{listed_by}'" if listed_by else ""
        more = f" and {len(names) - _SHOWN} more{see}" if len(names) > _SHOWN else ""
        ask = f"Known: {', '.join(names[:_SHOWN]) or 'none'}{more}."
    return UsageError(f"Unknown {what} '{name}'. {ask}" + (f" {hint}" if hint else ""))
