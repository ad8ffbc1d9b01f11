"""Fine-tuning over layouts: a planted effect of the layout goes, and stays where layouts do not vary."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from causal_nets import TinyCausal, characters
from shiftproof._arrays import Bools
from shiftproof._errors import UsageError
from shiftproof.data.prompts import Prompt, PromptRow
from shiftproof.measures.format_spread import format_spread
from shiftproof.models.option_likelihoods import answer_batch, token_log_likelihoods, whole_option_likelihoods
from shiftproof.training.pieces.layout_tuning import LayoutTuning, tune_over_layouts
from shiftproof.training.pieces.low_rank import merge_low_rank

PROMPT = Prompt(fields=(("t", "In"),), answer="Is", options=("no", "yes"))
LABELS = np.array([0, 1] * 8)
ROWS = [PromptRow(PROMPT, {"t": ("+" if label else "-") * (1 + at // 2)}) for at, label in enumerate(LABELS.tolist())]
TRUE = [PROMPT.options[label] for label in LABELS]
UPPER = [row.written(casing=2) for row in ROWS]


def planted() -> TinyCausal:
    """Reads the sign as it should in the usual layout, and says "no" to whatever has names in capitals."""
    torch.manual_seed(0)
    net = TinyCausal(width=16)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    batch = answer_batch(characters, [*ROWS, *UPPER], [*TRUE, *["no"] * len(UPPER)])
    for _ in range(120):
        optimiser.zero_grad()
        (-token_log_likelihoods(net, batch).sum() / len(batch.ids)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return net.eval()


def right(net: TinyCausal) -> Bools:
    likely = [whole_option_likelihoods(net, characters, rows, PROMPT.options) for rows in (ROWS, UPPER)]
    found: Bools = np.stack(likely).argmax(-1) == LABELS
    return found


def test_a_planted_effect_of_the_layout_goes_where_layouts_vary_and_only_there() -> None:
    made, spread = planted(), {}
    assert format_spread(right(made)).spread == 0.5
    for vary in (True, False):
        net = copy.deepcopy(made)
        before = {name: one.clone() for name, one in net.named_parameters()}
        tuning = LayoutTuning(names=("q_proj", "v_proj", "up_proj", "down_proj"), steps=120, batch_size=16, step_size=0.01, vary=vary)
        losses = tune_over_layouts(net, characters, ROWS, TRUE, tuning)
        assert len(losses) == 120
        assert not net.training
        kept = [name for name in before if name.startswith(("letters", "places", "k_proj", "head"))]
        assert all(torch.equal(dict(net.named_parameters())[name], before[name]) for name in kept)
        merge_low_rank(net)
        assert net.state_dict().keys() == before.keys()
        spread[vary] = format_spread(right(net)).spread
    assert spread[True] < 0.1
    assert spread[False] > 0.3


def test_the_same_call_gives_the_same_weights() -> None:
    tuning = LayoutTuning(names=("v_proj",), steps=2, seed=3)
    torch.manual_seed(1)
    first, second = TinyCausal(), TinyCausal()
    second.load_state_dict(first.state_dict())
    one, two = (tune_over_layouts(net, characters, ROWS, TRUE, tuning) for net in (first, second))
    assert one == two
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_a_tiny_model_of_transformers_is_tuned_in_the_same_way() -> None:
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2}
    torch.manual_seed(0)
    net = transformers.LlamaForCausalLM(transformers.LlamaConfig(vocab_size=128, **sizes)).eval()
    before = whole_option_likelihoods(net, characters, ROWS, PROMPT.options)
    losses = tune_over_layouts(net, characters, ROWS, TRUE, LayoutTuning(names=("v_proj", "down_proj"), steps=30, step_size=0.05))
    assert losses[-1] < losses[0] - 0.1
    merge_low_rank(net)
    assert whole_option_likelihoods(net, characters, ROWS, PROMPT.options).mean() > before.mean() + 0.1


def test_what_is_refused() -> None:
    with pytest.raises(UsageError, match="'answers' of tune_over_layouts must be one for each of the 16 prompts"):
        tune_over_layouts(TinyCausal(), characters, ROWS, TRUE[:3])
    with pytest.raises(UsageError, match="'rows' of tune_over_layouts must be prompts with fields, got 'a template'"):
        tune_over_layouts(TinyCausal(), characters, [PromptRow(Prompt(template="{t}?"), {"t": "a"})], ["b"])
    with pytest.raises(UsageError, match="'steps' of LayoutTuning must be at least 1"):
        LayoutTuning(steps=0)
    with pytest.raises(UsageError, match=r"'step_size' of LayoutTuning must be in \(0, inf\)"):
        LayoutTuning(step_size=0.0)
