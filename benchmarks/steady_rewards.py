"""Does a penalty on how far rewards move under rewordings keep a reward model's ranking under other changes of the text?

`python -m benchmarks.steady_rewards --pairs harmless-base_test.jsonl.gz --encoder FOLDER` embeds pairs of hh-rlhf with a sentence encoder
of transformers (all-MiniLM-L6-v2; mean of the last layer's states, unit length) and fits linear reward heads on them, with
`fit_reward_head`: without a penalty, and with one on synonyms and fillers. Texts are the last question and the answer, the first 40 and 60
words of each. Heads are fitted in five folds, and each pair is judged by a head that was not fitted on it.

Fixed before anything was measured: seed 0, the first 600 pairs in its order whose two answers differ, five folds, weight 1 (0.1 and 10 are
told beside it, and decide nothing), the decay that ranks most training pairs of the first fold right without a penalty (five folds within;
0.0001 to 0.1 by tens), four shifts that no head has seen, of both answers, each in one draw; and what was expected:

1. shifts: without a penalty at least one of the four lowers the ranking accuracy: its joint interval (Bonferroni over four) lies below 0;
2. the penalty keeps it: mean accuracy over the four shifts is higher with it, by a paired interval above 0 (Wu et al. 2025: about half of
   the loss is regained);
3. it costs little: accuracy on the pairs as they are falls by less than 2 points, by a paired interval above -2.

Intervals are over pairs, and take the fitted heads as given.
"""

from __future__ import annotations

import argparse
import gzip
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

import shiftproof
from benchmarks.__main__ import RESULTS
from shiftproof._arrays import Bools, Floats
from shiftproof.data.rows import Items
from shiftproof.randomness import Rng
from shiftproof.risks.paired import paired_difference
from shiftproof.shifts import shifts
from shiftproof.training.pieces import fit_reward_head

SEED, PAIRS, FOLDS, WEIGHT, BESIDE = 0, 600, 5, 1.0, (0.1, 10.0)
DECAYS = (1e-4, 1e-3, 1e-2, 1e-1)
SEEN = ("common_synonyms(edits=4)", "fillers(edits=2)")
UNSEEN = ("typos(edits=8)", "quoted(edits=1)", "footers(edits=1)", "tautologies(edits=1)")
QUESTION_WORDS, ANSWER_WORDS = 40, 60


def pairs_of(path: Path) -> list[tuple[str, str, str]]:
    """Question, preferred and other answer, in an order that the seed draws."""
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()]
    found = []
    for at in np.random.default_rng(SEED).permutation(len(rows)).tolist():
        (asked, chosen), (_, rejected) = (rows[at][name].rsplit("\n\nAssistant:", 1) for name in ("chosen", "rejected"))
        question = asked.rsplit("\n\nHuman:", 1)[-1]
        cut = [
            " ".join(text.split()[:most]) for text, most in ((question, QUESTION_WORDS), (chosen, ANSWER_WORDS), (rejected, ANSWER_WORDS))
        ]
        if cut[1] and cut[2] and cut[1] != cut[2]:
            found.append((cut[0], cut[1], cut[2]))
    return found[:PAIRS]


def embedded(texts: Sequence[str], tokenizer: Any, module: Any) -> Floats:
    """Shape (n, d)."""
    rows: list[Floats] = [np.empty(0)] * len(texts)
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    for start in range(0, len(order), 32):
        places = order[start : start + 32]
        given = tokenizer([texts[at] for at in places], padding=True, truncation=True, max_length=256, return_tensors="pt")
        with torch.no_grad():
            states = module(**given).last_hidden_state
        mask = given["attention_mask"][..., None].float()
        mean = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1).double().numpy()
        for at, row in zip(places, mean, strict=True):
            rows[at] = row
    return np.stack(rows)


def answers_after(spec: str, answers: Sequence[str], name: str) -> list[str]:
    shift, rows = shifts.build(spec), Items(answers)
    drawn = shift.sample(rows, Rng.for_ids(SEED, [f"{name}{at}" for at in range(len(rows))]))
    return [str(one) for one in shift.apply(rows, drawn)]


