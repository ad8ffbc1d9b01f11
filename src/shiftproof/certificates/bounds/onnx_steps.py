"""The supported ONNX operators, each as a step of a network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.certificates.bounds.builder import Builder, no_rule
from shiftproof.certificates.bounds.layers import numel
from shiftproof.certificates.bounds.torch_functions import EXAMPLES

Value = int | Tensor
"""An index of a node where a value depends on the input, else the constant itself."""


class OnnxCall:
    """One node's inputs and attributes."""

    def __init__(self, build: Builder, name: str, inputs: Sequence[Value | None], options: Mapping[str, Any]) -> None:
        self.build, self.name, self.inputs, self.options = build, name, inputs, options

    def refused(self, why: str = "") -> UsageError:
        return no_rule(f"{self.name}{f' ({why})' if why else ''}", self.build.model)

    @property
    def x(self) -> int:
        """The first input, which must depend on the network's."""
        first = self.inputs[0]
        if not isinstance(first, int):
            raise self.refused("of a constant")
        return first

    def constant(self, place: int) -> Tensor | None:
        """A constant input; None where it is left out."""
        value = self.inputs[place] if place < len(self.inputs) else None
        if isinstance(value, int):
            raise self.refused("by a value that depends on the input")
        return value

    def needed(self, place: int) -> Tensor:
        """A constant input that must be there."""
        value = self.constant(place)
        if value is None:
            raise self.refused("an input is missing")
        return value

    def whole(self, place: int, option: str) -> list[int] | None:
        """Whole numbers, which older files have as an attribute and newer ones as an input."""
        if option in self.options:
            value = self.options[option]
            return [int(each) for each in (value if isinstance(value, list | tuple) else [value])]
        found = self.constant(place)
        return None if found is None else [int(each) for each in found.flatten().tolist()]

    def windows(self, axes: int) -> tuple[list[int], list[int], list[int], list[int]]:
        """Strides, dilations and the padding at the start and end of each axis."""
        pads = list(self.options.get("pads", [0] * 2 * axes))
        auto = self.options.get("auto_pad", b"NOTSET")
        if auto not in (b"NOTSET", b"VALID") or (auto == b"VALID" and any(pads)):
            raise self.refused(f"auto_pad {auto.decode()}")
        return list(self.options.get("strides", [1] * axes)), list(self.options.get("dilations", [1] * axes)), pads[:axes], pads[axes:]


def _gemm(call: OnnxCall) -> int:
    weight, bias = call.needed(1).double(), call.constant(2)
    if call.options.get("transA", 0):
        raise call.refused("transA")
    weight = weight if call.options.get("transB", 0) else weight.T
    if bias is not None and (bias.dim() > 2 or bias.numel() not in (1, len(weight)) or (bias.dim() == 2 and bias.shape[0] != 1)):
        raise call.refused("a bias that is not one number per output")
    alpha, beta = call.options.get("alpha", 1.0), call.options.get("beta", 1.0)
    added = None if bias is None else bias.double().flatten().expand(len(weight))
    if alpha == beta == 1:
        return call.build.linear(call.x, weight, added, call.name)
    product = call.build.linear(call.x, weight, None, call.name)
    return call.build.scale(product, call.name, scale=alpha, offset=0.0 if added is None else beta * added)


def _matmul(call: OnnxCall) -> int:
    weight = call.needed(1)
    if weight.dim() != 2:
        raise call.refused("by a stack of matrices")
    return call.build.linear(call.x, weight.T, None, call.name)


def _convolution(call: OnnxCall) -> int:
    weight = call.needed(1)
    strides, dilations, start, end = call.windows(weight.dim() - 2)
    x = call.x
    if start != end:
        x, start = _padded(call, x, start, end), [0] * len(start)
    options = {"stride": strides, "padding": start, "dilation": dilations}
    return call.build.convolution(x, weight, call.constant(2), call.name, groups=call.options.get("group", 1), **options)


def _padded(call: OnnxCall, x: int, start: Sequence[int], end: Sequence[int]) -> int:
    ends = [side for pair in zip(reversed(start), reversed(end), strict=True) for side in pair]
    if min(ends, default=0) < 0:
        raise call.refused("negative padding")
    return call.build.positive(x, lambda values: F.pad(values, ends), call.name)


