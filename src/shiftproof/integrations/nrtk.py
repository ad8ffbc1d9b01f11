"""A perturber of nrtk as a shift: measured, replayed and gated as any other."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from shiftproof._errors import MissingExtra, UsageError, must, unknown
from shiftproof.data.space import Kind
from shiftproof.shifts.abstract import Boxed, Params

try:
    from nrtk.interfaces import PerturbImage
except ImportError as missing:
    raise MissingExtra("nrtk", "nrtk") from missing

_SEEDS = 2.0**53
_LEVELS = 255


@dataclass(frozen=True)
class Nrtk(Boxed):
    """What a perturber of nrtk makes of an image; a random one is seeded by the move, so that a finding can be replayed.

    On the command line its place stands before it: `shiftproof.integrations.nrtk:Nrtk(perturber=HazePerturber)`.

    Args:
        perturber: the name of its class, such as HazePerturber.
        config: its options, as JSON; without the seed, which the move holds.

    The perturber sees whole levels 0 to 255, so the image is rounded to these first: an input that is no whole multiple of 1/255 of the box
    moves by up to half a level even where the perturber does nothing. Params are (seed,), 0 for a perturber that is not random. The average
    case is a draw; the worst case is the worst of the draws tried (best_of_n).

    Cost: that of the perturber, an image at a time, and building it once for each image.
    """

    name: ClassVar[str] = "nrtk"
    kinds: ClassVar[frozenset[Kind]] = frozenset({"image"})

    perturber: str
    config: str = "{}"

    @classmethod
    def of(cls, perturber: Any) -> Nrtk:
        """The shift of a perturber that has been made."""
        if not isinstance(perturber, PerturbImage):
            raise must("perturber", "Nrtk.of", "be a PerturbImage of nrtk", type(perturber).__name__)
        options = {name: value for name, value in perturber.get_config().items() if name != "seed"}
        return cls(type(perturber).__name__, json.dumps(options, sort_keys=True))

    @classmethod
    def examples_for_check(cls) -> list[Nrtk]:
        """One that is random and one that is not."""
        return [cls("BrightnessPerturber", '{"factor": 0.5}'), cls("RandomTranslationPerturber")]

    def check(self) -> None:
        try:
            options = json.loads(self.config)
        except ValueError as error:
            raise must("config", self.name, "be JSON, such as '{\"factor\": 0.5}'", self.config) from error
        if not isinstance(options, dict):
            raise must("config", self.name, "be a JSON object of options", self.config)
        self._made(0)

    @property
    def seeded(self) -> bool:
        """Whether the perturber takes a seed: it is random."""
        return "seed" in _perturbers()[self.perturber].get_default_config()

    @property
    def random(self) -> bool:
        return self.seeded

    @property
    def smooth(self) -> bool:
        return False

    def limits(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return (0.0,), (_SEEDS - 1 if self.seeded else 0.0,)

    def check_inputs(self, x: Any) -> None:
        if not self.space.bounded:
            raise UsageError("nrtk moves images whose values have a least and a greatest. Give their box.")
        self.apply(x[:1], torch.zeros(1, 1, dtype=torch.float64))

    def apply(self, x: Tensor, params: Params) -> Tensor:
        low, width = float(self.space.low), float(self.space.high - self.space.low)
        levels = ((x.detach() - low) / width * _LEVELS).round().clamp(0, _LEVELS).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        moved = [self._one(image, int(seed)) for image, seed in zip(levels, params[:, 0].tolist(), strict=True)]
        if not moved:
            return x
        found = torch.from_numpy(np.stack(moved)).permute(0, 3, 1, 2).to(x)
        return low + found / _LEVELS * width

    def _one(self, image: npt.NDArray[np.uint8], seed: int) -> npt.NDArray[np.uint8]:
        grey = image.shape[2] == 1
        try:
            found = np.asarray(self._made(seed).perturb(image=image[:, :, 0] if grey else image)[0])
        except Exception as error:  # a perturber may raise anything
            raise UsageError(f"The perturber {self.perturber} of nrtk cannot move images of shape {image.shape}: {error}") from error
        found = found[:, :, None] if grey and found.ndim == 2 else found
        if found.shape != image.shape or found.dtype != np.uint8:
            raise must("image", f"the perturber {self.perturber}", f"stay of shape {image.shape}, uint8", (found.shape, str(found.dtype)))
        return found

    def _made(self, seed: int) -> Any:
        """The perturber, seeded where it is random."""
        known = _perturbers()
        if self.perturber not in known:
            raise unknown("perturber of nrtk", self.perturber, known)
        options = {**known[self.perturber].get_default_config(), **json.loads(self.config)}
        if "seed" in options:
            options["seed"] = seed % 2**32
        try:
            return known[self.perturber].from_config(options)
        except Exception as error:  # likewise
            raise UsageError(f"The perturber {self.perturber} of nrtk cannot be made of {self.config}: {error}") from error


@cache
def _perturbers() -> dict[str, Any]:
    """The perturbers that are installed, by the names of their classes."""
    return {each.__name__: each for each in PerturbImage.get_impls()}
