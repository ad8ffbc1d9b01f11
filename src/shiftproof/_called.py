"""What folders are called in messages: one in which a run at a URL is worked on goes by that URL."""

from __future__ import annotations

from pathlib import Path

_names: dict[str, str] = {}


def call(folder: Path, name: str) -> None:
    """From now on messages of this process name `folder` so."""
    _names[str(folder)] = name


def call_by_path(folder: Path) -> None:
    """From now on messages name `folder` as what it is."""
    _names.pop(str(folder), None)


def as_called(text: str) -> str:
    """A text in which folders are called as they are to be."""
    for folder, name in list(_names.items()):  # other threads may add to it
        text = text.replace(folder, name)
    return text
