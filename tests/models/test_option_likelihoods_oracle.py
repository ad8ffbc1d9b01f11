"""Log-probabilities of whole options, one token at a time by hand, and prompts that go on as their solved examples do."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from causal_nets import TinyCausal, characters
from shiftproof._errors import UsageError
from shiftproof.data.prompts import PAIRS, Prompt, PromptRow
from shiftproof.models.option_likelihoods import answer_batch, whole_option_likelihoods

PROMPT = Prompt(fields=(("t", "In"),), answer="Is", options=("no", "yes, sir"))
ROWS = [PromptRow(PROMPT, {"t": text}) for text in ("a", "a longer one")]


def test_an_option_has_the_sum_of_its_tokens() -> None:
    torch.manual_seed(0)
    net = TinyCausal().eval()
    found = whole_option_likelihoods(net, characters, ROWS, PROMPT.options, batch_size=3)
    for place, row in enumerate(ROWS):
        for option, text in enumerate(PROMPT.options):
            ids, total = characters([str(row)])[0], 0.0
            for token in characters([f" {text}"])[0]:
                with torch.no_grad():
                    said = net(torch.tensor([ids]), torch.ones(1, len(ids))).logits[0, -1].double().log_softmax(-1)
                total += float(said[token])
                ids = [*ids, token]
            assert found[place, option] == pytest.approx(total, abs=1e-4)
    assert np.allclose(found, whole_option_likelihoods(net, characters, ROWS[::-1], PROMPT.options, batch_size=1)[::-1], atol=1e-4)


@pytest.mark.parametrize("pair", range(0, len(PAIRS), 7))
def test_a_prompt_and_its_answer_are_a_solved_example(pair: int) -> None:
    row = ROWS[0].written(pair=pair)
    assert str(row) + row.ending + row.going_on("no") == PROMPT.text({"t": "a", "answer": "no"}, row.layout)
    assert row.going_on("no").strip() == "no"


def test_a_template_goes_on_as_its_solved_examples_do() -> None:
    row = PromptRow(Prompt(template="{t}? Say:\n"), {"t": "a"})
    assert (str(row), row.ending, row.going_on("b")) == ("a? Say:", "\n", " b")


def test_what_is_refused() -> None:
    with pytest.raises(UsageError, match="be at least one of the prompt and one of the answer"):
        answer_batch(characters, ROWS[:1], [""])
    with pytest.raises(UsageError, match="of whole_option_likelihoods must be at least one each"):
        whole_option_likelihoods(TinyCausal(), characters, ROWS, [])
