"""Posts JSON to one URL and tries again what may pass: what endpoints of every kind share."""

from __future__ import annotations

import logging
import os
import random
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from shiftproof._errors import MissingExtra, UsageError, must
from shiftproof._secrets import remember_header, remember_url, url_without_secrets, without_secrets
from shiftproof.models.endpoint_form import RequestForm, header_values
from shiftproof.models.endpoint_reply import Again, Reply, read_reply
from shiftproof.models.query_count import count_sent
from shiftproof.models.user_code import first_line

if TYPE_CHECKING:
    import httpx
    import tenacity


@dataclass(frozen=True)
class EndpointOptions:
    """How an endpoint is asked.

    Args:
        rows: inputs in one request, at least 1.
        concurrency: requests under way at once, at least 1.
        timeout: seconds until a request counts as lost, its whole answer included, above 0.
        attempts: tries of one request, at least 1: again after a lost connection, a timeout, 429 or a server error (5xx).
        wait: seconds before the second try; doubles from try to try, plus up to as much again by chance, at least 0.
        longest_wait: seconds; an endpoint that asks for a longer pause (Retry-After) is given up.
        auth_env: name of the environment variable that holds the value of the Authorization header; it is read when a request is made and
            stored nowhere.
        request: JSON with `$batch` where the inputs go (`RequestForm`), such as ``{"instances": $batch}`` for TF Serving and KServe.
        answer: where the rows of the answer are, keys and places joined by points; scores, labels, predictions or outputs without it.
        headers: further headers, each a name and the environment variable that holds its value.
    """

    rows: int = 32
    concurrency: int = 4
    timeout: float = 30.0
    attempts: int = 5
    wait: float = 0.5
    longest_wait: float = 60.0
    auth_env: str = "SHIFTPROOF_ENDPOINT_AUTH"
    request: str = RequestForm.template
    answer: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        for option, value in (("rows", self.rows), ("concurrency", self.concurrency), ("attempts", self.attempts)):
            if value < 1:
                raise must(option, "the endpoint", "be at least 1", value)
        RequestForm(self.request)  # refused before anything is sent
        if not self.timeout > 0:
            raise must("timeout", "the endpoint", "be above 0 seconds", self.timeout)
        if not (self.wait >= 0 and self.longest_wait >= 0):
            raise must("wait", "the endpoint", "be at least 0 seconds", min(self.wait, self.longest_wait))


class GivenUp(UsageError):
    """A request that stays without an answer: it failed as often as it may be tried, or the endpoint asks for too long a pause."""


