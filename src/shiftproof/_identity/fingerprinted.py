"""What states its own identity, and how an identity that cannot be found again is written."""

from __future__ import annotations

import re
import secrets
from abc import ABC, abstractmethod
from dataclasses import dataclass

from shiftproof._identity.graph import Identity, Look

_ONCE = re.compile(r"\?[0-9a-f]{8}")
"""Marks an identity with gaps: drawn anew each time, so that no later run takes its results for those of the same thing."""


class Fingerprinted(ABC):
    """A thing with a fingerprint of its own."""

    @abstractmethod
    def fingerprint(self) -> str:
        """A string that changes when its answers may change."""


@dataclass(frozen=True)
class Fingerprint:
    """A fingerprint with what it leaves out.

    Args:
        text: what a run and a cell are known by.
        gaps: what it does not cover; then the text is another one each time.
    """

    text: str
    gaps: tuple[str, ...] = ()


def fingerprint_of(kind: str, identity: Identity, *, version: str | None = None) -> Fingerprint:
    """The fingerprint of a thing of this identity; `version` is the user's word for it, and answers for the gaps.

    >>> fingerprint_of("torch", Identity("12ab"), version="2").text
    'torch:12ab+version:2'
    """
    text = f"{kind}:{identity.digest}"
    if version is not None:
        return Fingerprint(with_version(text, version))
    return Fingerprint(f"{text}?{secrets.token_hex(4)}", identity.gaps) if identity.gaps else Fingerprint(text)


def with_version(fingerprint: str, version: str) -> str:
    """The fingerprint of what the user calls `version`: it can be found again.

    >>> with_version("function:12ab?00ff00ff", "2")
    'function:12ab+version:2'
    """
    return f"{_ONCE.sub('', fingerprint)}+version:{version}"


def only_once(fingerprint: str) -> bool:
    """Whether a fingerprint has gaps, and is never found again."""
    return _ONCE.search(fingerprint) is not None


def stated(value: Fingerprinted) -> Look:
    """What states its own identity, by that."""
    text = value.fingerprint()
    gap = "it cannot be identified itself" if only_once(text) else None
    return Look(f"fingerprint {_ONCE.sub('', text)}", gap=gap)
