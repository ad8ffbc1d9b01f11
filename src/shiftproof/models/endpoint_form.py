"""The wire format of an endpoint: what a request and an answer look like, and which headers go with it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from shiftproof._errors import UsageError, must
from shiftproof._secrets import remember_header

BATCH, SHAPE, FLAT = "$batch", "$shape", "$flat"
_PLACES = (BATCH, SHAPE, FLAT)
_FORM = "--request '{\"instances\": $batch}'"
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True)
class RequestForm:
    """A JSON document with places for the inputs: `$batch` is nested lists, `$flat` one list of all numbers, `$shape` the batch's shape.

    Args:
        template: JSON text, the places unquoted, such as ``{"instances": $batch}``.

    >>> import torch
    >>> RequestForm('{"instances": $batch, "n": $shape}').filled(torch.ones(1, 2))
    {'instances': [[1.0, 1.0]], 'n': [1, 2]}
    """

    template: str = '{"inputs": $batch}'

    def __post_init__(self) -> None:
        if not any(place in self.template for place in (BATCH, FLAT)):
            raise must("request", "the endpoint", f"have {BATCH} where the inputs go", self.template, f"As in {_FORM}.")
        try:
            json.loads(self._quoted)
        except ValueError as error:
            raise must("request", "the endpoint", "be JSON around its places", self.template, f"As in {_FORM}.") from error

    @property
    def _quoted(self) -> str:
        text = self.template
        for place in _PLACES:
            text = re.sub(rf'"?{re.escape(place)}\b"?', lambda found: json.dumps(found[0].strip('"')), text)
        return text

    def filled(self, x: Any) -> Any:
        """The document for inputs x of shape (n, ...)."""
        numbers = isinstance(x, Tensor)
        values = {
            BATCH: x.tolist() if numbers else [*x],
            SHAPE: list(x.shape) if numbers else [len(x)],
            FLAT: x.flatten().tolist() if numbers else [*x],
        }
        return _put(json.loads(self._quoted), values)


def _put(part: Any, values: Mapping[str, object]) -> Any:
    if isinstance(part, dict):
        return {name: _put(inner, values) for name, inner in part.items()}
    if isinstance(part, list):
        return [_put(inner, values) for inner in part]
    return values[part] if isinstance(part, str) and part in values else part


def answer_at(answer: Any, path: str, n: int, *, owner: str) -> list[Any]:
    """The n rows of an answer at a path of keys and places joined by points, such as ``outputs.0.data``.

    A flat list of n k numbers is n rows of k, as KServe sends them.

    Raises:
        UsageError: there is nothing at the path, or it is not one row per input.
    """
    found = answer
    for step in path.split("."):
        if isinstance(found, dict) and step in found:
            found = found[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            there = list(found)[:10] if isinstance(found, dict) else type(found).__name__
            raise must("answer", f"the {owner}", f"have '{path}'", there, "Name the place of the scores with --answer.")
    rows: list[Any] = found if isinstance(found, list) else [found]
    if len(rows) != n and len(rows) % n == 0 and not any(isinstance(row, list | dict) for row in rows):
        width = len(rows) // n
        rows = [rows[start : start + width] for start in range(0, len(rows), width)]
    if len(rows) != n:
        raise must(path, f"the {owner}", f"have one row per input ({n})", len(rows))
    return rows


def parse_headers(written: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Headers NAME=VARIABLE, whose values are in environment variables.

    >>> parse_headers(["X-Api-Key=MY_KEY"])
    (('X-Api-Key', 'MY_KEY'),)
    """
    found: list[tuple[str, str]] = []
    for one in written:
        name, equals, variable = one.partition("=")
        if not equals or not _HEADER.fullmatch(name.strip()) or not variable.strip():
            hint = "The value is read from the environment, so that it stands in no record."
            raise must("header", "the endpoint", "be NAME=VARIABLE, an environment variable that holds the value", one, hint)
        found.append((name.strip(), variable.strip()))
    return tuple(found)


def header_values(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """The headers with their values from the environment; the values are kept out of everything that is shown.

    Raises:
        UsageError: a variable is not set or not printable ASCII.
    """
    found: dict[str, str] = {}
    for name, variable in headers:
        value = os.environ.get(variable, "").strip()
        if not value:
            raise UsageError(
                f"The environment variable {variable}, the value of the header {name}, is not set. Set it, or leave --header out."
            )
        if not (value.isascii() and value.isprintable()):
            raise UsageError(f"The environment variable {variable} must be printable ASCII, as the header {name} is.")
        remember_header(value)
        found[name] = value
    return found
