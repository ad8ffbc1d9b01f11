"""Whether a model takes what a shift leads to: values that are missing, words that it has not seen."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from shiftproof._errors import UsageError
from shiftproof.data.chats import NoText, is_chat
from shiftproof.data.examples import Examples
from shiftproof.data.rows import Items
from shiftproof.evaluation.audit.suites import ShiftAndSearch, SuiteChoice
from shiftproof.judges.abstract import Judge
from shiftproof.models.abstract import Answers
from shiftproof.models.callable import CallableAnswers, CallableLabels, CallableScores
from shiftproof.models.estimator import EstimatorAnswers, EstimatorLabels, EstimatorScores
from shiftproof.models.query_count import count_asked
from shiftproof.models.user_code import first_line
from shiftproof.randomness import Rng
from shiftproof.records.audit import LeftOut
from shiftproof.shifts.abstract import Shift


def what_the_model_takes(choice: SuiteChoice, model: Answers, few: Examples, judge: Judge, *, asked: Sequence[Shift]) -> SuiteChoice:
    """The choice without the shifts that lead to what the model does not take.

    Args:
        choice: what will be run.
        model: it is asked about `few` examples, moved once each by every shift that demands something.
        few: examples, n > 0.
        judge: asks it.
        asked: shifts that were named by the user.

    Raises:
        UsageError: a shift that was named cannot be used.
    """
    kept: list[ShiftAndSearch] = []
    left = list(choice.left_out)
    named = {shift.within(few.space).spec() for shift in asked}
    why = {shift: _objection(shift, model, few, judge) for shift in dict.fromkeys(shift for shift, _ in choice.pairs)}
    for shift, search in choice.pairs:
        reason = why[shift]
        if reason is None:
            kept.append((shift, search))
        elif shift.spec() in named:
            raise UsageError(f"The shift {shift.spec()} cannot be used here: {reason}.")
        else:
            left.append(LeftOut(shift=shift.spec(), search=search.spec(), reason=reason))
    return SuiteChoice(tuple(kept), tuple(left))


def _objection(shift: Shift, model: Answers, few: Examples, judge: Judge) -> str | None:
    """Why the model does not take what the shift leads to, as half a sentence; None where it does."""
    if not shift.demands:
        return None
    if shift.demands == "words" and not _handed_words(model):
        return f"it leads to unknown words, and the model '{model.name}' is handed codes of categories"
    placed = shift.within(few.space)
    moved = placed.apply(few.x, placed.sample(few.x, Rng.for_ids(0, few.ids)))
    if shift.demands == "chats":
        moved = Items(NoText(one) if is_chat(one) else one for one in moved)
    count_asked(len(few))
    try:
        with torch.no_grad():
            said = judge.ask(model, moved.to(model.device))
    except Exception as error:  # the model is the user's: whatever it raises is about these inputs
        return f"the model '{model.name}' does not take {shift.demands} ({first_line(error).rstrip('.')})"
    if isinstance(said, torch.Tensor) and not bool(said.isfinite().all()):
        return f"the model '{model.name}' does not take {shift.demands}: its scores become NaN"
    return None


def _handed_words(model: Answers) -> bool:
    if isinstance(model, CallableScores | CallableLabels | CallableAnswers):
        return model.takes == "frame"
    return isinstance(model, EstimatorScores | EstimatorLabels | EstimatorAnswers) and bool(model.fitted.input_format.columns)
