"""A model behind HTTP: provides scores or labels, as it answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import torch
from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof._secrets import url_without_secrets
from shiftproof.models.abstract import Labels, Scores, WrappedModel
from shiftproof.models.answers import Gives, kind_of, read_labels, read_scores
from shiftproof.models.endpoint_form import RequestForm
from shiftproof.models.endpoint_reply import rows_of
from shiftproof.models.posting import EndpointOptions, GivenUp, Posting, check_url
from shiftproof.models.unanswered import Unanswered, present, read_present

if TYPE_CHECKING:
    import httpx


class Requests(Posting):
    """Questions to one URL: POST {"inputs": nested lists}, answered with {"scores": [[...], ...]} or {"labels": [...]}, or as options say.

    "predictions" and "outputs" are read too, as scores where their rows are lists.
    """

    def ask(self, x: Any) -> list[object]:
        """The answer's rows for x of shape (n, ...), or for n texts; None for all of a request that failed as often as it may be tried."""
        if not len(x):
            return []
        client, retrying = self.connected(), self.retrying()
        size = self.options.rows
        parts = torch.split(x.detach().cpu(), size) if isinstance(x, Tensor) else [x[at : at + size] for at in range(0, len(x), size)]
        pool = ThreadPoolExecutor(max_workers=min(self.options.concurrency, len(parts)))
        try:
            # Each thread in a copy of this context, in which the rows are counted.
            answers = [pool.submit(copy_context().run, retrying.copy(), self._post, client, part) for part in parts]
            return [row for answer, part in zip(answers, parts, strict=True) for row in self._rows(answer, len(part))]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def read(self, x: Any, how: Callable[[Any, int], Tensor]) -> Tensor:
        """The answers for x, read by `how`.

        Raises:
            Unanswered: none came to some of the inputs, after all tries.
        """
        rows = self.ask(x)
        try:
            found: Tensor = read_present(rows, len(x), f"endpoint {self.address}", how)
        except Unanswered as missing:
            raise Unanswered(self.failure, missing.came, missing.said) from None
        return found

    def _rows(self, answer: Future[list[object]], n: int) -> list[object]:
        try:
            return answer.result()
        except GivenUp as error:
            self.failure = str(error)
            return [None] * n

    def _post(self, client: httpx.Client, x: Any) -> list[object]:
        reply = self.posted(client, RequestForm(self.options.request).filled(x), len(x))
        if not 200 <= reply.status < 300:
            raise self.refused(reply)
        return rows_of(reply.body, len(x), owner=f"endpoint {self.address}", path=self.options.answer)


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
        scores: Tensor = self._requests.read(x, self._checked)
        return scores

    def _checked(self, answer: Any, n: int) -> Tensor:
        scores = read_scores(answer, n, f"endpoint {self._requests.address}")
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
        return self._requests.read(x, partial(read_labels, owner=f"endpoint {self._requests.address}", class_names=self._class_names))


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
    check_url(url)
    if gives not in (None, "scores", "labels"):
        raise must("gives", f"the model '{url_without_secrets(url)}'", "be scores or labels", gives)
    requests = Requests(url, options or EndpointOptions(), name=name)
    if gives is None:
        if probe is None:
            hint = "Or pass probe=x[:8], a few inputs, and it is asked once."
            raise must("gives", f"the model '{requests.address}'", "be 'scores' (n, classes) or 'labels' (n,)", gives, hint)
        given, there = present(requests.ask(probe))
        if there is not None and not any(there):
            raise UsageError(requests.failure)
        gives = kind_of(given, len(given), f"endpoint {requests.address}", class_names=class_names)
    if gives == "scores":
        return EndpointScores(requests, name=requests.name, version=version)
    return EndpointLabels(requests, name=requests.name, class_names=class_names, version=version)


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
