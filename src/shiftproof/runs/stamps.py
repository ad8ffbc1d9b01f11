"""The user's files that a run reads: whether they are still what they were when the run was planned."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from shiftproof._errors import UsageError
from shiftproof.data.source import Source, Wrapped
from shiftproof.data.sources.abstract import AddressedSource
from shiftproof.runs.model_reference import ModelReference


@dataclass(frozen=True)
class Stamp:
    """Size and time of change of a file, as they were."""

    path: Path
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """As it is now."""
        where = path.expanduser().resolve()  # a model may change the working folder
        now = where.stat()
        return cls(where, now.st_size, now.st_mtime_ns)

    def check(self) -> None:
        """Raises `UsageError` where it is something else by now."""
        if not self.path.is_file() or Stamp.of(self.path) != self:
            raise _changed(f"The file '{self.path}'")


def data_stamps(sources: Iterable[Source]) -> tuple[Stamp, ...]:
    """Stamps of the files that data are read from."""
    places = [_place(source) for source in sources]
    return tuple(Stamp.of(place) for place in places if place is not None and place.expanduser().is_file())


def model_stamps(reference: ModelReference) -> tuple[Stamp, ...]:
    """Stamps of the files that a model is built from."""
    target = reference.target if isinstance(reference.target, str) else ""
    code = [f"{target.partition(end)[0]}{end}" for end in (".py", ".onnx") if f"{end}:" in target or target.endswith(end)]
    return tuple(Stamp.of(Path(file)) for file in (*code, reference.weights) if file and Path(file).expanduser().is_file())


def check_folder(source: Source, fingerprint: str) -> None:
    """Raises `UsageError` where the data of a folder are not those of the fingerprint any more. Cost: reads what the fingerprint is of."""
    place = _place(source)
    if place is not None and place.expanduser().is_dir() and deepcopy(source).fingerprint() != fingerprint:  # a copy opens it anew
        raise _changed(f"The data '{source.uri}'")


def _place(source: Source) -> Path | None:
    while isinstance(source, Wrapped):
        source = source.inner
    return Path(source.address.place) if isinstance(source, AddressedSource) and source.address.place else None


def _changed(what: str) -> UsageError:
    return UsageError(
        f"{what} changed during the run, so the run did not read what it was planned with. "
        "Do not change it before the run is finished, and run again with another --out."
    )
