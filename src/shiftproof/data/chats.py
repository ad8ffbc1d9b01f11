"""Chats: inputs that are lists of messages, and the text of one message in each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shiftproof._errors import UsageError, must
from shiftproof.data.picture_uri import picture_uri
from shiftproof.data.prompts import PromptRow
from shiftproof.data.rows import Fields, Items
from shiftproof.data.space import UNIT, Kind, Space, TextSpace, ValueRange

ROLES = ("system", "user", "assistant")
Message = Mapping[str, str]
Chat = Sequence[Message]


@dataclass(frozen=True)
class ChatSpace(Space):
    """The set of legal chats: each has a message, the last one of the user; no message is empty.

    A message is named by its place ("0", "-1") or by a role, whose last message is meant.
    """

    kind: Kind = "chat"
    units: str = "characters"

    def of(self, name: str) -> Space:
        """The space of one message's text."""
        if name not in ROLES and not name.lstrip("-").isdecimal():
            raise must("message", "a chat", f"be {', '.join(ROLES)} or a place such as 0 or -1", name)
        return TextSpace()

    def check(self, x: Any, names: Any) -> None:
        for name, chat in zip(names, x, strict=True):
            owner = f"the example '{name}'"
            if not is_chat(chat):
                hint = 'A message is {"role": "user", "content": "..."}.'
                raise must("chat", owner, "be a list of messages with a role and a content", type(chat).__name__, hint)
            role = next((message["role"] for message in chat if message["role"] not in ROLES), None)
            if role is not None:
                raise must("role", owner, f"be {' or '.join(ROLES)}", role)
            if not all(message["content"].strip() for message in chat):
                raise must("message", owner, "not be empty", "", "Fill it or drop that row.")
            if chat[-1]["role"] != "user":
                raise must("last message", owner, "be the user's", chat[-1]["role"])

    def holds(self, x: Any, moved: Any) -> bool:
        roles = [[message["role"] for message in chat] for chat in x]
        return all(map(is_chat, moved)) and [[message["role"] for message in chat] for chat in moved] == roles


OWN_ANSWER = "(its own answer)"


class OwnAnswer(str):
    """Stands in a chat where the model's own answer goes.

    Args:
        asked: the input that it is the answer to.
    """

    __slots__ = ("asked",)
    asked: Any

    def __new__(cls, asked: Any) -> OwnAnswer:
        made = super().__new__(cls, OWN_ANSWER)
        made.asked = asked
        return made

    def __reduce__(self) -> tuple[type[OwnAnswer], tuple[Any]]:
        return OwnAnswer, (self.asked,)


@dataclass(frozen=True)
class TurnsSpace(Space):
    """Where inputs of a language model lie to which further turns may have been added. It is never the space of data."""

    kind: Kind = "chat"
    units: str = "characters"

    def check(self, x: Any, names: Any) -> None:
        """Nothing: it is no space of data."""

    def holds(self, x: Any, moved: Any) -> bool:
        return len(x) == len(moved) and all(isinstance(one, str) or is_chat(one) for one in moved)


def is_chat(given: object) -> bool:
    """Whether it has the form of a chat."""
    return isinstance(given, list | tuple) and len(given) > 0 and all(_is_message(one) for one in given)


def _is_message(given: object) -> bool:
    return isinstance(given, Mapping) and isinstance(given.get("role"), str) and isinstance(given.get("content"), str)


def messages_of(one: Any, box: ValueRange = UNIT) -> list[dict[str, Any]]:
    """An input as messages: a text is one of the user, and a row of `Fields` with a text and pictures is one with these before it.

    Args:
        one: a text, a chat, or a row of `Fields` with one field of texts and any number of pictures, shape (1, channels, height, width).
        box: least and greatest value of a pixel.
    """
    if isinstance(one, str):
        before = [{"role": "system", "content": one.prompt.system}] if isinstance(one, PromptRow) and one.prompt.system else []
        return [*before, {"role": "user", "content": str(one)}]
    if isinstance(one, Fields):
        return [{"role": "user", "content": _parts(one, box)}]
    if not is_chat(one):
        raise must("input", "a language model", "be a text or a chat", type(one).__name__, "For several fields write a --prompt.")
    return [{"role": message["role"], "content": message["content"]} for message in one]


