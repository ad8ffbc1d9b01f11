"""Reads a torch module as a network, from its trace (torch.fx) as it is when evaluated, which must do step by step what the module does."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F

from shiftproof._errors import NotCertifiable, UsageError
from shiftproof.certificates.bounds.builder import WITHOUT, Builder, no_rule
from shiftproof.certificates.bounds.check_outputs import check_same
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.torch_functions import FUNCTIONS, METHODS, Ref
from shiftproof.certificates.bounds.trace import beyond, check_steps, device_of, dtype_of, graph_of, kept, scores_of, unseen

_EXAMPLES = 2
"""Examples that shapes are read with; not 1, so that a fixed number of examples is noticed."""
_COMPARED = 3
"""Inputs on which the steps of a module are compared with those of its trace; the scores are on all."""


def read_torch(
    module: nn.Module,
    shape: Sequence[int],
    *,
    name: str = "model",
    x: Tensor | None = None,
    scorer: Callable[[Tensor], Tensor] | None = None,
) -> Network:
    """The network that a module computes in evaluation mode.

    Args:
        module: maps (n, *shape) to scores (n, classes). It is left as it was.
        shape: of one input.
        name: what people call it, for messages.
        x: inputs (n, *shape), n at least 2, on which module and network are compared; two of fixed values in [0, 1] where absent.
        scorer: what gives the scores that decide; the module itself where absent.

    Raises:
        UsageError: it cannot be traced, has a layer without a rule, or does something that the trace does not show.
    """
    why = beyond(module, name) or unseen(module, name)
    if why:
        raise NotCertifiable(f"The model '{name}' cannot be read: {why}.")
    with kept(module):
        x = (_fixed(tuple(shape)) if x is None else x).to(device_of(module))
        x = x.to(dtype_of(module, x.dtype))
        graph = graph_of(module, name)
        check_steps(module, graph, x[:: max(1, len(x) // _COMPARED)][:_COMPARED], name)
        reader = _TorchReader(module, Builder(tuple(shape), model=name, device=x.device))
        network = reader.run(graph, torch.finfo(x.dtype).eps / 2)
        check_same(network, scorer or (lambda given: scores_of(module(given.clone()), name)), x, name, "it computes")
    return network


def _fixed(shape: tuple[int, ...]) -> Tensor:
    count = int(torch.Size(shape).numel())
    spread = (torch.arange(_EXAMPLES * count, dtype=torch.float64) * 0.7548776662466927) % 1.0
    return spread.reshape(_EXAMPLES, *shape).float()


def objection_to(module: nn.Module, name: str) -> str | None:
    """Why a module cannot be read, as half a sentence, as far as that shows without inputs."""
    why = beyond(module, name)
    if why or unseen(module, name):  # the latter is said where it is read, with what it is found in
        return why
    try:
        with kept(module):
            graph = graph_of(module, name)
    except NotCertifiable:
        return None
    except UsageError as error:
        return str(error).rstrip(".").removeprefix("The model ")
    for node in graph.nodes:
        layer = module.get_submodule(str(node.target)) if node.op == "call_module" else None
        if layer is not None and _rule(layer) is None:
            return f"the layer {node.target} ({type(layer).__name__}) of '{name}' has no bound rule: {WITHOUT}"
        table: Any = {"call_function": FUNCTIONS, "call_method": METHODS}.get(node.op)
        if table is not None and node.target not in table and node.all_input_nodes:
            return f"'{name}' calls {_target_name(node)}, which has no bound rule: {WITHOUT}"
    return None


def _target_name(node: fx.Node) -> str:
    return node.target if isinstance(node.target, str) else node.target.__name__


class _TorchReader:
    """Walks a traced graph, with a node's index where a value depends on the input and the value itself where it does not."""

    def __init__(self, module: nn.Module, builder: Builder) -> None:
        self.module, self.build = module, builder
        self.values: dict[fx.Node, Any] = {}

    def run(self, graph: fx.Graph, unit: float) -> Network:
        for node in graph.nodes:
            if node.op == "output":
                out = self._logits(self._value(node.args[0]))
                return self.build.network(out.index, unit=unit)
            self.values[node] = self._step(node)
        raise UsageError(f"The model '{self.build.model}' gives nothing.")  # pragma: no cover  # a trace ends with its output

    def _logits(self, out: object) -> Ref:
        if isinstance(out, dict):
            out = out.get("logits")
        if not isinstance(out, Ref):
            raise UsageError(
                f"The scores of the model '{self.build.model}' must be a tensor that depends on its input, got {type(out).__name__}."
            )
        return out

    def _value(self, argument: object) -> Any:
        return fx.node.map_arg(cast("Any", argument), lambda node: self.values[node])

    def _step(self, node: fx.Node) -> object:
        args, kwargs = self._value(node.args), self._value(node.kwargs)
        if node.op == "placeholder":
            if self.values:
                if node.args:
                    return node.args[0]  # an option with a default
                raise UsageError(f"The model '{self.build.model}' takes several inputs. Wrap it in a module of one.")
            return Ref(0, self.build)
        if node.op == "get_attr":
            return operator.attrgetter(str(node.target))(self.module)
        if node.op == "call_module":
            return self._module(self.module.get_submodule(str(node.target)), (*args, *kwargs.values()), str(node.target))
        name = f"{node.name} ({_target_name(node)})"
        table: dict[Any, Callable[..., object]] = METHODS if node.op == "call_method" else FUNCTIONS
        target: Any = node.target
        if not _depends_on_input((args, kwargs)):  # constants among themselves
            return getattr(args[0], target)(*args[1:], **kwargs) if node.op == "call_method" else target(*args, **kwargs)
        if target not in table:
            raise no_rule(name, self.build.model)
        try:
            return table[target](self.build, name, *args, **kwargs)
        except TypeError as error:
            raise no_rule(f"{name}, as it is called here", self.build.model) from error

    def _module(self, layer: nn.Module, args: tuple[Any, ...], name: str) -> object:
        label = f"{name} ({type(layer).__name__})"
        x = args[0]
        rule = _rule(layer)
        if rule is None:
            raise no_rule(label, self.build.model)
        return rule(self.build, label, x, layer)


