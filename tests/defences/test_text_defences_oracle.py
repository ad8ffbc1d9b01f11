"""Means over other names and over rewritings against sums by hand, the gate's calls counted, and what is refused."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.data.rows import Items
from shiftproof.data.space import TextSpace
from shiftproof.defences import chosen_gate, defences
from shiftproof.defences.bit_depth import BitDepth
from shiftproof.defences.entity_replacement import EntityReplacement
from shiftproof.defences.gated_rewriting import GatedRewriting, entropy_of
from shiftproof.shifts.text.words.common_synonyms import CommonSynonyms
from word_models import WordSums

WEIGHTS = {
    "Ann": 2.0,
    "Wei": -1.0,
    "Paris": 0.5,
    "Lima": -0.25,
    "New": 3.0,
    "York": 0.0,
    "good": 1.0,
    "film": -0.4,
    "fine": 0.2,
    "terrible": -2.0,
}
NAMES = {"person": {"Ann": 1, "Wei": 5, "Paris": 1}, "place": {"Paris": 3, "Lima": 2, "New York": 1}}


class Named(WordSums):
    """Weights of names and a few words."""

    scale: ClassVar[float] = 0.7

    def weight(self, word: str) -> float:
        return WEIGHTS.get(word, 0.0)


def asked(model: Any, *texts: str) -> Any:
    """Probabilities, shape (n, classes)."""
    return model.scores(Items(texts)).exp()


def plain(*texts: str) -> Any:
    return Named().scores(Items(texts)).softmax(1)


def names_file(tmp_path: Path, content: object = NAMES) -> str:
    path = tmp_path / "names.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def by_hand(text: str, found: list[str]) -> Any:
    """The mixture over types and names, all combinations, by the formula."""
    total = torch.zeros(1, 2, dtype=torch.float64)
    options = []
    for name in found:
        whole = sum(NAMES[kind].get(name, 0) for kind in NAMES)
        options.append([(new, NAMES[kind].get(name, 0) / whole / len(NAMES[kind])) for kind in NAMES for new in NAMES[kind]])
    for chosen in product(*options):
        moved = text
        for place, name in enumerate(found):
            moved = moved.replace(name, f"<{place}>")
        for place, (new, _) in enumerate(chosen):
            moved = moved.replace(f"<{place}>", new)
        total += math.prod(weight for _, weight in chosen) * plain(moved)
    return total


def test_the_mean_over_names_is_the_formula(tmp_path: Path) -> None:
    model = EntityReplacement(names_file(tmp_path), copies=40)(Named(), space=TextSpace())
    for text, found in (
        ("Ann likes a good film", ["Ann"]),
        ("Paris likes Paris", ["Paris"]),  # two types, a quarter and three quarters, and the same name twice
        ("Ann in New York", ["Ann", "New York"]),
        ("a good film by Annabel", []),
    ):
        np.testing.assert_allclose(asked(model, text), by_hand(text, found) if found else plain(text), atol=1e-12)


def test_drawn_names_come_near_the_formula(tmp_path: Path) -> None:
    text, found = "Ann and Wei left Paris", ["Ann", "Wei", "Paris"]
    exact = by_hand(text, found)
    inner = Named()
    near = asked(EntityReplacement(names_file(tmp_path), copies=40)(inner, space=TextSpace()), text)  # of 3 * 3 * 5 combinations
    assert inner.seen == 40
    assert float((near - exact).abs().max()) < 0.2
    errors = [
        float((asked(EntityReplacement(names_file(tmp_path), copies=40, seed=seed)(Named(), space=TextSpace()), text) - exact)[0, 1])
        for seed in range(60)
    ]
    assert abs(np.mean(errors)) < 4 * np.std(errors) / math.sqrt(len(errors))  # no bias
    assert np.std(errors) < 0.1


def test_names_of_one_type_make_no_difference(tmp_path: Path) -> None:
    model = EntityReplacement(names_file(tmp_path, {"person": ["Ann", "Wei"], "place": ["Lima", "Paris"]}))(Named(), space=TextSpace())
    said = asked(model, "Ann left Lima", "Wei left Paris", "Wei left Lima")
    np.testing.assert_allclose(said[1:], said[:1].expand(2, 2), atol=1e-12)
    bare = plain("Ann left Lima", "Wei left Paris")
    assert abs(float(bare[0, 1] - bare[1, 1])) > 0.3  # what the model itself makes of them


def test_rewriting_is_the_mean_with_the_text_itself() -> None:
    """Every move of few, and as many draws of many."""
    rewriting = GatedRewriting("common_synonyms(edits=1)", copies=200)
    text = "a good film with terrible actors"
    made = rewriting.rewritten(text)
    shift = CommonSynonyms(edits=1)
    assert len(made) == shift.count(text) - 1 > 1
    np.testing.assert_allclose(asked(rewriting(Named(), space=TextSpace()), text), plain(text, *made).mean(0, keepdim=True), atol=1e-12)
    drawn = GatedRewriting("typos(edits=2)", copies=3)
    np.testing.assert_allclose(
        asked(drawn(Named(), space=TextSpace()), text), plain(text, *drawn.rewritten(text)).mean(0, keepdim=True), atol=1e-12
    )
    assert len(drawn.rewritten(text)) == 3
    assert drawn.rewritten(text) != GatedRewriting("typos(edits=2)", copies=3, seed=1).rewritten(text)


def test_the_gate_decides_what_is_asked() -> None:
    texts = ["terrible pictures, terrible sounds", "good pictures", "nothing remarkable", "Wei remembers everything"]
    entropy = entropy_of(plain(*texts))
    assert float(entropy[2]) == pytest.approx(math.log(2))
    calls = []
    for gate in (0.0, float(entropy.median()), math.log(2) + 1e-9):
        inner = Named()
        rewriting = GatedRewriting("typos(edits=1)", copies=5, gate=gate)
        said = asked(rewriting(inner, space=TextSpace()), *texts)
        unsure = int((entropy >= gate).sum())
        calls.append(inner.seen)
        assert inner.seen == len(texts) + 5 * unsure  # the share that is gated
        whole = asked(GatedRewriting("typos(edits=1)", copies=5)(Named(), space=TextSpace()), *texts)
        expected = torch.where((entropy >= gate)[:, None], whole, plain(*texts))
        np.testing.assert_allclose(said, expected, atol=1e-12)
    assert calls == [24, 19, 4]


def test_the_chosen_gate_is_the_best_of_all() -> None:
    numbers = np.random.default_rng(0)
    for _ in range(20):
        entropy, first, second = numbers.integers(0, 6, 12) / 10, numbers.random(12) < 0.6, numbers.random(12) < 0.6
        gate = chosen_gate(entropy, first, second)

        def right(at: float, entropy: Any = entropy, first: Any = first, second: Any = second) -> float:
            return float(np.where(entropy >= at, second, first).mean())

        best = max(right(at) for at in np.linspace(0, 0.7, 71))
        assert right(gate) == best
        assert all(right(at) < best for at in np.linspace(gate + 1e-6, 1, 50) if right(at) != right(gate))
    with pytest.raises(UsageError, match="at least one"):
        chosen_gate(np.zeros(0), np.zeros(0, dtype=bool), np.zeros(0, dtype=bool))


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    for content, message in (
        ([], "JSON object of type to names"),
        ({"person": []}, "give the type 'person' a list of names"),
        ({"person": {"Ann": 0}}, "a count above 0"),
        ({"person": [1]}, "a list of names"),
        ({"person": [" "]}, "a list of names"),
    ):
        with pytest.raises(UsageError, match=message):
            EntityReplacement(names_file(tmp_path, content))
    with pytest.raises(UsageError, match=r"nowhere\.json"):
        EntityReplacement(str(tmp_path / "nowhere.json"))
    file = names_file(tmp_path)
    with pytest.raises(UsageError, match=r"'copies' of entity_replacement must be at least 1, got 0"):
        EntityReplacement(file, copies=0)
    with pytest.raises(UsageError, match="has changed since"):
        EntityReplacement(file, sha256="0" * 16)
    for spec, message in (
        ("linf(eps=0.1)", "must be edits of texts"),
        ("antonyms(edits=1)", "turns the truth of a text over"),
        ("typo(edits=1)", "typos"),
    ):
        with pytest.raises(UsageError, match=message):
            GatedRewriting(spec)
    with pytest.raises(UsageError, match=r"'gate' of gated_rewriting must be in \[0, inf\), got -1"):
        GatedRewriting("typos(edits=1)", gate=-1)
    with pytest.raises(UsageError, match="supports text inputs, got inputs of kind 'image'"):
        EntityReplacement(file)(Named(), space=sp.InputSpace(kind="image"))
    with pytest.raises(UsageError, match="got inputs of kind 'text'"):
        BitDepth()(Named(), space=TextSpace())


def test_an_audit_measures_a_defended_text_model(tmp_path: Path) -> None:
    spec = f"entity_replacement(file='{names_file(tmp_path, {'person': ['Ann', 'Wei'], 'place': ['Lima', 'Paris']})}')"
    data = (["Ann left Lima", "Wei left Paris", "Wei in Lima"], ["b", "a", "a"])

    def answer(texts: Any) -> Any:
        return Named().scores(texts).softmax(1).numpy()

    report = sp.audit(answer, data, defence=spec, shifts=["typos(edits=1)"], searches=["one_draw"], out=tmp_path / "run", progress=False)
    assert f"+ {defences.build(spec).spec()}" in report.record.model.name
    with pytest.raises(UsageError, match="got inputs of kind 'text'"):
        sp.audit(answer, data, defence="jpeg", shifts=["typos(edits=1)"], searches=["one_draw"], progress=False)
