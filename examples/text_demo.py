"""A demo of text classifiers: a pipeline of words on a few reviews, audited by chance, by attack and by proof; writes runs/text_demo/.

The reviews are made here of a few words, so that the demo needs no data; their labels are those of the words that judge.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import shiftproof as sp

GOOD = ["good", "great", "funny", "charming", "smart", "wonderful", "moving", "fresh"]
BAD = ["bad", "dull", "awful", "boring", "stupid", "terrible", "predictable", "weak"]
THINGS = ["film", "movie", "story", "cast", "plot", "script", "comedy", "performance", "ending", "music"]


def reviews(n: int, seed: int) -> tuple[list[str], list[str]]:
    """Sentences of two or three judgements, labelled by most of them."""
    rng = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(n):
        label = rng.random() < 0.5
        words = [rng.choice(GOOD if label or rng.random() < 0.15 else BAD) for _ in range(3)]
        label = sum(word in GOOD for word in words) >= 2
        things = rng.choice(THINGS, 3, replace=False)
        texts.append(f"the {things[0]} is {words[0]}, and a {words[1]} {things[1]} meets a {words[2]} {things[2]}")
        labels.append("pos" if label else "neg")
    return texts, labels


def main(out: Path, n: int) -> None:
    """Fits the pipeline, audits it and prints where the page is."""
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)).fit(*reviews(400, 0))
    report = sp.audit(
        pipeline,
        sp.examples(*reviews(n, 1)),
        shifts=("typos(edits=2)", "common_synonyms(edits=2)", "antonyms(edits=1)", "homoglyphs(edits=2)"),
        searches=("one_draw", "word_importance(queries=100)", "exhaustive(queries=2000)"),
        certify=("word_changes",),
        out=str(out),
        progress=False,
    )
    print(report)
    print(f"Page: {report.page}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/text_demo"))
    parser.add_argument("--n", type=int, default=60)
    given = parser.parse_args()
    main(given.out, given.n)
