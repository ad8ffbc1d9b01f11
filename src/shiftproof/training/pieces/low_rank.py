"""Low-rank adapters: few weights beside the linear layers of a network that stays as it is (LoRA)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must


class LowRankLinear(nn.Module):
    """A linear layer that stays as it is, and a product of two thin matrices beside it: W x + b + (alpha / rank) B A x.

    Args:
        base: the layer; its weights are not trained.
        rank: of the product, at least 1.
        alpha: its size is alpha / rank, in (0, inf).
        generator: draws A as torch draws a linear layer's weights. B is 0, so that the layer computes what it did until it is trained.

    >>> layer = nn.Linear(3, 2)
    >>> adapted = LowRankLinear(layer, 1, alpha=2.0, generator=torch.Generator().manual_seed(0))
    >>> x = torch.ones(1, 3)
    >>> bool((adapted(x) == layer(x)).all()), [name for name, one in adapted.named_parameters() if one.requires_grad]
    (True, ['down', 'up'])
    """

    def __init__(self, base: nn.Linear, rank: int, *, alpha: float, generator: torch.Generator) -> None:
        super().__init__()
        self.base, self.scale = base, alpha / rank
        for one in base.parameters():
            one.requires_grad_(False)
        drawn = (2 * torch.rand((rank, base.in_features), generator=generator) - 1) / math.sqrt(base.in_features)
        self.down = nn.Parameter(drawn.to(base.weight))
        self.up = nn.Parameter(base.weight.new_zeros((base.out_features, rank)))

    def forward(self, x: Tensor) -> Tensor:
        """Shape (..., out) of x of shape (..., in)."""
        found: Tensor = self.base(x) + self.scale * (x @ self.down.T @ self.up.T)
        return found

    def merged(self) -> nn.Linear:
        """The layer with the product added to its weights."""
        with torch.no_grad():
            self.base.weight += self.scale * self.up @ self.down
        return self.base


def add_low_rank(module: nn.Module, names: Sequence[str], *, rank: int = 8, alpha: float = 16.0, seed: int = 0) -> list[nn.Parameter]:
    """Puts low-rank adapters beside linear layers of a network, in place, and gives what is to be trained: nothing else is.

    Args:
        module: its parameters are no longer trained, whatever they were before.
        names: of the layers, by the last part of their names, such as "q_proj" and "v_proj".
        rank: of each, at least 1.
        alpha: in (0, inf); the product counts alpha / rank.
        seed: of the draws.

    Guarantees: the network computes what it did until a step is taken. `merge_low_rank` puts plain layers back.
    Cost: rank * (in + out) weights for each layer, and as many multiplications for each row.

    Reference: Hu et al. 2022 [hu2022lora], "LoRA: low-rank adaptation of large language models".
    """
    if rank < 1:
        raise must("rank", "add_low_rank", "be at least 1", rank)
    if not 0 < alpha < math.inf:
        raise must("alpha", "add_low_rank", "be in (0, inf)", alpha)
    linear = {name: one for name, one in module.named_modules() if isinstance(one, nn.Linear)}
    kinds = list(dict.fromkeys(name.rpartition(".")[2] for name in linear))
    chosen = {name: one for name, one in linear.items() if name.rpartition(".")[2] in names}
    missing = [name for name in names if name not in kinds]
    if missing or not names:
        raise must("names", "add_low_rank", "be those of linear layers", ", ".join(names) or "none", f"There are: {', '.join(kinds)}.")
    for one in module.parameters():
        one.requires_grad_(False)
    generator, trained = torch.Generator().manual_seed(seed), list[nn.Parameter]()
    for name, layer in chosen.items():
        adapted = LowRankLinear(layer, rank, alpha=alpha, generator=generator)
        _put(module, name, adapted)
        trained += [adapted.down, adapted.up]
    return trained


def merge_low_rank(module: nn.Module) -> None:
    """Adds all low-rank adapters of a network to the weights of their layers, in place: plain layers are left, which can be saved.

    Raises:
        UsageError: it has none.
    """
    adapted = {name: one for name, one in module.named_modules() if isinstance(one, LowRankLinear)}
    if not adapted:
        raise UsageError("The network has no low-rank adapters to merge: call add_low_rank on it before.")
    for name, one in adapted.items():
        _put(module, name, one.merged())


def _put(module: nn.Module, name: str, layer: nn.Module) -> None:
    """A layer in the place of that name."""
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, layer)
