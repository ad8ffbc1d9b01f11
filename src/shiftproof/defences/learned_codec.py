"""Compression of the input by a small codec that is learned from images like those that are measured."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof._sealed import DamagedFile, FileIdentity
from shiftproof._tensors import read_tensors, write_tensors
from shiftproof.data.examples import Examples
from shiftproof.data.sources.address import Address
from shiftproof.data.sources.files import hash_file, the_file
from shiftproof.data.space import InputSpace, Kind
from shiftproof.defences import _autoencoder as autoencoder
from shiftproof.defences.abstract import Defence, Gradient
from shiftproof.defences.context import DefenceContext, FittedTensors
from shiftproof.randomness import Rng

_KIND: FileIdentity = {"kind": "learned codec"}


@dataclass(frozen=True)
class LearnedCodec(Defence):
    """Images are written by a small learned codec and read again before the model sees them.

    An encoder of two convolutions gives 8 latents for every 4 x 4 pixels, which are rounded to whole numbers; a decoder draws the image
    from them. It is trained to a small squared error at `target` bits a pixel, as a learned prior of the latents counts them, and with
    `realism` also to deceive a discriminator that sees the latents, as generative codecs are: its images then look more like real ones
    and are further from their originals.

    Args:
        target: bits a pixel that training aims at, more than 0; a short one stays above.
        realism: weight of the discriminator, at least 0; 0 for none.
        steps: of training, at least 1, each with 32 images.
        seed: of the training.
        file: what `save` wrote, or `shiftproof defend` beside its page; then nothing is trained, and the options above are not asked.
        sha256: of the file; filled in.

    Guarantees:
        None against a search that knows it. The answers are those of the rounded latents; the gradient is that of the same networks with
        the identity for the rounding. Bits are an estimate, of no file.
    Differentiable: no, as it rounds. Cost: two small networks an image, and no more passes of the model; training takes seconds for
    images of 32 pixels.

    Reference: Mentzer et al. 2020, "High-fidelity generative image compression" (the loss); Theis et al. 2017, "Lossy image compression
    with compressive autoencoders" (the gradient of the rounding); Räber et al. 2025, "Keep it real: challenges in attacking
    compression-based adversarial purification", whose claim the study `compression_purification` measures.
    """

    name: ClassVar[str] = "learned_codec"
    family: ClassVar[str] = "transformation"
    gradient: ClassVar[Gradient] = Gradient.ZERO
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})
    references: ClassVar[tuple[str, ...]] = ("mentzer2020high", "theis2017lossy", "raber2025keep")

    target: float = 0.5
    realism: float = 0.0
    steps: int = 800
    seed: int = 0
    file: str = ""
    sha256: str = ""

    @classmethod
    def examples_for_check(cls) -> list[LearnedCodec]:
        """A short training of each kind."""
        return [cls(steps=5), cls(steps=5, realism=0.1)]

    def check(self) -> None:
        self.require("target", within="(0, inf)", hint="It is in bits a pixel.")
        self.require("realism", within="[0, inf)")
        self.require("steps", least=1)
        if self.file:
            self.pin("sha256", hash_file(self._path), f"the file '{self.file}' as it is")
            _read(self._path, self.sha256)
        elif self.sha256:
            raise must("sha256", self.name, "be left out where there is no file", self.sha256)

    @property
    def needs_held_out(self) -> bool:  # type: ignore[override]
        """Whether it is yet to be trained."""
        return not self.file

    @property
    def _path(self) -> Path:
        return the_file(Address(self.name, self.file))

    def fit(self, behind: DefenceContext, held_out: Examples) -> FittedTensors:
        if self.file:
            return {}
        x = held_out.x.float().cpu()
        _check_images(self.name, x)
        return autoencoder.learned(_unit(x, behind.space), target=self.target, realism=self.realism, steps=self.steps, seed=self.seed)

    def weights(self, behind: DefenceContext) -> autoencoder.Weights:
        """The tensors of the codec."""
        return behind.fitted or _read(self._path, self.sha256)

    def seen(self, behind: DefenceContext, x: Tensor) -> Tensor:
        """The images as the model gets them, with the gradient of the networks."""
        weights, space = self.weights(behind), behind.space
        _check_images(self.name, x, weights["in.weight"].shape[1])
        return space.low + autoencoder.through(weights, _unit(x, space)) * (space.high - space.low)

    def answer(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor:
        del rng
        seen = self.seen(behind, x)
        return behind.scores(behind.carried(seen, seen))

    def bits(self, behind: DefenceContext, x: Tensor) -> Tensor:
        """Bits a pixel of images, shape (n,), by the learned prior."""
        with torch.no_grad():
            return autoencoder.bits_of(self.weights(behind), _unit(x, behind.space))


def save(weights: FittedTensors, path: Path) -> None:
    """Writes a codec's tensors into a file that `learned_codec(file=...)` reads."""
    write_tensors(path, weights, None, _KIND)


@lru_cache(maxsize=8)
def _read(path: Path, sha256: str) -> autoencoder.Weights:
    """The tensors of a file in this state."""
    try:
        tensors, _ = read_tensors(path, _KIND)
    except DamagedFile as error:
        raise UsageError(f"The file '{path}' is no learned codec: {error}. Let 'shiftproof defend' write it.") from error
    if not (now := hash_file(path)).startswith(sha256):
        raise UsageError(
            f"The file '{path}' was {sha256} when the defence was built, and is {now[: len(sha256)]} now. Put it back, or build it again."
        )
    return tensors


def _unit(x: Tensor, space: InputSpace) -> Tensor:
    return (x - space.low) / (space.high - space.low)


def _check_images(name: str, x: Tensor, channels: int | None = None) -> None:
    if x.dim() != 4 or channels not in (None, x.shape[1]):
        wanted = "(n, channels, height, width)" if channels is None else f"(n, {channels}, height, width)"
        raise UsageError(f"The defence {name} takes images {wanted}, got inputs of shape {tuple(x.shape)}.")
