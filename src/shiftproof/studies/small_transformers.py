"""Small transformers that studies train: a causal language model, and one of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class TransformerBlock(nn.Module):
    """Attention and a perceptron, each behind a layer normalisation and added to its input.

    Args:
        width: of every token.
        heads: of the attention.
        causal: whether a place sees only those up to itself.
    """

    def __init__(self, width: int, heads: int, *, causal: bool) -> None:
        super().__init__()
        self.heads, self.causal = heads, causal
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.perceptron = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """Tokens x, shape (n, length, width), after the block."""
        n, length, width = x.shape
        parts = self.asked(self.before(x)).view(n, length, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=self.causal)
        x = x + self.mixed(seen.transpose(1, 2).reshape(n, length, width))
        after: Tensor = x + self.perceptron(self.between(x))
        return after


class CausalLanguageModel(nn.Module):
    """Scores of the next token at every place of a window, shape (n, length, words).

    Args:
        words: how many tokens there are.
        length: the longest window.
        width, depth, heads: of the blocks.
    """

    def __init__(self, words: int, length: int, *, width: int = 64, depth: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.meaning, self.place = nn.Embedding(words, width), nn.Embedding(length, width)
        for part in (self.meaning, self.place):
            nn.init.normal_(part.weight, std=0.02)
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, causal=True) for _ in range(depth))
        self.last, self.scores = nn.LayerNorm(width), nn.Linear(width, words)

    def forward(self, x: Tensor) -> Tensor:
        """Of windows of token numbers, shape (n, length)."""
        tokens = self.meaning(x.long()) + self.place(torch.arange(x.shape[1], device=x.device))
        for block in self.blocks:
            tokens = block(tokens)
        found: Tensor = self.scores(self.last(tokens))
        return found


class SmallVisionTransformer(nn.Module):
    """Scores of classes, shape (n, classes), from the patches of an image and a class token.

    Args:
        shape: of the images, (channels, height, width), whole patches.
        patch: side of a patch in pixels.
        classes, width, depth, heads: as their names say.
    """

    def __init__(
        self, shape: tuple[int, ...], *, patch: int = 4, classes: int = 10, width: int = 48, depth: int = 4, heads: int = 4
    ) -> None:
        super().__init__()
        channels, height, side = shape
        self.patch_embed = nn.Sequential(nn.Conv2d(channels, width, patch, stride=patch), nn.Flatten(2), PatchesBeforeWidth())
        self.first = nn.Parameter(torch.zeros(1, 1, width))
        self.place = nn.Parameter(torch.randn(1, 1 + (height // patch) * (side // patch), width) * 0.02)
        self.blocks = nn.ModuleList(TransformerBlock(width, heads, causal=False) for _ in range(depth))
        self.last, self.scores = nn.LayerNorm(width), nn.Linear(width, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Of images, shape (n, channels, height, width)."""
        patches = self.patch_embed(x)
        tokens = torch.cat([self.first.expand(len(x), -1, -1), patches], 1) + self.place
        for block in self.blocks:
            tokens = block(tokens)
        found: Tensor = self.scores(self.last(tokens)[:, 0])
        return found


class PatchesBeforeWidth(nn.Module):
    """The last two dimensions swapped: (n, width, patches) becomes (n, patches, width)."""

    def forward(self, x: Tensor) -> Tensor:
        """Of shape (n, a, b)."""
        return x.transpose(1, 2)
