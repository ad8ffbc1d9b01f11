"""Victims of the benchmarks of texts, bare and as models of ours."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import shiftproof as sp
from shiftproof.data.space import TextSpace
from shiftproof.models.load import load_model

Bare = Callable[[list[str]], Any]


@dataclass
class Victim:
    """A classifier of texts.

    Args:
        bare: texts to probabilities or logits, with nothing of ours around it.
        model: the same, as a model of ours.
        class_names: in label order.
        heard: where the texts go that `model` is asked about; None where nobody listens.
    """

    bare: Bare
    model: Any
    class_names: list[str]
    heard: list[str] | None = None


def victim_of(spec: str, train: tuple[list[str], list[str]]) -> Victim:
    """TF-IDF with a logistic regression fitted on these texts and labels, or a folder of transformers."""
    names = sorted({*train[1]})
    return _transformers(spec, names) if spec.startswith("transformers:") else _words(train, names)


def _words(train: tuple[list[str], list[str]], names: list[str]) -> Victim:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10, max_iter=1000)).fit(*train)
    found = Victim(pipeline.predict_proba, None, names)
    found.model = _listened(found, sp.as_model(pipeline, class_names=names, name="tfidf", space=TextSpace()))
    return found


def _transformers(spec: str, names: list[str]) -> Victim:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = spec.removeprefix("transformers:")
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    module = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True).eval()

    def bare(texts: list[str]) -> Any:
        """As their documentation has it: padded to the longest, in batches of 32."""
        parts = []
        with torch.no_grad():
            for start in range(0, len(texts), 32):
                given = tokenizer(texts[start : start + 32], padding=True, truncation=True, return_tensors="pt")
                parts.append(module(**given).logits.softmax(1).numpy())
        return np.concatenate(parts)

    found = Victim(bare, None, names)
    found.model = _listened(found, load_model(spec, space=TextSpace(), class_names=names))
    return found


def _listened(victim: Victim, model: Any) -> Any:
    """The model, whose texts go to `victim.heard` where somebody listens."""
    ask = model.scores

    def scores(x: Any) -> Any:
        if victim.heard is not None:
            victim.heard += [str(text) for text in x]
        return ask(x)

    model.scores = scores
    return model