def _pad(call: OnnxCall) -> int:
    pads, value = call.whole(1, "pads") or [], call.constant(2)
    half = len(pads) // 2
    filled = call.options.get("value", 0.0) != 0 or (value is not None and bool((value != 0).any()))
    some = call.constant(3) is not None  # axes
    if call.options.get("mode", b"constant") != b"constant" or filled or some or half != len(call.build.shape(call.x)) + 1:
        raise call.refused("other than zeros on all axes")
    if pads[0] or pads[half]:
        raise call.refused("of the batch axis")
    return _padded(call, call.x, pads[1:half], pads[half + 1 :])


def _batch_norm(call: OnnxCall) -> int:
    weight, bias, mean, variance = (call.needed(i) for i in range(1, 5))
    eps = call.options.get("epsilon", 1e-5)
    return call.build.normalise(call.x, call.name, mean=mean, variance=variance, weight=weight, bias=bias, eps=eps)


def _sum(sign: int) -> Callable[[OnnxCall], int]:
    def rule(call: OnnxCall) -> int:
        left, right = call.inputs[0], call.inputs[1]
        if isinstance(left, int) and isinstance(right, int):
            return call.build.add_branches([left, right], [1, sign], call.name)
        if isinstance(left, int):
            return call.build.scale(left, call.name, offset=sign * _lean(call, right, left))
        assert isinstance(right, int)
        return call.build.scale(right, call.name, scale=float(sign), offset=_lean(call, left, right))

    return rule


def _product(divided: bool) -> Callable[[OnnxCall], int]:
    def rule(call: OnnxCall) -> int:
        left, right = call.inputs[0], call.inputs[1]
        if isinstance(left, int) and not isinstance(right, int):
            factor = _lean(call, right, left).double()
            return call.build.scale(left, call.name, scale=1.0 / factor if divided else factor)
        if isinstance(right, int) and not isinstance(left, int) and not divided:
            return call.build.scale(right, call.name, scale=_lean(call, left, right))
        raise call.refused("of two values that depend on the input")

    return rule


def _lean(call: OnnxCall, value: Value | None, beside: int) -> Tensor:
    assert isinstance(value, Tensor)
    return value[0] if value.dim() == len(call.build.shape(beside)) + 1 and len(value) == 1 else value


def _flatten(call: OnnxCall) -> int:
    if call.options.get("axis", 1) != 1:
        raise call.refused(f"axis {call.options['axis']}")
    return call.build.flatten(call.x, call.name)


def _reshape(call: OnnxCall) -> int:
    wanted = call.whole(1, "shape") or []
    have = (EXAMPLES, *call.build.shape(call.x))
    given = [have[i] if size == 0 else size for i, size in enumerate(wanted)]
    if given and given[0] == 1:  # files made for one example
        given[0] = EXAMPLES
    if -1 in given:
        given[given.index(-1)] = numel(have) // max(1, -numel(tuple(given)))
    if numel(tuple(given)) != numel(have) or given[0] != EXAMPLES:
        raise call.refused(f"to {wanted}, which mixes examples")
    return call.build.reshape(call.x, tuple(given[1:]), call.name)


def _squeezed(call: OnnxCall) -> int:
    axes, shape = call.whole(1, "axes"), [EXAMPLES, *call.build.shape(call.x)]
    if axes is None or any(axis % len(shape) == 0 for axis in axes):
        raise call.refused("of the batch axis")
    gone = {axis % len(shape) for axis in axes}
    return call.build.reshape(call.x, tuple(size for i, size in enumerate(shape) if i not in gone and i), call.name)


def _unsqueezed(call: OnnxCall) -> int:
    axes, shape = call.whole(1, "axes") or [], [*call.build.shape(call.x)]
    rank = len(shape) + 1 + len(axes)
    for axis in sorted(axis % rank for axis in axes):
        if axis == 0:
            raise call.refused("before the batch axis")
        shape.insert(axis - 1, 1)
    return call.build.reshape(call.x, tuple(shape), call.name)


def _transpose(call: OnnxCall) -> int:
    order = tuple(call.options.get("perm", ()))
    if order[:1] != (0,):
        raise call.refused("of the batch axis")
    return call.build.positive(call.x, lambda values: values.permute(order), call.name)


def _concatenate(call: OnnxCall) -> int:
    branches = [each for each in call.inputs if isinstance(each, int)]
    if len(branches) != len(call.inputs):
        raise call.refused("with a constant")
    if "axis" not in call.options:
        raise call.refused("without an axis")
    return call.build.concatenate(branches, call.options["axis"], call.name)


def _dropout(call: OnnxCall) -> int:
    training = call.constant(2)
    if training is not None and bool(training.any()):
        raise call.refused("that stays on")
    return call.x


