"""TorchScript: the graphs of all methods with every call written out, their constants, and the attributes that they read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import nn

from shiftproof._identity.graph import ValueView
from shiftproof._identity.tensors import hooks

_HOME = re.compile(r"__torch__\.(?:\w+\.)*")
"""The module of a class, and what torch adds to one that it compiles once more."""
_PLACED = re.compile(r", scope: .*$|(?:, )?(?:strides=\[[^\]]*\]|requires_grad=\d|device=[\w:]+)", re.MULTILINE)
"""Where a value was traced, and how it lay there."""
_TRACED = re.compile(r": [A-Z]\w*\([\d, *]*\)")
"""The type of a tensor with the shape that it had when it was traced."""
_CONSTANT = re.compile(r"^ *%[\w.]+ : .* = prim::Constant\w*(?:\[.*\])?\(\)\n", re.MULTILINE)
_VALUE = re.compile(r"%[\w.]+")
_MODE = "training"


def script_module(value: nn.Module) -> ValueView:
    """A scripted, traced or frozen module."""
    return ValueView("script", [("", value._c), *hooks(value)])


def compiled_form(value: Any) -> ValueView:
    """The compiled form of a script module."""
    methods = [(f".{name}", value._get_method(name)) for name in sorted(value._method_names())]
    return ValueView("script module", [*methods, *((f".{name}", inner) for name, inner in torch._C.ModuleDict(value).items())])


def method(value: Any) -> ValueView:
    """A method of a script module, or a function."""
    owner = getattr(value, "owner", None)
    return graph(value.inlined_graph, owner)


def script_object(value: Any) -> ValueView:
    """A value of TorchScript's own, such as packed weights, by what it saves."""
    try:
        return ValueView(f"script object {_HOME.sub('', str(value._type()))}", [(".state", value.__getstate__())])
    except Exception as error:  # what has no state to save raises anything
        return ValueView("script object", gap=f"a script object does not tell its state ({str(error).strip().splitlines()[0]})")


def graph(whole: Any, owner: Any) -> ValueView:
    """A graph with every call inlined: its text, its constants, and the attributes that it reads of `owner`."""
    found: dict[str, Any] = {} if owner is None else {next(whole.inputs()).debugName(): owner}
    constants: dict[str, object] = {}
    parts: list[tuple[str, object]] = []
    for node in _nodes(whole):
        if node.kind() == "prim::Constant" and node.output().type().kind() != "FunctionType":
            constants[f"%{node.output().debugName()}"] = node.output().toIValue()
        elif node.kind() == "prim::ConstantMKLDNNTensor":
            constants[f"%{node.output().debugName()}"] = node.t("value")
        elif node.kind() == "prim::GetAttr" and node.s("name") != _MODE and node.input().debugName() in found:
            held = found[node.input().debugName()].getattr(node.s("name"))
            found[node.output().debugName()] = held
            if not isinstance(held, torch._C.ScriptModule):
                parts.append((f".{node.s('name')}", held))
        elif node.kind() == "prim::CallMethod":  # of an interface, whose module is known only here
            parts.append((f" called {len(parts)}", found.get(next(node.inputs()).debugName())))
    text = _TRACED.sub(": Tensor", _PLACED.sub("", _HOME.sub("", whole.str(False))))
    text, used = _renamed(_CONSTANT.sub("", text), constants)
    return ValueView(f"graph {text}", [*parts, *((f" constant {i}", each) for i, each in enumerate(used))])


def _renamed(text: str, constants: Mapping[str, object]) -> tuple[str, list[object]]:
    """The text with values numbered as they come up, and the constants in the order of their use: saving and loading changes both."""
    numbers: dict[str, str] = {}
    used: list[object] = []

    def number(name: re.Match[str]) -> str:
        if name[0] not in numbers:
            numbers[name[0]] = f"constant {len(used)}" if name[0] in constants else f"%{len(numbers)}"
            if name[0] in constants:
                used.append(constants[name[0]])
        return numbers[name[0]]

    return _VALUE.sub(number, text), used


def _nodes(block: Any) -> Iterator[Any]:
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from _nodes(inner)
