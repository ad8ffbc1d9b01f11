"""Classifiers of transformers from a folder: loaded, matched by the names of their classes, and refused where they are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.space import TextSpace
from shiftproof.models.load import load_model
from shiftproof.models.transformers_folder import load_transformers

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "a", "the", "never", "##s"]
TEXTS = [" ".join(WORDS[4 + (row * step) % 6] for step in range(1, 2 + row % 23)) for row in range(40)]


def save(folder: Path, *, names: tuple[str, ...] = ("neg", "pos"), head: bool = True) -> str:
    """A small classifier, as a user saves one."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    config = transformers.BertConfig(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=24,
        id2label=dict(enumerate(names)),
        label2id={name: place for place, name in enumerate(names)},
    )
    kind = transformers.BertForSequenceClassification if head else transformers.BertModel
    kind(config).save_pretrained(folder)
    transformers.BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder)
    return str(folder)


def test_scores_are_those_of_transformers_and_of_the_text_alone(tmp_path: Path) -> None:
    folder = save(tmp_path / "net")
    transformers: Any = pytest.importorskip("transformers")
    model: Any = load_model(f"transformers:{folder}", space=TextSpace(), class_names=["neg", "pos"])
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    module = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    whole = model.scores(TEXTS)
    with torch.no_grad():
        alone = [module(**tokenizer(text, truncation=True, max_length=24, return_tensors="pt")).logits[0] for text in TEXTS]
    assert torch.allclose(whole, torch.stack(alone), atol=1e-5)
    order = np.random.default_rng(0).permutation(len(TEXTS))
    assert torch.equal(model.scores([TEXTS[row] for row in order]), whole[order])
    assert all(torch.equal(model.scores([TEXTS[row]])[0], whole[row]) for row in (0, 15, 39))
    assert model.longest == 24
    assert model.cut_off(["a " * 30, "a"]) == 1
    assert model.fingerprint() == load_transformers(folder, class_names=["neg", "pos"]).fingerprint()


def test_classes_are_matched_by_name(tmp_path: Path) -> None:
    folder = save(tmp_path / "net")
    one = load_transformers(folder, class_names=["neg", "pos"])
    other = load_transformers(folder, class_names=["pos", "neg"])
    assert torch.equal(one.scores(TEXTS), other.scores(TEXTS).flip(1))
    assert one.fingerprint() != other.fingerprint()
    more = load_transformers(folder, class_names=["neg", "neutral", "pos"])
    assert torch.equal(more.scores(TEXTS)[:, [0, 2]], one.scores(TEXTS))
    assert bool((more.scores(TEXTS)[:, 1] < one.scores(TEXTS).amin(1)).all())
    assert "never says the data's classes neutral" in more.notes[0]
    with pytest.raises(UsageError, match=r"must be among the data's \(bad, good\), got 'neg, pos'"):
        load_transformers(folder, class_names=["bad", "good"]).scores(TEXTS)


def test_numbered_classes_are_indices(tmp_path: Path) -> None:
    folder = save(tmp_path / "net", names=("LABEL_0", "LABEL_1"))
    found = load_transformers(folder, class_names=["bad", "good"])
    assert torch.equal(found.scores(TEXTS), load_transformers(folder).scores(TEXTS))
    assert found.notes == ("The classes of 'net' are numbers, taken as indices into the data's classes (bad, good).",)


def test_an_encoder_without_a_head_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path / "net", head=False)
    with pytest.raises(UsageError, match=r"holds no trained classifier: it has no weights for classifier\.bias, classifier\.weight"):
        load_transformers(folder)
    (tmp_path / "net" / "config.json").write_text(json.dumps({"model_type": "nothing"}), encoding="utf-8")
    with pytest.raises(UsageError, match="cannot be loaded"):
        load_transformers(folder)


def test_the_command_takes_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = save(tmp_path / "net")
    x = TEXTS[:12]
    model: Any = load_transformers(folder, class_names=["neg", "pos"])
    labels = model.labels(x)
    rows = [f"{text},{('neg', 'pos')[int(label)]}" for text, label in zip(x, labels, strict=True)]
    (tmp_path / "texts.csv").write_text("\n".join(["text,label", *rows, ""]), encoding="utf-8")
    source = sp.load_data(f"csv:{tmp_path / 'texts.csv'}?text=text&label=label")
    run = sp.audit(f"transformers:{folder}", source, shifts=["casing(edits=1)"], searches=["one_draw"], out=tmp_path / "run")
    assert run is not None
    assert "Loading weights" not in capsys.readouterr().err
