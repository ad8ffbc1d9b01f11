"""The demo's networks for 8x8 digits: `shiftproof audit --model examples/digit_nets.py:plain --weights runs/demo/plain.safetensors ...`."""

from __future__ import annotations

from torch import nn


def small() -> nn.Sequential:
    """Two convolutions and two linear layers; inputs (n, 1, 8, 8) in [0, 1], logits (n, 10)."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 16, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )


def plain() -> nn.Sequential:
    """The network that the demo trains as usual."""
    return small()


def hardened() -> nn.Sequential:
    """The same network, which the demo trains on its own worst cases."""
    return small()
