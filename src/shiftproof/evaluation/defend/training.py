"""The one seam between a comparison of defences and training: methods by spec, networks from a factory, and the seconds they took."""

from __future__ import annotations

import math
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from torch import nn

from shiftproof._errors import must
from shiftproof._identity.table import identify
from shiftproof._part import required_options
from shiftproof.data.examples import Examples
from shiftproof.data.source import Source
from shiftproof.models.spec import load_from_spec, neighbours
from shiftproof.records.defend import Training, TrainingEpoch
from shiftproof.registry import parse_spec
from shiftproof.training.methods import methods
from shiftproof.training.methods.abstract import Method
from shiftproof.training.methods.diverse_ensemble import DiverseEnsemble, Together
from shiftproof.training.train import Trained, train

OPTIMISER = "adam(lr=0.003)"
"""Trains plain and adversarially trained nets alike in few steps; gradient descent at 0.1 often learns nothing without normalisation."""
_FEW = 400
_LEAST_STEPS, _LEAST_EPOCHS = 1000, 20
_SMALL_SET, _SMALL_BATCH, _BATCH = 10_000, 32, 128
_TEACHER = "teacher"
"""Stands for the weights of a teacher that is not trained yet."""
FAMILIES = {
    "plain": "standard training",
    "distillation": "distillation",
    "diverse_ensemble": "ensemble",
    **dict.fromkeys(("adversarial", "trades", "mart"), "adversarial training"),
    **dict.fromkeys(("fast_adversarial", "free_adversarial", "weight_perturbation"), "adversarial training"),
}


def method_of(spec: str, threat: str) -> Method:
    """The method, with the threat where it wants a shift and names none, and with a teacher that is trained later where it wants one."""
    name, positional, named = parse_spec(spec)
    part = methods.get(name)
    missing = {"shift": threat, "teacher": _TEACHER}
    wanted = [option for option in required_options(part) if option in missing and option not in named and not positional]
    given = spec.partition("(")[2].rpartition(")")[0]
    return methods.build(f"{name}({', '.join([*(f'{option}={missing[option]}' for option in wanted), *([given] if given else [])])})")


@dataclass(frozen=True, eq=False)
class TrainedNetwork:
    """A network that was trained, the seconds it took, and how that went."""

    module: nn.Module
    seconds: float
    training: Training


@dataclass(frozen=True, eq=False)
class NetworkTrainer:
    """Trains networks of one factory on one sample.

    Args:
        factory: makes a network at each call, or its spec.
        data: what is trained on.
        folder: where trainings are kept, so that the same call again goes on from them.
        device, epochs, optimiser, seed, version: as of `shiftproof.train`; without `epochs` 20, or as many as make 1,000 steps.
        unseen: spec of the threat that no method is trained on, for the curves.
    """

    factory: Any
    data: Source | Examples
    folder: Path
    device: str = field(kw_only=True)
    epochs: int | None = field(default=None, kw_only=True)
    optimiser: str = field(default=OPTIMISER, kw_only=True)
    seed: int = field(kw_only=True)
    unseen: str = field(kw_only=True)
    version: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(self.factory, str) and not callable(self.factory):
            rule = "be a factory of networks, or its spec, where there are training data"
            raise must("model", "defend", rule, type(self.factory).__name__)

    def warm_up(self) -> None:
        """Trains on a few examples and forgets it: what is loaded at a first training is not part of the cost of one."""
        few = self.data.take(slice(0, _FEW)) if isinstance(self.data, Source) else self.data[:_FEW]
        with tempfile.TemporaryDirectory() as folder:
            replace(self, data=few, folder=Path(folder), epochs=1, version=None).trained(plain(), self.seed)

    def trained_with_teacher(self, method: Method) -> TrainedNetwork:
        """As `trained`, after the teacher of a method that wants one: plain training at the method's temperature. Its seconds count."""
        if method.options().get("teacher") != _TEACHER:
            return self.trained(method, self.seed)
        teacher = methods.build(f"plain(temperature={method.options().get('temperature', 1.0)!r})")
        first = self.trained(teacher, self.seed)
        weights = self._place(teacher, self.seed) / "best.safetensors"
        student: Any = type(method)
        second = self.trained(student(**{**method.options(), "teacher": str(weights)}), self.seed)
        return replace(second, seconds=first.seconds + second.seconds)

    def trained(self, method: Method, seed: int) -> TrainedNetwork:
        """The network that a method trains."""
        text = self.factory if isinstance(self.factory, str) else ""

        def one() -> Any:
            return load_from_spec(text) if text else self.factory()

        def make() -> Any:
            return Together(one() for _ in range(method.members)) if isinstance(method, DiverseEnsemble) else one()

        place = self._place(method, seed)
        with neighbours(text) if text else nullcontext():
            done = train(make, self.data, method, out=place, device=self.device, version=self.version, seed=seed, **self.recipe)
        # Seconds are kept with the checkpoint, so that a run that goes on counts all of them.
        return TrainedNetwork(done.module, done.curve[-1].seconds, training_of(done))

    @property
    def recipe(self) -> dict[str, Any]:
        """Options of every training: small batches on small sets, so that they see enough steps."""
        batch = _SMALL_BATCH if len(self.data) < _SMALL_SET else _BATCH
        enough = math.ceil(_LEAST_STEPS * batch / max(1, len(self.data)))
        epochs = max(_LEAST_EPOCHS, enough) if self.epochs is None else self.epochs
        return {"epochs": epochs, "batch_size": batch, "optimiser": self.optimiser, "unseen": self.unseen}

    @property
    def note(self) -> str:
        """How nets were trained, for the record."""
        recipe = self.recipe
        return f"Every net was trained for {recipe['epochs']} epochs in batches of {recipe['batch_size']} by {recipe['optimiser']}."

    def _place(self, method: Method, seed: int) -> Path:
        told = {option: value for option, value in method.options().items() if option != "teacher"}
        return self.folder / f"{method.name}-{identify((told, type(method))).digest[:8]}-{seed}"


def plain() -> Method:
    """What every defence is compared with."""
    return methods.build("plain")


def training_of(done: Trained) -> Training:
    """The curves of a training, and what they give away, as a record has them."""
    curve = [TrainingEpoch(epoch=e.epoch, train=e.train, held_out=e.held_out, robust=e.robust, unseen=e.unseen) for e in done.curve]
    return Training(kept=done.best.epoch, curve=curve, flags=[f"{flag.name}: {flag.detail}" for flag in done.flags])
