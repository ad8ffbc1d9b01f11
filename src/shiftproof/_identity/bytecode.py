"""What a code object does, as text that does not depend on lines, comments and docstrings; and the names outside of it that it uses."""

from __future__ import annotations

import dis
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from types import CodeType

from shiftproof._identity.plain import plain

_SILENT = {"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "RESUME"}
_BODY = {"__doc__", "__module__", "__qualname__", "__firstlineno__", "__static_attributes__", "__classdictcell__"}
"""What the body of a class notes about itself."""
_KIND_FLAGS = 0x04 | 0x08 | 0x20 | 0x80 | 0x200
"""Variable arguments, generators and coroutines."""
_LOADS = {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_ATTRIBUTES = {"LOAD_ATTR", "LOAD_METHOD"}


@dataclass(frozen=True)
class Import:
    """An import inside a function: `import module`, or `from module import names`, `level` folders up."""

    module: str
    level: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Read:
    """What is read of a code object and of those nested in it.

    Args:
        text: its instructions.
        names: the global names that it uses, each with the attributes asked of it: ("helpers", "scale").
        imports: what it imports when it runs.
        counters: global names that it adds 1 to: they say how often it ran.
    """

    text: str
    names: tuple[tuple[str, ...], ...]
    imports: tuple[Import, ...]
    counters: frozenset[str]


@cache
def read(code: CodeType) -> Read:
    """What a code object does. Equal for equal code on one version of Python, wherever it stands."""
    steps = _steps(code)
    place = {step.offset: at for at, step in enumerate(steps)}
    offsets = sorted(place)
    inner = [read(constant) for constant in code.co_consts if isinstance(constant, CodeType)]

    def shown(step: dis.Instruction) -> str:
        if step.opcode in dis.hasjrel or step.opcode in dis.hasjabs:
            target = next((offset for offset in offsets if offset >= step.argval), None)
            return f"to {len(steps) if target is None else place[target]}"
        if isinstance(step.argval, CodeType):
            return read(step.argval).text
        return plain(step.argval) or repr(step.argval)

    shape = (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags & _KIND_FLAGS, code.co_freevars)
    table = getattr(code, "co_exceptiontable", b"").hex()  # from Python 3.11 on
    text = "\n".join([f"{shape} {code.co_varnames[: sum(shape[:1] + shape[2:3])]} {table}", *(f"{s.opname} {shown(s)}" for s in steps)])
    names = [*_names(steps), *(name for each in inner for name in each.names)]
    imports = [*_imports(steps), *(each for one in inner for each in one.imports)]
    counters = frozenset({*_counters(steps), *(name for each in inner for name in each.counters)})
    return Read(text, tuple(dict.fromkeys(names)), tuple(dict.fromkeys(imports)), counters)


def _steps(code: CodeType) -> list[dis.Instruction]:
    """The instructions that do something."""
    steps = [step for step in dis.get_instructions(code) if step.opname not in _SILENT]
    notes = {at for at, step in enumerate(steps) if step.opname == "STORE_NAME" and step.argval in _BODY}
    notes |= {at - 1 for at in notes}
    return [step for at, step in enumerate(steps) if at not in notes]


def _names(steps: Sequence[dis.Instruction]) -> Iterator[tuple[str, ...]]:
    for at, step in enumerate(steps):
        if step.opname in _LOADS:
            attributes: list[str] = []
            for after in steps[at + 1 :]:
                if after.opname not in _ATTRIBUTES:
                    break
                attributes.append(str(after.argval))
            yield (str(step.argval), *attributes)


def _imports(steps: Sequence[dis.Instruction]) -> Iterator[Import]:
    for at, step in enumerate(steps):
        if step.opname == "IMPORT_NAME":
            level, names = steps[at - 2].argval, steps[at - 1].argval
            yield Import(str(step.argval), level if isinstance(level, int) else 0, names if isinstance(names, tuple) else ())


def _counters(steps: Sequence[dis.Instruction]) -> Iterator[str]:
    for load, one, add, store in zip(steps, steps[1:], steps[2:], steps[3:], strict=False):
        same = load.opname == "LOAD_GLOBAL" and store.opname == "STORE_GLOBAL" and load.argval == store.argval
        if same and one.argval == 1 and (add.opname == "INPLACE_ADD" or add.argrepr == "+="):
            yield str(store.argval)
