"""The features of a network: what goes into its last linear layer."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from shiftproof.models.abstract import Answers
from shiftproof.models.torch_module import TorchModule


def penultimate(model: Answers, ask: Callable[[], object], n: int) -> Tensor | None:
    """What goes into the last linear layer while `ask` puts n inputs to the model, shape (n, features); None where there is no such layer.

    The last of the module's linear layers in the order of its definition; features of several dimensions are laid out in one.
    """
    layers = [part for part in model.module.modules() if isinstance(part, nn.Linear)] if isinstance(model, TorchModule) else []
    if not layers:
        ask()
        return None
    seen: list[Tensor] = []
    hook = layers[-1].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    try:
        ask()
    finally:
        hook.remove()
    return seen[-1][:n].flatten(1)
