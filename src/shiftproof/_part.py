"""What every shift, search, risk and certificate is: a frozen dataclass with a name, that writes itself as a spec and is built from one."""

from __future__ import annotations

import ast
import keyword
import typing
from abc import ABC
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, ClassVar

from shiftproof._errors import must

Value = float | int | str | bool
_SCALARS: dict[object, tuple[type, ...]] = {float: (int, float), int: (int,), str: (str,), bool: (bool,)}


@dataclass(frozen=True)
class Part(ABC):
    """A named, immutable building block.

    Subclasses are frozen dataclasses of numbers and words: their options. An option without a default is always written in the spec.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    references: ClassVar[tuple[str, ...]] = ()
    """The papers that define it: keys of `references.bib`, or BibTeX entries in parts from elsewhere. `shiftproof cite` collects them."""

    def __post_init__(self) -> None:
        for option, kind in option_types(type(self)).items():
            value = getattr(self, option)
            accepted = _SCALARS[kind]
            if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
                raise must(option, self.name, f"be a {getattr(kind, '__name__', kind)}", value)
        self.check()
        for option, kind in option_types(type(self)).items():
            if kind is float:  # 3, 3.0 and numpy's 3.0 are one number, one spec and one cell of a run
                object.__setattr__(self, option, float(getattr(self, option)))

    def check(self) -> None:  # noqa: B027  # a hook; most parts have a range to check, some have none
        """Raises `UsageError` where an option is out of range. Types are checked already."""

    def options(self) -> dict[str, Value]:
        """Every option with its value, defaults included: what a run's identity hangs on."""
        return {option: getattr(self, option) for option in option_types(type(self))}

    def spec(self) -> str:
        """How people write it: the options without a default, and those that differ from their default.

        >>> from shiftproof.shifts import Linf
        >>> Linf(8 / 255).spec()
        'linf(eps=8/255)'
        """
        defaults = {f.name: f.default for f in fields(self)}
        shown = {k: v for k, v in self.options().items() if defaults[k] is MISSING or defaults[k] != v}
        return self.name + (f"({', '.join(f'{k}={show(v)}' for k, v in shown.items())})" if shown else "")

    def full_spec(self) -> str:
        """The spec with every option, defaults included."""
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.options().items())})"


@cache
def option_types(part: type[Part]) -> dict[str, object]:
    """The options of a part and their types: its scalar fields (a field of another type is set by the library, not by people)."""
    hints = typing.get_type_hints(part)
    ordered = sorted(fields(part), key=lambda f: f.kw_only is True)  # what a base class adds for all comes after a part's own
    return {f.name: hints[f.name] for f in ordered if f.init and hints[f.name] in _SCALARS}


def required_options(part: type[Part]) -> tuple[str, ...]:
    """The options that have no default."""
    return tuple(f.name for f in fields(part) if f.name in option_types(part) and f.default is MISSING)


def show(value: Any) -> str:
    """A value as people write it: pixel budgets as k/255, words bare.

    >>> show(8 / 255), show(0.1), show(20), show("cosine")
    ('8/255', '0.1', '20', 'cosine')
    """
    if isinstance(value, float):
        if len(repr(value)) > 8 and abs(value) < 1e6 and round(value * 255) / 255 == value:
            return f"{round(value * 255)}/255"
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return value if isinstance(value, str) and _bare(value) else repr(value)


def _bare(word: str) -> bool:
    """Whether a spec reads this text back without quotes: a name, or the spec of another part."""
    if word.isidentifier():
        # Python's parser makes letters such as a mathematical bold A plain ones, so only ASCII comes back as it was.
        return word.isascii() and not keyword.iskeyword(word) and word.lower() not in ("true", "false", "inf")
    try:
        node = ast.parse(word, mode="eval").body
    except (SyntaxError, ValueError):
        return False
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and ast.unparse(node) == word
