"""A tiny causal language model in plain torch over characters, with layers named as in transformers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

WORDS = 128


class Said(NamedTuple):
    """As transformers answers."""

    logits: Tensor


class TinyCausal(nn.Module):
    """One block of attention and one of two layers, over characters."""

    def __init__(self, width: int = 32, longest: int = 128) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(WORDS, width), nn.Embedding(longest, width)
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(width, width) for _ in range(3))
        self.up_proj, self.down_proj = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.head = nn.Linear(width, WORDS)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Said:
        length = input_ids.shape[1]
        x = self.letters(input_ids) + self.places(torch.arange(length))
        later = torch.ones(length, length, dtype=torch.bool).triu(1)
        scores = (self.q_proj(x) @ self.k_proj(x).transpose(-1, -2) / x.shape[-1] ** 0.5).masked_fill(later, -torch.inf)
        x = x + scores.softmax(-1) @ self.v_proj(x)
        return Said(self.head(x + self.down_proj(torch.relu(self.up_proj(x)))))


def characters(texts: list[str]) -> list[list[int]]:
    """Each character is a token."""
    return [[ord(letter) % WORDS for letter in text] for text in texts]
