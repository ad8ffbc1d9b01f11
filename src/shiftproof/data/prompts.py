"""Prompts as data: an instruction, slots that the data fill, solved examples, options, and the layout in which they are written."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import blake2b
from itertools import islice, permutations
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.space import Kind, Space, TextSpace

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
CASINGS: tuple[Callable[[str], str], ...] = (str, str.title, str.upper, str.lower)
SEPARATORS = (": ", "::: ", ":: ", " \n\t", "\n    ", " : ", " - ", " ", "\n ", "\n\t", ":", "::", "- ", "\t")
SPACES = ("\n", "", " ", " \n", " -- ", "  ", "; \n", " || ", " <sep> ", ", ", " \n ", " , ", "\n ", ". ", " ,  ")
WRAPPERS = ("({})", "{}.", "{})", "{} )", "[{}]", "<{}>")
NUMBERS: tuple[Callable[[int], str], ...] = (
    lambda at: chr(ord("A") + at),
    lambda at: str(at + 1),
    lambda at: chr(ord("a") + at),
    lambda at: _ROMAN[at],
    lambda at: _ROMAN[at].lower(),
)
GAPS = (" ", "", "  ", "\t")
PAIRS = tuple(
    (separator, space)
    for separator in range(len(SEPARATORS))
    for space in range(len(SPACES))
    if "\n" not in SEPARATORS[separator] or "\n" in SPACES[space]
)
"""Separators within a field with spaces between fields, as places in their lists: a field over two lines ends its line."""
MOST_OPTIONS = len(_ROMAN)
MOST_ORDERS = 120


@dataclass(frozen=True)
class Layout:
    """How a prompt is written: a place in each list of the grammar of Sclar et al. 2024 [sclar2024quantifying], 0 for what is usual.

    Args:
        casing: of the fields' names: as it is, Title, UPPER, lower.
        pair: what stands between a field's name and its text, and between fields, see `PAIRS`.
        wrapper: around the number of an option.
        numbers: A, 1, a, I, i.
        gap: between an option's number and its text.
        order: which permutation of the options; 0 leaves them as they are.
    """

    casing: int = 0
    pair: int = 0
    wrapper: int = 0
    numbers: int = 0
    gap: int = 0
    order: int = 0


PARTS: dict[str, int] = {"casing": len(CASINGS), "pair": len(PAIRS), "wrapper": len(WRAPPERS), "numbers": len(NUMBERS), "gap": len(GAPS)}
"""What a layout chooses, and among how many."""


@dataclass(frozen=True)
class Prompt:
    """A prompt with slots.

    Args:
        fields: what each slot is called in the prompt, by slot.
        instruction: stands first.
        answer: what the answer is called; the prompt ends with it.
        template: the text of one question with its slots in braces, in place of `fields` and `answer`; it has one layout only.
        options: what may be answered, in the order of the data's classes.
        list_options: whether the prompt lists them, numbered.
        examples: solved ones, each a text by slot and by "answer".
        system: a message of the system before it.
    """

    fields: tuple[tuple[str, str], ...] = ()
    instruction: str = ""
    answer: str = "Answer"
    template: str = ""
    options: tuple[str, ...] = ()
    list_options: bool = False
    examples: tuple[tuple[tuple[str, str], ...], ...] = ()
    system: str = ""

    @cached_property
    def slots(self) -> tuple[str, ...]:
        """What the data fill in."""
        return tuple(dict.fromkeys(_SLOT.findall(self.template))) if self.template else tuple(name for name, _ in self.fields)

    @cached_property
    def digest(self) -> str:
        """A hash of it."""
        return blake2b(repr(self).encode(), digest_size=8).hexdigest()

    def text(self, slots: Mapping[str, str], layout: Layout) -> str:
        """The prompt of one example."""
        blocks = [self.instruction, *(self._block(dict(solved), layout) for solved in self.examples), self._block(slots, layout)]
        return "\n\n".join(block for block in blocks if block)

    def _block(self, slots: Mapping[str, str], layout: Layout) -> str:
        solved = slots.get("answer", "")
        if self.template:
            return (_SLOT.sub(lambda found: slots[found[1]], self.template) + (f" {solved}" if solved else "")).rstrip()
        cased, (separator, space) = CASINGS[layout.casing], PAIRS[layout.pair]
        parts = [(name, slots[slot]) for slot, name in self.fields]
        if self.list_options:
            parts.append(("Options", self._listed(layout)))
        parts.append((self.answer, solved))
        return SPACES[space].join(f"{cased(name)}{SEPARATORS[separator]}{text}" for name, text in parts).rstrip()

    def _listed(self, layout: Layout) -> str:
        gap, number = GAPS[layout.gap], NUMBERS[layout.numbers]
        order = next(islice(permutations(self.options), layout.order, None))
        return " ".join(f"{WRAPPERS[layout.wrapper].format(number(at))}{gap}{option}" for at, option in enumerate(order))


_SLOT = re.compile(r"\{(\w+)\}")


class PromptRow(str):
    """A prompt that is filled in: a text, which knows how it was made.

    Args:
        prompt: with slots.
        slots: the text of each.
        layout: in which it is written.
    """

    __slots__ = ("layout", "prompt", "slots")
    prompt: Prompt
    slots: Mapping[str, str]
    layout: Layout

    def __new__(cls, prompt: Prompt, slots: Mapping[str, str], layout: Layout | None = None) -> PromptRow:
        layout = layout or Layout()
        made = super().__new__(cls, prompt.text(slots, layout))
        made.prompt, made.slots, made.layout = prompt, dict(slots), layout
        return made

    def __reduce__(self) -> tuple[type[PromptRow], tuple[Prompt, Mapping[str, str], Layout]]:
        return PromptRow, (self.prompt, self.slots, self.layout)

    @property
    def ending(self) -> str:
        """The white space left out at the prompt's end, which a model needs that goes on with the text, and has no turn of its own.

        It is that of the separator before the answer, or of the template, less one space at the end: the first word of the answer has that.
        """
        last = self.prompt.template or SEPARATORS[PAIRS[self.layout.pair][0]]
        return last[len(last.rstrip()) :].removesuffix(" ")

    def written(self, **changed: int) -> PromptRow:
        """The same in another layout."""
        return PromptRow(self.prompt, self.slots, replace(self.layout, **changed))

    def filled(self, slot: str, text: str) -> PromptRow:
        """The same with another text in a slot."""
        return PromptRow(self.prompt, {**self.slots, slot: text}, self.layout)


@dataclass(frozen=True)
class PromptSpace(Space):
    """The set of a prompt's legal rows: no slot is empty."""

    prompt: Prompt = field(default_factory=Prompt)
    kind: Kind = "prompt"
    units: str = "characters"

    def of(self, name: str) -> Space:
        """The space of one slot's text."""
        if name not in self.prompt.slots:
            raise unknown("slot of the prompt", name, self.prompt.slots)
        return TextSpace()

    def check(self, x: Any, names: Any) -> None:
        for slot in self.prompt.slots:
            TextSpace().check([one.slots[slot] for one in x], names)

    def holds(self, x: Any, moved: Any) -> bool:
        return len(x) == len(moved) and all(isinstance(one, PromptRow) and one.prompt == self.prompt for one in moved)

    def card(self) -> Mapping[str, Any]:
        return {"columns": list(self.prompt.slots)}


