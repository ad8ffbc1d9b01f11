"""A small lossy codec of images that is learned: an autoencoder with whole-numbered latents and an estimate of their bits."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

Weights = Mapping[str, Tensor]
"""The tensors of a codec, by name."""
_WIDTH, _LATENTS, _FACTOR = 16, 8, 4
_DISTORTION, _RATE = 100.0, 2.0
"""What the mean squared error of an image in [0, 1] counts, and each bit a pixel above those aimed at."""
_LEARNING_RATE, _BATCH = 4e-3, 32
_LEAST = 1e-9


def encoded(weights: Weights, x: Tensor) -> Tensor:
    """The latents before they are rounded, (n, latents, height / 4, width / 4), of images (n, c, height, width) in [0, 1]."""
    down, right = -x.shape[2] % _FACTOR, -x.shape[3] % _FACTOR
    h = F.pad(x, (0, right, 0, down), mode="replicate") if down or right else x
    h = F.relu(_layer(weights, "in", h, 2))
    return _layer(weights, "latents", h, 2)


def rounded(z: Tensor) -> Tensor:
    """Whole numbers; the gradient is that of the identity."""
    return z + (z.round() - z).detach()


def decoded(weights: Weights, z: Tensor, height: int, width: int) -> Tensor:
    """The image of latents: the values are in [0, 1], and the gradient is that before they are cut."""
    h = F.relu(F.pixel_shuffle(_layer(weights, "wide", z, 1), 2))
    x = F.pixel_shuffle(_layer(weights, "out", h, 1), 2)[:, :, :height, :width] + 0.5
    return x + (x.clamp(0, 1) - x).detach()


def through(weights: Weights, x: Tensor) -> Tensor:
    """Images (n, c, height, width) in [0, 1], written by the codec and read again; the rounding has the identity's gradient."""
    return decoded(weights, rounded(encoded(weights, x)), *x.shape[2:])


def bits(weights: Weights, z: Tensor) -> Tensor:
    """Bits of whole-numbered latents under the learned prior, a normal for each latent channel; shape (n,).

    It is what an ideal arithmetic coder would need: no file is written.
    """
    middle, spread = weights["prior.middle"][:, None, None], weights["prior.spread"].exp()[:, None, None]
    mass: Tensor = torch.special.ndtr((z + 0.5 - middle) / spread) - torch.special.ndtr((z - 0.5 - middle) / spread)
    return -mass.clamp_min(_LEAST).log2().flatten(1).sum(1)


def bits_of(weights: Weights, x: Tensor) -> Tensor:
    """Bits a pixel of each image, shape (n,)."""
    return bits(weights, encoded(weights, x).round()) / (x.shape[2] * x.shape[3])


def learned(x: Tensor, *, target: float, realism: float, steps: int, seed: int) -> dict[str, Tensor]:
    """The weights of a codec for images (n, c, height, width) in [0, 1].

    The loss is 100 times the mean squared error, 2 times the bits a pixel above `target`, and `realism` times what a discriminator says,
    which is trained beside it and sees the latents too, as in HiFiC.
    """
    chance = torch.Generator().manual_seed(seed)
    channels = x.shape[1]
    weights = _codec_weights(channels, chance)
    critic = _critic_weights(channels, chance) if realism else {}
    mine = torch.optim.Adam(list(weights.values()), _LEARNING_RATE)
    its = torch.optim.Adam(list(critic.values()), _LEARNING_RATE) if critic else None
    cooled = torch.optim.lr_scheduler.LambdaLR(mine, lambda step: (1 + math.cos(math.pi * min(1.0, step / steps))) / 2)
    for _ in range(steps):
        batch = x[torch.randint(len(x), (min(_BATCH, len(x)),), generator=chance)]
        with torch.enable_grad():
            z = encoded(weights, batch)
            noisy = z + torch.rand(z.shape, generator=chance) - 0.5
            seen = rounded(z)
            made = decoded(weights, seen, *batch.shape[2:])
            rate = bits(weights, noisy).mean() / (batch.shape[2] * batch.shape[3])
            loss = _DISTORTION * (made - batch).square().mean() + _RATE * F.relu(rate - target)
            if realism:
                loss = loss + realism * F.softplus(-_opinion(critic, made, seen.detach())).mean()
            _step(mine, loss)
            cooled.step()
            if its is not None:
                real, fake = _opinion(critic, batch, seen.detach()), _opinion(critic, made.detach(), seen.detach())
                _step(its, F.softplus(-real).mean() + F.softplus(fake).mean())
    return {name: tensor.detach() for name, tensor in weights.items()}


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()


def _opinion(critic: Weights, x: Tensor, z: Tensor) -> Tensor:
    """Log odds that each patch of images is real, given the latents."""
    told = F.interpolate(z, size=tuple(x.shape[2:]))
    h = F.leaky_relu(_layer(critic, "first", torch.cat([x, told], 1), 2), 0.2)
    h = F.leaky_relu(_layer(critic, "second", h, 2), 0.2)
    return _layer(critic, "last", h, 1)


def _layer(weights: Weights, name: str, x: Tensor, stride: int) -> Tensor:
    kernel = weights[f"{name}.weight"]
    return F.conv2d(x, kernel.to(x), weights[f"{name}.bias"].to(x), stride=stride, padding=kernel.shape[2] // 2)


def _codec_weights(channels: int, chance: torch.Generator) -> dict[str, Tensor]:
    made = _layers({"in": (channels, _WIDTH, 5), "latents": (_WIDTH, _LATENTS, 5)}, chance)
    made |= _layers({"wide": (_LATENTS, 4 * _WIDTH, 3), "out": (_WIDTH, 4 * channels, 3)}, chance)
    made |= {"prior.middle": torch.zeros(_LATENTS), "prior.spread": torch.zeros(_LATENTS)}
    return {name: tensor.requires_grad_() for name, tensor in made.items()}


def _critic_weights(channels: int, chance: torch.Generator) -> dict[str, Tensor]:
    sizes = {"first": (channels + _LATENTS, _WIDTH, 3), "second": (_WIDTH, _WIDTH, 3), "last": (_WIDTH, 1, 3)}
    return {name: tensor.requires_grad_() for name, tensor in _layers(sizes, chance).items()}


def _layers(sizes: Mapping[str, tuple[int, int, int]], chance: torch.Generator) -> dict[str, Tensor]:
    """Convolutions by name, of (inputs, outputs, side of the kernel)."""
    found: dict[str, Tensor] = {}
    for name, (into, out, side) in sizes.items():
        found[f"{name}.weight"] = torch.randn(out, into, side, side, generator=chance) * math.sqrt(2 / (into * side * side))
        found[f"{name}.bias"] = torch.zeros(out)
    return found
