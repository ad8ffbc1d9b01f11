"""Balasubramanian et al. 2020: answers depend on which name stands in a text; the mean over names of its type repairs that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from shiftproof.data.space import TextSpace
from shiftproof.defences.entity_replacement import EntityReplacement
from shiftproof.door import confront
from shiftproof.models.abstract import Scores
from shiftproof.searches.greedy import Greedy
from shiftproof.shifts.text.rewrite import WordTable
from shiftproof.shifts.text.words.neighbours import Neighbours
from shiftproof.shifts.text.words.person_names import PersonNames
from shiftproof.shifts.text.words.place_names import PlaceNames
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.quantity import Quantity, difference, share
from shiftproof.studies.sentences import Texts, fitted, made_up, right_on, split, texts_of, words_and_pairs
from shiftproof.studies.trial import Trial


def types_of(table: type[WordTable]) -> dict[str, list[str]]:
    """The names of a table by type, those that it replaces alike and what it puts in their place; single words, with a first capital."""
    types: dict[str, list[str]] = {}
    for word, new in table.table.items():
        if " " not in word and len(new) > 1:
            names = types.setdefault(f"{table.name}: {', '.join(new)}", [one for one in new if " " not in one])
            names.append(word.capitalize())
    return types


@dataclass(frozen=True)
class NamesOfOneType(Study):
    """Questions with names of people and places, whose names are exchanged within their type, with and without the ensemble.

    Cost: a training and two attacks a seed; under a minute on one core in the full form.

    Reference: Balasubramanian et al. 2020, "What's in a name? Are BERT named entity representations just as good for any other name?".
    """

    name: ClassVar[str] = "names_of_one_type"
    references: ClassVar[tuple[str, ...]] = ("balasubramanian2020whats",)
    claim: ClassVar[str] = (
        "Models are brittle when names are replaced by others of the same type, and the ensemble over replacements is more robust, and "
        "more accurate on natural and on adversarial texts."
    )
    paper: ClassVar[str] = "Balasubramanian et al. 2020"
    figure: ClassVar[str] = "Stated in words by the abstract, for BERT on three tasks."
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("lost to other names, plain", "other names of the same type turn right answers over", low=0.01),
        Prediction("other names, gain", "of the ensemble more answers stand", low=0.0),
        Prediction("natural, gain", "and with the names as they are more are right", low=0.0),
    )
    protocol: ClassVar[str] = (
        "TREC, six types of questions: 3,500 training questions, others for each seed, and 200 others with a name of a person, a place or "
        "a people. TF-IDF of words and pairs with logistic regression; the ensemble asks it about up to 40 replacements a text. The attack "
        "chooses up to two names greedily, with 60 questions a text. Names and types are those of the shifts person_names and place_names."
    )
    scaled_down: ClassVar[str] = (
        "A linear model of words in place of BERT, and types from a table, where each name has one type: the uncertainty of types plays no "
        "part. Attack and ensemble know the same names, so texts with one name stand by construction; what is open is how often the "
        "ensemble is right. The quick form is of made-up reviews."
    )
    seeds: ClassVar[int] = 12
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "Three seeds were measured in full and left the claim open: other names, gain 8.2 points (-1.2 to 17.5), natural, gain -0.3"
            " points (-9.2 to 8.5). 12 other seeds take their place; nothing else was changed.",
            seeds=(0, 1, 2),
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("trec.train",)

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """Accuracy on questions with names, as they are and with the worst names found, of the model and of the ensemble."""
        types = {**types_of(PersonNames), **types_of(PlaceNames)}
        files = _files(trial.folder, types)
        shift = Neighbours(edits=2, file=str(files["others"]), most=40)
        learned, judged = _data(trial, shift)
        model = fitted(words_and_pairs(), learned)
        ensemble = EntityReplacement(str(files["types"]), copies=40, seed=trial.seed)(model, space=TextSpace())
        found: dict[str, Quantity] = {}
        right, stood = {}, {}
        ways: dict[str, Scores] = {"plain": model, "ensemble": ensemble}
        for way, each in ways.items():
            trial.say(f"attacking {way}")
            right[way] = right_on(each, judged)
            stood[way] = confront(each, shift, search=Greedy(queries=60), examples=judged.examples(), seed=trial.seed).correct
            found[f"natural, {way}"], found[f"other names, {way}"] = share(right[way]), share(stood[way])
            found[f"lost to other names, {way}"] = difference(right[way], stood[way])
        found["natural, gain"] = difference(right["ensemble"], right["plain"])
        found["other names, gain"] = difference(stood["ensemble"], stood["plain"])
        return found


def _files(folder: Path, types: Mapping[str, list[str]]) -> dict[str, Path]:
    """The types for the ensemble, and each name's others for the attack."""
    others = {name.lower(): [one for one in names if one != name] for names in types.values() for name in names}
    folder.mkdir(parents=True, exist_ok=True)
    files = {"types": folder / "types.json", "others": folder / "others.json"}
    for name, content in (("types", types), ("others", others)):
        files[name].write_text(json.dumps(content), encoding="utf-8")
    return files


def _data(trial: Trial, shift: Neighbours) -> tuple[Texts, Texts]:
    if trial.quick:
        return split(made_up(trial.numbers("reviews"), 260), trial.numbers("training sample"), 200)
    learned, others = split(texts_of(trial.sample("trec.train")), trial.numbers("training sample"), 3500)
    named = others.rows(np.array([bool(shift.places(text)) for text in others.x]))
    return learned, split(named, trial.numbers("test sample"), 200)[0]
