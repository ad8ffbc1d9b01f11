"""The user's files that a run reads: whether they are still what they were when the run was planned."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shiftproof._errors import UsageError
from shiftproof.data.source import Source, Wrapped
from shiftproof.data.sources.abstract import AddressedSource
from shiftproof.models.reference import ModelReference

State = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class Stamp:
    """Names, sizes and times of change of a file, or of all files of a folder, as they were."""

    path: Path
    state: State

    @classmethod
    def of(cls, path: Path) -> Stamp:
        """As it is now."""
        where = path.expanduser().resolve()  # a model may change the working folder
        return cls(where, _state(where))

    def check(self) -> None:
        """Raises `UsageError` where it is something else by now."""
        if _state(self.path) != self.state:
            raise UsageError(
                f"'{self.path}' was changed while the run was going on, so what was read of it is not what the run was planned with. "
                "Leave it as it is until the run is finished, and run again with another --out."
            )


def data_stamps(sources: Iterable[Source]) -> tuple[Stamp, ...]:
    """Stamps of the files that data are read from."""
    places = [_place(source) for source in sources]
    return tuple(Stamp.of(place) for place in places if place is not None)


def model_stamps(reference: ModelReference) -> tuple[Stamp, ...]:
    """Stamps of the files that a model is built from."""
    code = reference.target.partition(".py:")[0] + ".py" if isinstance(reference.target, str) and ".py:" in reference.target else ""
    graph = reference.target.partition(".onnx")[0] + ".onnx" if isinstance(reference.target, str) and ".onnx" in reference.target else ""
    return tuple(Stamp.of(Path(file)) for file in (code, graph, reference.weights) if file and Path(file).expanduser().is_file())


def _place(source: Source) -> Path | None:
    while isinstance(source, Wrapped):
        source = source.inner
    if not isinstance(source, AddressedSource) or not source.address.place:
        return None
    path = Path(source.address.place)
    return path if path.expanduser().exists() else None


def _state(path: Path) -> State:
    inside = [Path(place, name) for place, _, names in os.walk(path) for name in names]  # none in a file
    found: list[tuple[str, int, int]] = []
    for file in sorted(inside) or [path]:
        try:
            now = file.stat()
        except OSError:  # removed: another state
            continue
        found.append((str(file), now.st_size, now.st_mtime_ns))
    return tuple(found)
