"""A model behind a step without a useful gradient, with a stand-in for that step on the way back."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from shiftproof._errors import must
from shiftproof._identity.fingerprinted import fingerprint_of
from shiftproof._identity.table import identify
from shiftproof.models.abstract import Gradients, WrappedModel

Preprocessing = Callable[[Tensor], Tensor]
"""Inputs (n, ...) to inputs (n, ...) of the model behind."""


def _identity(x: Tensor) -> Tensor:
    return x


class StraightThrough(WrappedModel, Gradients):
    """The model f(g(x)) whose answers are exact and whose gradient is f's at g(x) carried back through a stand-in for g.

    Args:
        model: f; it gives gradients.
        preprocessing: g, a step whose gradient is zero, random or missing (rounding to few levels, JPEG, a denoiser); it is given no graph.
        stand_in: a differentiable step near g, shape for shape; the identity where g hardly moves its input.
        name: what people call the whole.
        version: what you call this state of it; counts in its fingerprint, and answers for what that cannot cover.

    Guarantees:
        Scores are those of f(g(x)), bit for bit. Gradients are an approximation: a search that follows them finds failures that are real,
        as the door scores every move on f(g(x)) itself, and its silence says no more than before.
    Cost: one pass of g, of f and of the stand-in for each forward.

    Example:
        >>> import torch, shiftproof as sp
        >>> inner = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> coarse = StraightThrough(inner, preprocessing=lambda x: (x * 4).round() / 4, name="coarse")
        >>> x = torch.rand(3, 4, requires_grad=True)
        >>> bool((torch.autograd.grad(coarse.scores(x).sum(), x)[0] != 0).any())
        True

    Reference: Athalye, Carlini & Wagner 2018 [athalye2018obfuscated], "Obfuscated gradients give a false sense of security" (BPDA).
    """

    def __init__(
        self, model: Gradients, *, preprocessing: Preprocessing, stand_in: Preprocessing = _identity, name: str, version: str | None = None
    ) -> None:
        if not isinstance(model, Gradients):
            raise must("model", f"the model '{name}'", "give gradients", type(model).__name__, "Wrap a torch module with as_model.")
        whole = {"": model, ".preprocessing": preprocessing, ".stand_in": stand_in}
        known = fingerprint_of("straight_through", identify(whole, name, modal=True), version=version)
        note = f"The gradients of '{name}' are those of a stand-in for its preprocessing."
        super().__init__(name=name, fingerprint=known, notes=(*model.notes, note))
        self._model, self._preprocessing, self._stand_in = model, preprocessing, stand_in

    @property
    def device(self) -> torch.device:
        return self._model.device

    def scores(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            seen = self._preprocessing(x.detach().clone())  # which may write into it
        if not torch.is_grad_enabled():
            return self._model.scores(seen)
        return self._model.scores(straight_through(seen, self._shaped(self._stand_in(x), seen)))

    def _shaped(self, stand_in: Tensor, seen: Tensor) -> Tensor:
        if stand_in.shape != seen.shape:
            rule = f"answer in the shape of the preprocessing, {tuple(seen.shape)}"
            raise must("stand_in", f"the model '{self.name}'", rule, tuple(stand_in.shape))
        return stand_in


def straight_through(seen: Tensor, stand_in: Tensor) -> Tensor:
    """The values of `seen`, with the gradient of `stand_in`, of the same shape."""
    swapped: Tensor = _Swap.apply(seen, stand_in)  # type: ignore[no-untyped-call]
    return swapped


class _Swap(torch.autograd.Function):
    """The first of two tensors on the way forward, a gradient for the second on the way back."""

    @staticmethod
    def forward(seen: Tensor, _stand_in: Tensor) -> Tensor:
        return seen.clone()

    @staticmethod
    def setup_context(_ctx: object, _inputs: tuple[Tensor, Tensor], _output: Tensor) -> None:
        return None

    @staticmethod
    def backward(_ctx: object, gradient: Tensor) -> tuple[None, Tensor]:
        return None, gradient
