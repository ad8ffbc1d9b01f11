"""Defended models: with an adaptive gradient, with the defence's own gradient, and averaged over passes."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Protocol

import torch
from torch import Tensor

from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of
from shiftproof._identity.table import identify
from shiftproof.defences.context import DefenceContext
from shiftproof.models.abstract import Gradients, Scores, WrappedModel
from shiftproof.oracle import mean_scores
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import AdaptsSearch, Search
from shiftproof.searches.expectation import Expectation


class Answering(Protocol):
    """What a defended model needs of its defence."""

    name: ClassVar[str]

    @property
    def random(self) -> bool: ...
    @property
    def adaptive(self) -> str: ...
    @property
    def mean_of(self) -> int: ...
    @property
    def slope(self) -> str: ...
    def spec(self) -> str: ...
    def full_spec(self) -> str: ...
    def draws_of_call(self, call: int, n: int) -> Rng: ...
    def answer(self, behind: DefenceContext, x: Tensor, rng: Rng) -> Tensor: ...


class DefendedModel(WrappedModel, Scores, AdaptsSearch):
    """A defended model. Its answers are exact; its gradients, where the model behind gives them, are those of the adaptive form.

    Args:
        defence: the defence.
        behind: the models that it defends, with their inputs.

    Guarantees:
        The defended models are not changed. A search that follows these gradients finds failures that are real, as the door scores every
        move on the answers themselves. A random one answers differently at each call, by its seed and the number of calls so far.
    """

    def __init__(self, defence: Answering, behind: DefenceContext) -> None:
        name = f"{behind.models[0].name} + {defence.spec()}"
        super().__init__(
            name=name,
            fingerprint=_known(defence, behind, name),
            notes=(
                *behind.models[0].notes,
                f"The defence {defence.spec()} protects the model. Adaptive attack: {defence.adaptive}.",
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
        self._calls += 1
        return self.defence.answer(self.behind, x, self.defence.draws_of_call(self._calls, len(x)))

    def as_it_stands(self) -> DefendedModel:
        """The same answers, with the gradient that the defence leaves: what a search that does not know the defence follows."""
        return defended(self.defence, replace(self.behind, through=False))

    def averaged(self) -> Scores:
        """The model whose probabilities are the mean over the passes that an adaptive search takes; itself where nothing is random."""
        return MeanOfDraws(self, self.defence.mean_of) if self.defence.random else self

    def suited(self, search: Search) -> Search:
        """The adaptive form of a search: of a random model's passes it takes the mean. Stand-in gradients are the model's own already."""
        if not self.defence.random or search.verdict_draws > 1 or not self.behind.through:
            return search
        from shiftproof.searches.cascade import Cascade  # late: it brings every search and certificate that it is made of

        if isinstance(search, Cascade):
            return replace(search, draws=self.defence.mean_of)
        return Expectation(search=search.spec(), draws=self.defence.mean_of) if issubclass(search.needs, Gradients) else search


class DefendedGradients(DefendedModel, Gradients):
    """A defended model whose models all give gradients."""


class MeanOfDraws(WrappedModel, Scores):
    """The mean probabilities of several passes of a random model."""

    def __init__(self, model: Scores, draws: int) -> None:
        super().__init__(name=model.name, fingerprint=f"mean:{draws}:{model.fingerprint()}", notes=model.notes)
        self._model, self._draws = model, draws

    @property
    def device(self) -> torch.device:
        return self._model.device

    def scores(self, x: Tensor) -> Tensor:
        return mean_scores([self._model.scores(x) for _ in range(self._draws)])


def defended(defence: Answering, behind: DefenceContext) -> DefendedModel:
    """The defended model, of the type of what stands behind."""
    kind = DefendedGradients if all(isinstance(model, Gradients) for model in behind.models) else DefendedModel
    return kind(defence, behind)


def _known(defence: Answering, behind: DefenceContext, name: str) -> Fingerprint:
    """Identifies the defence with its code, the models, and what it was fitted to. It contains the spec, which `cite` reads."""
    whole = {".defence": defence, ".fitted": dict(sorted(behind.fitted.items())), ".space": behind.space, "": behind.models}
    way = (f"+{defence.slope}" if defence.slope else "") if behind.through else "+as_it_stands"
    return fingerprint_of(f"defended:{defence.full_spec()}{way}", identify(whole, name))
