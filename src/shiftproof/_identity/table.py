"""Which reader sees which type: one table, exact types first."""

from __future__ import annotations

import _thread
import collections
import contextvars
import dataclasses
import enum
import functools
import logging
import os
import sys
import threading
import types
import typing
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import PurePath
from typing import Any

from shiftproof._identity import arrays, classes, functions, objects, plain
from shiftproof._identity.fingerprinted import Fingerprinted, stated
from shiftproof._identity.graph import ValueDigest, ValueView, digest_of
from shiftproof._identity.owners import OURS
from shiftproof._part import Part

Reader = Callable[[Any], ValueView]

_NO_MATTER = (
    _thread.LockType,
    _thread.RLock,
    threading.Event,
    threading.Condition,
    threading.Semaphore,
    threading.BoundedSemaphore,
    threading.Barrier,
    threading.Thread,
    ThreadPoolExecutor,
    logging.Logger,
    logging.RootLogger,
    logging.LoggerAdapter,
    contextvars.ContextVar,
    weakref.WeakKeyDictionary,
)
"""Exact types on which no answer depends. A dictionary with weak keys is a cache: what it holds is gone in the next process."""
_ENVIRONMENT = type(os.environ)
"""Read while code runs, like files, and not covered."""


def identify(value: object, path: str = "", *, modal: bool = False) -> ValueDigest:
    """The identity of any value.

    Args:
        value: anything.
        path: what messages call it.
        modal: whether modules in it are asked in the mode that they are in, so that `train()` and `eval()` count.

    Guarantees:
        Equal for values that behave alike, in any process of one version of Python: addresses, sharing, the order of sets, lines, comments,
        docstrings, the module and the folder of the user's code do not count. What it cannot cover is a gap, never left out silently.
    Cost: one SHA-256 of every array and tensor, and about 10 microseconds for every other value that is reached.
    """
    return digest_of(value, _see_mode if modal else see, path)


def _see_mode(value: object) -> ValueView:
    from torch import nn

    from shiftproof._identity.tensors import mode

    look = see(value)
    return look._replace(label=look.label + mode(value)) if isinstance(value, nn.Module) else look


def see(value: object) -> ValueView:
    """What a value is seen as."""
    try:
        text = plain.plain(value)
    except RecursionError:  # it contains itself
        text = None
    if text is not None:
        return ValueView(text)
    exact = _exact().get(type(value))
    if exact is not None:
        return exact(value)
    for kinds, reader in _by_base(tuple(name in sys.modules for name in _OPTIONAL)):
        if isinstance(value, kinds):
            return reader(value)
    return objects.instance(value)


@cache
def _exact() -> dict[type, Reader]:
    readers: dict[type, Reader] = dict.fromkeys(_NO_MATTER, objects.skipped)
    readers[_ENVIRONMENT] = objects.skipped
    readers |= dict.fromkeys((list, tuple, collections.deque), plain.sequence)
    readers |= dict.fromkeys((set, frozenset), plain.collection)
    readers |= dict.fromkeys((dict, collections.OrderedDict, types.MappingProxyType), plain.mapping)
    readers |= dict.fromkeys((bytearray, memoryview), plain.buffer)
    readers |= {
        types.FunctionType: functions.function,
        types.CodeType: functions.code,
        types.MethodType: functions.method,
        types.CellType: functions.cell,
        types.BuiltinFunctionType: functions.builtin,
        functions.Everything: functions.everything,
        functools._lru_cache_wrapper: functions.cached,
        weakref.ReferenceType: _behind,
        threading.local: objects.refused,
        staticmethod: classes.wrapper,
        classmethod: classes.wrapper,
        property: classes.computed,
        dataclasses.Field: classes.field,
    }
    slots = (types.WrapperDescriptorType, types.MethodDescriptorType, types.ClassMethodDescriptorType, types.MethodWrapperType)
    readers |= dict.fromkeys((*slots, types.GetSetDescriptorType, types.MemberDescriptorType), functions.slot)
    return readers | _packages()


