"""Log-probabilities of whole answers under a causal language model on this machine: a torch module and its tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from shiftproof._arrays import Floats
from shiftproof._errors import must
from shiftproof.data.prompts import PromptRow
from shiftproof.models.text_module import Tokenize


@dataclass(frozen=True)
class TokenBatch:
    """Prompts with their answers, padded on the right.

    Args:
        ids: shape (n, length).
        attention: 1 where a token is, shape (n, length).
        answer: whether a token is one of the answer, shape (n, length).
    """

    ids: Tensor
    attention: Tensor
    answer: Tensor


def answer_batch(tokenize: Tokenize, rows: Sequence[PromptRow], answers: Sequence[str]) -> TokenBatch:
    """Each prompt with its answer behind it, as `PromptRow.going_on` writes it.

    Args:
        tokenize: n texts to n lists of ids, without special tokens: prompt and answer are put together.
        rows: filled prompts, n.
        answers: n texts; none is empty.
    """
    asked = tokenize([str(row) + row.ending for row in rows])
    said = tokenize([row.going_on(answer) for row, answer in zip(rows, answers, strict=True)])
    empty = next((place for place, (one, other) in enumerate(zip(asked, said, strict=True)) if not (len(one) and len(other))), None)
    if empty is not None:
        raise must("tokens", "a language model", "be at least one of the prompt and one of the answer", answers[empty])
    length = max(len(one) + len(other) for one, other in zip(asked, said, strict=True))
    ids, attention, answer = (torch.zeros((len(rows), length), dtype=torch.int64) for _ in range(3))
    for place, (one, other) in enumerate(zip(asked, said, strict=True)):
        whole = [*one, *other]
        ids[place, : len(whole)] = torch.tensor(whole, dtype=torch.int64)
        attention[place, : len(whole)] = 1
        answer[place, len(one) : len(whole)] = 1
    return TokenBatch(ids, attention, answer.bool())


def token_log_likelihoods(module: nn.Module, batch: TokenBatch) -> Tensor:
    """The log-probability of each token of a batch after those before it, shape (n, length); 0 of the first, and of what is no answer.

    Args:
        module: called as module(input_ids=(n, length), attention_mask=(n, length)); answers with logits (n, length, words), or with a
            mapping or object that has them.
        batch: of prompts and answers.
    """
    device = next((one.device for one in module.parameters()), torch.device("cpu"))
    said: Any = module(input_ids=batch.ids.to(device), attention_mask=batch.attention.to(device))
    logits = said if isinstance(said, Tensor) else said["logits"] if isinstance(said, Mapping) else said.logits
    told = torch.log_softmax(logits[:, :-1].double(), -1).gather(-1, batch.ids[:, 1:, None].to(device))[..., 0]
    found = torch.zeros(batch.ids.shape, dtype=told.dtype, device=device)
    found[:, 1:] = torch.where(batch.answer[:, 1:].to(device), told, 0.0)
    return found


def whole_option_likelihoods(
    module: nn.Module, tokenize: Tokenize, rows: Sequence[PromptRow], options: Sequence[str], *, batch_size: int = 16
) -> Floats:
    """The log-probability of each option as the whole answer to each prompt, in nats, shape (n, options).

    Args:
        module: a causal language model, as of `token_log_likelihoods`. Its mode is left as it is: call `eval()` before.
        tokenize: n texts to n lists of ids, without special tokens.
        rows: filled prompts, n >= 1.
        options: what may be answered.
        batch_size: prompts with one option that are asked together, at least 1.

    Guarantees: sums over all tokens of an option, so longer options are less likely; no answer depends on the batch but for rounding.
    Cost: n forwards for each option.
    """
    if not rows or not options or batch_size < 1:
        raise must(
            "rows, options and batch_size", "whole_option_likelihoods", "be at least one each", (len(rows), len(options), batch_size)
        )
    pairs = [(row, option) for row in rows for option in options]
    found: list[Tensor] = []
    with torch.no_grad():
        for start in range(0, len(pairs), batch_size):
            some, answers = zip(*pairs[start : start + batch_size], strict=True)
            found.append(token_log_likelihoods(module, answer_batch(tokenize, some, answers)).sum(1).cpu())
    values: Floats = torch.cat(found).reshape(len(rows), len(options)).numpy()
    return values
