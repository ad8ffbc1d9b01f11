"""The URI of a source in parts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from shiftproof._errors import UsageError

_BY_SUFFIX = {".npz": "npz", ".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet", ".pq": "parquet"}
_PACKED = (".gz", ".bz2", ".zst")
SAVED = ("dataset_info.json", "dataset_dict.json", "state.json")
"""What `datasets` writes beside a data set that it saved."""
Written = str | bool | Sequence[str]
"""An option's value in Python."""


@dataclass(frozen=True)
class Address:
    """A URI in parts. Values of options are as written: `%26` stands for '&', `%2C` for a ',' that does not separate names."""

    scheme: str
    place: str = ""
    options: Mapping[str, str] = field(default_factory=dict[str, str])

    def __str__(self) -> str:
        query = "&".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.scheme}:{self.place}" + (f"?{query}" if query else "")

    def having(self, options: Mapping[str, Written]) -> Address:
        """The same with these options too; raises `UsageError` where one is written in it already.

        >>> str(Address("csv", "a.csv").having({"label": "y", "groups": ["sex", "a,b"]}))
        'csv:a.csv?label=y&groups=sex,a%2Cb'
        """
        twice = sorted(options.keys() & self.options.keys())
        if twice:
            raise UsageError(f"The option '{twice[0]}' is in '{self}' and given beside it. Give it once.")
        return replace(self, options={**self.options, **{name: as_written(value) for name, value in options.items()}})


def as_written(value: Written) -> str:
    """A value as it stands in a URI: names joined by commas, with what would be read otherwise as %.."""
    if isinstance(value, bool):
        return str(value).lower()
    return _plain(value) if isinstance(value, str) else ",".join(map(_plain, value))


def _plain(name: str) -> str:
    return quote(name, safe=" /:;<>=!@$()[]{}*+-._~^|'\"")


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
        scheme, place = "" if head in schemes else kind_of(head), head
        if not scheme:
            hint = f"write SCHEME:PLACE, for example {_suggestion(uri, head, schemes)}."
            raise UsageError(
                f"Cannot read {uri!r} as a data source: {hint} A table or a folder of pictures needs no scheme: adult.csv, photos/"
            )
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        name, equals, value = part.partition("=")
        if not equals:
            raise UsageError(f"Cannot read {part!r} in {uri!r}: options are written name=value, joined by '&'.")
        if name in options:
            raise UsageError(f"The option '{name}' stands twice in {uri!r}. Write it once.")
        options[name] = value
    return Address(scheme, place, options)


def kind_of(place: str) -> str:
    """The scheme of a file or folder whose kind is plain from its name, or from what a folder holds; empty where it is not.

    >>> kind_of("adult.csv"), kind_of("data/adult.csv.gz"), kind_of("images.gz")
    ('csv', 'csv', '')
    """
    path = Path(place).expanduser()
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes[-1:] and suffixes[-1] in _PACKED:
        return _BY_SUFFIX.get("".join(suffixes[-2:-1]), "") if suffixes[-2:-1] in ([".csv"], [".tsv"]) else ""
    if suffixes and suffixes[-1] in _BY_SUFFIX:
        return _BY_SUFFIX[suffixes[-1]]
    if not place or not path.is_dir():
        return ""
    if any((path / name).is_file() for name in SAVED):
        return "hf"
    return "imagefolder" if any(inner.is_dir() and not inner.name.startswith(".") for inner in path.iterdir()) else ""


def _suggestion(uri: str, head: str, schemes: Collection[str]) -> str:
    if head in schemes:
        return f"{head}:{uri[len(head) :]}"
    return f"imagefolder:{uri}" if head and Path(head).is_dir() else "npz:test.npz"
