"""torch: tensors by their numbers, modules by what their answers depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.fx import GraphModule
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from shiftproof._identity.classes import owner_of_class
from shiftproof._identity.graph import ValueView
from shiftproof._identity.owners import namespace_of, seen_from

_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_FLAGS = ("_forward_pre_hooks_with_kwargs", "_forward_hooks_with_kwargs", "_forward_hooks_always_called")
_SAVING = ("_state_dict_hooks", "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks")
_BOOKS = {
    *_HOOKS,
    *_FLAGS,
    *_SAVING,
    "_parameters",
    "_buffers",
    "_modules",
    "training",
    "_non_persistent_buffers_set",
    "_is_full_backward_hook",
    "_super_module_initialized",
    "_compiled_call_impl",
}
"""What torch keeps in a module beside its attributes. Mode, saving and compiled code do not change its answers; the rest is read apart."""
_CACHED = {
    nn.RNNBase: {"_flat_weights", "_flat_weight_refs"},
    GraphModule: {"_graph", "_code", "_lineno_map", "_prologue_start", "_replace_hooks", "_create_node_hooks", "_erase_node_hooks"},
}
"""What these modules make of their other attributes."""


_MODAL = (_DropoutNd, _NormBase, nn.RNNBase, nn.RReLU, nn.MultiheadAttention, nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)


def tensor(value: Tensor) -> ValueView:
    """A tensor by type, shape and numbers; not by device, strides, or whether it wants a gradient."""
    if isinstance(value, UninitializedParameter | UninitializedBuffer):
        return ValueView("uninitialised tensor")
    label = f"tensor {value.dtype} {tuple(value.shape)}"
    extra: list[tuple[str, object]] = [(f".{name}", each) for name, each in sorted(vars(value).items()) if not name.startswith("_dynamo")]
    if type(value) not in (Tensor, nn.Parameter, nn.Buffer):
        extra.append((".__class__", type(value)))
    if type(value).__torch_dispatch__ is not Tensor.__torch_dispatch__ and type(value) is not nn.Parameter:
        return _wrapped(value, label)
    if value.is_meta:
        return ValueView(label, gap="a tensor on the device meta has no numbers")
    if value.is_quantized:
        return ValueView(f"quantised {label} {value.qscheme()}", [*_scales(value), (".numbers", value.int_repr()), *extra])
    if value.layout is torch.sparse_coo:
        whole = value.detach().coalesce()
        return ValueView(f"sparse {label}", [(".indices", whole.indices()), (".values", whole.values()), *extra])
    if value.layout is not torch.strided:
        return ValueView(f"{value.layout} {label}", [(".dense", value.detach().to_dense()), *extra])
    flat = value.detach().resolve_conj().resolve_neg().cpu().contiguous().flatten().view(torch.uint8)
    return ValueView(f"{label} {hashlib.sha256(flat.numpy().data).hexdigest()}", extra)


def _scales(value: Tensor) -> list[tuple[str, object]]:
    if value.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        return [(".scale", value.q_scale()), (".zero", value.q_zero_point())]
    points = (value.q_per_channel_scales(), value.q_per_channel_zero_points(), value.q_per_channel_axis())
    return [(f".{name}", point) for name, point in zip(("scale", "zero", "axis"), points, strict=True)]


def _wrapped(value: Tensor, label: str) -> ValueView:
    """A tensor subclass that keeps its numbers in other tensors, which its own flattening names."""
    flatten = getattr(type(value), "__tensor_flatten__", None)
    if flatten is None:
        return ValueView(label, gap=f"tensors of type {type(value).__qualname__} do not tell their numbers")
    names, context = flatten(value)
    inner = [(f".{name}", getattr(value, name)) for name in names]
    return ValueView(label, [(".__class__", type(value)), (".context", context), *inner])


def generator(value: torch.Generator) -> ValueView:
    """A generator by its seed; where it stands changes with use."""
    return ValueView(f"generator {value.initial_seed()}")


def by_name(value: object) -> ValueView:
    """A type of numbers, layout, size or the like, which torch writes in full."""
    return ValueView(f"torch {value}")


def module(value: nn.Module) -> ValueView:
    """A module: its class, its modules in order, parameters, buffers, hooks, and its other attributes of every kind."""
    own = vars(value)
    children: dict[str, nn.Module] = own["_modules"]
    skipped = _BOOKS | set(_derived(value)) | {name for kind, names in _CACHED.items() if isinstance(value, kind) for name in names}
    attributes = {**own["_parameters"], **own["_buffers"], **{name: each for name, each in own.items() if name not in skipped}}
    home = namespace_of(type(value))
    parts = [(f".{name}", seen_from(each, home)) for name, each in sorted(attributes.items())]
    parts += [(f".{name}", each) for name, each in children.items()]
    compiled = "compiled " if own.get("_compiled_call_impl") is not None else ""
    # A traced module has a class of its own, whose one method was written by the tracer.
    code = (".forward", type(value).forward) if isinstance(value, GraphModule) else (".__class__", type(value))
    return ValueView(f"{compiled}module {list(children)}", [code, *parts, *hooks(value)])


def compiled(value: nn.Module) -> ValueView:
    """What `torch.compile` made of a module: the module and the backend. Its kernels may round otherwise, so it is another model."""
    own = vars(value)
    return ValueView("compiled", [("", own["_modules"]["_orig_mod"]), *compiler(own["dynamo_ctx"]), *hooks(value)])


def compiler(context: object) -> list[tuple[str, object]]:
    """The backend of a compilation: the innermost of the callables that wrap each other."""
    backend: object = vars(context).get("callback")
    while "_torchdynamo_orig_backend" in getattr(backend, "__dict__", {}):
        backend = vars(backend)["_torchdynamo_orig_backend"]
    return [(".backend", backend)]


def mode(value: nn.Module) -> str:
    """Whether it is training, where its answers may depend on that: in the user's classes and in layers of chance and of running means."""
    depends = owner_of_class(type(value)) is None or isinstance(value, _MODAL)
    return f" training={value.training}" if depends and "training" in vars(value) else ""


def hooks(value: nn.Module) -> Iterator[tuple[str, object]]:
    """Hooks in their order: their keys are numbers that torch counts up."""
    own = vars(value)
    for kind in _HOOKS:
        for place, (key, hook) in enumerate(own.get(kind, {}).items()):
            flags = [flag for flag in _FLAGS if key in own.get(flag, ())]
            yield f".{kind}[{place}]{''.join(flags)}", hook


def _derived(value: nn.Module) -> Iterator[str]:
    """Attributes that hooks of torch's make anew at each call, and those of cached properties."""
    for hook in vars(value)["_forward_pre_hooks"].values():
        if isinstance(hook, (WeightNorm, SpectralNorm)):
            yield hook.name
        elif isinstance(hook, BasePruningMethod):
            yield hook._tensor_name  # torch has no public name for it
    for kind in type(value).__mro__:
        yield from (name for name, each in vars(kind).items() if isinstance(each, cached_property))