def _average(call: OnnxCall) -> int:
    kernel = list(call.options["kernel_shape"])
    strides, dilations, start, end = call.windows(len(kernel))
    if len(kernel) != 2 or start != end or max(dilations) > 1 or call.options.get("ceil_mode", 0):
        raise call.refused("uneven padding, dilation or ceil_mode")
    counts = bool(call.options.get("count_include_pad", 0))
    pool = (tuple(kernel), tuple(strides), tuple(start), False, counts)
    return call.build.positive(call.x, lambda values: F.avg_pool2d(values, *pool), call.name, terms=numel(tuple(kernel)) + 1)


def _max_pool(call: OnnxCall) -> int:
    kernel = list(call.options["kernel_shape"])
    strides, dilations, start, end = call.windows(len(kernel))
    if len(kernel) != 2 or start != end:
        raise call.refused("uneven padding")
    options = {"kernel": kernel, "stride": strides, "padding": start, "dilation": dilations}
    return call.build.max_pool_2d(call.x, call.name, ceil=bool(call.options.get("ceil_mode", 0)), **options)


def _mean(call: OnnxCall) -> int:
    axes, keep = call.whole(1, "axes"), bool(call.options.get("keepdims", 1))
    shape = (EXAMPLES, *call.build.shape(call.x))
    if not axes or any(axis % len(shape) == 0 for axis in axes):
        raise call.refused("over the examples")
    terms = numel(tuple(shape[axis % len(shape)] for axis in axes)) + 1
    return call.build.positive(call.x, lambda values: values.mean(tuple(axes), keepdim=keep), call.name, terms=terms)


def _global_mean(call: OnnxCall) -> int:
    axes = tuple(range(2, len(call.build.shape(call.x)) + 1))
    terms = numel(call.build.shape(call.x)[1:]) + 1
    return call.build.positive(call.x, lambda values: values.mean(axes, keepdim=True), call.name, terms=terms)


RULES: dict[str, Callable[[OnnxCall], int]] = {
    "Gemm": _gemm,
    "MatMul": _matmul,
    "Conv": _convolution,
    "BatchNormalization": _batch_norm,
    "Add": _sum(1),
    "Sub": _sum(-1),
    "Mul": _product(False),
    "Div": _product(True),
    "Neg": lambda call: call.build.scale(call.x, call.name, scale=-1.0),
    "Relu": lambda call: call.build.curve(call.x, "relu", call.name),
    "Sigmoid": lambda call: call.build.curve(call.x, "sigmoid", call.name),
    "Tanh": lambda call: call.build.curve(call.x, "tanh", call.name),
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Squeeze": _squeezed,
    "Unsqueeze": _unsqueezed,
    "Transpose": _transpose,
    "Concat": _concatenate,
    "Pad": _pad,
    "AveragePool": _average,
    "GlobalAveragePool": _global_mean,
    "ReduceMean": _mean,
    "MaxPool": _max_pool,
    "Identity": lambda call: call.x,
    "Dropout": _dropout,
}
_POOLING = ("kernel_shape", "strides", "pads", "dilations", "auto_pad")
OPTIONS: dict[str, tuple[str, ...]] = {
    "Gemm": ("alpha", "beta", "transA", "transB"),
    "Conv": (*_POOLING, "group"),
    "BatchNormalization": ("epsilon", "momentum"),
    "Flatten": ("axis",),
    "Reshape": ("shape",),
    "Squeeze": ("axes",),
    "Unsqueeze": ("axes",),
    "Transpose": ("perm",),
    "Concat": ("axis",),
    "Pad": ("pads", "mode", "value"),
    "AveragePool": (*_POOLING, "ceil_mode", "count_include_pad"),
    "ReduceMean": ("axes", "keepdims"),
    "MaxPool": (*_POOLING, "ceil_mode"),
    "Dropout": ("ratio", "seed"),
}
"""The attributes that each rule reads, or that change nothing."""
HARMLESS: dict[str, object] = {"training_mode": 0, "spatial": 1, "storage_order": 0, "allowzero": 0, "noop_with_empty_axes": 0}
"""Attributes that change nothing where they have this value."""
DRAWN = ("RandomNormal", "RandomUniform", "RandomNormalLike", "RandomUniformLike", "Multinomial", "Bernoulli", "Dropout")
"""Steps whose values are drawn at every run, and are no constants."""
SEVERAL = ("MaxPool", "Dropout")
"""Steps whose outputs after the first say nothing about how the first is made."""
