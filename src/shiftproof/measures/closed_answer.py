"""Answers in a closed format, "Answer Choice / Confidence Score / Reasoning", and accuracy by domain."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from shiftproof._errors import must
from shiftproof.outcomes import Interval
from shiftproof.risks.intervals import clopper_pearson, proportion_difference

ReplyKind = Literal["answered", "rate_limit", "server_error", "unreadable"]
_FIELD = re.compile(r"^\W*(answer choice|confidence score|reasoning)\W*:\s*(.*)$", re.IGNORECASE | re.MULTILINE)
CLOSED_FORMAT = """Choose the class of the image from: {options}.
Reply in exactly this format:
Answer Choice: [one of the classes]
Confidence Score: [a number from 0 to 1]
Reasoning: [one or two sentences]"""
"""What asks for such an answer."""


@dataclass(frozen=True)
class ClosedAnswer:
    """What an answer in the format says.

    Args:
        choice: one of the options; empty where it names none, or several.
        confidence: in [0, 1]; NaN where none is given. 95 and 95 % are read as 0.95.
        reasoning: as written.
    """

    choice: str
    confidence: float
    reasoning: str


def read_closed_answer(text: str, options: Sequence[str]) -> ClosedAnswer:
    r"""Reads an answer; the last field of each name counts, as some models repeat the template first.

    >>> read_closed_answer("Answer Choice: A dog.\nConfidence Score: 95\nReasoning: It barks.", ["dog", "cat"])
    ClosedAnswer(choice='dog', confidence=0.95, reasoning='It barks.')
    """
    if len(options) < 2 or len({option.lower() for option in options}) < len(options):
        raise must("options", "read_closed_answer", "be two or more different texts", list(options))
    fields = {name.lower(): value.strip() for name, value in _FIELD.findall(text)}
    said = fields.get("answer choice", "")
    exact = [option for option in options if option.lower() == said.strip("[]. ").lower()]
    named = exact or [option for option in options if re.search(rf"(?<!\w){re.escape(option)}(?!\w)", said, re.IGNORECASE)]
    return ClosedAnswer(named[0] if len(named) == 1 else "", _confidence(fields.get("confidence score", "")), fields.get("reasoning", ""))


def _confidence(text: str) -> float:
    found = re.search(r"\d+(?:\.\d+)?|\.\d+", text)
    value = float(found[0]) if found else float("nan")
    value = value / 100 if value > 1 else value
    return value if value <= 1 else float("nan")


def reply_kind(reply: Mapping[str, object], options: Sequence[str]) -> tuple[ReplyKind, ClosedAnswer | None]:
    """What a raw reply of an endpoint is: an answer that can be read, a rate limit, a server error, or neither.

    Args:
        reply: the JSON of a reply, with `choices` or `error`.
        options: what may be chosen.

    >>> reply_kind({"error": {"code": "rate_limit_exceeded", "message": "Rate limit reached"}}, ["a", "b"])
    ('rate_limit', None)
    """
    error = reply.get("error")
    if error is not None:
        code = str(error.get("code") or error.get("type") or "") if isinstance(error, dict) else str(error)
        return ("rate_limit" if "rate_limit" in code else "server_error"), None
    try:
        text = json.loads(json.dumps(reply))["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return "unreadable", None
    found = read_closed_answer(str(text), options)
    return ("answered", found) if found.choice else ("unreadable", found)


@dataclass(frozen=True)
class DomainAccuracy:
    """Accuracy of one domain, and how far it is from that of the first one.

    Args:
        domain: its name.
        right: answers that are right.
        n: answers.
        accuracy: right / n.
        interval: of the true accuracy.
        gap: accuracy less that of the first domain; 0 for the first.
        gap_interval: of the true gap.
    """

    domain: str
    right: int
    n: int
    accuracy: float
    interval: Interval
    gap: float
    gap_interval: Interval


def domain_accuracy(right: Sequence[bool], domains: Sequence[str], *, first: str, confidence: float = 0.95) -> list[DomainAccuracy]:
    """Accuracy by domain with gaps from one of them; domains hold different items, so gaps are unpaired.

    Args:
        right: whether each answer is right, n.
        domains: of each item, n.
        first: the domain that the others are compared with.
        confidence: of each interval, in (0, 1).

    Guarantees: each interval misses with probability at most 1 - confidence, at every n.

    >>> [(one.domain, one.accuracy, one.gap) for one in domain_accuracy([True, True, False, True], ["a", "a", "b", "b"], first="a")]
    [('a', 1.0, 0.0), ('b', 0.5, -0.5)]
    """
    if len(right) != len(domains) or not len(right):
        raise must("right and domains", "domain_accuracy", "be of one length, at least 1", (len(right), len(domains)))
    if first not in domains:
        raise must("first", "domain_accuracy", f"be one of {', '.join(sorted(set(domains)))}", first)
    verdicts = np.asarray(right, dtype=bool)
    counts = {name: np.asarray([domain == name for domain in domains]) for name in (first, *sorted(set(domains) - {first}))}
    home = (int(verdicts[counts[first]].sum()), int(counts[first].sum()))
    found: list[DomainAccuracy] = []
    for name, rows in counts.items():
        own = (int(verdicts[rows].sum()), int(rows.sum()))
        interval = clopper_pearson(*own, confidence=confidence).one()
        gap = 0.0 if name == first else own[0] / own[1] - home[0] / home[1]
        between = Interval(0.0, 0.0) if name == first else proportion_difference(home, own, confidence=confidence).one()
        found.append(DomainAccuracy(name, *own, own[0] / own[1], interval, gap, between))
    return found