def _rule(layer: nn.Module) -> Callable[[Builder, str, Ref, Any], object] | None:
    ours = type(layer).__module__.startswith("torch.nn")  # a subclass of someone else's may compute anything
    return next((rule for kinds, rule in _MODULES if ours and isinstance(layer, kinds)), None)


def _depends_on_input(value: object) -> bool:
    if isinstance(value, Ref):
        return True
    if isinstance(value, dict):
        return any(_depends_on_input(each) for each in value.values())
    return isinstance(value, tuple | list) and any(_depends_on_input(each) for each in value)


def _linear(build: Builder, name: str, x: Ref, layer: Any) -> Ref:
    return x.then(build.linear(x.index, layer.weight, layer.bias, name))


def _convolution(build: Builder, name: str, x: Ref, layer: Any) -> Ref:
    if layer.padding_mode != "zeros":
        raise no_rule(f"{name} (padding mode {layer.padding_mode})", build.model)
    return cast(
        "Ref", FUNCTIONS[F.conv2d](build, name, x, layer.weight, layer.bias, layer.stride, layer.padding, layer.dilation, layer.groups)
    )


def _batch_norm(build: Builder, name: str, x: Ref, layer: Any) -> Ref:
    if layer.running_mean is None:
        raise no_rule(f"{name} (statistics of the batch)", build.model)
    parts = {"mean": layer.running_mean, "variance": layer.running_var, "weight": layer.weight, "bias": layer.bias}
    return x.then(build.normalise(x.index, name, eps=layer.eps, **parts))


def _avg_pool(build: Builder, name: str, x: Ref, layer: Any) -> object:
    options = (layer.kernel_size, layer.stride, layer.padding, layer.ceil_mode, layer.count_include_pad, layer.divisor_override)
    return FUNCTIONS[F.avg_pool2d](build, name, x, *options)


def _max_pool(build: Builder, name: str, x: Ref, layer: Any) -> object:
    return FUNCTIONS[F.max_pool2d](build, name, x, layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode)


_MODULES: tuple[tuple[tuple[type[nn.Module], ...], Callable[[Builder, str, Ref, Any], object]], ...] = (
    ((nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout), lambda _, __, x, ___: x),
    ((nn.Linear,), _linear),
    ((nn.Conv1d, nn.Conv2d, nn.Conv3d), _convolution),
    ((nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d), _batch_norm),
    ((nn.ReLU,), lambda b, n, x, _: x.then(b.curve(x.index, "relu", n))),
    ((nn.Sigmoid,), lambda b, n, x, _: x.then(b.curve(x.index, "sigmoid", n))),
    ((nn.Tanh,), lambda b, n, x, _: x.then(b.curve(x.index, "tanh", n))),
    ((nn.Flatten,), lambda b, n, x, layer: x.then(b.flatten(x.index, n, layer.start_dim, layer.end_dim))),
    ((nn.AvgPool2d,), _avg_pool),
    ((nn.AdaptiveAvgPool2d,), lambda b, n, x, layer: FUNCTIONS[F.adaptive_avg_pool2d](b, n, x, layer.output_size)),
    ((nn.MaxPool2d,), _max_pool),
    ((nn.ZeroPad2d, nn.ConstantPad2d), lambda b, n, x, layer: FUNCTIONS[F.pad](b, n, x, layer.padding, "constant", layer.value)),
)
