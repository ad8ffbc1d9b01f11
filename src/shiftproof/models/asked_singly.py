"""Language models that are asked one question a request: several under way at once, each tried again, every question accounted for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, ClassVar

import torch

from shiftproof._identity.fingerprinted import Fingerprint
from shiftproof.data.rows import one_by_one, rows_of
from shiftproof.models.abstract import Answers, FixedIdentity
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.chat_throttle import Throttle
from shiftproof.models.endpoint_reply import Again
from shiftproof.models.posting import GivenUp
from shiftproof.models.query_count import count_tokens
from shiftproof.models.unanswered import Unanswered


class AskedSingly(FixedIdentity, Answers, copies=True):
    """What language models share.

    Guarantees:
        Every input has its answer, its refusal, or none after all tries (see `Unanswered`). No retry depends on what the answer was. Equal
        inputs of one call are sent once.
    Cost: one request per distinct input, and the requests tried again; each counts as one row sent.
    """

    keeps_answers: ClassVar[bool] = True

    def __init__(self, *, name: str, fingerprint: Fingerprint, note: str, options: ChatOptions) -> None:
        super().__init__(name=name, fingerprint=fingerprint, notes=(note,))
        self._options, self._throttle = options, Throttle(options.concurrency)
        self._failure = ""

    @property
    def failure(self) -> str:
        return self._failure

    @abstractmethod
    def _question(self, one: Any) -> Any:
        """An input as it is sent; its `repr` tells equal ones."""

    @abstractmethod
    def _asking(self) -> Callable[[Any], Any]:
        """What asks one question in all its tries; raises `GivenUp` where no answer came."""

    def each(self, x: Any) -> Iterator[tuple[int, Any]]:
        places: dict[str, list[int]] = {}
        asked: dict[str, Any] = {}
        for place, one in enumerate(one_by_one(x)):
            question = self._question(one)
            places.setdefault(key := repr(question), []).append(place)
            asked[key] = question
        ask = self._asking()
        pool = ThreadPoolExecutor(max_workers=min(self._options.concurrency, max(1, len(asked))))
        try:
            # Each in a copy of this context, in which requests are counted.
            running = {pool.submit(copy_context().run, ask, question): key for key, question in asked.items()}
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
            raise Unanswered(self._failure, came, rows_of([one for one in said if one is not None]) if bool(came.any()) else None)
        return rows_of(said)

    def _said(self, answer: Future[Any]) -> Any:
        try:
            return answer.result()
        except GivenUp as error:
            self._failure = str(error)
            return None

    def _one_try(self, owner: str, send: Callable[[], Any]) -> Any:
        """What `send` gives, within the budget and the number of requests under way."""
        with self._throttle.entered(), self._options.spending.one(owner):
            try:
                reply = send()
            except Again as error:
                self._throttle.narrow(error.pause)
                raise
        self._throttle.widen()
        return reply

    def _spent(self, tokens: int) -> None:
        """Books the tokens of an answer and its question."""
        self._options.spending.add(tokens)
        count_tokens(tokens)
