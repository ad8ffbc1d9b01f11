"""Where examples come from: one file, one kind of place. A source is named by a URI: ``scheme:place?option=value&option=value``.

A package adds a scheme with an entry point, its class a subclass of `shiftproof.data.sources.abstract.AddressedSource`::

    [project.entry-points."shiftproof.sources"]
    "traffic" = "mypkg.data:Traffic"

A plugin that fails to import is listed with its traceback (`failures`), and asking for it raises with that traceback.
"""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points

from shiftproof._errors import UsageError, unknown
from shiftproof.data.sources.abstract import AddressedSource, Option
from shiftproof.data.sources.address import Address, Written, parse_address
from shiftproof.data.space import ValueRange

_HOME = "shiftproof.data.sources"


@dataclass(frozen=True)
class SchemeInfo:
    """A scheme as it is listed for people."""

    scheme: str
    what: str
    options: tuple[Option, ...]


class Schemes:
    """All kinds of sources by the scheme of their URI: ours, and those of installed packages."""

    def __init__(self, ours: Mapping[str, str]) -> None:
        """The values of `ours` are "module:Class", imported when asked for."""
        self._ours = dict(ours)

    @cached_property
    def _plugins(self) -> dict[str, EntryPoint]:
        return {entry.name: entry for entry in entry_points(group="shiftproof.sources")}

    @cached_property
    def failures(self) -> dict[str, str]:
        """The traceback of each plugin that failed to import."""
        broken: dict[str, str] = {}
        for scheme, entry in self._plugins.items():
            try:
                entry.load()
            except Exception:  # a plugin may fail in any way; the person is shown which
                broken[scheme] = traceback.format_exc()
        return broken

    def names(self) -> list[str]:
        """Every scheme, ours first."""
        return [*self._ours, *sorted(set(self._plugins) - set(self._ours))]

    def get(self, scheme: str) -> type[AddressedSource]:
        """The class behind a scheme."""
        if scheme in self._ours:
            module, _, name = self._ours[scheme].partition(":")
            found = getattr(importlib.import_module(module), name)
        elif scheme not in self._plugins:
            raise unknown("data source", scheme, self.names(), "Write SCHEME:PLACE, for example npz:test.npz.")
        elif scheme in self.failures:
            raise UsageError(f"The plugin source '{scheme}' could not be imported:\n{self.failures[scheme]}")
        else:
            found = self._plugins[scheme].load()
        if not (isinstance(found, type) and issubclass(found, AddressedSource)):
            raise UsageError(f"The source '{scheme}' must be a subclass of {_HOME}.abstract.AddressedSource, got {found!r}.")
        return found

    def open(self, uri: str, *, box: ValueRange | None = None, options: Mapping[str, Written] | None = None) -> AddressedSource:
        """The source that a URI names, with further options."""
        address = parse_address(uri, self.names()).having(options or {})
        return self.get(address.scheme)(address, box=box)

    def describe(self) -> list[SchemeInfo]:
        """What there is, for `shiftproof list sources`; plugins that failed are left to `failures`."""
        working = [scheme for scheme in self.names() if scheme in self._ours or scheme not in self.failures]
        return [SchemeInfo(scheme, source.what, source.options) for scheme in working for source in [self.get(scheme)]]


sources = Schemes(
    {
        "digits": f"{_HOME}.digits:Digits",
        "npz": f"{_HOME}.npz:Npz",
        "idx": f"{_HOME}.idx:Idx",
        "imagefolder": f"{_HOME}.imagefolder:ImageFolder",
        "csv": f"{_HOME}.tables:Csv",
        "parquet": f"{_HOME}.parquet:Parquet",
        "jsonl": f"{_HOME}.jsonl:Jsonl",
        "textfolder": f"{_HOME}.textfolder:TextFolder",
        "squad": f"{_HOME}.squad:Squad",
        "hf": f"{_HOME}.hugging_face:HuggingFace",
    }
)

__all__ = ["Address", "AddressedSource", "Option", "SchemeInfo", "Schemes", "parse_address", "sources"]
