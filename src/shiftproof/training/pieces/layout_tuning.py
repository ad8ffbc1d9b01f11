"""Fine-tuning a language model on prompts whose layout changes from step to step, so that its answers depend less on the layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from shiftproof._errors import must
from shiftproof.data.prompts import PARTS, PromptRow
from shiftproof.models.option_likelihoods import answer_batch, token_log_likelihoods
from shiftproof.models.text_module import Tokenize
from shiftproof.training.pieces.low_rank import add_low_rank


@dataclass(frozen=True)
class LayoutTuning:
    """How a language model is fine-tuned over layouts.

    Args:
        names: of the linear layers that get an adapter, by the last part of their names.
        rank: of the adapters, at least 1.
        alpha: their size is alpha / rank, in (0, inf).
        steps: of Adam, at least 1.
        batch_size: prompts in each, at least 1.
        step_size: of Adam, in (0, inf).
        vary: whether each prompt gets a layout drawn for it; without, each keeps its own.
        seed: of all draws.
    """

    names: tuple[str, ...] = ("q_proj", "v_proj")
    rank: int = 8
    alpha: float = 16.0
    steps: int = 100
    batch_size: int = 8
    step_size: float = 2e-4
    vary: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise must(name, "LayoutTuning", "be at least 1", getattr(self, name))
        if not 0 < self.step_size < float("inf"):
            raise must("step_size", "LayoutTuning", "be in (0, inf)", self.step_size)


def tune_over_layouts(
    module: nn.Module, tokenize: Tokenize, rows: Sequence[PromptRow], answers: Sequence[str], tuning: LayoutTuning | None = None
) -> list[float]:
    """Trains low-rank adapters of a language model on prompts with their right answers, each step in layouts that are drawn anew.

    Args:
        module: a causal language model, called as module(input_ids=, attention_mask=); it is changed in place: `merge_low_rank` then makes
            plain layers of it that can be saved.
        tokenize: n texts to n lists of ids, without special tokens.
        rows: filled prompts, with `fields`; one with a template has one layout only.
        answers: the right answer to each.
        tuning: how.

    Returns: the loss of each step: minus the mean log-probability of the answers' tokens.

    Guarantees: the same call on the same network gives the same weights. Nothing but the adapters is trained. Solved examples in a prompt
    have its layout.
    Cost: a forward and a backward pass of `batch_size` prompts for each step; the backward pass goes through all layers behind the first
    adapter.

    A model is steadier on layouts like those it was trained on; which ones it was not trained on are as they fall.

    Reference: the fine-tuned method of Seleznyov et al. 2025 [seleznyov2025punctuation], "When punctuation matters: a large-scale
    comparison of prompt robustness methods for LLMs", with our grammar and adapters (LoRA, Hu et al. 2022 [hu2022lora]).
    """
    tuning = tuning or LayoutTuning()
    if len(rows) != len(answers) or not rows:
        raise must("answers", "tune_over_layouts", f"be one for each of the {len(rows)} prompts, at least one", len(answers))
    if tuning.vary and any(row.prompt.template for row in rows):
        raise must("rows", "tune_over_layouts", "be prompts with fields", "a template", "A template has one layout: write [fields].")
    trained = add_low_rank(module, tuning.names, rank=tuning.rank, alpha=tuning.alpha, seed=tuning.seed)
    rng, optimiser, was = np.random.default_rng(tuning.seed), torch.optim.Adam(trained, lr=tuning.step_size), module.training
    losses: list[float] = []
    module.train()
    try:
        for _ in range(tuning.steps):
            places = rng.integers(len(rows), size=tuning.batch_size).tolist()
            some = [_in_layout(rows[at], rng) if tuning.vary else rows[at] for at in places]
            batch = answer_batch(tokenize, some, [answers[at] for at in places])
            loss = -token_log_likelihoods(module, batch).sum() / batch.answer.sum()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            losses.append(float(loss.detach()))
    finally:
        module.train(was)
    return losses


def _in_layout(row: PromptRow, rng: np.random.Generator) -> PromptRow:
    """A prompt in a layout of which each part is drawn, but for the order of its options."""
    return row.written(**{name: int(rng.integers(count)) for name, count in PARTS.items()})
