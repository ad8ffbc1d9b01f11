"""Edited texts from a file: what no rule makes, a person or a language model has written, and somebody has read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import torch

from shiftproof._errors import UsageError, must
from shiftproof.shifts.abstract import Params
from shiftproof.shifts.text.pinned import FromFile, read_lines
from shiftproof.shifts.text.rewrite import LabelRule, Site, Unit


class StoredEdit(NamedTuple):
    """An edited text, and its truth as a class code where that is another one."""

    text: str
    label: int | None


@dataclass(frozen=True)
class Stored(FromFile):
    """A whole text replaced by one that a file has for it: one edit, of which there is one.

    Args:
        edits: 1 is all there is.
        file: JSONL, plain or as .gz, with `text` and `edited` in every line, and `label`, the class code of the edited text, where it is
            another one than before: the truth then moves with the text. Several lines may have one text.
        kind: only lines whose field `kind` says this; all without it.
        sha256: of the file; filled in.

    A text that the file does not have stays as it is; how many do is flagged with every verdict.
    """

    name: ClassVar[str] = "stored"
    label: ClassVar[LabelRule] = "person"
    unit: ClassVar[Unit] = "sentence"

    kind: str = ""

    @classmethod
    def examples_for_check(cls) -> list[Stored]:
        """One over a file of a few texts."""
        return [cls(edits=1, file=str(Path(__file__).parent / "stored.jsonl"))]

    def check(self) -> None:
        super().check()
        _edits_of(self.path, self.sha256, self.kind)

    def sites(self, text: str) -> Iterator[Site]:
        known = _edits_of(self.path, self.sha256, self.kind).get(str(text), ())
        yield Site(0, len(text), tuple(edit.text for edit in known))

    def carry(self, x: Any, y: Any, params: Params) -> Any:
        known = _edits_of(self.path, self.sha256, self.kind)
        if not isinstance(y, torch.Tensor):
            return y
        moved = y.clone()
        for row, (one, ((place, choice), *_)) in enumerate(zip(x, params.tolist(), strict=True)):
            label = known[str(one)][int(choice)].label if place == 0 else None
            if label is not None:
                moved[row] = label
        return moved


@lru_cache(maxsize=8)
def _edits_of(path: Path, sha256: str, kind: str) -> Mapping[str, tuple[StoredEdit, ...]]:
    """The edits of a file in the state that `sha256` names, by text."""
    del sha256  # a file that has changed is read again
    found: dict[str, tuple[StoredEdit, ...]] = {}
    for number, row in enumerate(read_lines(path, "edited texts"), start=1):
        text, edited, label = row.get("text"), row.get("edited"), row.get("label")
        if not isinstance(text, str) or not isinstance(edited, str) or not edited.strip():
            raise must("line", f"'{path}', number {number}", "have `text` and `edited`, two texts", sorted(row))
        if label is not None and (isinstance(label, bool) or not isinstance(label, int) or label < 0):
            raise must("label", f"'{path}', number {number}", "be a class code 0, 1, 2, ...", label)
        if (not kind or row.get("kind") == kind) and edited != text:
            found[text] = (*found.get(text, ()), StoredEdit(edited, label))
    if not found:
        hint = f" of kind {kind!r}" if kind else ""
        raise UsageError(f"The file '{path}' has no edited text{hint}. Each line is an object with `text` and `edited`.")
    return found
