"""Searches made of stages: costs and failures are counted for each, and a killed run resumes after its last stored step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from shiftproof._errors import must
from shiftproof.oracle import Oracle, SearchState
from shiftproof.outcomes import Stage
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Params, Shift

DRAWS = 20
"""Passes that a random model's answer is the mean of."""


def check_draws(draws: int, name: str) -> None:
    """Raises `UsageError` where the option `draws` of a search called `name` is out of range."""
    if draws < 0:
        raise must("draws", name, "be at least 0", draws, "0 means 20 for a random model and 1 for any other.")


@dataclass
class StagedRun:
    """The state of a search of several stages on n examples.

    Args:
        shift, oracle, x, rng: what the door handed over.
        best: the worst move of each example so far.
        extra: more tensors that later steps need; they are stored too.
        done: names of the steps that are done.
    """

    shift: Shift
    oracle: Oracle
    x: Tensor
    rng: Rng
    best: Incumbent
    extra: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    done: list[str] = field(default_factory=list[str])
    _open: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng, *, start: Params) -> StagedRun:
        """Before the first step, or where an earlier run was killed."""
        run = cls(shift, oracle, x, rng, Incumbent(start))
        state = oracle.kept()
        if state and "best.params" in state.tensors:
            run._restore(state)
        return run

    def _restore(self, state: SearchState) -> None:
        tensors = {name: tensor.to(self.x.device) for name, tensor in state.tensors.items()}
        self.best.params, self.best.margin, self.best.broken = (tensors[f"best.{name}"] for name in ("params", "margin", "broken"))
        self.extra = {name.removeprefix("extra."): tensor for name, tensor in tensors.items() if name.startswith("extra.")}
        self.done, self._open = list(state.notes["done"]), dict(state.notes["open"])

    def step(self, name: str, work: Callable[[], None]) -> None:
        """Does this work, unless an earlier run has; then writes down where the search stands."""
        if name in self.done:
            return
        work()
        self.done.append(name)
        best = {"best.params": self.best.params, "best.margin": self.best.margin, "best.broken": self.best.broken}
        extra = {f"extra.{key}": tensor for key, tensor in self.extra.items()}
        passed = {**self._open, "seconds": time.perf_counter() - self._open["began"]} if self._open else {}
        self.oracle.keep({**best, **extra}, {"done": self.done, "open": passed})

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Books what is spent and broken meanwhile to a stage of this name."""
        if f"stage {name}" in self.done:
            yield
            return
        if self._open.get("name") == name:  # killed in the middle of it
            self._open["began"] = time.perf_counter() - self._open["seconds"]
        else:
            forwards, backwards = self.oracle.spent()
            self._open = {
                "name": name,
                "stood": self._standing(),
                "forwards": forwards,
                "backwards": backwards,
                "began": time.perf_counter(),
            }
        yield
        opened, self._open = self._open, {}
        if opened["stood"]:
            forwards, backwards = self.oracle.spent()
            self.oracle.report(
                Stage(
                    name=name,
                    examples=opened["stood"],
                    broken=opened["stood"] - self._standing(),
                    forwards=forwards - opened["forwards"],
                    backwards=backwards - opened["backwards"],
                    seconds=time.perf_counter() - opened["began"],
                )
            )
        self.done.append(f"stage {name}")

    def _standing(self) -> int:
        return len(self.best.standing())

    def search(self, part: Search, rows: Tensor | None = None) -> None:
        """Runs another search on the examples at `rows`, or on all that stand."""
        rows = self.best.standing() if rows is None else rows
        if len(rows):
            here = self.oracle[rows]
            params = part(self.shift, here, self.x[rows], self.rng[rows.cpu()].child(part.name))
            self.best.update(rows, params, here(params))

    def in_turn(self, parts: list[Search]) -> None:
        """Each of the searches on the examples that those before left standing, each a stage."""
        for part in parts:
            with self.stage(part.spec()):
                self.step(part.full_spec(), lambda part=part: self.search(part))  # type: ignore[misc]
