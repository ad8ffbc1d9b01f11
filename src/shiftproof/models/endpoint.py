"""A model behind HTTP: provides scores or labels, as it answers."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import torch
from torch import Tensor

from shiftproof._errors import MissingExtra, UsageError, must
from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof._secrets import remember_header, remember_url, url_without_secrets, without_secrets
from shiftproof.models.abstract import Labels, Scores, WrappedModel
from shiftproof.models.answers import Gives, kind_of, read_labels, read_scores
from shiftproof.models.endpoint_form import RequestForm, header_values
from shiftproof.models.endpoint_reply import Again, Reply, read_reply, rows_of
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


class Requests:
    """Questions to one URL: POST {"inputs": nested lists}, answered with {"scores": [[...], ...]} or {"labels": [...]}, or as options say.

    "predictions" and "outputs" are read too, as scores where their rows are lists. It can be pickled; connections are opened anew.
    """

    def __init__(self, url: str, options: EndpointOptions, *, name: str | None = None) -> None:
        remember_url(url)
        self.url, self.options = url, options
        self.address = url_without_secrets(url)
        self.name = name or self.address
        self._client: httpx.Client | None = None

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_client": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        vars(self).update(state)
        remember_url(self.url)  # in this process too

    def ask(self, x: Any) -> list[object]:
        """The answer's rows for x of shape (n, ...), or for n texts."""
        if not len(x):
            return []
        client, retrying = self._connected(), self._retrying()
        size = self.options.rows
        parts = torch.split(x.detach().cpu(), size) if isinstance(x, Tensor) else [x[at : at + size] for at in range(0, len(x), size)]
        pool = ThreadPoolExecutor(max_workers=min(self.options.concurrency, len(parts)))
        try:
            # Each thread in a copy of this context, in which the rows are counted.
            answers = [pool.submit(copy_context().run, retrying.copy(), self._post, client, part) for part in parts]
            return [row for answer in answers for row in answer.result()]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _connected(self) -> httpx.Client:
        if self._client is None:
            try:
                import httpx
            except ImportError:
                raise MissingExtra("httpx", "http") from None
            logging.getLogger("httpx").addFilter(_without_secrets)  # it logs every URL
            self._client = httpx.Client(timeout=self.options.timeout)
        return self._client

    def _retrying(self) -> tenacity.Retrying:
        try:
            import tenacity
        except ImportError:
            raise MissingExtra("tenacity", "http") from None
        options = self.options
        longer = tenacity.wait_exponential(multiplier=options.wait, max=options.longest_wait)
        dice = random.SystemRandom()  # the jitter must not move the random state of the user's program

        def pause(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked = error.pause if isinstance(error, Again) else None
            return longer(state) + dice.uniform(0, options.wait) if asked is None else asked

        def give_up(state: tenacity.RetryCallState) -> list[object]:
            error = state.outcome.exception() if state.outcome else None
            raise UsageError(
                f"The endpoint {self.address} failed {state.attempt_number} times, last with: {str(error).rstrip('.')}. Is it up?"
            ) from error

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Again),
            stop=tenacity.stop_after_attempt(options.attempts),
            wait=pause,
            retry_error_callback=give_up,
        )

    def _post(self, client: httpx.Client, x: Any) -> list[object]:
        reply = self._sent(client, x)
        if isinstance(reply, Exception):  # raised here: below, it would carry what httpx raised, and that has the URL with its password
            raise reply
        if reply.status == 429 or reply.status >= 500:
            raise Again(reply.said(), self._pause(reply.retry_after))
        if not 200 <= reply.status < 300:
            raise UsageError(f"The endpoint {self.address} answered {reply.said()}.{self._hint(reply.status)}")
        return rows_of(reply.body, len(x), owner=f"endpoint {self.address}", path=self.options.answer)

    def _sent(self, client: httpx.Client, x: Any) -> Reply | Again | UsageError:
        """The answer to one request, read up to a limit of bytes and within the timeout; or what went wrong."""
        import httpx

        until = time.monotonic() + self.options.timeout
        count_sent(self.name, len(x))
        try:
            with client.stream("POST", self.url, json=RequestForm(self.options.request).filled(x), headers=self._headers()) as response:
                return read_reply(response, len(x), until, owner=f"endpoint {self.address}")
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
            raise UsageError(
                f"The endpoint {self.address} asks to wait {seconds:.0f} seconds ({limit}). Run again later: finished cells are kept."
            )
        return max(0.0, seconds)


