"""Studies of text methods: their quick forms measure what is predicted, and their samples are what they say."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from shiftproof.certificates import doc2vec_bound
from shiftproof.data.rows import Items
from shiftproof.data.space import TextSpace
from shiftproof.defences.entity_replacement import EntityReplacement
from shiftproof.shifts.text.words.person_names import PersonNames
from shiftproof.studies import Quantity, Study, Trial
from shiftproof.studies.changed_words_and_vectors import ChangedWordsAndVectors, paragraph_vector
from shiftproof.studies.component_removal import ComponentRemoval
from shiftproof.studies.hard_or_generated_examples import HardOrGeneratedExamples
from shiftproof.studies.names_of_one_type import NamesOfOneType, types_of
from shiftproof.studies.rewriting_at_test_time import RewritingAtTestTime
from shiftproof.studies.sentences import BAD, GOOD, fitted, made_up, right_on, split, words_and_pairs


def quick(folder: Path, seed: int = 0) -> Trial:
    return Trial(True, seed, folder, {}, lambda _: None)


First = Callable[[Study], Mapping[str, Quantity]]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    """What a study measures in its quick form, measured once."""
    return lru_cache(maxsize=None)(lambda study: study.measure(quick(tmp_path_factory.mktemp("quick"))))


@pytest.mark.parametrize(
    "study", [ComponentRemoval(), NamesOfOneType(), RewritingAtTestTime(), HardOrGeneratedExamples(), ChangedWordsAndVectors()]
)
def test_the_quick_form_measures_what_is_predicted(study: Study, first: First, tmp_path: Path) -> None:
    found = first(study)
    assert {each.quantity for each in study.predictions} <= set(found)
    assert found == study.measure(quick(tmp_path / "again"))  # the seed is the whole source of chance


def test_gains_are_differences_of_the_shares_beside_them(first: First) -> None:
    found = first(NamesOfOneType())
    gap = found["other names, ensemble"].value - found["other names, plain"].value
    assert found["other names, gain"].value == pytest.approx(gap)
    lost = found["natural, plain"].value - found["other names, plain"].value
    assert found["lost to other names, plain"].value == pytest.approx(lost)


def test_made_up_reviews_say_what_their_labels_say() -> None:
    texts = made_up(np.random.default_rng(3), 50)
    assert [text.split()[-1] in GOOD for text in texts.x] == texts.y.astype(bool).tolist()
    assert all(text.split()[-1] in (*GOOD, *BAD) for text in texts.x)
    one, other = split(texts, np.random.default_rng(0), 30)
    assert sorted([*one.x, *other.x]) == sorted(texts.x)
    assert (len(one.y), len(other.y)) == (30, 20)


def test_names_of_one_type_are_exchanged_without_a_change_of_the_ensemble(tmp_path: Path) -> None:
    types = types_of(PersonNames)
    assert all({"Okafor", "Smith"} <= set(names) or "Okafor" not in names for names in types.values())
    file = tmp_path / "types.json"
    file.write_text(json.dumps(types), encoding="utf-8")
    texts = made_up(np.random.default_rng(0), 100)
    model = fitted(words_and_pairs(), texts)
    assert right_on(model, texts).mean() > 0.8
    ensemble = EntityReplacement(str(file), copies=40)(model, space=TextSpace())
    john, wei = (f"{name} saw it and the film is good and bad" for name in ("John", "Wei"))
    said = ensemble.scores(Items([john, wei]))  # type: ignore[arg-type]  # texts are rows too
    np.testing.assert_allclose(said[0], said[1], atol=1e-9)
    bare = model.scores(Items([john, wei]))  # type: ignore[arg-type]
    assert float((bare[0] - bare[1]).abs().max()) > 1e-3


def test_a_paragraph_vector_is_the_minimum_and_moves_within_the_bound() -> None:
    chance = np.random.default_rng(0)
    output = chance.normal(size=(30, 4))
    row = chance.integers(0, 30, 12)
    q = paragraph_vector(row, output, alpha=0.01)

    def value(at: np.ndarray) -> float:
        return float(-output[row].mean(0) @ at + np.log(np.exp(output @ at).sum()) + 0.005 * at @ at)

    assert all(value(q) < value(q + 1e-3 * chance.normal(size=4)) for _ in range(20))
    for _ in range(20):
        after = row.copy()
        after[:3] = chance.integers(0, 30, 3)
        far = np.linalg.norm(q - paragraph_vector(after, output, alpha=0.01))
        assert far <= doc2vec_bound(output, length=12, alpha=0.01) * (after != row).sum()
