"""Robust accuracy after each epoch of a Lightning training."""

from __future__ import annotations

from typing import Any

from shiftproof._errors import MissingExtra, must
from shiftproof.data.examples import Examples
from shiftproof.evaluation.robust_check import RobustCheck
from shiftproof.shifts.abstract import Shift

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
except ImportError as missing:
    raise MissingExtra("lightning", "lightning") from missing


class RobustAccuracy(Callback):  # type: ignore[misc]  # Lightning is not there when types are checked
    """Logs accuracy under attack at the end of training epochs: for loggers, checkpoints and early stopping.

    Args:
        examples: what it is measured on: some hundreds, apart from the training data.
        shift: a spec such as "linf(eps=8/255)", or a part.
        search: likewise; where absent, the strongest that fits.
        every: epochs between two measurements, at least 1.
        name: of the logged number. It is an upper bound of robust accuracy, as every attack's.

    The module is asked in evaluation mode and its random state is left alone, so that the training is the same with and without it. What
    the module returns must be one score per class.
    """

    def __init__(
        self, examples: Examples, shift: str | Shift, search: str | None = None, *, every: int = 1, name: str = "robust_accuracy"
    ) -> None:
        super().__init__()
        if every < 1:
            raise must("every", "RobustAccuracy", "be at least 1", every)
        self.check, self.examples, self.every, self.name = RobustCheck(shift, search), examples, every, name

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """As Lightning calls it."""
        if (trainer.current_epoch + 1) % self.every == 0:
            pl_module.log(self.name, self.measure(pl_module), rank_zero_only=True)

    def measure(self, module: Any) -> float:
        """Accuracy under attack now."""
        return self.check(module, self.examples).accuracy
