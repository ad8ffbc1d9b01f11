"""Learned tokens that are added to the patches of a frozen vision transformer, before each of its blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must


class ResolutionTokens(nn.Module):
    """A frozen vision transformer with one learned token for each patch, added to the embedded patches and again before each block.

    Args:
        net: the transformer, whose weights are frozen here. Its part `embedding` gives the patches, shape (n, patches, width), before the
            class token and the places are added; its part `blocks`, a list of blocks, takes tokens of shape (n, more + patches, width), the
            patches last. Transformers of timm are so.
        example: one input of it, shape (1, channels, height, width), from which the number of patches and their width are read.
        blocks, embedding: the names of these parts.
        seed: of the tokens, drawn from N(0, 0.02) cut at two of its units, as in the authors' code.

    Guarantees:
        Only the tokens have gradients, the net stays in evaluation mode, and `plain()` is the net as it was, to the bit.
    Cost: depth + 1 additions; (depth + 1) patches width numbers.

    Raises:
        UsageError: the net has no such parts, or they give other shapes.

    Reference: Pathak et al. 2025 [pathak2025lr0fm], "LR0.FM: low-res benchmark and improving robustness for zero-shot classification in
    foundation models" (LR-TK0).
    """

    def __init__(self, net: nn.Module, example: Tensor, *, blocks: str = "blocks", embedding: str = "patch_embed", seed: int = 0) -> None:
        super().__init__()
        self.net = net.requires_grad_(False).eval()
        self.names = (embedding, blocks)
        patches, width = self._looked_at(example)
        chance = torch.Generator().manual_seed(seed)
        tokens = torch.empty(1 + len(self._blocks), patches, width)
        self.tokens = nn.Parameter(nn.init.trunc_normal_(tokens, std=0.02, generator=chance))

    @property
    def _embedding(self) -> nn.Module:
        return _part(self.net, self.names[0])

    @property
    def _blocks(self) -> nn.ModuleList | nn.Sequential:
        found = _part(self.net, self.names[1])
        if not isinstance(found, nn.ModuleList | nn.Sequential) or not len(found):
            raise must(f"part '{self.names[1]}'", "the transformer", "be a list of blocks", type(found).__name__)
        return found

    def _looked_at(self, example: Tensor) -> tuple[int, int]:
        """How many patches there are, and how wide they are."""
        embedded, entered = list[Tensor](), list[Tensor]()
        with torch.no_grad(), ExitStack() as held:
            held.enter_context(self._embedding.register_forward_hook(lambda _, __, out: embedded.append(out)))
            for block in self._blocks:
                held.enter_context(block.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0])))
            self.net(example)
        ok = len(embedded) == 1 and embedded[0].dim() == 3 and len(entered) == len(self._blocks)
        if not ok or any(each.dim() != 3 or each.shape[1] < embedded[0].shape[1] for each in entered):
            shapes = [tuple(each.shape) for each in (*embedded[:1], *entered[:1])]
            raise must("parts", "the transformer", "give patches (n, patches, width), and take these in every block", shapes)
        return embedded[0].shape[1], embedded[0].shape[2]

    def forward(self, x: Tensor) -> Tensor:
        """What the transformer answers to x, with the tokens."""
        with self._added():
            found: Tensor = self.net(x)
        return found

    @contextmanager
    def _added(self) -> Iterator[None]:
        def after_embedding(_: nn.Module, __: tuple[Tensor, ...], out: Tensor) -> Tensor:
            return out + self.tokens[0]

        def before(place: int) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
            def add(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
                more = inputs[0].shape[1] - self.tokens.shape[1]
                return torch.cat([inputs[0][:, :more], inputs[0][:, more:] + self.tokens[place]], 1), *inputs[1:]

            return add

        with ExitStack() as held:
            held.enter_context(self._embedding.register_forward_hook(after_embedding))
            for place, block in enumerate(self._blocks):
                held.enter_context(block.register_forward_pre_hook(before(1 + place)))
            yield

    def train(self, mode: bool = True) -> ResolutionTokens:
        """The mode of this module; the frozen net stays in evaluation mode."""
        super().train(mode)
        self.net.eval()
        return self

    def plain(self) -> nn.Module:
        """The transformer without the tokens."""
        return self.net


def _part(net: nn.Module, name: str) -> nn.Module:
    try:
        return net.get_submodule(name)
    except AttributeError:
        parts = ", ".join(child for child, _ in net.named_children()) or "none"
        raise UsageError(f"The transformer has no part '{name}'. Its parts: {parts}. Say which with embedding=... and blocks=...") from None