def _packages() -> dict[type, Reader]:
    import torch

    from shiftproof._identity import scripts, tensors

    readers: dict[type, Reader] = dict.fromkeys((torch.dtype, torch.layout, torch.memory_format, torch.qscheme), tensors.by_name)
    return readers | {
        torch.device: objects.skipped,
        torch.Generator: tensors.generator,
        torch._C.ScriptModule: scripts.compiled_form,
        torch._C.ScriptMethod: scripts.method,
        torch._C.ScriptFunction: scripts.method,
        torch._C.ScriptObject: scripts.script_object,
    }


@cache
def _by_base(loaded: tuple[bool, ...]) -> tuple[tuple[Any, Reader], ...]:
    """Readers by base class, in order; those of packages that are not loaded need none, as no object can be theirs."""
    import numpy as np
    import torch
    from torch import nn

    from shiftproof._identity import scripts, tensors

    optional = [pair for there, pairs in zip(loaded, _OPTIONAL.values(), strict=True) if there for pair in pairs()]
    return (
        (Part, _part),
        (Fingerprinted, stated),
        (torch.Tensor, tensors.tensor),
        (torch.jit.ScriptModule, scripts.script_module),
        *optional,
        (nn.Module, tensors.module),
        (np.ndarray, _array),
        (np.generic, arrays.scalar),
        (np.dtype, arrays.dtype),
        (np.ufunc, arrays.ufunc),
        (enum.Enum, plain.member),
        (PurePath, plain.path),
        (type, classes.kind),
        (types.ModuleType, functions.module),
        ((types.GenericAlias, types.UnionType, typing.TypeVar, _ALIAS), classes.annotation),
        ((list, tuple, collections.deque), _with_attributes(plain.sequence)),
        ((set, frozenset), _with_attributes(plain.collection)),
        (dict, _with_attributes(plain.mapping)),
    )


def _compiled() -> Iterator[tuple[Any, Reader]]:
    from torch._dynamo.eval_frame import OptimizedModule

    from shiftproof._identity import tensors

    yield OptimizedModule, tensors.compiled


def _frames() -> Iterator[tuple[Any, Reader]]:
    import pandas as pd

    yield (pd.DataFrame, pd.Series, pd.Index, pd.api.extensions.ExtensionArray), arrays.frame


def _sparse() -> Iterator[tuple[Any, Reader]]:
    from scipy.sparse import sparray, spmatrix

    yield (spmatrix, sparray), arrays.sparse


def _neighbours() -> Iterator[tuple[Any, Reader]]:
    from shiftproof._identity import estimators

    yield estimators.TREES, estimators.tree


def _boosters() -> Iterator[tuple[Any, Reader]]:
    from xgboost import Booster

    from shiftproof._identity import estimators

    yield Booster, estimators.booster


_OPTIONAL: dict[str, Callable[[], Iterator[tuple[Any, Reader]]]] = {
    "torch._dynamo.eval_frame": _compiled,
    "pandas": _frames,
    "scipy.sparse": _sparse,
    "sklearn.neighbors": _neighbours,
    "xgboost": _boosters,
}
_ALIAS: type = type(typing.Optional[int]).__mro__[-2]  # noqa: UP045  # the base of all that typing writes with brackets


def _part(value: Part) -> ValueView:
    """A shift, a search or another part: its registered name and all its fields; where it is not ours, its code too."""
    from shiftproof.catalogue import named_plugins

    code = [] if classes.owner_of_class(type(value)) == OURS else [(".__class__", type(value))]
    fields = objects.attributes(value)
    named = [(f".{name} names {plugin.name}", plugin) for name, text in fields if isinstance(text, str) for plugin in named_plugins(text)]
    return ValueView(f"part {value.name}", [*code, *fields, *named])


def _behind(value: weakref.ReferenceType[object]) -> ValueView:
    return ValueView("reference", [("", value())])


def _array(value: Any) -> ValueView:
    import numpy as np

    return arrays.array(value) if type(value) is np.ndarray else _with_attributes(arrays.array)(value)


def _with_attributes(reader: Reader) -> Reader:
    """A reader of subclasses: what the base class holds, the class, and what it adds."""

    def read(value: Any) -> ValueView:
        look = reader(value)
        extra = [("default factory", value.default_factory)] if isinstance(value, collections.defaultdict) else []
        return ValueView(look.label, [*look.parts, (".__class__", type(value)), *extra, *objects.attributes(value)], look.ordered, look.gap)

    return read
