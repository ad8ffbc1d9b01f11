"""What an endpoint answers, read within bounds: of bytes, of time, of what JSON may be."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shiftproof._errors import UsageError, must
from shiftproof._secrets import without_secrets
from shiftproof.models.endpoint_form import answer_at

if TYPE_CHECKING:
    import httpx

ANSWERS = ("scores", "labels", "predictions", "outputs")
"""Keys of the answer, in the order in which they are looked for."""


ROW_BYTES = 2**20
"""Of an answer, for each input and once more: ten times what 20,000 classes need. A longer one is refused, and not read."""
_SHOWN = 4096
"""Bytes of an answer that messages are made from."""


_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
"""A letter as JSON may write it, behind which a secret would not be seen."""


class Again(Exception):
    """A request that failed in a way that may pass."""

    def __init__(self, reason: str, pause: float | None = None) -> None:
        super().__init__(without_secrets(reason))
        self.pause = pause


class _Twice(ValueError):
    """A key that stands twice in one object: which of the two is meant, nobody knows."""


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(name[:80])
        found[name] = value
    return found


def _text(body: bytes, most: int = 80) -> str:
    """The beginning of what a server sent, without what is secret in it; control characters do nothing."""
    said = body[:_SHOWN].decode("utf-8", "replace")
    whole = without_secrets(_ESCAPED.sub(lambda found: chr(int(found[1], 16)), said))
    return "".join(letter if letter.isprintable() else " " for letter in whole)[:most].strip()


@dataclass(frozen=True)
class Reply:
    """An answer that was read to its end."""

    status: int
    reason: str
    body: bytes
    retry_after: str | None

    def said(self) -> str:
        return f"{self.status} {_text(self.reason.encode())}: {_text(self.body, 200) or 'no text'}"


def read_reply(response: httpx.Response, n: int, until: float, *, owner: str) -> Reply | Again | UsageError:
    """The whole answer to n inputs, read up to a limit of bytes and until a time of the monotonic clock; or what went wrong."""
    packed = response.headers.get("Content-Encoding", "identity")
    if packed != "identity":  # a few bytes may unpack to any number
        return must("answer", f"the {owner}", "be sent as it is, which the request asks for", packed)
    most = (n + 1) * ROW_BYTES
    parts: list[bytes] = []
    size = 0
    for part in response.iter_raw():
        parts.append(part)
        size += len(part)
        if size > most:
            return must("answer", f"the {owner}", f"be at most {most} bytes (1 MiB for each input, and one more)", "more")
        if time.monotonic() > until:
            return Again("it did not send its whole answer within the timeout")
    return Reply(response.status_code, response.reason_phrase, b"".join(parts), response.headers.get("Retry-After"))


def rows_of(body: bytes, n: int, *, owner: str, path: str = "") -> list[object]:
    """The n rows at `path` (`answer_at`), or under one of the known keys of a JSON object; raises `UsageError` for anything else."""
    answer = _parsed(body, owner)
    if isinstance(answer, UsageError):  # raised here: below, it would carry what the parser raised, and that has the whole body
        raise answer
    if path:
        return answer_at(answer, path, n, owner=owner)
    key = next((k for k in ANSWERS if k in answer), None) if isinstance(answer, dict) else None
    form = '{"scores": [[...], ...]} or {"labels": [...]}'
    if key is None:
        got = [name[:80] for name in list(answer)[:10]] if isinstance(answer, dict) else type(answer).__name__
        raise must("answer", f"the {owner}", f"be {form}", got)
    rows = answer[key]
    if not isinstance(rows, list) or len(rows) != n:
        raise must(key, f"the {owner}", f"have one row per input ({n})", len(rows) if isinstance(rows, list) else type(rows).__name__)
    return rows


def _parsed(body: bytes, owner: str) -> Any:
    """The JSON of a body, or the `UsageError` about it."""
    try:
        return json.loads(body, object_pairs_hook=_once)
    except _Twice as error:
        return must("answer", f"the {owner}", "have each key once", str(error))
    except RecursionError:
        return must("answer", f"the {owner}", "be JSON", "brackets nested too deeply")
    except ValueError:
        return must("answer", f"the {owner}", "be JSON", _text(body))
