"""Builds a network step by step, for the readers of torch modules and ONNX files."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from shiftproof._errors import UsageError
from shiftproof.certificates.bounds.layers import (
    Concatenate,
    Convolution,
    Layer,
    LinearLayer,
    Positive,
    Reshape,
    ScaleLayer,
    Shape,
    Sum,
    numel,
)
from shiftproof.certificates.bounds.network import Network, Node, folded
from shiftproof.certificates.bounds.nonlinear_layers import SIGMOID, TANH, MaxPool, Nonlinearity, Relu

CURVES: dict[str, Nonlinearity] = {"relu": Relu(), "sigmoid": SIGMOID, "tanh": TANH}
RULES = (
    "linear layers, convolutions, batch normalisation, ReLU, sigmoid, tanh, average and max pooling, means, reshaping, slicing, zero "
    "padding, concatenation, sums of branches, and constants added or multiplied"
)


WITHOUT = "replace it by layers that have one, or certify with smoothing, which needs no structure"
"""What to do where a layer has no rule."""


def no_rule(layer: str, model: str) -> UsageError:
    """The message for a layer that bounds cannot pass."""
    fix = "Replace it by layers that have one, or certify with randomised smoothing, which needs no structure."
    return UsageError(f"The layer {layer} of the model '{model}' has no bound rule. Supported: {RULES}. {fix}")


class Builder:
    """Nodes so far; each method adds one and gives its index."""

    def __init__(self, shape: Shape, *, model: str, device: torch.device | None = None) -> None:
        self.nodes = [Node(None, (), shape, "input")]
        self.model = model
        self.device = device or torch.device("cpu")

    def shape(self, index: int) -> Shape:
        """The shape of one value of a node."""
        return self.nodes[index].shape

    def probe(self, index: int, examples: int = 1) -> Tensor:
        """Zeros of the shape of a node's values."""
        return torch.zeros(examples, *self.shape(index), dtype=torch.float64, device=self.device)

    def add(self, layer: Layer, inputs: Sequence[int], name: str) -> int:
        """Any layer; its shape is found by running it."""
        try:
            shape = tuple(layer(*(self.probe(i) for i in inputs)).shape[1:])
        except RuntimeError as error:
            first = str(error).splitlines()[0]
            raise UsageError(f"The layer {name} of the model '{self.model}' does not fit inputs of its shape: {first}.") from error
        self.nodes.append(Node(layer, tuple(inputs), shape, name))
        return len(self.nodes) - 1

    def tensor(self, value: Tensor | float) -> Tensor:
        """A constant in float64, where the network lies."""
        return torch.as_tensor(value).detach().to(self.device, torch.float64)

    def linear(self, x: int, weight: Tensor, bias: Tensor | None, name: str) -> int:
        """Weight (out, in) over the last axis."""
        return self.add(LinearLayer(self.tensor(weight), None if bias is None else self.tensor(bias)), [x], name)

    def convolution(
        self,
        x: int,
        weight: Tensor,
        bias: Tensor | None,
        name: str,
        *,
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        groups: int,
    ) -> int:
        """As torch's convolutions."""
        held = None if bias is None else self.tensor(bias)
        layer = Convolution(self.tensor(weight), held, tuple(stride), tuple(padding), tuple(dilation), groups)
        return self.add(layer, [x], name)

    def scale(self, x: int, name: str, *, scale: Tensor | float = 1.0, offset: Tensor | float = 0.0, inner: Tensor | float = 0.0) -> int:
        """Multiplies and adds, scale * x + offset; constants broadcast against one value."""
        parts = [self._one(part, x, name) for part in (scale, offset, inner)]
        return self.add(ScaleLayer(parts[0], parts[2].abs(), parts[1]), [x], name)

    def _one(self, constant: Tensor | float, x: int, name: str) -> Tensor:
        """A constant without the examples' axis."""
        value, shape = self.tensor(constant), self.shape(x)
        if value.dim() == len(shape) + 1 and value.shape[0] == 1:
            value = value[0]
        try:
            fits = torch.broadcast_shapes(value.shape, shape) == shape  # type: ignore[no-untyped-call]
        except RuntimeError:
            fits = False
        if not fits:
            shapes = f"{tuple(value.shape)} with values of shape {shape}"
            raise UsageError(
                f"The layer {name} of the model '{self.model}' combines a constant of shape {shapes}: there is no rule for that."
            )
        return value

    def normalise(
        self, x: int, name: str, *, mean: Tensor, variance: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> int:
        """Batch normalisation as it is when evaluated: (x - mean) / sqrt(variance + eps) * weight + bias, channel by channel."""
        each = (-1, *[1] * (len(self.shape(x)) - 1))
        mean, variance = self.tensor(mean), self.tensor(variance)
        scale = (variance + eps).rsqrt() * (1.0 if weight is None else self.tensor(weight))
        offset = (0.0 if bias is None else self.tensor(bias)) - mean * scale
        return self.scale(x, name, scale=scale.reshape(each), offset=offset.reshape(each), inner=mean.reshape(each))

    def curve(self, x: int, kind: str, name: str) -> int:
        """relu, sigmoid or tanh."""
        return self.add(CURVES[kind], [x], name)

    def reshape(self, x: int, shape: Shape, name: str) -> int:
        """The entries of each example in another shape."""
        return x if shape == self.shape(x) else self.add(Reshape(shape), [x], name)

    def flatten(self, x: int, name: str, start: int = 1, end: int = -1) -> int:
        """As torch's flatten, whose axis 0 is that of the examples."""
        shape = self.shape(x)
        first, last = (axis if axis >= 0 else axis + len(shape) + 1 for axis in (start, end))
        if first < 1:
            raise UsageError(f"The layer {name} of the model '{self.model}' flattens the batch axis. Flatten from axis 1 on.")
        return self.reshape(x, (*shape[: first - 1], numel(shape[first - 1 : last]), *shape[last:]), name)

    def positive(self, x: int, apply: Callable[[Tensor], Tensor], name: str, *, terms: int = 0) -> int:
        """A linear map without negative weights; `terms` is how many entries an output adds up."""
        return self.add(Positive(apply, terms, terms > 1), [x], name)

    def max_pool(self, x: int, pool: Callable[[Tensor], Tensor], unfold: Callable[[Tensor], Tensor], name: str) -> int:
        """Greatest entries: `pool` does it, `unfold` gives the windows' entries as (1, window, places), padding as 0."""
        shape = self.shape(x)
        if len(shape) != 3:
            raise no_rule(f"{name} (max pooling over {len(shape) - 1} axes)", self.model)
        places = torch.arange(1, numel(shape[1:]) + 1, dtype=torch.float64, device=self.device).reshape(1, 1, *shape[1:])
        windows = unfold(places)[0].T.round().long() - 1
        return self.add(MaxPool(pool, windows), [x], name)

    def max_pool_2d(
        self,
        x: int,
        name: str,
        *,
        kernel: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
        dilation: Sequence[int],
        ceil: bool = False,
    ) -> int:
        """Max pooling over two axes."""
        if ceil:
            raise no_rule(f"{name} (max pooling with ceil_mode)", self.model)
        k, s, p, d = tuple(kernel), tuple(stride), tuple(padding), tuple(dilation)
        return self.max_pool(
            x,
            lambda values: F.max_pool2d(values, k, s, p, d),
            lambda values: F.unfold(values, k, d, p, s),
            name,
        )

    def add_branches(self, branches: Sequence[int], signs: Sequence[int], name: str) -> int:
        """Sums and differences of values of one shape."""
        shapes = {self.shape(i) for i in branches}
        if len(shapes) > 1:
            raise no_rule(f"{name} (branches of shapes {' and '.join(map(str, sorted(shapes)))})", self.model)
        return self.add(Sum(tuple(signs)), branches, name)

    def concatenate(self, branches: Sequence[int], axis: int, name: str) -> int:
        """One after the other; axis 0 is the examples', which cannot be."""
        axis = axis if axis >= 0 else axis + len(self.shape(branches[0])) + 1
        if axis < 1:
            raise UsageError(f"The layer {name} of the model '{self.model}' concatenates along the batch axis. Use another axis than 0.")
        return self.add(Concatenate(axis - 1), branches, name)

    def network(self, output: int, *, unit: float) -> Network:
        """The finished network, ending in a node of scores."""
        shape = self.shape(output)
        if len(shape) != 1:
            raise UsageError(f"The scores of the model '{self.model}' must have shape (n, classes), got (n, {', '.join(map(str, shape))}).")
        used = _needed(self.nodes, output)
        place = {old: new for new, old in enumerate(used)}
        kept = [Node(n.layer, tuple(place[i] for i in n.inputs), n.shape, n.name) for n in (self.nodes[i] for i in used)]
        nodes = folded(kept)
        if len(nodes) == 1 or isinstance(nodes[-1].layer, Nonlinearity):  # bounds are those of a linear function of the last node
            nodes = (*nodes, Node(Reshape(shape), (len(nodes) - 1,), shape, "output"))
        return Network(nodes, unit)


def _needed(nodes: Sequence[Node], output: int) -> list[int]:
    """The indices that the output depends on, in order; the input always."""
    needed = {0, output}
    for index in range(output, 0, -1):
        if index in needed:
            needed.update(nodes[index].inputs)
    return sorted(i for i in needed if i <= output)