def ranked(table: dict[str, Floats], rows: Bools | slice, weight: float, decay: float) -> Floats:
    """The weights of a head fitted on these rows; `table` has shape (2, n, d) a shift."""
    chosen, rejected = table["as it is"][:, rows]
    return fit_reward_head(chosen, rejected, moved=np.stack([table[spec][:, rows] for spec in SEEN]), weight=weight, decay=decay).weights


def right_in_folds(table: dict[str, Floats], weight: float, decay: float) -> dict[str, Bools]:
    """Whether each pair is ranked rightly by a head that was not fitted on it, as it is and under each shift."""
    fold = np.arange(table["as it is"].shape[1]) % FOLDS
    right = {spec: np.zeros(len(fold), dtype=bool) for spec in table}
    for at in range(FOLDS):
        head = ranked(table, fold != at, weight, decay)
        for spec, both in table.items():
            chosen, rejected = both[:, fold == at] @ head
            right[spec][fold == at] = chosen > rejected
    return right


def difference(first: Bools | Floats, second: Bools | Floats, confidence: float = 0.95) -> dict[str, Any]:
    found = paired_difference(first.astype(float), second.astype(float), confidence=confidence)
    return {"value": found.value, "interval": [found.interval.low, found.interval.high]}


def figures(table: dict[str, Floats]) -> dict[str, Any]:
    """All figures of embeddings of shape (2, n, d) a shift."""
    first = {spec: both[:, np.arange(both.shape[1]) % FOLDS != 0] for spec, both in table.items()}
    decay = max(DECAYS, key=lambda one: right_in_folds(first, 0.0, one)["as it is"].mean())
    plain = right_in_folds(table, 0.0, decay)
    under = {weight: right_in_folds(table, weight, decay) for weight in (WEIGHT, *BESIDE)}
    mean = {name: np.mean([right[spec] for spec in UNSEEN], axis=0) for name, right in {0.0: plain, **under}.items()}
    return {
        "decay": decay,
        "without a penalty": {spec: float(right.mean()) for spec, right in plain.items()},
        "1. change under each shift, joint": {spec: difference(plain["as it is"], plain[spec], 1 - 0.05 / len(UNSEEN)) for spec in UNSEEN},
        "with weight": {str(weight): {spec: float(one.mean()) for spec, one in right.items()} for weight, right in under.items()},
        "2. gain over the shifts": {str(weight): difference(mean[0.0], mean[weight]) for weight in under},
        "3. change as they are": {str(weight): difference(plain["as it is"], right["as it is"]) for weight, right in under.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True, help="hh-rlhf, packed by gzip")
    parser.add_argument("--encoder", required=True, help="a folder of transformers")
    asked = parser.parse_args()
    from transformers import AutoModel, AutoTokenizer

    began = time.process_time()
    tokenizer = AutoTokenizer.from_pretrained(asked.encoder, local_files_only=True)
    module = AutoModel.from_pretrained(asked.encoder, local_files_only=True).eval()
    pairs = pairs_of(asked.pairs)
    table = {}
    for spec in ("as it is", *SEEN, *UNSEEN):
        both = []
        for side, name in ((1, "chosen-"), (2, "rejected-")):
            answers = [pair[side] for pair in pairs]
            moved = answers if spec == "as it is" else answers_after(spec, answers, name)
            both.append(embedded([f"{pair[0]}\n{answer}" for pair, answer in zip(pairs, moved, strict=True)], tokenizer, module))
        table[spec] = np.stack(both)
        print(spec, flush=True)
    record = {"shiftproof": shiftproof.__version__, "seed": SEED, "pairs": len(pairs), **figures(table)}
    record["cpu_seconds"] = round(time.process_time() - began, 1)
    print(json.dumps(record, indent=2))
    (RESULTS / shiftproof.__version__ / "steady_rewards.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
