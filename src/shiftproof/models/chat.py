"""A language model behind an endpoint that speaks OpenAI's protocol: chat:URL#MODEL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

import torch

from shiftproof._errors import UsageError, must
from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof._secrets import url_without_secrets
from shiftproof.data.chats import messages_of
from shiftproof.data.rows import rows_of
from shiftproof.models.abstract import Answers, FixedIdentity
from shiftproof.models.chat_reply import read_chat
from shiftproof.models.chat_throttle import Spending, Throttle
from shiftproof.models.endpoint_reply import Again
from shiftproof.models.posting import EndpointOptions, GivenUp, Posting, check_url
from shiftproof.models.query_count import count_tokens
from shiftproof.models.unanswered import Unanswered, current_draw

SCHEME = "chat:"
_FORM = "Write it as chat:URL#MODEL, for example chat:http://127.0.0.1:8080/v1#smollm2."
_DECLINED = (400, 413, 422)
"""States of an answer that decline this very input: too long, or filtered."""


@dataclass(frozen=True)
class ChatOptions:
    """How a language model is asked.

    Args:
        concurrency: requests under way at once at most, at least 1; it begins with 2 and grows as answers come, and halves at each 429.
        timeout: seconds until a request counts as lost, above 0.
        attempts: tries of one request, at least 1. What the model answered never leads to another.
        most_tokens_each: length of an answer at most, at least 1.
        temperature: 0 for the likeliest answer.
        top: how many alternatives of the first token are asked for, 0 to 20; 0 for none.
        most_requests: requests in all, tries again among them, at least 1; None for no limit.
        most_tokens: tokens in all, as the endpoint counts them, at least 1; None for no limit.
        auth_env: name of the environment variable with the value of the Authorization header, such as "Bearer KEY".
    """

    concurrency: int = 16
    timeout: float = 60.0
    attempts: int = 5
    most_tokens_each: int = 64
    temperature: float = 0.0
    top: int = 20
    most_requests: int | None = None
    most_tokens: int | None = None
    auth_env: str = "SHIFTPROOF_ENDPOINT_AUTH"
    spending: Spending = field(init=False, repr=False)
    """What all models of these options have spent together, in this process."""

    def __post_init__(self) -> None:
        counts = {"most_tokens_each": self.most_tokens_each, "max_requests": self.most_requests, "max_tokens": self.most_tokens}
        for option, value in counts.items():
            if value is not None and value < 1:
                raise must(option, "the language model", "be at least 1", value)
        if not 0 <= self.top <= 20:
            raise must("top", "the language model", "be in [0, 20]", self.top)
        if not 0 <= self.temperature <= 2:
            raise must("temperature", "the language model", "be in [0, 2]", self.temperature)
        _ = self.posting  # it checks the others
        object.__setattr__(self, "spending", Spending(self.most_requests, self.most_tokens))

    @property
    def posting(self) -> EndpointOptions:
        """As requests are made."""
        return EndpointOptions(1, self.concurrency, self.timeout, self.attempts, auth_env=self.auth_env)


class ChatModel(FixedIdentity, Answers, copies=True):
    """A language model behind URL/chat/completions. Inputs are texts (each a message of the user) or chats (lists of messages).

    Guarantees:
        Every input has its answer, its refusal, or none after all tries (see `Unanswered`). No retry depends on what the answer was. Equal
        inputs of one call are sent once. Nothing but the URL is asked.
    Cost: one request per distinct input, and the requests tried again; each counts as one row sent.
    """

    keeps_answers: ClassVar[bool] = True

    def __init__(
        self, url: str, model: str, *, name: str | None = None, options: ChatOptions | None = None, version: str | None = None
    ) -> None:
        check_url(url)
        self._options, self._model = options or ChatOptions(), model
        self._posting = Posting(f"{url.rstrip('/')}/chat/completions", self._options.posting, name=name or model)
        self._throttle = Throttle(self._options.concurrency)
        super().__init__(name=name or model, fingerprint=_known(url, model, self._options, version), notes=(_note(model),))

    def each(self, x: Any) -> Iterator[tuple[int, Any]]:
        places: dict[str, list[int]] = {}
        asked: dict[str, Any] = {}
        for place, one in enumerate(x):
            messages = messages_of(one)
            places.setdefault(key := repr(messages), []).append(place)
            asked[key] = messages
        client, retrying = self._posting.connected(), self._posting.retrying()
        pool = ThreadPoolExecutor(max_workers=min(self._options.concurrency, max(1, len(asked))))
        try:
            # Each in a copy of this context, in which requests are counted.
            running = {
                pool.submit(copy_context().run, retrying.copy(), self._one, client, messages): key for key, messages in asked.items()
            }
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for answer in done:
                    yield from ((place, self._said(answer)) for place in places[running.pop(answer)])
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def answers(self, x: Any) -> Any:
        said: list[Any] = [None] * len(x)
        for place, answer in self.each(x):
            said[place] = answer
        came = torch.tensor([one is not None for one in said], dtype=torch.bool)
        if not bool(came.all()):
            raise Unanswered(self._posting.failure, came, rows_of([one for one in said if one is not None]) if bool(came.any()) else None)
        return rows_of(said)

    def _said(self, answer: Future[Any]) -> Any:
        try:
            return answer.result()
        except GivenUp as error:
            self._posting.failure = str(error)
            return None

    def _one(self, client: Any, messages: Sequence[Any]) -> Any:
        """The answer to one chat, in one try."""
        owner = f"endpoint {self._posting.address}"
        payload = self._payload(messages)
        with self._throttle.entered(), self._options.spending.one(owner):
            try:
                reply = self._posting.posted(client, payload, 1)
            except Again as error:
                self._throttle.narrow(error.pause)
                raise
        self._throttle.widen()
        if not 200 <= reply.status < 300 and reply.status not in _DECLINED:
            raise self._posting.refused(reply)
        found = read_chat(reply, owner)
        self._options.spending.add(found.tokens)
        count_tokens(found.tokens)
        return found.answer

    def _payload(self, messages: Sequence[Any]) -> dict[str, Any]:
        options = self._options
        asked: dict[str, Any] = {"model": self._model, "messages": messages, "max_tokens": options.most_tokens_each}
        asked["temperature"] = options.temperature
        if options.temperature > 0:
            asked["seed"] = current_draw()
        if options.top:
            asked |= {"logprobs": True, "top_logprobs": options.top}
        return asked


def is_chat(spec: str) -> bool:
    """Whether a spec names a language model behind an endpoint."""
    return spec.lower().startswith(SCHEME)


def load_chat(spec: str, *, name: str | None = None, options: ChatOptions | None = None, version: str | None = None) -> ChatModel:
    """The language model behind chat:URL#MODEL; the model is what follows the last '#'."""
    url, hash_, model = spec[len(SCHEME) :].rpartition("#")
    if not hash_ or not model.strip():
        raise UsageError(f"The model '{url_without_secrets(spec[len(SCHEME) :])}' names no model. {_FORM}")
    return ChatModel(url, model.strip(), name=name, options=options, version=version)


def _known(url: str, model: str, options: ChatOptions, version: str | None) -> Fingerprint:
    """By the URL without user and password, the model's name and what may change an answer."""
    parts = urlsplit(url)
    plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    counts = (plain, model, options.most_tokens_each, options.temperature, options.top, options.auth_env)
    return fingerprint_of("chat", identify(counts), version=version)


def _note(model: str) -> str:
    return (
        f"The language model '{model}' is identified by its URL, its name and how it is asked. Name its state with --model-version: "
        "a stored answer is not asked for again."
    )
