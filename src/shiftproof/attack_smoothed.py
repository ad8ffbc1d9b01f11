"""Attacks on the smoothed model: moves by way of the one door, verdicts by votes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from shiftproof import outcomes
from shiftproof._batches import judged
from shiftproof._errors import UsageError
from shiftproof.certificates.smoothing.noises.abstract import Noise
from shiftproof.certificates.smoothing.smoothed_attack import SmoothedAttack
from shiftproof.certificates.smoothing.votes import Votes
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.finding import Finding
from shiftproof.models.abstract import Access, Gradients, Labels, Scores, WrappedModel
from shiftproof.models.query_count import count_asked, counting_queries
from shiftproof.oracle import Oracle, mean_scores
from shiftproof.outcomes import Bound, Flag
from shiftproof.preflight import inspect_model
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Differentiable, Params, Shift


class MeanOfCopies(WrappedModel, Gradients):
    """The mean probabilities of a model on noisy copies of its input, always with the same noise: smooth, and the same at every call.

    Args:
        model: the base model.
        noise: what is added.
        space: of the inputs.
        copies: how many.
        shape: of one input.
    """

    def __init__(self, model: Scores, noise: Noise, space: InputSpace, copies: int, shape: tuple[int, ...]) -> None:
        super().__init__(name=model.name, fingerprint=f"mean_of_copies:{copies}:{noise.full_spec()}:{model.fingerprint()}")
        self._model = model
        streams = Rng.for_ids(0, [f"copy {place}" for place in range(copies)])
        self._noise = noise.add(torch.zeros(copies, *shape), streams, space)

    @property
    def device(self) -> torch.device:
        return self._model.device

    def scores(self, x: Tensor) -> Tensor:
        return mean_scores([self._model.scores(x + each.to(x)) for each in self._noise])


@dataclass(frozen=True)
class _EveryStep(Search):
    """Gradient steps on the margin, all of them and for every example: what the mean of copies decides on the way is not the verdict."""

    name: ClassVar[str] = "every_step"
    needs: ClassVar[Access] = Gradients
    supports: ClassVar[tuple[type[Shift], ...]] = (Differentiable,)
    bound: ClassVar[Bound] = Bound.ESTIMATE  # the door then leaves no example out for its clean verdict

    steps: int

    def most_passes(self, shift: Shift) -> int:
        return 2 * self.steps + 1

    def __call__(self, shift: Shift, oracle: Oracle, x: Tensor, rng: Rng) -> Params:
        assert isinstance(shift, Differentiable)  # `supports` says so
        params = best = shift.origin(x)
        most = torch.full((len(x),), -torch.inf, device=x.device)
        for _ in range(self.steps):
            answer, gradient = oracle.gradient(params)
            best, most = _better(best, most, params, answer.margin)
            params = shift.project(x, shift.ascend(params, gradient, shift.path / self.steps))
        return _better(best, most, params, oracle(params).margin)[0]


def _better(best: Params, most: Tensor, params: Params, margin: Tensor) -> tuple[Params, Tensor]:
    """Of two moves of each example the one of larger margin, and that margin."""
    rise = margin > most
    return torch.where(rise.reshape(-1, *[1] * (params.dim() - 1)), params, best), torch.where(rise, margin.to(most), most)


def attack_smoothed(
    model: Labels,
    shift: Shift,
    *,
    attack: SmoothedAttack,
    examples: Examples,
    seed: int = 0,
    batch_size: int = 256,
    progress: Callable[[int], None] | None = None,
    flags: Sequence[Flag] | None = None,
) -> Finding:
    """Says for every example whether the smoothed model could be made to err inside `shift`.

    Args:
        model: the base model; it must give gradients.
        shift: the moves allowed. It is put on the examples' space here.
        attack: how moves are found and verdicts reached.
        examples: n labelled inputs.
        seed: with each example's id, the whole source of randomness.
        batch_size: inputs per call of the model, a matter of memory and speed.
        progress: called with the number of examples finished since the last call.
        flags: of the model, from an earlier look at it, as of `confront`.

    Returns:
        One outcome per example, of the smoothed model: `Skipped` where it errs on the example as it is, `Broken` where it errs at the move
        found, `Held` where it is right there, `Abstained` where the votes there decide nothing.

    Raises:
        UsageError: the attack cannot be used on this model and shift.

    Cost: see `SmoothedAttack`.
    """
    shift = shift.within(examples.space)
    objection = attack.objection(model, shift)
    if objection or not isinstance(model, Gradients):
        raise UsageError(f"The {attack.name} cannot be used: {objection}.")
    rng = Rng.for_ids(seed, examples.ids)
    climbed = MeanOfCopies(model, attack.source, shift.space, attack.copies, tuple(examples.x.shape[1:]))
    with counting_queries() as count:
        found = inspect_model(model, examples) if flags is None else list(flags)

        def work(rows: slice) -> Finding:
            return _attack_batch(model, climbed, shift, attack, examples[rows], rng[rows], seed)

        finding = judged(len(examples), batch_size, work, found, progress)
    return replace(finding, sent=count.sent)


def _attack_batch(
    model: Gradients, climbed: MeanOfCopies, shift: Shift, attack: SmoothedAttack, batch: Examples, rng: Rng, seed: int
) -> Finding:
    began = time.perf_counter()
    search = _EveryStep(steps=attack.steps)
    moves = confront(climbed, shift, search=search, examples=batch, seed=seed, batch_size=len(batch), flags=())
    x = batch.x.to(model.device)
    with torch.no_grad():
        moved = shift.apply(x, torch.from_numpy(moves.params).to(x.device))
    y = batch.y.numpy()
    before = attack.predicted(Votes(model, attack.source, shift.space, x, rng), "as it is")
    after = attack.predicted(Votes(model, attack.source, shift.space, moved, rng), "moved")
    count_asked(2 * attack.draws * len(batch))
    verdict = np.where(after.label != y, outcomes.BROKEN, outcomes.HELD)
    verdict = np.where(after.sure, verdict, outcomes.ABSTAINED)
    outcome = np.where(before.sure & (before.label != y), outcomes.SKIPPED, verdict).astype("<U9")
    unknown = np.full(len(batch), np.nan)
    wrong = np.isin(outcome, [outcomes.SKIPPED, outcomes.BROKEN])
    return replace(
        moves,
        outcome=outcome,
        prediction=after.label,
        loss=wrong.astype(np.float64),
        probability=unknown,
        confidence=unknown,
        forwards=attack.copies * moves.forwards + 2 * attack.draws,
        backwards=attack.copies * moves.backwards,
        bound=attack.bound,
        seconds=time.perf_counter() - began,
    )
