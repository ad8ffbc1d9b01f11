"""Files of what defences have learned from held-out examples, so that other commands can take them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from shiftproof.defences.defended_model import DefendedModel
from shiftproof.defences.learned_codec import LearnedCodec, save
from shiftproof.evaluation.defend.rows import ComparedModel

PLACE = "training"
"""The folder for what was trained, in that of the record."""


def store_codecs(subjects: Sequence[ComparedModel], folder: Path) -> list[str]:
    """Writes the codecs that were trained into the folder; a note for each, which says how an audit takes it."""
    notes: list[str] = []
    for subject in subjects:
        if isinstance(subject.defence, LearnedCodec) and isinstance(subject.model, DefendedModel) and not subject.defence.file:
            path = folder / PLACE / f"codec-{len(notes) + 1}.safetensors"
            path.parent.mkdir(parents=True, exist_ok=True)
            save(subject.model.behind.fitted, path)
            there = f"{PLACE}/{path.name}"
            notes.append(f"The codec of {subject.name} is in {there}: an audit takes it with --defence \"learned_codec(file='{there}')\".")
    return notes
