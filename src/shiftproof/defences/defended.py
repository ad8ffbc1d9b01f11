"""A model with a defence in front of it: as it answers, as it hides, and as the mean of its passes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof.defences.abstract import Behind, Defence, Random
from shiftproof.models.abstract import Gradients, Known, Scores
from shiftproof.oracle import mean_scores
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Search, Suiting
from shiftproof.searches.cascade import Cascade
from shiftproof.searches.expectation import Expectation


class Defended(Known, Scores, Suiting):
    """A defended model. Its answers are exact; its gradients, where the model behind gives them, are those of the adaptive form.

    Args:
        defence: what stands in front.
        behind: what it stands in front of.

    Guarantees:
        The models behind stay as they are. A search that follows these gradients finds failures that are real, as the door scores every
        move on the answers themselves. A random one answers differently at each call, by its seed and the number of calls so far.
    """

    def __init__(self, defence: Defence, behind: Behind) -> None:
        name = f"{behind.models[0].name} + {defence.spec()}"
        super().__init__(
            name=name,
            fingerprint=_known(defence, behind, name),
            notes=(
                *behind.models[0].notes,
                f"The defence {defence.spec()} is in front of the model. It is attacked by {defence.adaptive}.",
            ),
        )
        self.defence, self.behind = defence, behind
        self._calls = 0

    @property
    def device(self) -> torch.device:
        return self.behind.models[0].device

    @property
    def undefended(self) -> Scores:
        """The model behind."""
        return self.behind.models[0]

    def scores(self, x: Tensor) -> Tensor:
        return self.defence.answer(self.behind, x, self._rng(len(x)))

    def _rng(self, n: int) -> Rng:
        """Fresh streams for n rows where the defence is random; they are never the same twice."""
        if not isinstance(self.defence, Random):
            return _NONE
        self._calls += 1
        return Rng.for_ids(self.defence.seed, [self.defence.full_spec()]).child("call", self._calls).each(0, n)

    def as_it_stands(self) -> Defended:
        """The same answers, with the gradient that the defence leaves: what a search that does not know the defence follows."""
        return defended(self.defence, replace(self.behind, through=False))

    def averaged(self) -> Scores:
        """The model whose probabilities are the mean over the passes that an adaptive search takes; itself where nothing is random."""
        return Mean(self, self.defence.mean_of) if self.defence.random else self

    def suited(self, search: Search) -> Search:
        """The adaptive form of a search: of a random model's passes it takes the mean. Stand-in gradients are the model's own already."""
        if not self.defence.random or search.verdict_draws > 1 or not self.behind.through:
            return search
        if isinstance(search, Cascade):
            return replace(search, draws=self.defence.mean_of)
        return Expectation(search=search.spec(), draws=self.defence.mean_of) if issubclass(search.needs, Gradients) else search


class DefendedGradients(Defended, Gradients):
    """A defended model whose models all give gradients."""


class Mean(Known, Scores):
    """The mean probabilities of several passes of a random model."""

    def __init__(self, model: Scores, draws: int) -> None:
        super().__init__(name=model.name, fingerprint=f"mean:{draws}:{model.fingerprint()}", notes=model.notes)
        self._model, self._draws = model, draws

    @property
    def device(self) -> torch.device:
        return self._model.device

    def scores(self, x: Tensor) -> Tensor:
        return mean_scores([self._model.scores(x) for _ in range(self._draws)])


def defended(defence: Defence, behind: Behind) -> Defended:
    """The defended model, of the type of what stands behind."""
    kind = DefendedGradients if all(isinstance(model, Gradients) for model in behind.models) else Defended
    return kind(defence, behind)


_NONE = Rng(np.zeros(0, dtype=np.uint64))


def _known(defence: Defence, behind: Behind, name: str) -> Fingerprint:
    """Of the defence with its code, the models, and what it was fitted to. The spec stands in it, for whoever cites its paper."""
    whole = {".defence": defence, ".fitted": dict(sorted(behind.fitted.items())), ".space": behind.space, "": behind.models}
    way = "" if behind.through else "+as_it_stands"
    return fingerprint_of(f"defended:{defence.full_spec()}{way}", identify(whole, name))