class EndpointScores(WrappedModel, Scores):
    """An endpoint that answers with one score per class.

    Guarantees:
        Every answer is checked: one row per input, finite numbers. Order is kept. Whether a row depends on its batch is up to the server.
    Cost: one request per `rows` inputs, and the requests tried again.
    """

    def __init__(self, requests: Requests, *, name: str, version: str | None = None) -> None:
        super().__init__(name=name, fingerprint=_known(requests, "scores", version), notes=(_note(name),))
        self._requests = requests

    def scores(self, x: Any) -> Tensor:
        if not len(x):
            return torch.zeros((0, 2))
        scores = read_scores(self._requests.ask(x), len(x), f"endpoint {self._requests.address}")
        if not bool(scores.isfinite().all()):
            bad = int((~scores.isfinite().all(1)).nonzero()[0, 0])
            raise must("scores", f"the endpoint {self._requests.address}", "be finite", scores[bad].tolist())
        return scores


class EndpointLabels(WrappedModel, Labels):
    """An endpoint that answers with its decision only: label codes, or names out of the data's classes.

    Guarantees and cost: those of `EndpointScores`.
    """

    def __init__(self, requests: Requests, *, name: str, class_names: Sequence[str] = (), version: str | None = None) -> None:
        super().__init__(name=name, fingerprint=_known(requests, "labels", version), notes=(_note(name),))
        self._requests, self._class_names = requests, tuple(class_names)

    def labels(self, x: Any) -> Tensor:
        if not len(x):
            return torch.zeros(0, dtype=torch.int64)
        return read_labels(self._requests.ask(x), len(x), f"endpoint {self._requests.address}", class_names=self._class_names)


def wrap_endpoint(
    url: str,
    *,
    name: str | None = None,
    options: EndpointOptions | None = None,
    gives: Gives | None = None,
    probe: Any = None,
    class_names: Sequence[str] = (),
    version: str | None = None,
) -> EndpointScores | EndpointLabels:
    """A URL as a model of the right type: `gives` says which, or asking it once about `probe` does."""
    _check_url(url)
    if gives not in (None, "scores", "labels"):
        raise must("gives", f"the model '{url_without_secrets(url)}'", "be scores or labels", gives)
    requests = Requests(url, options or EndpointOptions(), name=name)
    if gives is None:
        if probe is None:
            hint = "Or pass probe=x[:8], a few inputs, and it is asked once."
            raise must("gives", f"the model '{requests.address}'", "be 'scores' (n, classes) or 'labels' (n,)", gives, hint)
        gives = kind_of(requests.ask(probe), len(probe), f"endpoint {requests.address}", class_names=class_names)
    if gives == "scores":
        return EndpointScores(requests, name=requests.name, version=version)
    return EndpointLabels(requests, name=requests.name, class_names=class_names, version=version)


def _without_secrets(record: logging.LogRecord) -> bool:
    record.msg, record.args = without_secrets(record.getMessage()), ()
    return True


def _check_url(url: str) -> None:
    remember_url(url)
    try:
        parts = urlsplit(url)
        fits = bool(parts.hostname) and parts.scheme in ("http", "https") and parts.port != 0
    except ValueError:  # brackets that do not close, a port that is none
        fits = False
    if not fits or any(letter.isspace() for letter in url):
        hint = "A port is from 1 to 65535. In a user name or password @ is written %40, and / is %2F."
        raise must("URL", "the model", "be http(s)://HOST/PATH", url_without_secrets(url), hint)


def _known(requests: Requests, gives: Gives, version: str | None) -> Fingerprint:
    """By the URL without user and password, the name given, what it gives, and the options that may change an answer.

    The query counts, as it may choose the model; it is hashed, so that a key in it cannot be read back. How often and how long it is tried
    changes no answer. What it answers is for the run to compare.
    """
    parts = urlsplit(requests.url)
    plain = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, ""))
    counts: tuple[object, ...] = (plain, requests.name, gives, requests.options.rows, requests.options.auth_env)
    form = (requests.options.request, requests.options.answer)
    counts = counts if form == (EndpointOptions.request, EndpointOptions.answer) else (*counts, *form)
    return fingerprint_of("endpoint", identify(counts), version=version)


def _note(name: str) -> str:
    return f"The endpoint '{name}' is identified by its URL and options, and in a run by its answers to a few inputs."


def _until(date: str) -> float:
    """Seconds until an HTTP date."""
    try:
        return (parsedate_to_datetime(date) - datetime.now(timezone.utc)).total_seconds()
    except TypeError as error:  # a date without a zone
        raise ValueError(date) from error
