"""A language model that inspect_ai knows how to ask: inspect_ai:PROVIDER/MODEL, with the user's own providers, keys and settings."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from shiftproof._errors import MissingExtra, UsageError
from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof._secrets import without_secrets
from shiftproof.data.chats import messages_of
from shiftproof.data.space import UNIT, ValueRange
from shiftproof.models.asked_singly import AskedSingly
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.endpoint_reply import Again
from shiftproof.models.posting import retrying
from shiftproof.models.query_count import count_sent
from shiftproof.models.replies import TextReply
from shiftproof.models.unanswered import Refusal, current_draw
from shiftproof.models.user_code import first_line

SCHEME = "inspect_ai:"
_FORM = "Write it as inspect_ai:PROVIDER/MODEL, for example inspect_ai:openai/gpt-4o-mini."


class InspectModel(AskedSingly, copies=True):
    """A language model behind a provider of inspect_ai. Inputs are texts or chats, as of `ChatModel`.

    Args:
        spec: PROVIDER/MODEL, as inspect writes it.
        name: what people call it.
        options: how it is asked; `auth_env` is not read, as inspect reads the keys of its providers.
        version: what you call its state.
        box: least and greatest value of a pixel, where inputs have pictures.
        model: inspect's own model, where it is made already.

    Guarantees:
        Those of `AskedSingly`: inspect's own tries are switched off, so that each request is one of the budget, and is counted. Whether a
        failure may pass is what the provider says of it.
    Cost: about 6 ms a request beside the model's own.
    """

    def __init__(
        self,
        spec: str,
        *,
        name: str | None = None,
        options: ChatOptions | None = None,
        version: str | None = None,
        box: ValueRange = UNIT,
        model: Any = None,
    ) -> None:
        options = options or ChatOptions()
        self._spec, self._client = spec, model or _made(spec, options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._remade, self._box = model is None, box
        known = _known(spec, options, version, box)
        super().__init__(name=name or spec.rpartition("/")[2], fingerprint=known, note=_note(spec, version), options=options)

    def __getstate__(self) -> dict[str, Any]:
        if not self._remade:
            raise UsageError(f"The model '{self._spec}' was made by your code, and cannot go to another process. Give its spec instead.")
        return {**vars(self), "_client": None, "_loop": None}

    def _question(self, one: Any) -> Any:
        return messages_of(one, self._box)

    def _asking(self) -> Callable[[Any], Any]:
        if self._client is None:  # in another process
            self._client = _made(self._spec, self._options)
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, daemon=True).start()
        tries = retrying(self._options.posting, f"model '{self._spec}'")
        return partial(lambda loop, question: tries.copy()(self._one, loop, question), self._loop)

    def _one(self, loop: asyncio.AbstractEventLoop, messages: Sequence[Any]) -> Any:
        """The answer to one chat, in one try."""
        output = self._one_try(f"model '{self._spec}'", partial(self._sent, loop, messages))
        self._spent(int(output.usage.total_tokens) if output.usage else 0)
        text = without_secrets(output.completion)
        if not output.choices or output.stop_reason == "content_filter":
            return Refusal(text or without_secrets(output.error or ""))
        return Refusal(text) if output.stop_reason == "model_length" and not text else TextReply(text, _top(output.choices[0]))

    def _sent(self, loop: asyncio.AbstractEventLoop, messages: Sequence[Any]) -> Any:
        count_sent(self.name, 1)
        asked = self._client.generate(_as_inspect(messages), config=_config(self._options))
        future = asyncio.run_coroutine_threadsafe(asked, loop)
        try:
            return future.result()
        except Exception as error:  # the providers are of many packages, which raise what they like
            cause = _cause(error)
            if self._client.should_retry(cause):
                raise Again(without_secrets(first_line(cause))) from None
            raise UsageError(f"The model '{self._spec}' cannot be asked: {without_secrets(first_line(cause))}") from None


def is_inspect(spec: str) -> bool:
    """Whether a spec names a model of inspect_ai."""
    return spec.lower().startswith(SCHEME)


def load_inspect(
    spec: str, *, name: str | None = None, options: ChatOptions | None = None, version: str | None = None, box: ValueRange = UNIT
) -> InspectModel:
    """The language model behind inspect_ai:PROVIDER/MODEL.

    Raises:
        MissingExtra: inspect_ai is not installed.
        UsageError: it names no provider and model, or inspect refuses it.
    """
    named = spec[len(SCHEME) :].strip()
    provider, slash, model = named.partition("/")
    if not (provider and slash and model):
        raise UsageError(f"The model '{spec}' names no provider and model. {_FORM}")
    return InspectModel(named, name=name, options=options, version=version, box=box)


def _made(spec: str, options: ChatOptions) -> Any:
    try:
        from inspect_ai.model import get_model
    except ImportError:
        raise MissingExtra("inspect_ai", "inspect", owner=f"The model 'inspect_ai:{spec}'") from None
    try:
        return get_model(spec, config=_config(options))
    except Exception as error:  # an unknown provider, its package or its key
        reason = without_secrets(first_line(_cause(error)))
        raise UsageError(f"The model 'inspect_ai:{spec}' cannot be made by inspect_ai: {reason}") from None


def _config(options: ChatOptions) -> Any:
    """How inspect asks: in one try, as we ask ourselves."""
    from inspect_ai.model import GenerateConfig

    likelihoods = {"logprobs": True, "top_logprobs": options.top} if options.top else {}
    drawn = {"seed": current_draw()} if options.temperature > 0 else {}
    return GenerateConfig(
        max_retries=0,
        attempt_timeout=max(1, round(options.timeout)),
        max_connections=options.concurrency,
        temperature=options.temperature,
        max_tokens=options.most_tokens_each,
        **likelihoods,
        **drawn,
    )


def _as_inspect(messages: Sequence[Any]) -> list[Any]:
    from inspect_ai.model import ChatMessageAssistant, ChatMessageSystem, ChatMessageUser

    kinds: dict[str, Any] = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}
    return [kinds[message["role"]](content=_content(message["content"])) for message in messages]


def _content(content: Any) -> Any:
    """A text, or the parts of a message with pictures."""
    if isinstance(content, str):
        return content
    from inspect_ai.model import ContentImage, ContentText

    return [ContentText(text=one["text"]) if one["type"] == "text" else ContentImage(image=one["image_url"]["url"]) for one in content]


def _top(choice: Any) -> dict[str, float]:
    """The alternatives of the first token, with their log-probabilities."""
    said = choice.logprobs.content if choice.logprobs else []
    return {other.token: float(other.logprob) for other in reversed(said[0].top_logprobs or [])} if said else {}


def _cause(error: Exception) -> Exception:
    """What a provider raised: inspect's tries wrap it."""
    import tenacity  # inspect needs it too

    while isinstance(error, tenacity.RetryError) and error.last_attempt.exception() is not None:
        error = error.last_attempt.exception()  # type: ignore[assignment]  # one is there
    return error


def _known(spec: str, options: ChatOptions, version: str | None, box: ValueRange) -> Fingerprint:
    """By its spec and what may change an answer."""
    counts = (spec, options.most_tokens_each, options.temperature, options.top, box)
    return fingerprint_of("inspect_ai", identify(counts), version=version)


def _note(spec: str, version: str | None) -> str:
    state = (
        "Name its state with --model-version: a stored answer is not asked for again."
        if version is None
        else f"Your name for its state is '{version}': a stored answer is not asked for again."
    )
    return (
        f"The language model '{spec}' is identified by its name in inspect_ai and how it is asked; settings that inspect reads from the "
        f"environment are not part of that. {state}"
    )
