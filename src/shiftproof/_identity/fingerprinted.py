"""How an identity is written, and what becomes of one with gaps: it is never found again, unless the user answers for it."""

from __future__ import annotations

import re
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass

from shiftproof._identity.graph import ValueDigest, ValueView

_ONCE = re.compile(r"\?[0-9a-f]{8}")
"""Marks an identity with gaps: drawn anew for each thing, so that no later run takes its results for those of the same thing."""


@dataclass(frozen=True)
class Fingerprint:
    """What something is known by.

    Args:
        text: what a run and its cells are named after.
        gaps: what it does not cover, each with its place and the reason; the text is then another one for each object.
    """

    text: str
    gaps: tuple[str, ...] = ()


class Fingerprinted(ABC):
    """What states its own identity."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A string that changes when its answers may change (a hash of weights, a file's hash, a URL)."""

    def identity(self) -> Fingerprint:
        """The fingerprint with what it does not cover."""
        return Fingerprint(self.fingerprint())


def fingerprint_of(kind: str, identity: ValueDigest, *, version: str | None = None, mark: str | None = None) -> Fingerprint:
    """The fingerprint of a thing of this identity.

    Args:
        kind: stands before the digest.
        identity: of the thing.
        version: the user's word for its state; it counts, and answers for the gaps.
        mark: what sets a thing with gaps apart, from `new_mark`; drawn here where absent.

    >>> fingerprint_of("torch", ValueDigest("12ab"), version="2").text
    'torch:12ab+version:2'
    """
    text = f"{kind}:{identity.digest}"
    if version is not None:
        return Fingerprint(with_version(text, version))
    return Fingerprint(f"{text}?{mark or new_mark()}", identity.gaps) if identity.gaps else Fingerprint(text)


def new_mark() -> str:
    """A word that no other object has."""
    return secrets.token_hex(4)


def with_version(fingerprint: str, version: str) -> str:
    """The fingerprint of what the user calls `version`: it is found again.

    >>> with_version("function:12ab?00ff00ff", "2")
    'function:12ab+version:2'
    """
    return f"{_ONCE.sub('', fingerprint)}+version:{version}"


def found_again(fingerprint: str) -> bool:
    """Whether a fingerprint has no gaps, so that the same thing has it in a later run."""
    return _ONCE.search(fingerprint) is None


def stated(value: Fingerprinted) -> ValueView:
    """What states its own identity, by that."""
    text = value.fingerprint()
    return ValueView(f"fingerprint {_ONCE.sub('', text)}", gap=None if found_again(text) else "it cannot be identified itself")
