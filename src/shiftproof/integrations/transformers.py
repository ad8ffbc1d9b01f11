"""Robust accuracy after each epoch of a Hugging Face `Trainer`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn

from shiftproof._errors import MissingExtra, must
from shiftproof.data.examples import Examples
from shiftproof.evaluation.robust_check import RobustCheck
from shiftproof.shifts.abstract import Shift

try:
    from transformers import TrainerCallback
except ImportError as missing:
    raise MissingExtra("transformers", "transformers") from missing


class Logits(nn.Module):
    """A model of transformers as a module from inputs to logits; the model answers with an object or a mapping that has them."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        """The logits of inputs (n, ...), shape (n, classes)."""
        answer = self.model(x)
        logits: Tensor = answer["logits"] if isinstance(answer, Mapping) else answer.logits
        return logits


class RobustAccuracyCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not there when types are checked
    """Measures accuracy under attack at the end of training epochs, into the trainer's log history.

    Args:
        examples: what it is measured on: some hundreds, apart from the training data.
        shift: a spec such as "linf(eps=8/255)" or "typos(edits=2)", or a part.
        search: likewise; where absent, the strongest that fits.
        every: epochs between two measurements, at least 1.
        name: of the logged number. It is an upper bound of robust accuracy, as every attack's.
        answers: from the model to what is measured; `Logits` for models of images. For texts give a function that makes, of the model, a
            function of a list of texts, which tokenizes them and answers.

    `history` has (epoch, accuracy) of each measurement. The model is asked in evaluation mode and left as it was.
    """

    def __init__(
        self,
        examples: Examples,
        shift: str | Shift,
        search: str | None = None,
        *,
        every: int = 1,
        name: str = "robust_accuracy",
        answers: Callable[[nn.Module], object] = Logits,
    ) -> None:
        if every < 1:
            raise must("every", "RobustAccuracyCallback", "be at least 1", every)
        self.check, self.examples, self.every, self.name, self.answers = RobustCheck(shift, search), examples, every, name, answers
        self.history: list[tuple[float, float]] = []

    def on_epoch_end(self, args: Any, state: Any, control: Any, model: nn.Module | None = None, **kwargs: Any) -> None:
        """As the trainer calls it."""
        del args, control, kwargs
        if model is None or round(state.epoch) % self.every:
            return
        training = model.training
        model.eval()
        try:
            accuracy = self.check(self.answers(model), self.examples).accuracy
        finally:
            model.train(training)
        self.history.append((state.epoch, accuracy))
        state.log_history.append({self.name: accuracy, "epoch": state.epoch, "step": state.global_step})
