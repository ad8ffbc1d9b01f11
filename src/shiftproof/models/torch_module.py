"""A torch module: gives gradients."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof.models.abstract import Gradients
from shiftproof.models.answers import ROWS, filled
from shiftproof.models.fingerprint import LENGTH, code_digest, without_addresses

_SETTINGS = (bool, int, float, str, tuple, torch.dtype)


class TorchModule(Gradients):
    """A `torch.nn.Module` that maps inputs (n, ...) in input units to logits (n, classes); normalisation belongs inside it.

    Args:
        module: answers with a tensor, or with a mapping that has one under "logits" (as Hugging Face models do).
        name: what people call it.
        device: where it computes.

    Guarantees:
        The module is left as it was found: parameters, buffers, gradients, mode and device. It is in evaluation mode for the time of each
        call, all of it, and where it lies on another device a copy is moved. A row's scores are the same in any
        batch up to rounding, and on a CPU mostly to the bit (not in layers whose width is no multiple of 4: kernels go by alignment).
        The fingerprint covers parameters, buffers, plain settings and the code of `forward`, not files read while it runs.

    Example:
        >>> import torch
        >>> TorchModule(torch.nn.Linear(4, 2), name="linear").scores(torch.rand(5, 4)).shape
        torch.Size([5, 2])
    """

    def __init__(self, module: nn.Module, *, name: str, device: str | torch.device = "cpu") -> None:
        self._device = torch.empty(0, device=device).device  # with its index, as tensors say it
        held = [*module.parameters(), *module.buffers()]
        elsewhere = any(tensor.device != self._device for tensor in held)
        self._module = copy.deepcopy(module).to(self._device) if elsewhere else module
        self._name = name
        self._dtype = next((p.dtype for p in held if p.is_floating_point()), None)

    @property
    def name(self) -> str:
        return self._name

    @property
    def module(self) -> nn.Module:
        """The module itself, for parts that read its structure (certificates)."""
        return self._module

    @property
    def device(self) -> torch.device:
        return self._device

    def fingerprint(self) -> str:
        return f"torch:{module_digest(self._module)}"

    def scores(self, x: Tensor) -> Tensor:
        n = len(x)
        training = [part for part in self._module.modules() if part.training]
        for part in training:
            part.training = False
        try:
            out = _logits(self._module(filled(x, ROWS).to(self._device, self._dtype)), self._name)
        finally:
            for part in training:
                part.training = True
        return out[:n] if len(out) != n else out


def _logits(out: object, name: str) -> Tensor:
    if isinstance(out, Mapping):
        out = out.get("logits")
    if not isinstance(out, Tensor):
        hint = "Wrap it in a module whose forward returns the logits only."
        raise must("answer", f"the model '{name}'", "be a tensor of logits, or a mapping with one under 'logits'", type(out).__name__, hint)
    return out


def module_digest(module: nn.Module) -> str:
    """A hash of a module's structure, parameters, buffers, plain settings and the code of `forward`; the device does not count."""
    digest = hashlib.sha256(without_addresses(repr(module)).encode())
    for key, tensor in sorted((*module.named_parameters(), *module.named_buffers()), key=lambda entry: entry[0]):
        digest.update(f"{key}{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(_bytes(tensor))
    for key, part in module.named_modules():
        for text in _settings(part):
            digest.update(f"{key}.{text}".encode())
    return digest.hexdigest()[:LENGTH]


def _bytes(tensor: Tensor) -> bytes:
    return tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()


def _settings(part: nn.Module) -> Iterator[str]:
    """What changes a module's answers beside its parameters: the code of its `forward`, and attributes that are plain values."""
    kind = type(part)
    yield kind.__qualname__
    if isinstance(part, torch.jit.ScriptModule):
        yield str(part.code)
    elif not kind.__module__.startswith("torch."):
        yield code_digest(kind.forward)
    for name, value in sorted(vars(part).items()):
        if name != "training" and isinstance(value, _SETTINGS):
            yield f"{name}={without_addresses(repr(value))}"
        elif isinstance(value, Tensor):
            yield f"{name}={_bytes(value).hex()}"
