"""Thirty payloads that run, fetch or steer where a page or a terminal takes text for markup or code, and records that are full of them."""

from __future__ import annotations

import dataclasses
import typing
import zlib
from enum import Enum
from typing import Any

import numpy as np
from pydantic import BaseModel

PAYLOADS = (
    "<script>fired(0)</script>",
    "</script><script>fired(1)</script>",
    '"><img src=x onerror=fired(2)>',
    "'><svg onload=fired(3)>",
    "<svg><script>fired(4)</script></svg>",
    "--><script>fired(5)</script><!--",
    "]]><script>fired(6)</script>",
    "</title><script>fired(7)</script>",
    "</style><script>fired(8)</script>",
    "</textarea></noscript><img src=x onerror=fired(9)>",
    '" onmouseover="fired(10)" autofocus onfocus="fired(10)" x="',
    "' onclick='fired(11)' tabindex=0 onfocus='fired(11)' x='",
    "javascript:fired(12)",
    "data:text/html,<script>fired(13)</script>",
    "\\u003cscript\\u003efired(14)\\u003c/script\\u003e",
    '");fired(15);//\\',
    "');fired(16);//\\",
    "`${fired(17)}`",
    "\u2028fired(18)\u2029//",
    "{{fired(19)}}{% print(fired(19)) %}{{ self.__init__ }}",
    "']; fired(20); datum['",
    '"},{"signal":"fired(21)","expr":"fired(21)"}',
    '<iframe srcdoc="<script>parent.fired(22)</script>"></iframe>',
    '<a href="javascript:fired(23)">x</a>',
    "<base href=//evil.invalid/><link rel=stylesheet href=//evil.invalid/24.css><i>fired(24)</i>",
    ";}</style><style>@import url(//evil.invalid/25.css);*{background:url(//evil.invalid/fired(25))}</style>",
    '<meta http-equiv=refresh content="9;url=javascript:fired(26)">',
    "<form action=//evil.invalid><button formaction=javascript:fired(27) autofocus>x</button></form>",
    "\x1b]0;fired(28)\x07\x1b[2J\x9b31m<img src=x onerror=fired(28)>",
    "\u202e<details open ontoggle=fired(29)>＜script＞fired(29)＜/script＞",
)
DIRECT = (0, 2, 3, 9, 22, 29)
"""Those that run as soon as they stand in a page as they are, whatever stands around them."""
MEANING = {"identity", "one_draw", "mean", "group", "worst_group"}
"""Words that decide what a page shows of a number."""
KEPT = {
    *("cell", "key", "file", "measure", "kind", "state", "outcomes", "started", "finished", "schema_version", "seal", "strength", "axis"),
    *("strength_name", "access", "against"),
}
"""Fields that hold words and file names of ours, never text of a user or of data."""


def payload(text: str, turn: int = 0) -> str:
    """Always the same one for a text, so that what belongs together still does; every text gets each in one of thirty turns."""
    return PAYLOADS[(zlib.crc32(text.encode()) + turn) % len(PAYLOADS)]


def spoiled(value: Any, turn: int = 0) -> Any:
    """A record, with a payload behind every text in it that a user or data may write."""
    if isinstance(value, str):
        return value if isinstance(value, Enum) or value in MEANING else value + payload(value, turn)
    if isinstance(value, BaseModel):
        hints = {name: field.annotation for name, field in type(value).model_fields.items()}
        return value.model_copy(update={name: _of_field(name, hints[name], getattr(value, name), turn) for name in hints})
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value) if field.init]
        return dataclasses.replace(value, **{name: _of_field(name, None, getattr(value, name), turn) for name in names})
    if isinstance(value, dict):
        return {spoiled(key, turn): spoiled(inner, turn) for key, inner in value.items()}
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        return type(value)(spoiled(inner, turn) for inner in value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "UO":
        return np.array([spoiled(str(inner), turn) for inner in value.tolist()])
    return value


def _of_field(name: str, hint: Any, value: Any, turn: int) -> Any:
    return value if name in KEPT or "Literal" in str(typing.get_origin(hint)) + str(hint) else spoiled(value, turn)
