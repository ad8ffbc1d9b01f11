"""How far moves made on one model break another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from shiftproof._arrays import Floats
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.diagnostics.constant_answer import of_finding
from shiftproof.door import confront, read_examples
from shiftproof.models.abstract import Labels
from shiftproof.models.query_count import counting_queries
from shiftproof.outcomes import SKIPPED, Flag
from shiftproof.preflight import RANDOM, InspectedModel, look_at
from shiftproof.risks.intervals import clopper_pearson
from shiftproof.searches.abstract import Search
from shiftproof.searches.transfer import Transfer
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True, eq=False)
class TransferMatrix:
    """Accuracy of each model on moves made on each.

    Args:
        names: the k models'.
        accuracy: of model j on moves made on model i, at [i, j], shape (k, k); each entry is an upper bound on j's robust accuracy.
        low, high: ends of its Clopper-Pearson interval at `confidence`, each entry on its own, shape (k, k).
        clean: accuracy of each model on the examples as they are, shape (k,).
        n: examples behind each entry; an example that a model gets wrong unmoved counts as wrong.
        confidence: of each interval.
        doubts: reasons to distrust each model's answers to the examples as they are, a tuple per model.
        asked: forwards asked of all budgets, those of the models that moves are made on among them.
        sent: rows that reached the models, all of them together.
    """

    names: tuple[str, ...]
    accuracy: Floats
    low: Floats
    high: Floats
    clean: Floats
    n: int
    confidence: float
    doubts: tuple[tuple[Flag, ...], ...] = ()
    asked: int = 0
    sent: int = 0


def transfer_matrix(
    models: Sequence[Labels],
    shift: Shift,
    *,
    examples: Examples,
    search: Search | None = None,
    seed: int = 0,
    batch_size: int = 256,
    confidence: float = 0.95,
    progress: Callable[[int], None] | None = None,
    looks: Sequence[InspectedModel] | None = None,
) -> TransferMatrix:
    """Moves every example on each model in turn, and reads every model on those moves.

    Args:
        models: k of them, at least 1, with names of their own. Without `search` they must give gradients.
        shift: the moves allowed.
        examples: n labelled inputs.
        search: what runs on the model that moves are made on; without one, the momentum climb of `Transfer`, or the options of a
            `Transfer` without surrogates.
        seed: with each example's id, the whole source of randomness.
        batch_size: inputs per call of a model.
        confidence: of each entry's interval, in (0, 1).
        progress: called with the number of examples finished since the last call; k * k * n in all.
        looks: what `look_at` found of each model on these examples; by default each is looked at here.

    Raises:
        UsageError: there is no model, two have one name, or one lacks what the search needs (gradients that torch can work out, say).

    Guarantees:
        Row i is one set of moves, whatever model is read. The diagonal is the white-box search itself, read through the same door.
    Cost: k * k confrontations; the moves of a row are made anew for each model, on the examples that it gets right.
    """
    names = tuple(model.name for model in models)
    if not names or len(set(names)) < len(names):
        raise UsageError(f"transfer_matrix needs at least one model, and different names, got {list(names)}.")
    correct = np.zeros((len(names), len(names)), dtype=np.int64)
    right = np.zeros(len(names), dtype=np.int64)
    doubts: list[tuple[Flag, ...]] = [()] * len(names)
    with counting_queries() as count:
        seen = [look_at(model, examples) for model in models] if looks is None else looks
        makers = [_on(look.model, search) for look in seen]
        clean = [None if RANDOM in look.flags else read_examples(look.model, examples, batch_size) for look in seen]
        for i, made in enumerate(makers):
            for j, (reader, flags) in enumerate(seen):
                finding = confront(
                    reader,
                    shift,
                    search=made,
                    examples=examples,
                    seed=seed,
                    batch_size=batch_size,
                    progress=progress,
                    flags=flags,
                    clean=clean[j],
                )
                correct[i, j] = int(finding.correct.sum())
                right[j] = int((finding.outcome != SKIPPED).sum())
                doubt = of_finding(finding, examples, confidence=confidence)
                doubts[j] = (doubt,) if doubt else ()
    low, high = clopper_pearson(correct, len(examples), confidence=confidence)
    n = len(examples)
    accuracy = (correct / n, np.asarray(low), np.asarray(high), right / n)
    return TransferMatrix(names, *accuracy, n, confidence, tuple(doubts), count.asked, count.sent)


def _on(model: Labels, search: Search | None) -> Transfer:
    if isinstance(search, Transfer):
        options = {option: value for option, value in search.options().items() if option != "of"}
        return Transfer(**options, surrogates=(model,), search=search.search)  # type: ignore[arg-type]  # its own options
    return Transfer(surrogates=(model,), search=search)
