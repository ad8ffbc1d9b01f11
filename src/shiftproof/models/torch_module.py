"""A torch module: gives gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of, new_mark
from shiftproof._identity.table import identify
from shiftproof.models._least_rows import LeastRows
from shiftproof.models.abstract import Gradients, Said
from shiftproof.models.answers import STEP, filled, rows_of
from shiftproof.models.query_count import count_sent
from shiftproof.models.torch_output import read_output
from shiftproof.models.user_code import UserCode

MemoryFormat = Literal["auto", "channels_last", "contiguous"]
"""How images are laid out in memory for the module."""
MEMORY_FORMATS: tuple[MemoryFormat, ...] = ("auto", "channels_last", "contiguous")
_CONVOLUTIONS = 3
"""So many convolutions repay what a flatten costs in channels-last order; with fewer, only where one is pooled."""
_POOLS = (nn.MaxPool2d, nn.AdaptiveMaxPool2d)


class TorchModule(Gradients, copies=True):
    """A `torch.nn.Module` that maps inputs (n, ...) in input units to logits (n, classes); normalisation belongs inside it.

    Args:
        module: answers with a tensor of logits, with a mapping or an object that has one under `logits` (as Hugging Face models do), or
            with a tuple whose first tensor they are. One number per input is the logit of class 1, or its probability where the last layer
            is a `Sigmoid`; a note says so.
        name: what people call it.
        device: where it computes.
        memory_format: how images (n, channels, height, width) are laid out for it: "channels_last", "contiguous", or "auto". It changes the
            speed and the last bits, so "auto" goes by the module's structure and never by a clock: channels-last on a CPU, in float32, for
            modules with three `Conv2d` or more, or with one and a max pooling. Code that cannot read that order (`x.view(n, -1)`) gets
            contiguous images from "auto", and its own error from "channels_last".
        version: what you call this state of it; counts in its fingerprint, and answers for what that cannot cover.
        said: what a judge reads of it; "numbers" are taken as they are.

    Guarantees:
        The module is left as it was found: parameters, buffers, gradients, mode, device and memory format; only inputs are laid out anew.
        It is handed a batch of its own, which it may write into, with gradients too, and its answer is copied before it is asked again.
        It is in evaluation mode for the time of each call, all of it, and where it lies on another device a copy is moved. A row's scores
        are the same in any batch up to rounding, and on a CPU mostly to the bit (not in layers whose width is no multiple of 4: kernels go
        by alignment).
        The fingerprint covers parameters, buffers, packed weights, attributes of every kind, hooks and the code of all methods, not files
        read while it runs. A module that `torch.compile` made is another one than the module itself, as it may round otherwise.

    Example:
        >>> import torch
        >>> TorchModule(torch.nn.Linear(4, 2), name="linear").scores(torch.rand(5, 4)).shape
        torch.Size([5, 2])
    """

    def __init__(
        self,
        module: nn.Module,
        *,
        name: str,
        device: str | torch.device = "cpu",
        memory_format: MemoryFormat = "auto",
        version: str | None = None,
        said: Said = "classes",
    ) -> None:
        if memory_format not in MEMORY_FORMATS:
            raise must("memory_format", f"the model '{name}'", f"be one of {', '.join(MEMORY_FORMATS)}", memory_format)
        self._device = torch.empty(0, device=device).device  # with its index, as tensors say it
        held = [*module.parameters(), *module.buffers()]
        elsewhere = any(tensor.device != self._device for tensor in held)
        self._module = copy.deepcopy(module).to(self._device) if elsewhere else module
        self._name = name
        self._dtype = next((p.dtype for p in held if p.is_floating_point()), None)
        self._asked, self._version, self._mark = memory_format, version, new_mark()
        self.said, self._note = said, ""
        self._least = LeastRows()
        self.one_logit = False
        """Whether it gives one number per input, read as the logit of class 1; known once it has been asked."""
        gains = self._device.type == "cpu" and self._dtype is torch.float32 and _gains(self._module)
        self._channels_last = memory_format == "channels_last" or (memory_format == "auto" and gains)

    @property
    def name(self) -> str:
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        """How its answers are read, known once it has been asked."""
        return (self._note,) if self._note else ()

    @property
    def module(self) -> nn.Module:
        """The module itself, for parts that read its structure (certificates)."""
        return self._module

    @property
    def device(self) -> torch.device:
        return self._device

    @property
    def memory_format(self) -> MemoryFormat:
        """How images are laid out for the module: "channels_last" or "contiguous"."""
        return "channels_last" if self._channels_last else "contiguous"

    def fingerprint(self) -> str:
        return self.identity().text

    def identity(self) -> Fingerprint:
        kind = "torch" if self._asked == "auto" else f"torch+{self._asked}"
        return fingerprint_of(kind, identify(self._module, self._name), version=self._version, mark=self._mark)

    def scores(self, x: Tensor) -> Tensor:
        if self._device.type == "cpu" and self.said == "classes":
            self._least.look(x, lambda batch: self._scores(batch, len(batch)))
        step = 2 * STEP if (self._dtype or x.dtype) is torch.float64 else STEP  # kernels in double go by 8 rows
        return self._scores(x, rows_of(len(x), self._least.rows, step=step))

    def _scores(self, x: Tensor, rows: int) -> Tensor:
        """Those of x, in a call of so many rows."""
        n = len(x)
        training = [part for part in self._module.modules() if _in_training(part)]
        for part in training:
            part.training = False
        try:
            with UserCode():
                said = self._answer(filled(x, rows))
                out, self._note, self.one_logit = read_output(said, self._module, self._name, classes=self.said == "classes")
        finally:
            for part in training:
                part.training = True
        return (out[:n] if len(out) != n else out).clone()

    def _answer(self, x: Tensor) -> object:
        if not self._channels_last or x.dim() != _IMAGES:
            return self._ask(self._own(x))
        try:
            return self._ask(self._own(x, channels_last))
        except RuntimeError as error:
            if self._asked != "auto" or _NO_VIEW not in str(error):
                raise
            self._channels_last = False  # known at the first batch, from the module's code and the shape alone
            return self._ask(self._own(x))

    def _own(self, x: Tensor, layout: Callable[[Tensor], Tensor] = lambda batch: batch) -> Tensor:
        """The batch as the module takes it, in memory that nobody else holds where the module may write into it."""
        batch = layout(x.to(self._device, self._dtype))
        shared = batch.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()
        return batch.clone() if shared and not _only_reads(self._module) else batch

    def _ask(self, batch: Tensor) -> object:
        count_sent(self._name, len(batch))
        return self._module(batch)


_IMAGES = 4
"""Dimensions of a batch of images."""
_NO_VIEW = "view size is not compatible"
"""What torch says where code views a tensor in an order that it does not have."""


def channels_last(images: Tensor) -> Tensor:
    """The images (n, channels, height, width) with their channels side by side in memory, so that convolutions compute in that order.

    Torch takes a grey image for channels-last as it lies, and convolutions then take it for contiguous: its strides must say it.

    >>> channels_last(torch.zeros(2, 1, 4, 5)).stride()
    (20, 1, 5, 1)
    """
    n, channels, height, width = images.shape
    if channels == 1:
        return images.reshape(n, height, width, 1).permute(0, 3, 1, 2)
    return images.contiguous(memory_format=torch.channels_last)


def _in_training(part: nn.Module) -> bool:
    """Whether it is in training mode; frozen TorchScript has no mode at all."""
    try:
        return part.training
    except AttributeError:
        return False


def _only_reads(module: nn.Module) -> bool:
    """Whether a module is known to leave its inputs alone: torch's own layers, as they come, none of which works in place."""
    for part in module.modules():
        if not type(part).__module__.startswith("torch.nn.modules.") or part._forward_hooks or part._forward_pre_hooks:
            return False
        settings = vars(part)
        if "forward" in settings or settings.get("inplace", False):
            return False
    return True


def _gains(module: nn.Module) -> bool:
    """Whether channels-last pays, by the rule that `TorchModule` states.

    Measured on one core with AVX-512, forward and input gradient: 0.63 to 0.93 of the time where it says yes, and 0.98 to 1.3 for most
    where it says no (a flatten copies what lies in another order).
    """
    convolutions = sum(isinstance(part, nn.Conv2d) for part in module.modules())
    return convolutions >= _CONVOLUTIONS or (convolutions > 0 and any(isinstance(part, _POOLS) for part in module.modules()))
