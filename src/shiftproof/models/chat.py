"""A language model behind an endpoint that speaks OpenAI's protocol: chat:URL#MODEL, or completions:URL#MODEL for one without chats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from shiftproof._errors import UsageError, must
from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof._secrets import url_without_secrets
from shiftproof.data.chats import messages_of
from shiftproof.data.prompts import PromptRow
from shiftproof.data.space import UNIT, ValueRange
from shiftproof.models.asked_singly import AskedSingly
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.chat_reply import Found, read_chat, read_completion
from shiftproof.models.endpoint_reply import Reply
from shiftproof.models.posting import Posting, check_url
from shiftproof.models.unanswered import current_draw

Speaks = Literal["chat", "completions"]
_DECLINED = (400, 413, 422)
"""States of an answer that decline this very input: too long, or filtered."""


@dataclass(frozen=True)
class _Protocol:
    """One of the two ways in which such an endpoint is asked."""

    path: str
    question: Callable[[Any, ValueRange], Any]
    slot: str
    read: Callable[[Reply, str], Found]
    alternatives: Callable[[int], dict[str, Any]]
    """How so many alternatives of the first token are asked for."""


class ChatModel(AskedSingly, copies=True):
    """A language model behind an endpoint.

    Inputs are texts (each a message of the user), chats (lists of messages), or texts with pictures (`Fields`), which stand in the message
    as PNG.

    Args:
        url: of the endpoint, without the last part of the path.
        model: its name there.
        name: what people call it.
        options: how it is asked.
        version: what you call its state.
        box: least and greatest value of a pixel, where inputs have pictures.
        speaks: "chat", at URL/chat/completions, or "completions", at URL/completions: for models that go on with a text and know no chats.

    Guarantees:
        Those of `AskedSingly`. Nothing but the URL is asked.
    """

    def __init__(
        self,
        url: str,
        model: str,
        *,
        name: str | None = None,
        options: ChatOptions | None = None,
        version: str | None = None,
        speaks: Speaks = "chat",
        box: ValueRange = UNIT,
    ) -> None:
        check_url(url)
        options = options or ChatOptions()
        self._speaks, self._model, self._box = speaks, model, box
        self._posting = Posting(f"{url.rstrip('/')}/{_PROTOCOLS[speaks].path}", options.posting, name=name or model)
        known = _known(speaks, url, model, options, version, box)
        super().__init__(name=name or model, fingerprint=known, note=_note(model, version), options=options)

    def _question(self, one: Any) -> Any:
        return _PROTOCOLS[self._speaks].question(one, self._box)

    def _asking(self) -> Callable[[Any], Any]:
        client, retrying = self._posting.connected(), self._posting.retrying()
        return lambda question: retrying.copy()(self._one, client, question)

    def _one(self, client: Any, question: Any) -> Any:
        """The answer to one question, in one try."""
        owner = f"endpoint {self._posting.address}"
        reply = self._one_try(owner, partial(self._posting.posted, client, self._payload(question), 1))
        if not 200 <= reply.status < 300 and reply.status not in _DECLINED:
            raise self._posting.refused(reply)
        if reply.status in _DECLINED and "logprobs" in reply.said():  # it is our request that it declines, and so every input
            fix = "In Python, ask for fewer with ChatOptions(top=5), or for none with ChatOptions(top=0)."
            raise UsageError(f"The endpoint {self._posting.address} gives no {self._options.top} alternatives: {reply.said()}. {fix}")
        found = _PROTOCOLS[self._speaks].read(reply, owner)
        self._spent(found.tokens)
        return found.answer

    def _payload(self, question: Any) -> dict[str, Any]:
        options, protocol = self._options, _PROTOCOLS[self._speaks]
        asked: dict[str, Any] = {"model": self._model, protocol.slot: question, "max_tokens": options.most_tokens_each}
        asked["temperature"] = options.temperature
        if options.temperature > 0:
            asked["seed"] = current_draw()
        return asked | protocol.alternatives(options.top) if options.top else asked


def is_chat_spec(spec: str) -> bool:
    """Whether a spec names a language model behind an endpoint."""
    return _scheme(spec) is not None


def goes_on_with_texts(spec: object) -> bool:
    """Whether a model's spec names one that is sent a prompt with its `ending`."""
    return isinstance(spec, str) and _scheme(spec) == "completions"


def load_chat(
    spec: str, *, name: str | None = None, options: ChatOptions | None = None, version: str | None = None, box: ValueRange = UNIT
) -> ChatModel:
    """The language model behind chat:URL#MODEL or completions:URL#MODEL; the model is what follows the last '#'."""
    speaks = _scheme(spec) or "chat"
    address = spec[len(speaks) + 1 :]
    url, hash_, model = address.rpartition("#")
    if not hash_ or not model.strip():
        form = f"Write it as {speaks}:URL#MODEL, for example {speaks}:http://127.0.0.1:8080/v1#smollm2."
        raise UsageError(f"The model '{url_without_secrets(address)}' names no model. {form}")
    return ChatModel(url, model.strip(), name=name, options=options, version=version, speaks=speaks, box=box)


def _scheme(spec: str) -> Speaks | None:
    return next((speaks for speaks in _PROTOCOLS if spec.lower().startswith(f"{speaks}:")), None)


def _text(one: Any, _: ValueRange) -> str:
    """An input as a text that is to be gone on with."""
    if not isinstance(one, str):
        raise must("input", "a model of completions", "be a text", type(one).__name__, "For chats give chat:URL#MODEL.")
    if isinstance(one, PromptRow) and one.prompt.system:
        hint = "Write it into the instruction, or give chat:URL#MODEL."
        raise must("system", "the prompt of a model of completions", "be left out", one.prompt.system, hint)
    return str(one) + one.ending if isinstance(one, PromptRow) else one


_PROTOCOLS: dict[Speaks, _Protocol] = {
    "chat": _Protocol("chat/completions", messages_of, "messages", read_chat, lambda top: {"logprobs": True, "top_logprobs": top}),
    "completions": _Protocol("completions", _text, "prompt", read_completion, lambda top: {"logprobs": top}),
}


def _known(speaks: str, url: str, model: str, options: ChatOptions, version: str | None, box: ValueRange) -> Fingerprint:
    """By the URL without user and password, the model's name and what may change an answer.

    The port of a server on this machine is where it happened to start: where you name the model's state it does not count, so that a server
    started again on another port is known by that name. Without a name it counts, as it is all that tells two servers apart.
    """
    parts = urlsplit(url)
    place = parts.netloc.rpartition("@")[2] if version is None else _without_port(url)
    plain = urlunsplit((parts.scheme, place, parts.path, parts.query, ""))
    counts = (plain, model, options.most_tokens_each, options.temperature, options.top, options.auth_env)
    return fingerprint_of(speaks, identify(counts if box == UNIT else (*counts, box)), version=version)


def _without_port(url: str) -> str:
    """The host of a URL, with its port unless it is this machine."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        here = ip_address(host).is_loopback
    except ValueError:  # a name
        here = host == "localhost"
    return host if here else parts.netloc.rpartition("@")[2]


def _note(model: str, version: str | None) -> str:
    known = f"The language model '{model}' is identified by its URL, its name"
    if version is None:
        return f"{known} and how it is asked. Name its state with --model-version: a stored answer is not asked for again."
    return f"{known}, how it is asked and your name for its state, '{version}': a stored answer is not asked for again."
