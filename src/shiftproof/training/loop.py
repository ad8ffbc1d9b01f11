"""The training loop, with checkpoints: its state is a number of steps, which determines every later step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.outcomes import Flag
from shiftproof.randomness import Rng
from shiftproof.training import state
from shiftproof.training.methods.abstract import Batch, Method
from shiftproof.training.optimise import copied, rate
from shiftproof.training.overfitting_monitor import Epoch, HeldOutAttack, nothing_learned, overfitting_flags
from shiftproof.training.pieces.grouping import Grouping
from shiftproof.training.recipe import Recipe
from shiftproof.training.state import Learner

RESUME, BEST, LAST = "resume.safetensors", "best.safetensors", "last.safetensors"
_TORCH_SEEDS = 2**63


@dataclass(eq=False)
class Loop:
    """A training under way.

    Args:
        method, recipe: what is done.
        examples: trained on.
        groups: of the examples, where the method asks for them.
        watch: looked at after each epoch.
        learner: the network and all that moves with it.
        folder: of the checkpoints.
        asked: what identifies the training, whose checkpoints are its own and no other's.
        save_every: seconds between two writings of where it stands.
        tell: called with the steps done and the last epoch after each step.
    """

    method: Method
    recipe: Recipe
    examples: Examples
    groups: Grouping | None
    watch: HeldOutAttack
    learner: Learner
    folder: Path
    asked: Mapping[str, Any]
    save_every: float
    tell: Callable[[int, Epoch | None], None]
    done: int = 0
    curve: list[Epoch] = field(default_factory=list[Epoch])
    flags: list[Flag] = field(default_factory=list[Flag])
    _sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    _seconds: float = 0.0

    def __post_init__(self) -> None:
        self._rng = Rng.for_ids(self.recipe.seed, self.examples.ids)
        self._size = min(self.recipe.batch_size, len(self.examples))
        first = next(self.learner.net.parameters())
        self._device, self._dtype = first.device, first.dtype
        self._order = (0, self._rows(0))
        self._lr = [float(group["lr"]) for group in self.learner.optimiser.param_groups]

    @property
    def per_epoch(self) -> int:
        """Steps in an epoch."""
        return len(self._order[1]) // self._size * self.method.replays

    @property
    def total(self) -> int:
        """Steps in all."""
        return self.per_epoch * self.recipe.epochs

    def resume(self) -> None:
        """Goes to where a killed run wrote that it stood, if it did."""
        path = self.folder / RESUME
        if path.exists():
            tensors, notes = state.read(path, identity={"kind": RESUME, "asked": self.asked})
            self.learner.restore(tensors, notes)
            self.done, self._sums, self._seconds = notes["done"], notes["sums"], notes["seconds"]
            self.curve = [Epoch(**epoch) for epoch in notes["curve"]]
            self.flags = self._collapsed()

    def save(self) -> None:
        """Writes down where it stands."""
        tensors, notes = self.learner.tensors()
        own = {"done": self.done, "sums": self._sums, "seconds": self._seconds, "curve": [asdict(epoch) for epoch in self.curve]}
        state.write(self.folder / RESUME, tensors, {**notes, **own}, identity={"kind": RESUME, "asked": self.asked})

    def run(self) -> None:
        """Every step that is left, or up to the first that is not a number or makes no sense any more."""
        began, saved = time.monotonic() - self._seconds, time.monotonic()
        with torch.random.fork_rng(devices=[self._device] if self._device.type == "cuda" else []):
            while self.done < self.total and not self.flags:
                loss = self._step()
                if not math.isfinite(loss):
                    self._not_a_number()
                    break
                self._seconds = time.monotonic() - began
                if self.done % self.per_epoch == 0:
                    self._end_epoch()
                    self._seconds = time.monotonic() - began
                if self.done % self.per_epoch == 0 or time.monotonic() - saved >= self.save_every:
                    self.save()
                    saved = time.monotonic()
                self.tell(self.done, self.curve[-1] if self.curve else None)
        self.flags = (
            self.flags or overfitting_flags(self.curve, len(self.watch.examples)) or nothing_learned(self.curve, self.watch.examples.y)
        )
        if self.flags and self.flags[0].name == "nan_loss":
            return
        state.write(self.folder / LAST, self.learner.average.weights(self.learner.net), identity={"kind": LAST, "asked": self.asked})

    def _step(self) -> float:
        net, memory, optimiser = self.learner.net, self.learner.memory, self.learner.optimiser
        _reseed(_seed(self.recipe.seed, self.done), self._device)  # for dropout and the like; the caller's own generator is put back
        batch = self._batch()
        share = rate(self.recipe.schedule, (self.done + 1) / self.total)
        for group, full in zip(optimiser.param_groups, self._lr, strict=True):
            group["lr"] = full * share
        net.train()
        optimiser.zero_grad(set_to_none=True)
        with self.recipe.computing(self._device):
            step = self.method.step(net, batch, memory)
            loss = step.loss
        value = float(loss.detach())
        if not math.isfinite(value):
            return value
        loss.backward()  # type: ignore[no-untyped-call]
        self.method.learned(step, batch, memory)
        if self.recipe.clip:
            nn.utils.clip_grad_norm_([*net.parameters(), *memory.parameters()], self.recipe.clip)
        optimiser.step()
        self.learner.average.update(net, batch.progress)
        self.done += 1
        right = step.right
        self._sums = [a + b for a, b in zip(self._sums, (value * len(right), float(right.sum()), float(len(right))), strict=True)]
        return value

    def _batch(self) -> Batch:
        epoch, place = divmod(self.done, self.per_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, self._rows(epoch))
        start = place // self.method.replays * self._size
        rows = self._order[1][start : start + self._size]
        x, y = self.examples.x[rows].to(self._device, self._dtype), self.examples.y[rows].to(self._device)
        groups = None if self.groups is None else self.groups[rows].numbers.to(self._device)
        places = torch.from_numpy(rows).to(self._device)
        return Batch(x, y, self._streams(rows), self.examples.space, self.done / self.total, groups, places)

    def _rows(self, epoch: int) -> npt.NDArray[np.intp]:
        return self.method.order(self._rng.child("order", epoch), self.learner.memory)

    def _streams(self, rows: npt.NDArray[np.intp]) -> Rng:
        """A stream for each place in the batch: an example that is shown twice in it is moved by another chance the second time."""
        rng = self._rng[rows].child("step", self.done)
        _, first = np.unique(rows, return_index=True)
        again = np.setdiff1d(np.arange(len(rows)), first)
        if not len(again):
            return rng
        keys = rng.keys.copy()
        for place in again:
            keys[place] = rng[[place]].child("again", int(place)).keys[0]
        return Rng(keys)

    def _end_epoch(self) -> None:
        """Looks at the held-out examples, with the weights that would be kept, and keeps the best."""
        net, average = self.learner.net, self.learner.average
        kept, own = dict(average.weights(net)), copied(net.state_dict())
        net.load_state_dict(kept)
        answering = self.method.answering(net)
        clean, robust, worst = self.watch.look(answering, 256)
        unseen = self.watch.look_unseen(answering, 256)
        net.load_state_dict(own)
        loss, right, n = self._sums
        best = max((epoch.score for epoch in self.curve), default=-1.0)
        number = self.done // self.per_epoch
        self.curve.append(Epoch(number, self.done, loss / n, right / n, clean, robust, round(self._seconds, 3), worst, unseen))
        self._sums = [0.0, 0.0, 0.0]
        if self.curve[-1].score > best:
            state.write(self.folder / BEST, kept if average.count else own, identity=best_of(self.asked, number))
        self.flags = self._collapsed()

    def _collapsed(self) -> list[Flag]:
        return [flag for flag in overfitting_flags(self.curve, len(self.watch.examples)) if flag.name == "catastrophic_overfitting"]

    def _not_a_number(self) -> None:
        where = f"at step {self.done + 1} of {self.total}"
        fix = "Lower the learning rate, or clip gradients: clip=1."
        if not self.curve:
            raise UsageError(f"The loss was not a number {where}, before an epoch was finished, so no checkpoint is kept. {fix}")
        detail = f"The loss was not a number {where}: training stopped, and the best checkpoint before it is kept. {fix}"
        self.flags = [Flag("nan_loss", detail)]


def best_of(asked: Mapping[str, Any], epoch: int) -> dict[str, Any]:
    """The identity of the weights of an epoch that is the best so far."""
    return {"kind": BEST, "asked": asked, "epoch": epoch}


def _reseed(seed: int, device: torch.device) -> None:
    """`torch.manual_seed` where the step computes: that of every kind of device costs a hundredth of a small network's step."""
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index].manual_seed(seed)
    elif device.type != "cpu":
        torch.manual_seed(seed)


def _seed(seed: int, step: int) -> int:
    """A seed of torch's own generator for one step."""
    return int(Rng.for_ids(seed, [f"torch/{step}"]).keys[0] % np.uint64(_TORCH_SEEDS))