class Posting:
    """Requests to one URL, each tried as often as the options say. It can be pickled; connections are opened anew.

    Args:
        url: where to.
        options: how.
        name: what people call it; the URL without credentials where absent.
    """

    def __init__(self, url: str, options: EndpointOptions, *, name: str | None = None) -> None:
        remember_url(url)
        self.url, self.options = url, options
        self.address = url_without_secrets(url)
        self.name = name or self.address
        self.failure = ""
        """Why the last request stayed without an answer."""
        self._client: httpx.Client | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_client": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        remember_url(self.url)  # in this process too

    def connected(self) -> httpx.Client:
        if self._client is None:
            try:
                import httpx
            except ImportError:
                raise MissingExtra("httpx", "http") from None
            logging.getLogger("httpx").addFilter(_without_secrets)  # it logs every URL
            self._client = httpx.Client(timeout=self.options.timeout)
        return self._client

    def retrying(self) -> tenacity.Retrying:
        """What tries a request again, see `retrying`."""
        return retrying(self.options, f"endpoint {self.address}")

    def posted(self, client: httpx.Client, payload: object, n: int) -> Reply:
        """The answer to one request about n inputs.

        Raises:
            Again: it failed in a way that may pass.
            UsageError: it is refused.
        """
        reply = self._sent(client, payload, n)
        if isinstance(reply, Exception):  # raised here: below, it would carry what httpx raised, and that has the URL with its password
            raise reply
        if reply.status == 429 or reply.status >= 500:
            raise Again(reply.said(), self._pause(reply.retry_after))
        return reply

    def refused(self, reply: Reply) -> UsageError:
        """What is to be said of an answer whose status is none of success."""
        return UsageError(f"The endpoint {self.address} answered {reply.said()}.{self._hint(reply.status)}")

    def _sent(self, client: httpx.Client, payload: object, n: int) -> Reply | Again | UsageError:
        """The answer to one request, read up to a limit of bytes and within the timeout; or what went wrong."""
        import httpx

        until = time.monotonic() + self.options.timeout
        count_sent(self.name, n)
        try:
            with client.stream("POST", self.url, json=payload, headers=self._headers()) as response:
                return read_reply(response, n, until, owner=f"endpoint {self.address}")
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            return UsageError(f"The endpoint {self.address} cannot be asked: {first_line(error)}")
        except httpx.TransportError as error:
            return Again(first_line(error))
        except httpx.RequestError as error:
            return UsageError(f"The endpoint {self.address} cannot be asked: {first_line(error)}")

    def _hint(self, status: int) -> str:
        if status in (401, 403):
            return f" Set {self.options.auth_env} to the value of its Authorization header."
        return " Redirects are not followed: give the address where it answers." if 300 <= status < 400 else ""

    def _headers(self) -> dict[str, str]:
        secret = os.environ.get(self.options.auth_env, "").strip()
        if not (secret.isascii() and secret.isprintable()):  # said here, without the value: httpx would put it into its message
            raise UsageError(f"The environment variable {self.options.auth_env} must be printable ASCII, as in 'Bearer TOKEN'.")
        remember_header(secret)
        further = header_values(self.options.headers)
        return {"Accept-Encoding": "identity", **({"Authorization": secret} if secret else {}), **further}

    def _pause(self, asked: str | None) -> float | None:
        """The seconds that the endpoint asks to wait."""
        if asked is None:
            return None
        try:
            seconds = float(asked) if asked.replace(".", "").isdigit() else _until(asked)
        except ValueError:
            return None
        if seconds > self.options.longest_wait:
            limit = f"longest_wait is {self.options.longest_wait:g}"
            raise GivenUp(
                f"The endpoint {self.address} asks to wait {seconds:.0f} seconds ({limit}). Run again later: finished cells are kept."
            )
        return max(0.0, seconds)


def retrying(options: EndpointOptions, owner: str) -> tenacity.Retrying:
    """What calls a function again while it raises `Again`, with longer and longer pauses; in the end it raises `GivenUp`."""
    try:
        import tenacity
    except ImportError:
        raise MissingExtra("tenacity", "http") from None
    longer = tenacity.wait_exponential(multiplier=options.wait, max=options.longest_wait)
    dice = random.SystemRandom()  # the jitter must not move the random state of the user's program

    def pause(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.pause if isinstance(error, Again) else None
        return longer(state) + dice.uniform(0, options.wait) if asked is None else asked

    def give_up(state: tenacity.RetryCallState) -> Reply:
        error = state.outcome.exception() if state.outcome else None
        raise GivenUp(f"The {owner} failed {state.attempt_number} times, last with: {str(error).rstrip('.')}. Is it up?") from error

    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Again),
        stop=tenacity.stop_after_attempt(options.attempts),
        wait=pause,
        retry_error_callback=give_up,
    )


def _without_secrets(record: logging.LogRecord) -> bool:
    record.msg, record.args = without_secrets(record.getMessage()), ()
    return True


def check_url(url: str) -> None:
    """Raises `UsageError` where a URL is none that can be asked."""
    remember_url(url)
    try:
        parts = urlsplit(url)
        fits = bool(parts.hostname) and parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is none
        fits = False
    if not fits or any(letter.isspace() for letter in url):
        hint = "A port is from 1 to 65535. In a user name or password @ is written %40, and / is %2F."
        raise must("URL", "the model", "be http(s)://HOST/PATH", url_without_secrets(url), hint)


def _until(date: str) -> float:
    """Seconds until an HTTP date."""
    try:
        return (parsedate_to_datetime(date) - datetime.now(timezone.utc)).total_seconds()
    except TypeError as error:  # a date without a zone
        raise ValueError(date) from error
