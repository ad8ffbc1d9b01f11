"""The URI of a source in parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shiftproof._errors import UsageError

_BY_SUFFIX = {".npz": "npz", ".csv": "csv", ".gz": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet"}


@dataclass(frozen=True)
class Address:
    """A URI in parts. Values of options are as written: `%26` stands for '&', `%2C` for a ',' that does not separate names."""

    scheme: str
    place: str = ""
    options: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.scheme}:{self.place}" + (f"?{query}" if query else "")


def parse_address(uri: str, schemes: Collection[str] = ()) -> Address:
    """Splits ``scheme:place?option=value&option=value``.

    Args:
        uri: what a person wrote.
        schemes: known schemes, for the message where none was written.

    >>> parse_address("npz:test.npz?x=images&y=labels").options
    {'x': 'images', 'y': 'labels'}
    """
    head, _, query = uri.partition("?")
    scheme, colon, place = head.partition(":")
    if not colon or len(scheme) < 2 or "/" in scheme or "\\" in scheme:  # one letter is a drive
        raise UsageError(f"Cannot read {uri!r} as a data source: write SCHEME:PLACE, for example {_suggestion(uri, head, schemes)}.")
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"Cannot read {part!r} in {uri!r}: options are written name=value, joined by '&'.")
        if name in options:
            raise UsageError(f"The option '{name}' stands twice in {uri!r}. Write it once.")
        options[name] = value
    return Address(scheme, place, options)


def _suggestion(uri: str, head: str, schemes: Collection[str]) -> str:
    if head in schemes:
        return f"{head}:{uri[len(head) :]}"
    path = Path(head)
    scheme = "imagefolder" if head and path.is_dir() else _BY_SUFFIX.get(path.suffix.lower())
    return f"{scheme}:{uri}" if scheme else "npz:test.npz"
