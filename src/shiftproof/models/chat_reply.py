"""What an endpoint for chats answers: a text, a refusal, or something that may be better at the next try."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from shiftproof._errors import UsageError
from shiftproof._secrets import without_secrets
from shiftproof.models.endpoint_reply import Again, parsed
from shiftproof.models.endpoint_reply import Reply as Body
from shiftproof.models.replies import TextReply
from shiftproof.models.unanswered import Refusal


class Found(NamedTuple):
    """An answer, and the tokens that it and its question have."""

    answer: TextReply | Refusal
    tokens: int


def read_chat(reply: Body, owner: str) -> Found:
    """The answer in a body.

    An answer with an error of the client's (too long, filtered) declines. A body that is none of the protocol is no answer: a proxy's page,
    or one cut off.

    Raises:
        Again: the body is not what the protocol says.
    """
    choice, tokens, declined = _choice(reply, owner)
    if declined is not None:
        return Found(declined, 0)
    try:
        message = choice["message"]
        text, refusal = message.get("content"), message.get("refusal")
    except (KeyError, TypeError, AttributeError) as error:
        raise Again(f"its answer is no chat completion with choices and a message ({type(error).__name__})") from error
    if refusal or choice.get("finish_reason") == "content_filter":
        return Found(Refusal(without_secrets(str(refusal or text or ""))), tokens)
    if not isinstance(text, str):
        raise Again("the message of its answer has no content")
    return Found(TextReply(without_secrets(text), _top(choice)), tokens)


def read_completion(reply: Body, owner: str) -> Found:
    """Like `read_chat`, of a text that was gone on with.

    Raises:
        Again: the body is not what the protocol says.
    """
    choice, tokens, declined = _choice(reply, owner)
    if declined is not None:
        return Found(declined, 0)
    text = choice.get("text")
    if choice.get("finish_reason") == "content_filter":
        return Found(Refusal(without_secrets(str(text or ""))), tokens)
    if not isinstance(text, str):
        raise Again("the choice of its answer has no text")
    return Found(TextReply(without_secrets(text), _top(choice)), tokens)


def _choice(reply: Body, owner: str) -> tuple[Mapping[str, Any], int, Refusal | None]:
    """The first choice of a body and its tokens, or that the endpoint declines."""
    if reply.status >= 400:
        return {}, 0, Refusal(without_secrets(reply.said()))
    try:
        content = parsed(reply.body, owner)
        if isinstance(content, UsageError):
            raise Again(str(content))
        choice = content["choices"][0]
        tokens = int((content.get("usage") or {}).get("total_tokens") or 0)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise Again(f"its answer is no completion with choices ({type(error).__name__})") from error
    if not isinstance(choice, dict):
        raise Again("its answer is no completion with choices")
    return choice, tokens, None


def _top(choice: Mapping[str, Any]) -> dict[str, float]:
    """The alternatives of the first token, with their log-probabilities, in either form of the protocol."""
    try:
        given = choice["logprobs"]
        if given.get("content"):
            return {str(other["token"]): float(other["logprob"]) for other in reversed(given["content"][0]["top_logprobs"])}
        return {str(token): float(value) for token, value in given["top_logprobs"][0].items()}
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return {}
