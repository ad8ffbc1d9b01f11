"""The state of a training as tensors and JSON: everything that the next step depends on. Nothing is unpickled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from shiftproof._errors import UsageError
from shiftproof._sealed import DamagedFile, FileIdentity
from shiftproof._tensors import read_tensors, write_tensors
from shiftproof._writing import disk_error
from shiftproof.training.optimise import WeightAverage

WEIGHTS = {"kind": "weights"}


@dataclass(eq=False)
class Learner:
    """What changes while a network is trained."""

    net: nn.Module
    memory: nn.Module
    optimiser: torch.optim.Optimizer
    average: WeightAverage

    def tensors(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """All of it: tensors by name, and the optimiser's plain numbers."""
        found = {f"net.{name}": value for name, value in self.net.state_dict().items()}
        found |= {f"memory.{name}": value for name, value in self.memory.state_dict().items()}
        found |= {f"average.{name}": value for name, value in self.average.state.items()}
        numbers: dict[str, Any] = {}
        for index, entries in self.optimiser.state_dict()["state"].items():
            for name, value in entries.items():
                if isinstance(value, Tensor):
                    found[f"optimiser.{index}.{name}"] = value
                else:
                    numbers[f"{index}.{name}"] = value
        return found, {"optimiser": numbers, "averaged": self.average.count}

    def restore(self, tensors: Mapping[str, Tensor], notes: Mapping[str, Any]) -> None:
        """Puts everything back as it was, to the bit."""
        self.net.load_state_dict(_under("net.", tensors))
        self.memory.load_state_dict(_under("memory.", tensors))
        for name, value in _under("average.", tensors).items():
            self.average.state[name].copy_(value)
        self.average.count = int(notes["averaged"])
        entries: dict[int, dict[str, Any]] = {}
        for name, value in {**_under("optimiser.", tensors), **notes["optimiser"]}.items():
            index, _, key = name.partition(".")
            entries.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict({"state": entries, "param_groups": self.optimiser.state_dict()["param_groups"]})


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) :]: value for name, value in tensors.items() if name.startswith(prefix)}


def write(path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, Any] | None = None, *, identity: FileIdentity = WEIGHTS) -> None:
    """Tensors and notes in one sealed safetensors file, all or nothing."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(path, tensors, notes, identity)
    except OSError as error:
        raise disk_error(path.parent, error) from error


def read(path: Path, *, identity: FileIdentity | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """What `write` wrote; raises `UsageError` where the file is damaged, or, if it must have an identity, another's."""
    try:
        return read_tensors(path, identity)
    except (DamagedFile, OSError) as error:
        raise UsageError(f"The checkpoint '{path}' is damaged: {error}. Remove its folder to start the training again.") from error
