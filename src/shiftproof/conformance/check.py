"""`check_part`: selects and runs the checks of a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from torch import Tensor, nn

from shiftproof._errors import UsageError, must
from shiftproof._imports import load_object
from shiftproof._part import Part, declared_name
from shiftproof.certificates.abstract import Certificate
from shiftproof.conformance.certificate import (
    CERTIFICATE_CHECKS,
    certificate_cases,
    proofs_are_well_formed,
    proofs_depend_on_seed_and_id_only,
    proves_the_models_decision,
)
from shiftproof.conformance.defence import DEFENCE_CHECKS, defence_case
from shiftproof.conformance.geometry import GEOMETRY_CHECKS
from shiftproof.conformance.instances import OffersExamples, instances
from shiftproof.conformance.judge import JUDGE_CHECKS, judge_case
from shiftproof.conformance.measure import MEASURE_CHECKS, measure_case
from shiftproof.conformance.method import METHOD_CHECKS, method_case
from shiftproof.conformance.model import MODEL_CHECKS, ModelCase
from shiftproof.conformance.part import PART_CHECKS, has_a_name
from shiftproof.conformance.report import CheckResult, ConformanceReport, run_checks
from shiftproof.conformance.risk import RISK_CHECKS, risk_cases
from shiftproof.conformance.search import SEARCH_CHECKS, leaves_its_arguments_unchanged, search_cases
from shiftproof.conformance.shift import SHIFT_CHECKS, shift_cases
from shiftproof.conformance.text_defence import TEXT_DEFENCE_CHECKS, text_defence_case
from shiftproof.conformance.text_rows import ROW_CHECKS, proof_cases, row_cases, word_cases
from shiftproof.defences.abstract import Defence
from shiftproof.judges.abstract import Judge
from shiftproof.measures.abstract import Measure
from shiftproof.models.abstract import Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.risks.abstract import Risk
from shiftproof.searches.abstract import Search
from shiftproof.searches.edit_candidates import EditSearch
from shiftproof.shifts.abstract import Boxed, Shift
from shiftproof.shifts.text.casing import Casing
from shiftproof.shifts.text.letters.word_bugs import WordBugs
from shiftproof.shifts.text.typos import Typos
from shiftproof.shifts.text.words.masked_words import MaskedWords
from shiftproof.training.methods.abstract import Method

P = TypeVar("P", bound=Part)


@runtime_checkable
class OffersInputs(Protocol):
    """A model that provides the inputs of its checks."""

    def inputs_for_check(self) -> Tensor:
        """At least 2 ordinary inputs, shape (n, ...)."""
        ...


def check_part(target: object, *, x: Tensor | None = None) -> ConformanceReport:
    """Checks a part against its contract, and reports each check.

    Args:
        target: a class or an instance of a Shift, Search, Judge, Measure, Risk, Certificate, Defence, Method, model or torch module, or the
            location: "package.module:Name" or "FILE.py:Name". A class is checked on the instances that its classmethod
            `examples_for_check` returns; otherwise on one instance with common values for the required options (eps=0.1, severity=3,
            ...) and with lowered defaults for steps, restarts, queries and similar options, so that checks take seconds.
        x: for models, ordinary inputs of shape (n, ...), n at least 2; not needed if the model has `inputs_for_check`.

    Returns:
        A report: `report.passed` is the result, and `print(report)` shows a table.

    Raises:
        UsageError: the target is none of these, or there are no instances or inputs to check it on.

    Guarantees:
        A part is rejected if it draws by position or from global randomness, exceeds its budget or the box, is biased where it should be
        symmetric, or depends on the batch. Statistical checks reject a correct part with probability at most 1e-6 each. Passing proves
        nothing beyond what the checks state.
    Cost: seconds, on small synthetic data.

    Example:
        >>> from shiftproof.shifts import Linf
        >>> check_part(Linf).passed
        True
    """
    name = target if isinstance(target, str) else _name(target)
    found = load_object(target) if isinstance(target, str) else target
    if isinstance(found, Labels | nn.Module) or (isinstance(found, type) and issubclass(found, Labels | nn.Module)):
        return ConformanceReport(name, "model", tuple(_check_model(found, name, x)))
    part = found if isinstance(found, type) else type(found)
    for kind, base, suite in _KINDS:
        if issubclass(part, base):
            parts = [found] if isinstance(found, Part) else instances(part)
            return ConformanceReport(name, kind, tuple(result for instance in parts for result in _check(instance, suite)))
    rule = "be a Shift, Search, Judge, Measure, Risk, Certificate, Defence, Method or model, its class, or FILE.py:Name"
    raise must("target", "check_part", rule, found)


def _name(target: object) -> str:
    if isinstance(target, Part):
        return target.spec()
    return target.__name__ if isinstance(target, type) else target.name if isinstance(target, Labels) else type(target).__name__


def _check(part: Part, suite: Callable[[Any], list[CheckResult]]) -> list[CheckResult]:
    named = run_checks([has_a_name], part, part.spec() if declared_name(type(part)) else type(part).__name__)
    if named[0].status == "fail":
        return named  # the other checks need a name
    return [*named, *run_checks(PART_CHECKS, part, part.spec()), *suite(part)]


def _check_shift(shift: Shift) -> list[CheckResult]:
    results: list[CheckResult] = []
    of_rows = row_cases(shift)
    for case in of_rows:
        results += run_checks(ROW_CHECKS, case, f"{shift.spec()} on {case.label}")
    for case in () if of_rows and not isinstance(shift, Boxed) else shift_cases(shift):
        results += run_checks([*SHIFT_CHECKS, *GEOMETRY_CHECKS], case, f"{shift.spec()} on {case.label}")
    return results


def _check_search(search: Search) -> list[CheckResult]:
    results: list[CheckResult] = []
    if isinstance(search, EditSearch):
        checks = [check for check in SEARCH_CHECKS if check is not leaves_its_arguments_unchanged]  # texts cannot be changed
        cases = word_cases(search, [Typos(edits=1), Casing(edits=2)])
        cases = cases or word_cases(search, [WordBugs(edits=2), *MaskedWords.examples_for_check()])
    else:
        checks, cases = [*SEARCH_CHECKS], search_cases(search)
    for case in cases:
        results += run_checks(checks, case, f"{search.spec()} of {case.label}")
    return results


def _check_judge(judge: Judge) -> list[CheckResult]:
    return run_checks(JUDGE_CHECKS, judge_case(judge), judge.spec())


def _check_measure(measure: Measure) -> list[CheckResult]:
    return run_checks(MEASURE_CHECKS, measure_case(measure), measure.spec())


def _check_risk(risk: Risk[Any]) -> list[CheckResult]:
    results: list[CheckResult] = []
    for case in risk_cases(risk):
        results += run_checks(RISK_CHECKS, case, f"{risk.spec()} of {case.label}")
    return results


def _check_certificate(certificate: Certificate) -> list[CheckResult]:
    results: list[CheckResult] = []
    of_words = proof_cases(certificate)
    checks = [proofs_are_well_formed, proves_the_models_decision, proofs_depend_on_seed_and_id_only] if of_words else CERTIFICATE_CHECKS
    for case in of_words or certificate_cases(certificate):
        results += run_checks(checks, case, f"{certificate.spec()} against {case.label}")
    return results


def _check_defence(defence: Defence) -> list[CheckResult]:
    if defence.kinds == {"text"}:
        return run_checks(TEXT_DEFENCE_CHECKS, text_defence_case(defence), f"{defence.spec()} in front of a small model of texts")
    return run_checks(DEFENCE_CHECKS, defence_case(defence), f"{defence.spec()} in front of a small network")


def _check_method(method: Method) -> list[CheckResult]:
    return run_checks(METHOD_CHECKS, method_case(method), f"{method.spec()} on a small network")


_KINDS: tuple[tuple[str, type[Part], Callable[[Any], list[CheckResult]]], ...] = (
    ("shift", Shift, _check_shift),
    ("search", Search, _check_search),
    ("judge", Judge, _check_judge),
    ("measure", Measure, _check_measure),
    ("risk", Risk, _check_risk),
    ("certificate", Certificate, _check_certificate),
    ("defence", Defence, _check_defence),
    ("method", Method, _check_method),
)


def _check_model(found: object, name: str, x: Tensor | None) -> list[CheckResult]:
    results: list[CheckResult] = []
    for model in _models(found, name):
        inputs = x if x is not None else model.inputs_for_check() if isinstance(model, OffersInputs) else None
        if inputs is None or len(inputs) < 2:
            advice = "Pass check_part(model, x=...), or give its class a method inputs_for_check() that returns a tensor."
            raise UsageError(f"The model '{name}' needs at least 2 inputs of the right shape for its checks. {advice}")
        wrapped = TorchModule(model, name=name) if isinstance(model, nn.Module) else model
        results += run_checks(MODEL_CHECKS, ModelCase(wrapped, inputs, name), f"{name} on inputs {tuple(inputs.shape)}")
    return results


def _models(found: object, name: str) -> Sequence[Labels | nn.Module]:
    if isinstance(found, Labels | nn.Module):
        return [found]
    if isinstance(found, OffersExamples):
        return [model for model in found.examples_for_check() if isinstance(model, Labels | nn.Module)]
    try:
        made = found() if callable(found) else None
    except TypeError as error:
        advice = "Give it a classmethod examples_for_check() that returns a list of models, or check an instance."
        raise UsageError(f"The model class {name} cannot be constructed without arguments ({error}). {advice}") from None
    return [made] if isinstance(made, Labels | nn.Module) else []
