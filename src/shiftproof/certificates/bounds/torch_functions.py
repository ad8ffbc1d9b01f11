"""The supported functions and tensor methods of a traced torch module, each as a step of a network.

The rules have the arguments of what they stand for, used or not.
"""
# ruff: noqa: ARG001, ARG005

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.certificates.bounds.builder import Builder, no_rule

EXAMPLES = 7919
"""What stands for the number of examples while shapes are read."""


@dataclass(frozen=True, eq=False)
class Ref:
    """A value that depends on the input: a node of the network under construction."""

    index: int
    build: Builder

    def then(self, index: int) -> Ref:
        """Another node of the same network."""
        return Ref(index, self.build)


def _pair(value: int | Sequence[int], axes: int) -> tuple[int, ...]:
    return (value,) * axes if isinstance(value, int) else tuple(value)


def _curve(kind: str) -> Callable[..., Ref]:
    def rule(build: Builder, name: str, x: Ref, inplace: bool = False) -> Ref:
        return x.then(build.curve(x.index, kind, name))

    return rule


def _same(build: Builder, name: str, x: Ref, *_: object, **__: object) -> Ref:
    return x


def _dropout(build: Builder, name: str, x: Ref, p: float = 0.5, training: bool = False, inplace: bool = False) -> Ref:
    if training:
        raise no_rule(f"{name} (dropout that stays on)", build.model)
    return x


def _linear(build: Builder, name: str, x: Ref, weight: Tensor, bias: Tensor | None = None) -> Ref:
    return x.then(build.linear(x.index, weight, bias, name))


def _matmul(build: Builder, name: str, x: object, weight: object) -> Ref:
    if not isinstance(x, Ref) or not isinstance(weight, Tensor) or weight.dim() != 2:
        raise no_rule(name, build.model)
    return x.then(build.linear(x.index, weight.T, None, name))


