"""A codec that `shiftproof defend` trained is stored beside its page, and an audit takes it from there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from shiftproof.defences.learned_codec import LearnedCodec
from shiftproof.records.defend import DefendRecord
from small_runs import command, write_nets


def test_a_codec_that_was_trained_is_stored_and_audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nets, out = write_nets(tmp_path), tmp_path / "d"
    asked = ["--data", "digits:", "--search", "gradient_ascent(steps=2)", "--corruption", "contrast", "--limit", "40"]
    asked += ["--threat", "linf(eps=0.2)", "--unseen", "l2(eps=0.5)", "--defence", "learned_codec(steps=3)", "--out", str(out)]
    assert command(monkeypatch, "defend", f"{nets}:nearest", *asked) == 0
    record = DefendRecord.model_validate_json((out / "defend.json").read_bytes())
    assert record.rows[1].family == "transformation"
    (said,) = [note for note in record.notes if note.startswith("The codec of")]
    assert said == (
        "The codec of learned_codec(steps=3) is in training/codec-1.safetensors: an audit takes it with --defence "
        "\"learned_codec(file='training/codec-1.safetensors')\"."
    )
    assert command(monkeypatch, "defend", f"{nets}:nearest", *asked) == 0  # into the same folder again
    path = out / "training" / "codec-1.safetensors"
    audited = ["--data", "digits:", "--limit", "8", "--shift", "linf(eps=0.2)", "--search", "gradient_ascent(steps=2)"]
    audited += ["--defence", f"learned_codec(file={str(path)!r})", "--out", str(tmp_path / "a")]
    assert command(monkeypatch, "audit", "--model", f"{nets}:nearest", *audited) == 0
    model = json.loads((tmp_path / "a" / "audit.json").read_bytes())["model"]
    assert LearnedCodec(file=str(path)).sha256 in json.dumps(model)
