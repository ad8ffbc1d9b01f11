"""Attacks on classifiers of texts beside TextAttack's: `python -m benchmarks.text_attacks TRAIN.csv TEST.csv --out RESULTS.json`.

DeepWordBug as TextAttack ships it, and `word_importance(order=unknown, tries=4)` over `word_bugs`, the variant that it calls by this name,
on the same texts, the same victim, the same budgets of questions a text and the same words: TextAttack spares NLTK's stop words, and so
does ours here. TextAttack keeps within 30 letters of the text, ours misspells 15 words at most. A third search is ours as it comes, which
may misspell every word of two letters or more.

Two figures a budget: the share of texts that break, and questions per CPU-second. They stand beside those of the bare victim, asked about
the texts of our own search in batches of 256 and, as TextAttack asks, in its own. CSV files have the columns `text` and `label`; the victim
is TF-IDF with a logistic regression fitted on TRAIN, or a folder of transformers (`--victim transformers:FOLDER`).

TextAttack needs an environment of its own: `pip install textattack==0.3.11 "flair>=0.15" "datasets>=4.0,<4.5"`, and NLTK's stop words.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, ClassVar

import numpy as np
import torch

import shiftproof as sp
from benchmarks.text_victims import Victim, victim_of
from shiftproof.door import confront
from shiftproof.searches.word_importance import WordImportance
from shiftproof.shifts.text.letters.word_bugs import WordBugs
from shiftproof.shifts.text.rewrite import Site

WORDS = 15
"""Words that our side misspells at most: two letters each at most, as near as TextAttack's 30."""


@dataclass(frozen=True)
class Spared(WordBugs):
    """Misspellings of words that are not among NLTK's stop words, as in TextAttack's recipe."""

    name: ClassVar[str] = "spared_word_bugs"

    def sites(self, text: str) -> Iterator[Site]:
        spared = _stop_words()
        return (site for site in super().sites(text) if text[site.start : site.end].lower() not in spared)


@cache
def _stop_words() -> frozenset[str]:
    from nltk.corpus import stopwords  # type: ignore[import-not-found]

    return frozenset(stopwords.words("english"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--victim", default="tfidf", help="tfidf, or transformers:FOLDER [tfidf]")
    parser.add_argument("--n", type=int, default=200, help="texts of TEST, the first ones [200]")
    parser.add_argument("--queries", type=int, nargs="+", default=[25, 50, 100])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--without-textattack", action="store_true")
    parser.add_argument("--same-words-only", action="store_true", help="without the third search")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    texts, labels = read(options.test, options.n)
    victim = victim_of(options.victim, read(options.train, None))
    y = [victim.class_names.index(label) for label in labels]
    wanted = {"textattack": not options.without_textattack, "every_word": not options.same_words_only}
    compared(victim, texts[:4], y[:4], 10, range(1), **wanted)  # what is loaded at the first call is not timed
    figures = [compared(victim, texts, y, queries, range(options.seeds), **wanted) for queries in options.queries]
    kind, colon, folder = options.victim.partition(":")
    record = {
        "benchmark": "text_attacks",
        "victim": f"{kind}{colon}{Path(folder).name}",
        "test": options.test.name,
        "n": len(texts),
        "right": figures[0]["ours"][0]["right"],
        "seeds": options.seeds,
        "figures": figures,
    }
    options.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def read(path: Path, most: int | None) -> tuple[list[str], list[str]]:
    """The texts and labels of a file, the first ones."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(stream)][:most]
    return [text for text, _ in rows], [label for _, label in rows]


def compared(
    victim: Victim, texts: list[str], y: list[int], queries: int, seeds: range, *, textattack: bool, every_word: bool
) -> dict[str, Any]:
    """Both attacks with so many questions a text: medians over the seeds, with every value."""
    ours, every, theirs, bare = [], [], [], []
    for seed in seeds:
        ours.append(of_ours(victim, texts, y, queries, seed, Spared(WORDS)))
        if every_word:
            every.append(of_ours(victim, texts, y, queries, seed, WordBugs(WORDS)))
            every[-1].pop("texts")
        if textattack:
            theirs.append(of_textattack(victim, texts, y, queries, seed))
        asked = ours[-1].pop("texts")
        bare.append(rate(victim.bare, asked, 256))
    found: dict[str, Any] = {"queries": queries, "ours": ours, "every_word": every, "textattack": theirs, "bare_per_second": bare}
    found["of_bare"] = median(mine["per_second"] / plain for mine, plain in zip(ours, bare, strict=True))
    if textattack:
        found["times_textattack"] = median(a["per_second"] / b["per_second"] for a, b in zip(ours, theirs, strict=True))
    print(json.dumps(found), flush=True)
    return found


def of_ours(victim: Victim, texts: list[str], y: list[int], queries: int, seed: int, shift: WordBugs) -> dict[str, Any]:
    """Our search: what broke of the texts that the victim has right, the questions and the CPU time, and the texts that were asked."""
    seen: list[str] = []
    search = WordImportance(queries=queries, order="unknown", tries=4)
    examples = sp.examples(texts, np.array(y))
    victim.heard = seen
    began = time.process_time()
    finding = confront(victim.model, shift, search=search, examples=examples, seed=seed, batch_size=256)
    seconds = time.process_time() - began
    victim.heard = None
    right = finding.outcome != "skipped"
    asked = int(finding.forwards.sum())
    return {
        "broken": int((finding.outcome == "broken").sum()),
        "right": int(right.sum()),
        "asked": asked,
        "sent": finding.sent,
        "seconds": seconds,
        "per_second": asked / seconds,
        "texts": seen,
    }


def of_textattack(victim: Victim, texts: list[str], y: list[int], queries: int, seed: int) -> dict[str, Any]:
    """TextAttack's DeepWordBug; texts that the victim has wrong are skipped by it, after one question."""
    from textattack.attack_recipes import DeepWordBugGao2018  # type: ignore[import-not-found]
    from textattack.attack_results import SkippedAttackResult, SuccessfulAttackResult  # type: ignore[import-not-found]
    from textattack.models.wrappers import ModelWrapper  # type: ignore[import-not-found]

    class Wrapped(ModelWrapper):  # type: ignore[misc]  # textattack has no types
        """The bare victim, as TextAttack asks it."""

        model = None

        def __call__(self, asked: list[str], **_: object) -> Any:
            return victim.bare([str(text) for text in asked])

    random.seed(seed)
    np.random.seed(seed)  # what TextAttack draws from
    torch.manual_seed(seed)
    attack = DeepWordBugGao2018.build(Wrapped())
    attack.goal_function.query_budget = queries
    attack.goal_function.batch_size = 256
    began = time.process_time()
    results = [attack.attack(text, label) for text, label in zip(texts, y, strict=True)]
    seconds = time.process_time() - began
    asked = sum(result.num_queries for result in results)
    return {
        "broken": sum(isinstance(result, SuccessfulAttackResult) for result in results),
        "right": sum(not isinstance(result, SkippedAttackResult) for result in results),
        "asked": asked,
        "seconds": seconds,
        "per_second": asked / seconds,
    }


def rate(bare: Callable[[list[str]], object], texts: Sequence[str], batch: int) -> float:
    """Texts per CPU-second that the bare victim answers in batches of this size."""
    began = time.process_time()
    for start in range(0, len(texts), batch):
        bare([*texts[start : start + batch]])
    return len(texts) / (time.process_time() - began)


if __name__ == "__main__":
    main()
