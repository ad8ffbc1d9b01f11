"""Moves along the latents of a user's decoder: what a generative model can change in an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError, must
from shiftproof._identity.table import identify
from shiftproof._imports import load_object, state_of
from shiftproof._rows import length
from shiftproof.data.space import Kind
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Differentiable, Params


@runtime_checkable
class LatentPair(Protocol):
    """What a user's file gives: an autoencoder, or a decoder with something that finds latents."""

    def encode(self, x: Tensor) -> Tensor:
        """The latents (n, k) of images (n, c, h, w); the same for the same image."""

    def decode(self, z: Tensor) -> Tensor:
        """The images of latents (n, k), of the shape of the images or one that broadcasts to it."""


@dataclass(frozen=True)
class Decoder(Differentiable):
    """Moves of Euclidean length at most `distance` among the latents of a decoder: x' = x + decode(encode(x) + d) - decode(encode(x)).

    For images that the pair gives back as they are, x' is the decoder's own image at the moved latents. What it does not give back is kept,
    so that at d = 0 nothing moves and a poor decoder is not taken for a shift. Moved images are put back into the box.

    Args:
        distance: radius in (0, inf), in the units of the latents: in those of a variational autoencoder, standard deviations of the prior.
        file: 'FILE.py:NAME' or 'package.module:NAME', in quotes, of an object with `encode` and `decode`, or of what makes one without
            arguments. Torch modules, it or what it holds, are put into evaluation mode.
        code: identifies the object with its weights. It is filled in where it is not given, and stands in the spec; given, it must agree.

    Params: the moves of the latents, shape (n, k).

    Guarantees:
        Whether the truth stays is for the decoder, or a person, to say: far moves may make another object. Random draws are uniform in the
        ball.
    Cost: one encoding and two decodings for each application.

    Raises:
        UsageError: there is no such object, it has changed, it draws at random, or its latents or images are not of these shapes.

    Reference: Friedman & Chowers 2024, "Control+Shift: generating controllable distribution shifts", who draw whole datasets from parts of
    the latents; the study `controlled_shift` does.
    """

    name: ClassVar[str] = "decoder"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    strength: ClassVar[str | None] = "distance"
    references: ClassVar[tuple[str, ...]] = ("friedman2024control",)

    distance: float
    file: str
    code: str = ""

    def check(self) -> None:
        self.require("distance", within="(0, inf)", hint="Units are those of the latents.")
        _ = self.pair  # loads and pins it

    @property
    def pair(self) -> LatentPair:
        """The object that encodes and decodes; one that was edited since is refused."""
        found, digest = _made(self.file, state_of(self.file))
        self.pin("code", digest, f"'{self.file}' as it is")
        return found

    def check_inputs(self, x: Tensor) -> None:
        with torch.no_grad():
            z = self.pair.encode(x[:2])
            made = self.pair.decode(z)
            again = self.pair.encode(x[:2])
            same = torch.equal(z, again) and torch.equal(made, self.pair.decode(z))
        if z.dim() != 2 or len(z) != len(x[:2]) or not z.is_floating_point():
            raise UsageError(
                f"encode of '{self.file}' must give floating latents of shape (n, k), got shape {tuple(z.shape)} for 2 images."
            )
        if not same:
            hint = "Take the mean of what an encoder draws from, and put its networks into evaluation mode."
            raise UsageError(
                f"encode and decode of '{self.file}' must give the same for the same, and gave two things when asked twice. {hint}"
            )
        try:
            fits = made.expand_as(x[:2]).shape == x[:2].shape
        except RuntimeError:
            fits = False
        if not fits:
            raise UsageError(f"decode of '{self.file}' must give images like {tuple(x[:2].shape)}, got {tuple(made.shape)}.")

    def origin(self, x: Tensor) -> Params:
        with torch.no_grad():
            return torch.zeros_like(self.pair.encode(x))

    def sample(self, x: Tensor, rng: Rng) -> Params:
        still = self.origin(x)
        direction = rng.child("direction").normal(still.shape[1]).to(still)
        radius = self.distance * rng.child("radius").uniform(1).double().pow(1 / still.shape[1]).to(still)
        return self.project(x, direction * (radius / length(direction)[:, None].clamp_min(1e-12)))

    def project(self, x: Tensor, params: Params) -> Params:
        size = length(params.detach())[:, None].clamp_min(torch.finfo(params.dtype).tiny)
        return torch.where(size > self.distance, params * (self.distance / size), params)

    def excess(self, x: Tensor, params: Params) -> Tensor:
        return length(params.detach()) - self.distance

    def ascend(self, params: Params, gradient: Tensor, step: float) -> Params:
        size = length(gradient)[:, None].clamp_min(torch.finfo(gradient.dtype).tiny)
        return params + step * self.distance / size * gradient

    def apply(self, x: Tensor, params: Params) -> Tensor:
        with torch.no_grad():
            z = self.pair.encode(x)
            still = self.pair.decode(z)
        moved = x + (self.pair.decode(z + params.to(z)) - still).to(x)
        with torch.no_grad():
            moved.clamp_(self.space.low, self.space.high)  # in place: as in norm balls, the edges of the box hide no direction
        return moved

    @classmethod
    def examples_for_check(cls) -> list[Decoder]:
        """One whose latent is the mean brightness."""
        return [cls(distance=0.1, file=f"{__name__}:MeanBrightness")]


class MeanBrightness:
    """A pair for checks: one latent, the mean of the image, which every pixel has in common."""

    def encode(self, x: Tensor) -> Tensor:
        """The mean of each image, shape (n, 1)."""
        return x.flatten(1).mean(1, keepdim=True)

    def decode(self, z: Tensor) -> Tensor:
        """Flat images, shape (n, 1, 1, 1)."""
        return z[:, :, None, None]


@lru_cache(maxsize=8)
def _made(spec: str, state: tuple[int, int]) -> tuple[LatentPair, str]:
    """The pair of a file in this state, and its identity."""
    del state  # another one is loaded anew
    found = load_object(spec)
    if isinstance(found, type) or (callable(found) and not isinstance(found, LatentPair)):
        found = found()
    if not isinstance(found, LatentPair):
        raise must("file", "decoder", "name an object with encode and decode, or what makes one", spec)
    for part in (found, *getattr(found, "__dict__", {}).values()):
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(requires_grad=False)
    return found, identify(found, spec).digest
