"""Answers that cost money, kept on disk: by the model's fingerprint, the input and the draw."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof._identity.fingerprinted import Fingerprinted
from shiftproof.data.prompts import PromptRow
from shiftproof.data.rows import Fields, one_by_one, rows_of
from shiftproof.models.abstract import Answers, FixedIdentity
from shiftproof.models.replies import as_json, from_json
from shiftproof.models.unanswered import Unanswered, current_draw

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds that a writer waits for others."""


class AnswerCache(Fingerprinted):
    """Answers by key, in a file of SQLite: several processes may read and write it, and a kill loses what was not written at most.

    Args:
        path: the file; without it, in memory until `keep` names one.

    Keys are hashes and values answers: neither a prompt nor a credential is in it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path}

    def fingerprint(self) -> str:
        """Always the same: no answer depends on where it is stored."""
        return "answers"

    def keep(self, path: Path) -> None:
        """From now on in this file, which gets what is here already."""
        if self._path is not None:
            return
        before = self._open.execute("SELECT key, answer FROM answers").fetchall()
        self._open.close()
        self._path = path
        del self._open
        self._try(lambda: self._open.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?)", before))

    def get(self, keys: Sequence[str]) -> dict[str, str]:
        """What is stored under these keys."""

        def read() -> dict[str, str]:
            query = "SELECT answer FROM answers WHERE key = ?"
            rows = {key: self._open.execute(query, (key,)).fetchone() for key in dict.fromkeys(keys)}
            return {key: str(row[0]) for key, row in rows.items() if row is not None}

        return self._try(read)

    def put(self, key: str, answer: str) -> str:
        """Stores an answer, and gives what is stored: of several writers the first one's."""
        self._try(lambda: self._open.execute("INSERT OR IGNORE INTO answers VALUES (?, ?)", (key, answer)))
        return self.get([key])[key]

    @cached_property
    def _open(self) -> sqlite3.Connection:
        def connect() -> sqlite3.Connection:
            opened = sqlite3.connect(self._path or ":memory:", timeout=PATIENCE, isolation_level=None, check_same_thread=False)
            opened.execute("PRAGMA journal_mode=WAL")
            opened.execute("PRAGMA synchronous=NORMAL")
            opened.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, answer TEXT NOT NULL) WITHOUT ROWID")
            return opened

        return self._try(connect)

    def _try(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.Error as error:
            fix = "Free its disk, or delete it: the answers in it are then asked for again."
            raise UsageError(f"The stored answers '{self._path}' cannot be used ({error}). {fix}") from error


class CachedAnswers(FixedIdentity, copies=True):
    """A model whose answers are stored as they come, and asked for once: of equal inputs one is sent.

    Args:
        model: what is asked.
        cache: where answers are stored.
    """

    def __init__(self, model: Answers, cache: AnswerCache) -> None:
        super().__init__(name=model.name, fingerprint=model.identity(), notes=model.notes)
        self.model, self.cache = model, cache

    @property
    def device(self) -> torch.device:
        return self.model.device

    def answers(self, x: Any) -> Any:
        keys = [_key(self.fingerprint(), current_draw(), one) for one in one_by_one(x)]
        known = self.cache.get(keys)
        first: dict[str, int] = {}
        for place, key in enumerate(keys):
            if key not in known:
                first.setdefault(key, place)
        wanted = [*first.values()]
        if wanted:
            for place, answer in self.model.each(x[torch.tensor(wanted)]):
                if answer is not None:
                    key = keys[wanted[place]]
                    known[key] = self.cache.put(key, as_json(answer))
        said = [from_json(known[key]) for key in keys if key in known]
        rows = _rows(said)
        if len(said) < len(keys):
            why = f"The model '{self.name}' gave no answer to {len(keys) - len(said)} of {len(keys)} inputs."
            raise Unanswered(f"{why} {self.model.failure}".strip(), torch.tensor([key in known for key in keys]), rows if said else None)
        return rows


def remembering(model: Answers, cache: AnswerCache) -> Answers:
    """The model with its answers stored, where it wants that."""
    return CachedAnswers(model, cache) if model.keeps_answers else model


def _rows(said: list[Any]) -> Any:
    numbers = bool(said) and not isinstance(said[0], str)
    return torch.tensor(said, dtype=torch.float64) if numbers else rows_of(said)


def _key(fingerprint: str, draw: int, one: Any) -> str:
    return blake2b(json.dumps([fingerprint, draw, _plain(one)], sort_keys=True).encode(), digest_size=20).hexdigest()


def _plain(one: Any) -> Any:
    """An input as JSON holds it; numbers by their bytes."""
    if isinstance(one, Fields):
        return {name: [_plain(value) for value in column] for name, column in one.columns.items()}
    if isinstance(one, Tensor | np.ndarray):
        values = np.ascontiguousarray(one.detach().cpu().numpy() if isinstance(one, Tensor) else one)
        return [str(values.dtype), list(values.shape), blake2b(values.tobytes()).hexdigest()]
    if isinstance(one, PromptRow):
        return [str(one), one.prompt.system, *([one.ending] if one.ending else [])]
    if isinstance(one, list | tuple):
        return [_plain(each) for each in one]
    return {str(name): _plain(value) for name, value in one.items()} if isinstance(one, dict) else one
