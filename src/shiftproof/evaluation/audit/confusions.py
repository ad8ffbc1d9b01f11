"""Which classes are taken for which under each shift: counted from stored answers, without asking the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shiftproof.evaluation.audit.plan import AuditPlan
from shiftproof.evaluation.audit.planned_measures import known_classes
from shiftproof.evaluation.audit.pooled import PooledResults
from shiftproof.measures.answered import Ints
from shiftproof.outcomes import NO_ANSWER, Bound
from shiftproof.records.confusion import ConfusedPair, Confusion

MOST_CLASSES, MOST_PAIRS = 20, 30
NO_CLASS = "no class"
"""What an answer says that names none of the classes."""


def confusions(plan: AuditPlan, pools: Sequence[PooledResults]) -> list[Confusion]:
    """One for every pair of shift and search, certificates apart; none where no classes are judged."""
    if plan.judge.said != "classes":
        return []
    names = known_classes((plan.data, *plan.natural))
    return [_confusion(p, names) for p in pools if p.subject is None and p.table.bound is not Bound.AT_LEAST]


def _confusion(p: PooledResults, names: tuple[str, ...]) -> Confusion:
    columns = p.table.columns
    came = columns["outcome"] != NO_ANSWER
    y, said = (columns[name][came].astype(np.int64) for name in ("label", "prediction"))
    every = len(names) <= MOST_CLASSES
    pairs, wrong = count_pairs(y, said, names), int((y != said).sum())
    kept = pairs if every else [pair for pair in pairs if pair.label != pair.said][:MOST_PAIRS]
    return Confusion(
        cell=p.key,
        data=p.source.uri,
        shift=p.shift.spec(),
        search=p.method,
        kind="at_most" if p.table.bound is Bound.AT_MOST else "estimate",
        n=len(y),
        wrong=wrong,
        classes=list(names) if every else [],
        pairs=kept,
        unlisted=wrong - sum(pair.count for pair in kept if pair.label != pair.said),
    )


def count_pairs(y: Ints, said: Ints, names: Sequence[str]) -> list[ConfusedPair]:
    """Every pair of true and answered class that occurs, the most frequent first.

    Args:
        y: the labels, shape (n,).
        said: the classes answered, shape (n,); what is none of 0 to k - 1 is no class.
        names: of the k classes, in label order.

    Example:
        >>> [(p.label, p.said, p.count, p.of) for p in count_pairs(np.array([0, 0, 0, 1]), np.array([0, 1, 1, 7]), ["cat", "dog"])]
        [('cat', 'dog', 2, 3), ('cat', 'cat', 1, 3), ('dog', 'no class', 1, 1)]
    """
    size = len(names) + 1
    answered = np.where((said >= 0) & (said < len(names)), said, len(names))
    codes, counts = np.unique(y * size + answered, return_counts=True)
    of = np.bincount(y, minlength=len(names))
    called = [*names, NO_CLASS]
    order = np.argsort(-counts, kind="stable")
    return [
        ConfusedPair(label=called[code // size], said=called[code % size], count=int(count), of=int(of[code // size]))
        for code, count in zip(codes[order].tolist(), counts[order].tolist(), strict=True)
    ]
