"""Reads an ONNX file as a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import MissingExtra, NotCertifiable, UsageError
from shiftproof.certificates.bounds.builder import Builder, no_rule
from shiftproof.certificates.bounds.layers import Shape
from shiftproof.certificates.bounds.network import Network
from shiftproof.certificates.bounds.onnx_steps import DRAWN, HARMLESS, OPTIONS, RULES, SEVERAL, OnnxCall, Value
from shiftproof.certificates.bounds.torch_functions import EXAMPLES

_OURS = ("", "ai.onnx")
_OLDEST = 7
"""Steps of older files broadcast and normalise in other ways."""
_UNITS = {1: 2.0**-24, 11: 2.0**-53}
"""Unit roundoffs of ONNX's element types float and double."""


def read_onnx(path: str | Path, shape: Sequence[int] | None = None, *, output: str | None = None) -> Network:
    """The network that an ONNX file holds.

    Args:
        path: the file: one floating input (n, ...) and an output of scores (n, classes). Axis 0 is that of the examples.
        shape: of one input, where the file leaves it open.
        output: which output, where there are several.

    Raises:
        MissingExtra: the package onnx is not installed.
        UsageError: the file cannot be read, or has a layer without a rule.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtra("onnx", "onnx") from None
    file = Path(path).expanduser()
    if not file.is_file():
        raise UsageError(f"There is no ONNX file '{file}'. Paths are relative to {Path.cwd()}.")
    try:
        model = onnx.load(str(file))
        graph = model.graph
        constants = {each.name: torch.from_numpy(onnx.numpy_helper.to_array(each).copy()) for each in graph.initializer}
    except Exception as error:  # protobuf and onnx have classes of their own for each way to fail
        raise UsageError(f"The ONNX file '{file}' cannot be read: {str(error).splitlines()[0]}") from error
    entries = [each for each in graph.input if each.name not in constants]
    if len(entries) != 1:
        raise UsageError(f"The model '{file.name}' must have one input, got {', '.join(e.name for e in entries) or 'none'}.")
    kind = entries[0].type.tensor_type
    if kind.elem_type not in _UNITS:
        raise UsageError(f"The input of the model '{file.name}' must be of float32 or float64.")
    declared = [dim.dim_value if dim.HasField("dim_value") else 0 for dim in kind.shape.dim]
    opsets = {each.domain: each.version for each in model.opset_import}
    opset = max(opsets.get(domain, 0) for domain in _OURS)
    if opset < _OLDEST or any(each.domain in _OURS for each in model.functions):
        raise NotCertifiable(
            f"The model '{file.name}' is of opset {opset} or redefines ONNX operators. Bounds support opset {_OLDEST} or later."
        )
    build = Builder(_shape(declared, shape, file.name), model=file.name)
    reader = _OnnxReader(build, {**constants, entries[0].name: 0}, {**opsets, "": opset})
    for node in graph.node:
        reader.step(node)
    wanted = output or graph.output[0].name
    found = reader.values.get(wanted)
    if not isinstance(found, int):
        raise UsageError(f"The model '{file.name}' has no output '{wanted}' that depends on its input.")
    return build.network(found, unit=_UNITS[kind.elem_type])


def _shape(declared: list[int], given: Sequence[int] | None, name: str) -> Shape:
    inner = tuple(declared[1:])
    if given is not None:
        if len(inner) != len(given) or any(want not in (0, have) for want, have in zip(inner, given, strict=True)):
            raise UsageError(
                f"The inputs of the model '{name}' must have shape (n, {', '.join(map(str, inner))}), got (n, {tuple(given)})."
            )
        return tuple(given)
    if 0 in inner:
        raise UsageError(f"The model '{name}' does not fix the shape of its input: {declared}. Give the shape of one input.")
    return inner


class _OnnxReader:
    """Walks the graph's nodes."""

    def __init__(self, build: Builder, values: Mapping[str, Value], opsets: dict[str, int]) -> None:
        self.build, self.opsets = build, opsets
        self.values: dict[str, Value] = dict(values)

    def step(self, node: Any) -> None:
        """One node: a rule where it depends on the input, else its constant value."""
        from onnx import helper

        name = f"{node.name or node.output[0]} ({node.op_type})"
        options = {each.name: helper.get_attribute_value(each) for each in node.attribute}
        lacking = [i for i in node.input if i and i not in self.values]
        if lacking:
            raise no_rule(f"{name} (of '{lacking[0]}', which no earlier step computes)", self.build.model)
        inputs = [self.values[i] if i else None for i in node.input]
        if node.op_type == "Shape" and isinstance(inputs[0], int) and not options:
            self.values[node.output[0]] = torch.tensor([EXAMPLES, *self.build.shape(inputs[0])])
        elif not any(isinstance(each, int) for each in inputs):
            self._constant(node, inputs, name)
        elif node.op_type not in RULES or node.domain not in _OURS:
            raise no_rule(name, self.build.model)
        else:
            self._check(node, options, name)
            self.values[node.output[0]] = RULES[node.op_type](OnnxCall(self.build, name, inputs, options))

    def _check(self, node: Any, options: Mapping[str, Any], name: str) -> None:
        """Raises `UsageError` where a step has an attribute that its rule does not read, or outputs that change what it does."""
        for key, value in options.items():
            if key not in OPTIONS.get(node.op_type, ()) and not (key in HARMLESS and HARMLESS[key] == value):
                raise no_rule(f"{name} (with {key}={value!r})", self.build.model)
        if any(node.output[1:]) and node.op_type not in SEVERAL:
            raise no_rule(f"{name} (with {len(node.output)} outputs)", self.build.model)

    def _constant(self, node: Any, inputs: Sequence[Value | None], name: str) -> None:
        from onnx import helper
        from onnx.reference import ReferenceEvaluator

        given = {key: value.numpy() for key, value in zip(node.input, inputs, strict=True) if isinstance(value, Tensor)}
        if node.op_type in DRAWN:
            raise no_rule(f"{name} (random at every run)", self.build.model)
        try:
            entries, exits = ([helper.make_empty_tensor_value_info(each) for each in names] for names in (given, filter(None, node.output)))
            made = ReferenceEvaluator(helper.make_graph([node], "alone", entries, exits), opsets=self.opsets).run(None, given)
        except Exception as error:  # the reference knows fewer steps than files may hold
            raise no_rule(name, self.build.model) from error
        for key, value in zip(filter(None, node.output), made, strict=True):
            self.values[key] = torch.from_numpy(np.asarray(value).copy())
