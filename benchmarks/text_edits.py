"""Edits of letters beside nlpaug's: `python -m benchmarks.text_edits TEST.csv --out RESULTS.json`, sentences per CPU-second.

Ours draws and makes so many edits a text, its sites found anew each time; what is not edited stays byte for byte. nlpaug comes with its
defaults, which change several words of a text and write its tokens and spaces anew. So letters a text do not agree, and `edits` 1, 4 and 10
stand beside each other. TEST.csv has the columns `text` and `label`. nlpaug needs an environment of its own: `pip install nlpaug==1.1.11`.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

import shiftproof as sp
from benchmarks.text_attacks import read
from shiftproof.randomness import Rng
from shiftproof.shifts import shifts
from shiftproof.shifts.text import rewrite

PAIRS = {"keyboard_slips": "KeyboardAug", "ocr_errors": "OcrAug", "swapped_letters": "RandomCharAug(action=swap)"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("test", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    texts, _ = read(options.test, None)
    figures = [compared(name, edits, texts, options.repeats) for name in PAIRS for edits in (1, 4, 10)]
    options.out.write_text(
        json.dumps({"benchmark": "text_edits", "test": options.test.name, "n": len(texts), "figures": figures}, indent=2) + "\n",
        encoding="utf-8",
    )


def compared(name: str, edits: int, texts: list[str], repeats: int) -> dict[str, Any]:
    """Both in turn; the ratio of their speeds as median, least and greatest."""
    mine, theirs = ours(f"{name}(edits={edits})", texts), nlpaugs(name, texts)
    mine(), theirs()
    pairs = [(len(texts) / cpu(mine), len(texts) / cpu(theirs)) for _ in range(repeats)]
    ratios = sorted(a / b for a, b in pairs)
    found = {
        "shift": f"{name}(edits={edits})",
        "nlpaug": PAIRS[name],
        "ours_per_second": median(a for a, _ in pairs),
        "nlpaug_per_second": median(b for _, b in pairs),
        "ratio": median(ratios),
        "low": ratios[0],
        "high": ratios[-1],
    }
    print(json.dumps(found), flush=True)
    return found


def ours(spec: str, texts: list[str]) -> Callable[[], object]:
    """Edits drawn and made, other ones at each call."""
    shift, examples, seeds = shifts.build(spec), sp.examples(texts, np.zeros(len(texts), dtype=np.int64)), itertools.count()

    def work() -> object:
        rewrite.forget_sites()
        return [*shift.apply(examples.x, shift.sample(examples.x, Rng.for_ids(next(seeds), examples.ids)))]

    return work


def nlpaugs(name: str, texts: list[str]) -> Callable[[], object]:
    """The augmenter of nlpaug."""
    from nlpaug.augmenter import char  # type: ignore[import-not-found]

    random.seed(0)
    made = {
        "keyboard_slips": lambda: char.KeyboardAug(),
        "ocr_errors": lambda: char.OcrAug(),
        "swapped_letters": lambda: char.RandomCharAug(action="swap"),
    }[name]()
    return lambda: made.augment(texts)


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds."""
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    main()
