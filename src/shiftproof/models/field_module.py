"""A torch module whose input is a dictionary of tensors."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from shiftproof.data.space import FieldsSpace, InputSpace, Space
from shiftproof.models.torch_output import read_output
from shiftproof.models.user_code import UserCode


class FieldModule:
    """A function of fields that asks a module: by keyword where its forward names every field, else with one dictionary.

    Args:
        module: in evaluation mode while it is asked; its floating type is that of what it is handed.
        name: what people call it.
        fields: the names of the fields.
        device: where it computes.
    """

    def __init__(self, module: nn.Module, name: str, fields: tuple[str, ...], device: torch.device) -> None:
        self.module, self.name, self.device = module.to(device), name, device
        self.by_name = set(fields) <= set(inspect.signature(module.forward).parameters)

    def __call__(self, fields: Mapping[str, npt.NDArray[Any]]) -> Tensor:
        """Scores (n, classes) of n inputs."""
        dtype = next((each.dtype for each in self.module.parameters() if each.is_floating_point()), torch.float32)
        given = {name: self._tensor(values, dtype) for name, values in fields.items()}
        training = self.module.training
        self.module.eval()
        try:
            with UserCode():
                out = self.module(**given) if self.by_name else self.module(given)
        finally:
            self.module.train(training)
        return read_output(out, self.module, self.name, classes=True).scores

    def _tensor(self, values: npt.NDArray[Any], dtype: torch.dtype) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(values)).to(self.device)
        return tensor.to(dtype) if tensor.is_floating_point() else tensor


def fields_of_numbers(space: Space | None) -> tuple[str, ...]:
    """The names of the fields of inputs that are numbers in every field; empty for other inputs."""
    if not isinstance(space, FieldsSpace) or not all(isinstance(inner, InputSpace) for _, inner in space.fields):
        return ()
    return tuple(name for name, _ in space.fields)