def _convolution(
    build: Builder,
    name: str,
    x: Ref,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | str | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Ref:
    axes = weight.dim() - 2
    steps, spread = _pair(stride, axes), _pair(dilation, axes)
    kernel = weight.shape[2:]
    if padding == "valid":
        padding = 0
    if isinstance(padding, str):  # "same": more at the end where the kernel is even
        left = [(d * (k - 1)) // 2 for k, d in zip(kernel, spread, strict=True)]
        right = [d * (k - 1) - before for k, d, before in zip(kernel, spread, left, strict=True)]
        ends = [side for pair in zip(reversed(left), reversed(right), strict=True) for side in pair]
        x = _pad(build, name, x, ends)
        padding = 0
    options = {"stride": steps, "padding": _pair(padding, axes), "dilation": spread}
    return x.then(build.convolution(x.index, weight, bias, name, groups=groups, **options))


def _add(sign: int) -> Callable[..., Ref]:
    def rule(build: Builder, name: str, x: object, y: object, *, alpha: float = 1) -> Ref:
        if isinstance(x, Ref) and isinstance(y, Ref):
            if alpha != 1:
                y = y.then(build.scale(y.index, name, scale=alpha))
            return x.then(build.add_branches([x.index, y.index], [1, sign], name))
        if isinstance(x, Ref) and isinstance(y, Tensor | int | float):
            return x.then(build.scale(x.index, name, offset=sign * alpha * build.tensor(y)))
        if isinstance(y, Ref) and isinstance(x, Tensor | int | float):
            return y.then(build.scale(y.index, name, scale=sign * alpha, offset=x))
        raise no_rule(name, build.model)

    return rule


def _multiply(build: Builder, name: str, x: object, y: object) -> Ref:
    ref, factor = (x, y) if isinstance(x, Ref) else (y, x)
    if not isinstance(ref, Ref) or not isinstance(factor, Tensor | int | float):
        raise no_rule(f"{name} (a product of two values that depend on the input)", build.model)
    return ref.then(build.scale(ref.index, name, scale=factor))


def _divide(build: Builder, name: str, x: object, y: object) -> Ref:
    if not isinstance(x, Ref) or not isinstance(y, Tensor | int | float):
        raise no_rule(f"{name} (division by a value that depends on the input)", build.model)
    return x.then(build.scale(x.index, name, scale=1.0 / build.tensor(y)))


def _negate(build: Builder, name: str, x: Ref) -> Ref:
    return x.then(build.scale(x.index, name, scale=-1.0))


def _flatten(build: Builder, name: str, x: Ref, start_dim: int = 0, end_dim: int = -1) -> Ref:
    return x.then(build.flatten(x.index, name, start_dim, end_dim))


def _reshape(build: Builder, name: str, x: Ref, *shape: Any) -> Ref:
    wanted = tuple(shape[0]) if shape and isinstance(shape[0], tuple | list | torch.Size) else shape
    try:
        made = tuple(torch.empty(EXAMPLES, *build.shape(x.index), device="meta").reshape(wanted).shape)
    except RuntimeError:
        made = ()
    if not made or made[0] != EXAMPLES:
        raise UsageError(f"The layer {name} of the model '{build.model}' mixes examples. Keep axis 0: x.reshape(len(x), -1).")
    return x.then(build.reshape(x.index, made[1:], name))


def _size(build: Builder, name: str, x: Ref, dim: int | None = None) -> object:
    shape = torch.Size((EXAMPLES, *build.shape(x.index)))
    return shape if dim is None else shape[dim]


def _attribute(build: Builder, name: str, x: Ref, attribute: str) -> object:
    if attribute == "shape":
        return _size(build, name, x)
    if attribute == "ndim":
        return len(build.shape(x.index)) + 1
    raise no_rule(f"{name} (.{attribute})", build.model)


def _item(build: Builder, name: str, x: Ref, at: Any) -> Ref:
    at = at if isinstance(at, tuple) else (at,)
    whole = at and (at[0] is Ellipsis or at[0] == slice(None))
    if not whole or any(not isinstance(each, int | slice | type(Ellipsis)) and each is not None for each in at):
        raise no_rule(f"{name} (indexing the examples, or by a tensor)", build.model)
    return x.then(build.positive(x.index, lambda values: values[at], name))


def _moved(function: Callable[..., Tensor]) -> Callable[..., Ref]:
    """Rearrangements: the entries stay what they are."""

    def rule(build: Builder, name: str, x: Ref, *args: Any, **kwargs: Any) -> Ref:
        made = function(torch.empty(EXAMPLES, *build.shape(x.index), device="meta"), *args, **kwargs)
        if made.shape[0] != EXAMPLES:
            raise UsageError(f"The layer {name} of the model '{build.model}' mixes examples. Keep axis 0 in its place.")
        return x.then(build.positive(x.index, lambda values: function(values, *args, **kwargs), name))

    return rule


def _pad(build: Builder, name: str, x: Ref, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Ref:
    ends = tuple(pad)
    if mode != "constant" or value or len(ends) > 2 * len(build.shape(x.index)):
        raise no_rule(f"{name} (padding other than by zeros)", build.model)
    return x.then(build.positive(x.index, lambda values: F.pad(values, ends), name))


def _mean(build: Builder, name: str, x: Ref, dim: int | Sequence[int] | None = None, keepdim: bool = False) -> Ref:
    axes = (dim,) if isinstance(dim, int) else tuple(dim or ())
    rank = len(build.shape(x.index)) + 1
    if not axes or any(axis % rank == 0 for axis in axes):
        raise UsageError(f"The layer {name} of the model '{build.model}' mixes examples. Name the axes to average, other than 0.")
    terms = 1
    for axis in axes:
        terms *= build.shape(x.index)[axis % rank - 1]
    return x.then(build.positive(x.index, lambda values: values.mean(axes, keepdim=keepdim), name, terms=terms + 1))


def _avg_pool(
    build: Builder,
    name: str,
    x: Ref,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Ref:
    kernel = _pair(kernel_size, 2)
    options = (kernel, _pair(stride or kernel, 2), _pair(padding, 2), ceil_mode, count_include_pad, divisor_override)
    return x.then(build.positive(x.index, lambda values: F.avg_pool2d(values, *options), name, terms=kernel[0] * kernel[1] + 1))


def _adaptive_avg_pool(build: Builder, name: str, x: Ref, output_size: Any) -> Ref:
    terms = build.shape(x.index)[-1] * build.shape(x.index)[-2] + 1
    return x.then(build.positive(x.index, lambda values: F.adaptive_avg_pool2d(values, output_size), name, terms=terms))


def _max_pool(
    build: Builder,
    name: str,
    x: Ref,
    kernel_size: int | Sequence[int],
    stride: int | Sequence[int] | None = None,
    padding: int | Sequence[int] = 0,
    dilation: int | Sequence[int] = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Ref:
    if return_indices:
        raise no_rule(f"{name} (max pooling with return_indices)", build.model)
    kernel, around, spread = _pair(kernel_size, 2), _pair(padding, 2), _pair(dilation, 2)
    steps = _pair(stride or kernel, 2)
    return x.then(build.max_pool_2d(x.index, name, kernel=kernel, stride=steps, padding=around, dilation=spread, ceil=ceil_mode))


def _concatenate(build: Builder, name: str, tensors: Sequence[object], dim: int = 0) -> Ref:
    refs = [each for each in tensors if isinstance(each, Ref)]
    if len(refs) != len(tensors):
        raise no_rule(f"{name} (concatenation with a constant)", build.model)
    return refs[0].then(build.concatenate([each.index for each in refs], dim, name))


def _batch_norm(
    build: Builder,
    name: str,
    x: Ref,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Ref:
    if training or running_mean is None or running_var is None:
        raise no_rule(f"{name} (statistics of the batch)", build.model)
    return x.then(build.normalise(x.index, name, mean=running_mean, variance=running_var, weight=weight, bias=bias, eps=eps))


FUNCTIONS: dict[object, Callable[..., object]] = {
    **dict.fromkeys((F.relu, F.relu_, torch.relu, torch.relu_), _curve("relu")),
    **dict.fromkeys((F.sigmoid, torch.sigmoid), _curve("sigmoid")),
    **dict.fromkeys((F.tanh, torch.tanh), _curve("tanh")),
    **dict.fromkeys((F.dropout, F.dropout2d), _dropout),
    F.linear: _linear,
    **dict.fromkeys((torch.matmul, operator.matmul), _matmul),
    **dict.fromkeys((F.conv1d, F.conv2d, F.conv3d), _convolution),
    F.batch_norm: _batch_norm,
    **dict.fromkeys((operator.add, operator.iadd, torch.add), _add(1)),
    **dict.fromkeys((operator.sub, operator.isub, torch.sub), _add(-1)),
    **dict.fromkeys((operator.mul, operator.imul, torch.mul), _multiply),
    **dict.fromkeys((operator.truediv, operator.itruediv, torch.div), _divide),
    **dict.fromkeys((operator.neg, torch.neg), _negate),
    torch.flatten: _flatten,
    torch.reshape: _reshape,
    getattr: _attribute,
    operator.getitem: _item,
    **{function: _moved(function) for function in (torch.permute, torch.transpose, torch.squeeze, torch.unsqueeze)},
    F.pad: _pad,
    torch.mean: _mean,
    F.avg_pool2d: _avg_pool,
    F.adaptive_avg_pool2d: _adaptive_avg_pool,
    **dict.fromkeys((F.max_pool2d, torch.max_pool2d), _max_pool),
    **dict.fromkeys((torch.cat, torch.concat), _concatenate),
}
METHODS: dict[object, Callable[..., object]] = {
    **dict.fromkeys(("relu", "relu_"), _curve("relu")),
    "sigmoid": _curve("sigmoid"),
    "tanh": _curve("tanh"),
    **dict.fromkeys(("contiguous", "clone", "float", "double", "to", "detach"), _same),
    **dict.fromkeys(("add", "add_"), _add(1)),
    **dict.fromkeys(("sub", "sub_"), _add(-1)),
    **dict.fromkeys(("mul", "mul_"), _multiply),
    **dict.fromkeys(("div", "div_"), _divide),
    "matmul": _matmul,
    "neg": _negate,
    "flatten": _flatten,
    **dict.fromkeys(("view", "reshape"), _reshape),
    "size": _size,
    "dim": lambda build, name, x: len(build.shape(x.index)) + 1,
    "mean": _mean,
    **{name: _moved(getattr(torch.Tensor, name)) for name in ("permute", "transpose", "squeeze", "unsqueeze")},
}