def _parts(row: Fields, box: ValueRange) -> list[dict[str, Any]]:
    """Pictures, then the text, as the parts of a message."""
    texts = {name: column for name, column in row.columns.items() if isinstance(column, Items)}
    pictures = {name: column for name, column in row.columns.items() if name not in texts}
    if len(texts) != 1 or not pictures or not all(len(one.shape) == 4 and one.shape[1] in (1, 3) for one in pictures.values()):
        hint = "For several texts write a --prompt, or one text; pictures have shape (n, 1 or 3, height, width)."
        raise must("input", "a language model", "be a text, a chat, or a text with pictures", ", ".join(row.columns), hint)
    (text,) = next(iter(texts.values()))
    shown = [{"type": "image_url", "image_url": {"url": picture_uri(one[0], box)}} for one in pictures.values()]
    return [*shown, {"type": "text", "text": str(text)}]


class NoText(list[Message]):
    """A chat that objects to being searched or compared as if it were a text: a function that was written for texts does so."""

    def __contains__(self, one: object) -> bool:
        self._object_to(one)
        return super().__contains__(one)

    def __eq__(self, one: object) -> bool:
        self._object_to(one)
        return super().__eq__(one)

    __hash__ = None  # as of every list

    def _object_to(self, one: object) -> None:
        if isinstance(one, str):
            raise TypeError("it was handed a list of messages, and used it as a text")


def as_transcript(one: Any, *, own: str | None = None, ending: bool = False) -> str:
    """An input for people: a text as it is, a chat with the role of each message before it.

    Args:
        one: a text or a chat.
        own: what the model answered in an earlier turn, where an `OwnAnswer` stands for that.
        ending: whether the white space at a prompt's end is sent too, as to models without chats.

    >>> print(as_transcript([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]))
    system: Be brief.
    user: Why?
    """
    if is_chat(one):
        said = [(each["role"], own if own is not None and isinstance(each["content"], OwnAnswer) else each["content"]) for each in one]
        return "\n".join(f"{role}: {content}" for role, content in said)
    return str(one) + one.ending if ending and isinstance(one, PromptRow) else str(one)


def column_of(x: Fields | Items[Any], name: str) -> Any:
    """The named field of each input: of a chat the text of the named message, of a prompt that of the slot."""
    if isinstance(x, Fields):
        return x[name]
    return Items(one.slots[name] if isinstance(one, PromptRow) else _message(one, name) for one in x)


def _message(chat: Chat, name: str) -> str:
    return str(chat[_place(chat, name)]["content"])


def with_column(x: Fields | Items[Any], name: str, values: Any) -> Any:
    """The inputs with these values in that field."""
    if isinstance(x, Fields):
        return x.but(**{name: values})
    return Items(
        one.filled(name, text) if isinstance(one, PromptRow) else _changed(one, _place(one, name), text)
        for one, text in zip(x, values, strict=True)
    )


def _changed(chat: Chat, place: int, text: str) -> list[Message]:
    return [{**message, "content": text} if at == place else message for at, message in enumerate(chat)]


def _place(chat: Chat, name: str) -> int:
    """Where the named message is in a chat."""
    if name in ROLES:
        found = [at for at, message in enumerate(chat) if message["role"] == name]
        if found:
            return found[-1]
    elif -len(chat) <= int(name) < len(chat):
        return int(name) % len(chat)
    raise UsageError(f"A chat of {len(chat)} messages has no message '{name}'. Its roles are: {', '.join(m['role'] for m in chat)}.")
