"""One small measurement, made again and again: after each epoch, or for each candidate of a search over settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.door import confront
from shiftproof.evaluation.audit.suites import crossed
from shiftproof.evaluation.parts import build_parts
from shiftproof.finding import Finding
from shiftproof.models.load import as_model
from shiftproof.preflight import PROBES
from shiftproof.searches import searches
from shiftproof.searches.abstract import Search, suited
from shiftproof.shifts import shifts
from shiftproof.shifts.abstract import Shift


@dataclass(frozen=True)
class RobustCheck:
    """Accuracy under one shift and one search, on the same examples whenever it is called.

    Args:
        shift: a spec such as "linf(eps=8/255)", or a part.
        search: likewise; where absent, the strongest worst case that fits the model and the shift.
        seed: with each example's id, the whole source of randomness: every call sees the same draws.
        batch_size: inputs per call of the model.

    Cost: that of the search, on the examples of each call.
    """

    shift: str | Shift
    search: str | Search | None = None
    seed: int = 0
    batch_size: int = 256

    def __post_init__(self) -> None:
        self.parts()  # what cannot be built is said before a training starts

    def parts(self) -> tuple[Shift, Sequence[Search]]:
        """The shift and the search that was named, if one was."""
        (shift,) = build_parts(shifts, [self.shift])
        return shift, build_parts(searches, [] if self.search is None else [self.search])

    def __call__(self, model: object, examples: Examples) -> Finding:
        """What the search finds; `.accuracy` is the share still right. A torch module is asked in evaluation mode, and left as it was.

        Raises:
            UsageError: the shift or the search does not fit the model or the examples.
        """
        training = isinstance(model, nn.Module) and model.training
        if isinstance(model, nn.Module):
            model.eval()
        try:
            return self._measure(model, examples)
        finally:
            if isinstance(model, nn.Module):
                model.train(training)

    def _measure(self, model: object, examples: Examples) -> Finding:
        if not len(examples):
            raise UsageError("There are no examples to check robustness on.")
        shift, how = self.parts()
        given = as_model(model, space=examples.space, probe=examples.x[:PROBES], class_names=examples.class_names)
        choice = crossed([shift], how, examples.space, type(given), match=lambda search: suited(search, given))
        fitting, search = choice.pairs[-1]  # without a named search the last is the worst case
        return confront(given, fitting, search=search, examples=examples, seed=self.seed, batch_size=self.batch_size)
