"""Which places are URLs of fsspec."""

from __future__ import annotations

import re

from shiftproof._errors import UsageError

_AS_A_PATH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:[/:]")
"""How a URL begins, also where it was taken for a path, which has one slash of two; a drive has one letter."""

_ONE_SLASH = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def is_url(place: object) -> bool:
    """Whether a place is a URL of fsspec, such as s3://bucket/run, and no local path.

    >>> is_url("s3://bucket/run"), is_url("dir::file:///tmp/run"), is_url("runs/x"), is_url(None)
    (True, True, False, False)
    """
    return "://" in str(place)


def check_local(out: object) -> None:
    """Raises `UsageError` where an output folder is a URL, for all commands but `audit`."""
    if _AS_A_PATH.match(str(out)):
        raise UsageError(
            f"The output folder '{_whole(out)}' is a URL, which only `shiftproof audit` can write to. Choose a local one with --out."
        )


def check_file(place: object, option: str) -> None:
    """Raises `UsageError` where a place on this machine is a URL."""
    if _AS_A_PATH.match(str(place)):
        raise UsageError(f"The place '{_whole(place)}' of {option} is a URL, and must be a local path. Copy the file between the two.")


def check_whole(out: object) -> None:
    """Raises `UsageError` where an output folder was meant as a URL: nobody wants a folder of the name s3:."""
    if out is not None and _ONE_SLASH.match(str(out)):
        raise UsageError(
            f"The output folder '{out}' lacks a slash of a URL. Write '{_whole(out)}', as text: a path of Python has one slash of two."
        )


def _whole(place: object) -> str:
    """A URL that was taken for a path, with both slashes."""
    slashes = "///" if str(place).startswith("file:") else "//"  # a local path begins with one of its own
    return re.sub(r"^([A-Za-z][A-Za-z0-9+.-]+:)/(?!/)", rf"\1{slashes}", str(place))
