"""Checks for gradient masking from published checklists, each with a figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.diagnostics import attack_effort, attack_path, gradient_checks
from shiftproof.diagnostics.check import Check, MaskingReport, not_run
from shiftproof.diagnostics.output_checks import randomness, saturation
from shiftproof.diagnostics.probed_model import ProbedModel
from shiftproof.diagnostics.transfer import transfer
from shiftproof.door import read_examples
from shiftproof.models.abstract import Gradients, Labels, access_name
from shiftproof.models.query_count import count_asked
from shiftproof.outcomes import Flag
from shiftproof.preflight import look_at
from shiftproof.shifts.abstract import Shift, gradient_objection

REFERENCES: tuple[str, ...] = (
    "athalye2018obfuscated",
    "carlini2019evaluating",
    "tramer2020adaptive",
    "pintor2022indicators",
)

_WITH_GRADIENTS: tuple[Callable[[ProbedModel], Check], ...] = (
    gradient_checks.zero_gradients,
    gradient_checks.gradient_norms,
    gradient_checks.slope,
    gradient_checks.ruggedness,
    attack_effort.more_effort,
    attack_effort.longer_is_worse,
    attack_effort.step_size,
    attack_effort.loss_choice,
    attack_effort.unbounded,
    attack_effort.black_box,
)
_ON_THE_WAY: tuple[Callable[[attack_path.AscentPath], Check], ...] = (
    attack_path.silent_success,
    attack_path.break_point_angle,
    attack_path.falling_loss,
)
_NAMES = (*(check.__name__ for check in _WITH_GRADIENTS), *(check.__name__ for check in _ON_THE_WAY))
"""A check is called like its function."""


def masking(
    model: Labels,
    shift: Shift,
    *,
    examples: Examples,
    seed: int = 0,
    surrogates: Sequence[Gradients] = (),
    queries: int = 500,
    batch_size: int = 256,
    flags: Sequence[Flag] | None = None,
    exact: bool = True,
) -> MaskingReport:
    """Asks whether a gradient search's verdict on this model can be trusted, or whether the model only hides its gradients.

    Args:
        model: what is examined; checks that need more than it provides are listed as not run.
        shift: the moves allowed, a norm ball for all checks.
        examples: n labelled inputs; those that the model gets wrong already are left out. 100 to 200 are enough for most figures.
        seed: with each example's id, the whole source of randomness.
        surrogates: other models of the same task, whose moves are tried on this one.
        queries: queries per example of the search without gradients; with more it may find what gradients do not.
        batch_size: inputs per call of the model.
        flags: of the model, from an earlier look at it, which is then not repeated.
        exact: without, searches that cannot change on which side of its limit a figure lies are not run; it is then the most it can be.

    Returns:
        One check a question, each with its figure and limit; where it fails, with the search to use next. `suspected` where any failed.

    Raises:
        UsageError: the model gets no example right, or a surrogate gives no gradients.

    Guarantees:
        A failed check is a fact about this model and search, and says that robust accuracy measured by it may be too high. That none fails
        proves nothing: the checks know the published ways of masking only. Accuracies are compared with a slack of 3 examples or 2 %.
    Cost: about 1500 forwards and 900 backwards per example, and `queries` more forwards for the search without gradients; for examples
        that cheap bounds prove to hold a tenth of it.

    Example:
        >>> import torch, shiftproof as sp
        >>> model = sp.as_model(torch.nn.Linear(4, 2), name="linear")
        >>> x = torch.rand(40, 4)
        >>> masking(model, sp.Linf(0.1), examples=sp.examples(x, model.labels(x)))["zero_gradients"].status.value
        'pass'

    Reference: Athalye et al. 2018; Carlini et al. 2019; Tramer et al. 2020; Pintor et al. 2022, "Indicators of attack failure".
    """
    if queries < 1:
        raise must("queries", "masking", "be at least 1", queries)
    for surrogate in surrogates:
        if not isinstance(look_at(surrogate, examples).model, Gradients):
            raise must("surrogates", "masking", "give gradients", access_name(type(surrogate)))
    if flags is None:
        model, flags = look_at(model, examples)
    count_asked(len(examples))
    clean = read_examples(model, examples, batch_size)
    right = (~clean.broken).nonzero()[:, 0]
    if not len(right):
        raise UsageError(f"The model '{model.name}' misclassifies all {len(examples)} examples, so there is nothing to attack.")
    placed = shift.within(examples.space)
    subject = ProbedModel(model, placed, examples[right.numpy()], seed, batch_size, queries, flags, clean[right], exact)
    checks = [randomness(subject), saturation(subject)]
    why = _no_gradients(model, subject.shift)
    if why:
        checks += [not_run(name, why) for name in _NAMES]
    else:
        checks += [check(subject) for check in _WITH_GRADIENTS]
        way = attack_path.ascent_path(subject)
        checks += [check(way) for check in _ON_THE_WAY]
    checks.append(not_run("transfer", why) if why and subject.shift.fixed else transfer(subject, surrogates))
    return MaskingReport(model.name, subject.shift.spec(), len(subject.examples), tuple(checks))


def _no_gradients(model: Labels, shift: Shift) -> str | None:
    if shift.fixed:
        return f"{shift.name} has one move only, so there is nothing to search."
    if not isinstance(model, Gradients):
        return f"The model provides only {access_name(type(model))}, so no gradient can be masked."
    objection = gradient_objection(shift)
    return f"It cannot be searched by gradients: {objection}." if objection else None
