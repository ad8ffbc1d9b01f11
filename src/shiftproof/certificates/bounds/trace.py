"""Traces a torch module, and checks that the trace does step by step what the module does."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, fx, nn
from torch.nn.modules import module as hooks
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from shiftproof._batches import out_of_memory
from shiftproof._errors import NotCertifiable, UsageError
from shiftproof.certificates.bounds.precision import reduced_precision
from shiftproof.models.query_count import count_sent

_PRECISIONS = (torch.float32, torch.float64)
_EVERYWHERE = (hooks._global_forward_hooks, hooks._global_forward_pre_hooks)


def beyond(module: nn.Module, name: str) -> str | None:
    """Why bounds do not cover a module, whatever its layers are, as half a sentence."""
    kinds = {held.dtype for held in module.parameters() if held.is_floating_point()} | {dtype_of(module, torch.float32)}
    if kinds - {*_PRECISIONS}:
        return f"it needs weights in float32 or float64, and '{name}' has {(kinds - {*_PRECISIONS}).pop()}".replace("torch.", "")
    if any(part._forward_hooks or part._forward_pre_hooks for part in module.modules()):
        return f"'{name}' has forward hooks, whose effect is unknown"
    return None


def unseen(module: nn.Module, name: str) -> str | None:
    """What a trace of this module would not show, as half a sentence, as far as that can be told without running it."""
    if any(_EVERYWHERE):
        return "forward hooks are set for all modules, and their effect is unknown"
    for part in module.modules():
        if isinstance(part, torch.jit.ScriptModule):
            return f"'{name}' is TorchScript; certify the module that it was made from, or export it to ONNX"
        if "forward" in vars(part):
            return f"the forward of {type(part).__name__} in '{name}' was replaced on the instance"
    values = [value for part in module.modules() for value in vars(part).values() if isinstance(value, Tensor)]
    for held in (*_held(module), *values):
        if type(held) not in (Tensor, nn.Parameter) or held.layout is not torch.strided:
            return f"'{name}' holds a {type(held).__name__} ({held.layout}), a kind of tensor with operations of its own"
    return None


def _held(module: nn.Module) -> list[Tensor]:
    return [*module.parameters(), *module.buffers()]


def dtype_of(module: nn.Module, otherwise: torch.dtype) -> torch.dtype:
    """The type that a module computes in: that of its first floating tensor."""
    return next((held.dtype for held in _held(module) if held.is_floating_point()), otherwise)


def device_of(module: nn.Module) -> torch.device:
    """Where a module computes."""
    return next((held.device for held in _held(module)), torch.device("cpu"))


@contextmanager
def kept(module: nn.Module) -> Iterator[None]:
    """In evaluation mode for the time being; afterwards every attribute, parameter, buffer and submodule is the one that it was."""
    saved = [(each, dict(each)) for part in module.modules() for each in (vars(part), part._parameters, part._buffers, part._modules)]
    for part in module.modules():
        part.training = False
    try:
        yield
    finally:
        for each, before in saved:
            each.clear()
            each.update(before)


class _Proxy(fx.Proxy):
    """A traced value that also writes down `x += y`, which torch.fx takes for x + y although other names of x change with it."""

    def _in_place(self, function: Callable[..., object], other: object) -> fx.Proxy:
        return self.tracer.create_proxy("call_function", function, (self, other), {})

    def __iadd__(self, other: object) -> fx.Proxy:
        return self._in_place(operator.iadd, other)

    def __isub__(self, other: object) -> fx.Proxy:
        return self._in_place(operator.isub, other)

    def __imul__(self, other: object) -> fx.Proxy:
        return self._in_place(operator.imul, other)

    def __itruediv__(self, other: object) -> fx.Proxy:
        return self._in_place(operator.itruediv, other)


class _Tracer(fx.Tracer):
    def proxy(self, node: fx.Node) -> fx.Proxy:
        return _Proxy(node, self)


def graph_of(module: nn.Module, name: str) -> fx.Graph:
    """What `forward` does, one node a step, values that do not depend on the input as constants.

    Raises:
        UsageError: it cannot be traced.
    """
    try:
        with _Recorder(module, name):
            return _Tracer().trace(module)
    except NotCertifiable:
        raise
    except Exception as error:  # tracing runs the user's forward, which may fail in any way
        fix = "Export it to ONNX (torch.onnx.export), which is read as well."
        raise UsageError(f"The model '{name}' cannot be traced: {str(error).splitlines()[0]} {fix}") from error


class TracedCall(NamedTuple):
    """One operation on data as it ran: its name; where each tensor came from, and what else it was given."""

    name: str
    given: tuple[object, ...]


class _Recorder(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Writes down the operations that run on data, below autocast, hooks, subclasses and Python, and refuses what bounds do not cover.

    A tensor of the data is known by the step that made its memory and its place in there; in-place steps are steps like others. So two
    runs with the same steps compute the same, whatever shares memory.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch would import its compiler, a CPU-second, to keep out of `__torch_dispatch__`; modules that compile are refused before."""
        return False

    def __init__(self, module: nn.Module, name: str, x: Tensor | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.model, self.device = name, device_of(module)
        self.steps: list[TracedCall] = []
        self._own = {held.untyped_storage().data_ptr() for held in _held(module)}
        self._dtype = None if x is None else x.dtype
        self._made: dict[int, int] = {} if x is None else {x.untyped_storage().data_ptr(): -1}
        self._alive: list[object] = [x]  # so that no memory is used twice

    def __torch_dispatch__(self, func: Any, types: object, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Any:
        leaves = tree_leaves((args, kwargs))
        self._check(func, args, kwargs or {})
        moving = any(isinstance(each, Tensor) and self._memory(each) in self._made for each in leaves)
        given = tuple(self.operand(each) for each in leaves) if moving else ()
        out = func(*args, **(kwargs or {}))
        if moving:
            self._alive.append(out)
            for each in (*tree_leaves(out), *_written(func, args, kwargs or {})):
                if isinstance(each, Tensor):
                    self._made.setdefault(self._memory(each), len(self.steps))
            self.steps.append(TracedCall(func.name(), given))
        return out

    def _memory(self, tensor: Tensor) -> int:
        return tensor.untyped_storage().data_ptr()

    def operand(self, each: object) -> object:
        """What an operation was given, so that two runs can be compared: where data come from, a constant itself.

        Raises:
            NotCertifiable: data are in another type than the model's.
        """
        if not isinstance(each, Tensor):
            return repr(each)
        made = self._made.get(self._memory(each))
        if made is None:
            return each
        if each.dtype is not self._dtype:
            kinds = f"{each.dtype}, where its weights or inputs are {self._dtype}".replace("torch.", "")
            raise NotCertifiable(
                f"The model '{self.model}' computes in {kinds}: bounds cover the rounding of one type only. Remove casts (autocast, half, "
                "bfloat16, to) from its forward."
            )
        return (made, each.storage_offset(), each.shape, each.stride())

    def _check(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        reduced = reduced_precision(self.device, func.name())
        if reduced:
            raise NotCertifiable(f"The model '{self.model}' cannot be certified: {reduced}.")
        if any(self._memory(each) in self._own for each in _written(func, args, kwargs)):
            raise NotCertifiable(f"The forward of the model '{self.model}' changes its own weights or buffers ({func.name()}).")


def _written(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Tensor]:
    """The tensors that an operation changes."""
    if not func._schema.is_mutable:
        return []
    places = func._schema.arguments
    given = [(place, args[i] if i < len(args) else kwargs.get(place.name)) for i, place in enumerate(places)]
    changed = tree_leaves([value for place, value in given if place.alias_info is not None and place.alias_info.is_write])
    return [each for each in changed if isinstance(each, Tensor)]


class _Twin(fx.Interpreter):
    """Runs a graph by the layers' own classes, and puts every in-place step's result in the place of the value that it changed."""

    def __init__(self, module: nn.Module, graph: fx.Graph, name: str) -> None:
        super().__init__(module, garbage_collect_values=False, graph=graph)
        self.model = name
        self._version: dict[fx.Node, int] = {}
        self._last: dict[int, fx.Node] = {}

    def run_node(self, n: fx.Node) -> Any:
        for before in n.all_input_nodes:
            value = self.env[before]
            if isinstance(value, Tensor) and value._version != self._version[before]:
                now = self._last[id(value)]
                if self._version[now] != value._version:
                    raise NotCertifiable(
                        f"The step {n.name} of the model '{self.model}' reads {before.name}, which another step has changed in place "
                        "through a view, which bounds do not support. Remove the in-place step (inplace=True, +=, relu_)."
                    )
                n.replace_input_with(before, now)
        result = super().run_node(n)
        if isinstance(result, Tensor):
            self._version[n], self._last[id(result)] = result._version, n
        return result

    def call_module(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        layer = self.fetch_attr(target)
        return type(layer).forward(layer, *args, **kwargs)


def check_steps(module: nn.Module, graph: fx.Graph, x: Tensor, name: str) -> None:
    """Runs the module and its graph on clones of x (n, ...), with and without gradients, and compares them step by step.

    Args:
        module: in evaluation mode.
        graph: its trace. Values that in-place steps change are replaced in it by what they are changed to.
        x: inputs, n at least 2, in the module's type.
        name: what people call it.

    Raises:
        NotCertifiable: the two differ, another type than that of x takes part, or the module changes itself.
    """
    for gradients in (True, False):
        with torch.inference_mode(False), torch.set_grad_enabled(gradients):
            graphs = _run(lambda given: _Twin(module, graph, name).run(given), module, x, name)
            before = _state(module)
            count_sent(name, len(x))
            steps = _run(module, module, x, name)
            if not gradients and _state(module) != before:  # the first call may fill what is kept
                raise NotCertifiable(f"The forward of the model '{name}' changes its own attributes, so its calls may differ.")
        _compare(steps, graphs, name)


def _run(call: Callable[[Tensor], object], module: nn.Module, x: Tensor, name: str) -> list[TracedCall]:
    given = x.detach().clone()
    recorder = _Recorder(module, name, given)
    try:
        with recorder:
            out = call(given)
    except RuntimeError as error:  # the user's forward, which may fail in any way
        if out_of_memory(error):
            raise
        reason = str(error).splitlines()[0]
        raise NotCertifiable(f"The model '{name}' does not fit inputs of its shape, {tuple(x.shape[1:])}: {reason}.") from error
    return [*recorder.steps, TracedCall("output", (recorder.operand(scores_of(out, name)),))]


def scores_of(out: object, name: str) -> Tensor:
    """The scores in what a module gives."""
    scores = out.get("logits") if isinstance(out, dict) else out
    if not isinstance(scores, Tensor):
        raise NotCertifiable(f"The scores of the model '{name}' must be a tensor that depends on its input, got {type(scores).__name__}.")
    return scores


def _compare(steps: Sequence[TracedCall], graphs: Sequence[TracedCall], name: str) -> None:
    for place in range(max(len(steps), len(graphs))):
        theirs, ours = (each[place] if place < len(each) else TracedCall("nothing", ()) for each in (steps, graphs))
        if theirs.name != ours.name or not _same(theirs.given, ours.given):
            told = f"{theirs.name} and {ours.name}" if theirs.name != ours.name else f"{theirs.name} with other arguments"
            raise NotCertifiable(
                f"The graph traced from '{name}' gives different outputs from the model: their steps differ at number {place + 1} "
                f"({told}). Its forward does something that tracing does not see; export it to ONNX and certify that file."
            )


def _same(left: tuple[object, ...], right: tuple[object, ...]) -> bool:
    return len(left) == len(right) and all(_equal(a, b) for a, b in zip(left, right, strict=True))


def _equal(a: object, b: object) -> bool:
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        alike = a.dtype is b.dtype and a.shape == b.shape
        return alike and ((a.data_ptr() == b.data_ptr() and a.stride() == b.stride()) or torch.equal(a, b))
    return not isinstance(a, Tensor) and not isinstance(b, Tensor) and a == b


def _state(module: nn.Module) -> list[object]:
    """What the attributes of a module and its parts are, for telling whether they change."""
    return [_frozen(value) for part in module.modules() for value in vars(part).items()]


def _frozen(value: object) -> object:
    match value:
        case bool() | int() | float() | str() | bytes() | None:
            return repr(value)
        case dict():
            return [_frozen(each) for each in value.items()]
        case list() | tuple() | set():
            return [_frozen(each) for each in value]
        case Tensor():  # what it stores of the data may change, a counter may not
            return value.tolist() if value.numel() == 1 else tuple(value.shape)
        case _:
            return id(value)
