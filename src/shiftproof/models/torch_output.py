"""What a torch module answers with, read as scores (n, classes)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must

_MATRIX = 2


@runtime_checkable
class HasLogits(Protocol):
    """An object whose `logits` are the scores, as Hugging Face's outputs are."""

    logits: Tensor


class ReadOutput(NamedTuple):
    """Scores, and what was decided to get them; empty where nothing was."""

    scores: Tensor
    note: str
    one_logit: bool = False
    """Whether one number per input was read as the logit of class 1."""


def read_output(out: object, module: nn.Module, name: str, *, classes: bool) -> ReadOutput:
    """The scores in what a module answered to n inputs.

    Args:
        out: a tensor; a mapping or an object with one under `logits`; or a tuple or list, whose first tensor is taken.
        module: whose last layer says what a single number is.
        name: what people call it.
        classes: whether scores of classes are wanted, so that one number per input becomes two scores: 0 and the logit of class 1, or,
            where the last layer is a `Sigmoid`, the logarithms of 1 - p and p.

    Raises:
        UsageError: it holds no tensor, or a probability is outside [0, 1].
    """
    out, note = _tensor(out, name)
    scores = out if out.is_floating_point() else out.to(torch.float32)
    if not classes or (scores.dim() == _MATRIX and scores.shape[1] != 1) or scores.dim() not in (1, _MATRIX):
        return ReadOutput(scores, note)
    one = scores.reshape(-1)
    if not _ends_in_sigmoid(module):
        said = f"The model '{name}' gives one number per input, read as the logit of class 1: it decides for class 1 above 0."
        return ReadOutput(torch.stack([torch.zeros_like(one), one], dim=1), said, one_logit=True)
    if bool(((one < 0) | (one > 1)).any()):
        raise must("answer", f"the model '{name}'", "lie in [0, 1], as its last layer is a Sigmoid", float(one.detach().abs().max()))
    least = torch.finfo(one.dtype).tiny
    said = f"The model '{name}' gives one probability per input, that of class 1: it decides for class 1 above 0.5."
    return ReadOutput(torch.stack([(1 - one).clamp_min(least).log(), one.clamp_min(least).log()], dim=1), said)


def _tensor(out: object, name: str) -> tuple[Tensor, str]:
    if isinstance(out, Tensor):  # first, as the others are looked for in every answer
        return out, ""
    if isinstance(out, Mapping):
        out = out.get("logits")
    elif isinstance(out, HasLogits):
        out = out.logits
    elif isinstance(out, Sequence):
        first = next((part for part in out if isinstance(part, Tensor)), None)
        if first is not None:
            return first, f"The model '{name}' answers with a {type(out).__name__}: its first tensor is taken for the scores."
    if not isinstance(out, Tensor):
        hint = "Wrap it in a module whose forward returns the logits only."
        raise must("answer", f"the model '{name}'", "be a tensor of logits, or hold one under 'logits'", type(out).__name__, hint)
    return out, ""


def _ends_in_sigmoid(module: nn.Module) -> bool:
    """Whether the module's last layer, in the order in which it holds them, is a Sigmoid."""
    layers = [part for part in module.modules() if not any(True for _ in part.children())]
    return bool(layers) and isinstance(layers[-1], nn.Sigmoid)


def refuse_probability(scores: Tensor, name: str) -> None:
    """Raises where a single logit (scores of 0 and it) lies in [0, 1] for all of several inputs: it is a probability, read as a logit."""
    if len(scores) >= _SEVERAL and bool(((scores[:, 1] >= 0) & (scores[:, 1] <= 1)).all()):
        raise UsageError(
            f"The model '{name}' gives one number per input, and all of them lie in [0, 1]: read as logits they would all decide for class "
            "1. If it is a probability, let the module end in torch.nn.Sigmoid(), or return the logit: torch.logit(p)."
        )


_SEVERAL = 8
"""Inputs from which on numbers that all lie in [0, 1] are no accident."""