def read_prompt(path: Path) -> Prompt:
    """The prompt in a TOML file.

    Raises:
        UsageError: it cannot be read, has no slot, repeats an option, or its solved examples do not fit.
    """
    owner = f"the prompt '{path}'"
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"The prompt '{path}' cannot be read: {error}. It must be a TOML file.") from error
    known = ("fields", "instruction", "answer", "template", "options", "list_options", "examples", "system")
    for key in content:
        if key not in known:
            raise unknown(f"key of {owner}", key, known)
    fields = _texts_by_name(content.get("fields", {}), "fields", owner)
    options = content.get("options", [])
    if not isinstance(options, list) or not all(isinstance(option, str) and option.strip() for option in options):
        raise must("options", owner, "be a list of texts", options)
    lists = content.get("list_options", False)
    if not isinstance(lists, bool):
        raise must("list_options", owner, "be true or false", lists)
    words = {name: _one_text(content.get(name, ""), name, owner) for name in ("instruction", "template", "system")}
    answer = _one_text(content.get("answer", "Answer"), "answer", owner)
    made = Prompt(fields, words["instruction"], answer, words["template"], tuple(options), lists, (), words["system"])
    _check(made, owner)
    solved = content.get("examples", [])
    rows = tuple(_texts_by_name(one, "examples", owner) for one in solved) if isinstance(solved, list) else ()
    for row in rows:
        missing = {*made.slots, "answer"} - dict(row).keys()
        if missing or not isinstance(solved, list):
            raise must("examples", owner, f"each have {', '.join(made.slots)} and answer", f"no {', '.join(sorted(missing))}")
        if options and dict(row)["answer"] not in options:
            raise must("answer", f"an example of {owner}", f"be one of its options: {', '.join(options)}", dict(row)["answer"])
    return replace(made, examples=rows)


def _check(made: Prompt, owner: str) -> None:
    if bool(made.template) == bool(made.fields):
        hint = 'Write [fields] with SLOT = "Name", which has many layouts, or template = "Text: {SLOT}", which has one.'
        raise UsageError(f"{owner[0].upper()}{owner[1:]} needs either fields or a template. {hint}")
    if not made.slots:
        raise must("template", owner, "have a slot in braces, such as {text}", made.template)
    if len(set(made.options)) < len(made.options):
        twice = next(option for option in made.options if made.options.count(option) > 1)
        raise must("options", owner, "be different", twice, "Name each once.")
    if len(made.options) > MOST_OPTIONS or len(made.options) == 1:
        raise must("options", owner, f"be 2 to {MOST_OPTIONS}", len(made.options))
    if made.list_options and (not made.options or made.template):
        raise must("list_options", owner, "be true only with options and fields", True)


def _texts_by_name(given: object, name: str, owner: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise must(name, owner, "be texts by name", given)
    return tuple((str(key), str(value)) for key, value in given.items())


def _one_text(given: object, name: str, owner: str) -> str:
    if not isinstance(given, str):
        raise must(name, owner, "be a text", given)
    return given


def orders_of(options: Sequence[str]) -> int:
    """Among how many orders of its options a prompt may choose."""
    count = 1
    for factor in range(2, len(options) + 1):
        count = min(MOST_ORDERS, count * factor)
    return count
