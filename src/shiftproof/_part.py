"""The base class of all parts: a frozen dataclass with a name, which is written as a spec and built from one."""

from __future__ import annotations

import ast
import keyword
import math
import re
import typing
from abc import ABC
from dataclasses import MISSING, dataclass, fields
from functools import cache
from typing import Any, ClassVar

from shiftproof._errors import must

Value = float | int | str | bool
_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"""
_OPTIONS = "|".join(keyword.kwlist)
_KEYWORD = re.compile(rf"{_QUOTED}|(?<![\w.])(?P<word>{_OPTIONS})(?=\s*=(?!=))", re.DOTALL)
_UNDERLINED = re.compile(rf"{_QUOTED}|(?<![\w.])(?P<word>{_OPTIONS})_(?=\s*=(?!=))", re.DOTALL)
_PINNED = 16  # signs of a hash that stand in a spec
_SCALARS: dict[type, tuple[type, ...]] = {float: (int, float), int: (int,), str: (str,), bool: (bool,)}


@dataclass(frozen=True)
class Part(ABC):
    """A named, immutable building block: a shift, a search, a risk, a certificate, a defence, a training method or a study.

    Subclasses are frozen dataclasses whose fields are their options: numbers, words and booleans. An option without a default is always
    written in the spec.
    """

    name: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    references: ClassVar[tuple[str, ...]] = ()
    """Its papers: keys of `references.bib`, or BibTeX entries in parts of other packages. `shiftproof cite` collects them."""
    code_version: ClassVar[str] = ""
    """What its author calls this state of it, for a part that holds what cannot be identified: runs of it can then be resumed."""

    def __post_init__(self) -> None:
        kinds = option_types(type(self))
        for option, value in self.options().items():
            kind = kinds[option]
            if not isinstance(value, _SCALARS[kind]) or (isinstance(value, bool) and kind is not bool):
                raise must(option, self.name, f"be a {kind.__name__}", value)
        self.check()
        for option, value in self.options().items():
            if kinds[option] is float:  # 3, 3.0 and numpy's 3.0 are the same number, and must be the same spec and the same cell of a run
                object.__setattr__(self, option, float(value))

    def check(self) -> None:  # noqa: B027  # a hook: some parts have nothing to check
        """Raises `UsageError` where an option is out of range. Types are checked before."""

    def require(self, *options: str, within: str = "", least: float | None = None, hint: str = "") -> None:
        """Raises `UsageError` where one of these options is out of range; for `check`.

        Args:
            options: their names.
            within: an interval, such as "(0, 1]" or "[0, inf)".
            least: in place of an interval, the least of finite values.
            hint: ends the message.
        """
        low, high, has_low, has_high = (least, math.inf, True, False) if least is not None else _ends(within)
        rule = f"be in {within}" if least is None else f"be at least {least}"
        values = self.options()
        for option in options:
            value = float(values[option])
            above, below = value >= low if has_low else value > low, value <= high if has_high else value < high
            if not (above and below):
                raise must(option, self.name, rule, values[option], hint)

    def pin(self, option: str, digest: str, what: str, hint: str = "It has changed since; leave the option out to go on.") -> None:
        """Fills in an option that says in which state something of the user's is, so that a run knows when it changes; for `check`.

        Args:
            option: its name; empty where users leave it out.
            digest: of the state as it is, of which the option holds the start.
            what: whose state it is, for the message, such as "the file 'a.json' as it is".
            hint: ends the message.

        Raises:
            UsageError: the option holds another state.
        """
        now, known = digest[:_PINNED], self.options()[option]
        if known not in ("", now):
            raise must(option, self.name, f"be {now}, that of {what}", known, hint)
        object.__setattr__(self, option, now)

    def options(self) -> dict[str, Value]:
        """Every option with its value, defaults included; a run's identity depends on them."""
        return {option: getattr(self, option) for option in option_types(type(self))}

    def spec(self) -> str:
        """The short form: the name, the options without a default, and those that differ from their default.

        >>> from shiftproof.shifts import Linf
        >>> Linf(8 / 255).spec()
        'linf(eps=8/255)'
        """
        defaults = {f.name: f.default for f in fields(self)}
        shown = {k: v for k, v in self.options().items() if defaults[k] is MISSING or defaults[k] != v}
        return self.name + (f"({', '.join(f'{written_option(k)}={show(v)}' for k, v in shown.items())})" if shown else "")

    def full_spec(self) -> str:
        """The long form: the name and every option, defaults included."""
        return f"{self.name}({', '.join(f'{written_option(k)}={v!r}' for k, v in self.options().items())})"


@cache
def _ends(interval: str) -> tuple[float, float, bool, bool]:
    """Low and high end of an interval such as "(0, 1]", and whether each belongs to it."""
    low, high = interval[1:-1].split(", ")
    return float(low), float(high), interval[0] == "[", interval[-1] == "]"


@cache
def option_types(part: type[Part]) -> dict[str, type]:
    """The options of a part and their types: its scalar fields. Fields of other types are set by the library, not by users."""
    hints = typing.get_type_hints(part)
    ordered = sorted(fields(part), key=lambda f: f.kw_only is True)  # keyword-only fields of a base class come after the part's own
    return {f.name: hints[f.name] for f in ordered if f.init and hints[f.name] in _SCALARS}


def required_options(part: type[Part]) -> tuple[str, ...]:
    """The options that have no default."""
    return tuple(f.name for f in fields(part) if f.name in option_types(part) and f.default is MISSING)


def written_option(field: str) -> str:
    """The name of an option in a spec: that of its field, without the underline that Python wants behind its own words.

    >>> written_option("class_"), written_option("eps")
    ('class', 'eps')
    """
    return field[:-1] if field.endswith("_") and keyword.iskeyword(field[:-1]) else field


def as_python(spec: str) -> str:
    """A spec whose options may be Python's own words, as Python reads it.

    >>> as_python("recall(class='class=a')")
    "recall(class_='class=a')"
    """
    return _KEYWORD.sub(lambda found: found[0] + ("_" if found["word"] else ""), spec)


def as_written(code: str) -> str:
    """The inverse of `as_python`."""
    return _UNDERLINED.sub(lambda found: found["word"] or found[0], code)


def declared_name(part: type) -> str | None:
    """The name that a class declares; None where there is none or it is not a word."""
    name: object = getattr(part, "name", None)  # a user's class may lack it
    return name if isinstance(name, str) else None


def show(value: Any) -> str:
    """A value as users write it in a spec: pixel budgets as k/255, words without quotes.

    >>> show(8 / 255), show(0.1), show(20), show("cosine")
    ('8/255', '0.1', '20', 'cosine')
    """
    if isinstance(value, float):
        if len(repr(value)) > 8 and abs(value) < 1e6 and round(value * 255) / 255 == value:
            return f"{round(value * 255)}/255"
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return value if isinstance(value, str) and _bare(value) else repr(value)


def _bare(word: str) -> bool:
    """Whether a spec can hold this text without quotes: it is a name, or the spec of another part."""
    if word.isidentifier():
        # Python's parser normalises letters such as a mathematical bold A, so only ASCII is read back unchanged.
        return word.isascii() and not keyword.iskeyword(word) and word.lower() not in ("true", "false", "inf")
    try:
        node = ast.parse(as_python(word), mode="eval").body
    except (SyntaxError, ValueError):
        return False
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and as_written(ast.unparse(node)) == word
