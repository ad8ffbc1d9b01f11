"""What a network's last layer sees: the features that a second head shares."""

from __future__ import annotations

from torch import Tensor, nn

from shiftproof._errors import UsageError


def last_linear(net: nn.Module, *, owner: str) -> nn.Linear:
    """The last Linear layer of a network; `UsageError` where it has none."""
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
    if not layers:
        raise UsageError(f"{owner} needs a network with a Linear layer, whose input its second head shares.")
    return layers[-1]


def scores_and_features(net: nn.Module, x: Tensor, *, owner: str, detach: bool = False) -> tuple[Tensor, Tensor]:
    """The scores of x, and what the last Linear layer saw, of one pass; with `detach` the scores teach the last layer only."""
    seen: list[Tensor] = []

    def look(_: nn.Module, inputs: tuple[Tensor, ...]) -> Tensor | None:
        seen.append(inputs[0])
        return inputs[0].detach() if detach else None

    with last_linear(net, owner=owner).register_forward_pre_hook(look):
        scores = net(x)
    return scores, seen[0]
