"""The contract of shifts and searches of texts and of several fields: small data, a small model, checks on rows that are no tensor."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from shiftproof._errors import UsageError
from shiftproof.certificates.abstract import Certificate
from shiftproof.conformance.certificate import CertificateCase
from shiftproof.conformance.probes import N, gap, names_of, no_global_randomness, noise, same_bits
from shiftproof.conformance.report import NotApplicable, expect
from shiftproof.conformance.search import SearchCase
from shiftproof.conformance.shift import (
    ShiftCase,
    draws_are_inside,
    excess_detects_violations,
    orders,
    project_is_inside_and_idempotent,
    project_keeps_legal_params,
    within_changes_no_option,
)
from shiftproof.data.chats import ChatSpace
from shiftproof.data.examples import Examples
from shiftproof.data.prompts import Prompt, PromptRow, PromptSpace
from shiftproof.data.rows import Fields, Items, KeptText
from shiftproof.data.space import FieldsSpace, InputSpace, TextSpace
from shiftproof.models.abstract import Scores
from shiftproof.models.load import as_model
from shiftproof.searches.abstract import Search
from shiftproof.shifts.abstract import Shift
from shiftproof.shifts.text.words.common_synonyms import CommonSynonyms
from shiftproof.shifts.text.words.neighbours import Neighbours

_WORDS = ("really", "cheap", "Wine", "of", "a", "great", "year", "2019!", "plot", "NOT", "story", "é", "music")


def texts(n: int) -> list[str]:
    """Texts of one to five words; the last is one letter, in which little can be changed."""
    draws = noise("words", n, 6).tolist()
    made = [" ".join(_WORDS[int(part * len(_WORDS))] for part in row[: 1 + int(5 * row[5])]) for row in draws]
    return [*made[:-1], "a"]


class Lengths(Scores, copies=True):
    """Three classes by the letters of a text: how many there are, and how many are vowels."""

    @property
    def name(self) -> str:
        return "lengths"

    def fingerprint(self) -> str:
        return "lengths"

    def labels(self, x: Any) -> Tensor:
        return self.scores(x).argmax(1)

    def scores(self, x: Any) -> Tensor:
        counts = [(len(text), sum(letter in "aeiou" for letter in text), sum(map(ord, text)) % 7) for text in x]
        return torch.tensor([[0.1 * n, 0.3 * vowels, 0.4 * rest] for n, vowels, rest in counts], dtype=torch.float64).reshape(-1, 3)


def row_cases(shift: Shift) -> list[ShiftCase]:
    """The shift on texts and on several fields, where it supports them."""
    said = texts(N)
    kept = Items(KeptText(text, [(0, 1)]) for text in said)
    both = Fields(question=said, context=kept, image=noise("image", N, 3, 12, 12))
    of_both = FieldsSpace((("question", TextSpace()), ("context", TextSpace()), ("image", InputSpace(kind="image"))))
    prompt = Prompt(fields=(("question", "Question"),), options=("yes", "no", "maybe"), list_options=True)
    rows = Items(PromptRow(prompt, {"question": text}) for text in said)
    chats = Items([{"role": "system", "content": "Be brief."}, {"role": "user", "content": text}] for text in said)
    cases: list[ShiftCase] = []
    kinds = [("texts", Items(said), TextSpace()), ("texts with kept parts", kept, TextSpace()), ("fields", both, of_both)]
    for label, x, space in (*kinds, ("prompts", rows, PromptSpace(prompt)), ("chats", chats, ChatSpace())):
        try:
            bound = shift.within(space)
            bound.check_inputs(x)
        except UsageError:
            continue
        cases.append(ShiftCase(shift, bound, x, names_of(N), label, space))
    return cases


def word_cases(search: Search, shifts: list[Shift]) -> list[SearchCase]:
    """The search on the shifts of texts that it supports."""
    model, x = Lengths(), Items(texts(40))
    y = model.labels(x)
    y[::5] = (y[::5] + 1) % 3
    examples = Examples(x, y, names_of(40), space=TextSpace())
    placed = [shift.within(examples.space) for shift in shifts]
    return [SearchCase(search, shift, model, examples, f"{shift.spec()} on texts") for shift in placed if not search.objection(shift)]


def proof_cases(certificate: Certificate) -> list[CertificateCase]:
    """The certificate on a small pipeline of words, for the edits of words that it supports."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    said = texts(30)
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(said, [len(text) % 2 for text in said])
    model, x = as_model(pipeline, name="a pipeline of words"), Items(said)
    placed = [shift.within(TextSpace()) for shift in (CommonSynonyms(edits=2), *Neighbours.examples_for_check())]
    fit = [shift for shift in placed if not certificate.objection(model, shift)]
    return [CertificateCase(certificate, model, shift, x, f"{shift.name} and {model.name}") for shift in fit]


def same_rows(left: Any, right: Any) -> bool:
    """Whether two rows hold the same."""
    if isinstance(left, Fields):
        return all(same_rows(left[name], right[name]) for name in left.columns)
    return same_bits(left, right) if isinstance(left, Tensor) else [*left] == [*right]


def draws_are_each_example_s_own(case: ShiftCase) -> None:
    """A draw depends on the run's seed and the example's id, not on order, batch or earlier draws."""
    whole = case.sample()
    expect(same_bits(whole, case.sample()), "Drawing twice with the same seed gave different moves. Draw from the rng argument.")
    for rows in orders(len(case.x)):
        part = case.shift.sample(case.x[rows], case.rng()[rows])
        expect(
            same_bits(whole[rows], part), f"In another order or batch it drew other moves: {gap(whole[rows], part)}. One stream per row."
        )


def moves_are_legal(case: ShiftCase) -> None:
    """`apply` gives as many legal inputs of the same form, also at projected params."""
    for params in (case.sample(), *(case.shift.project(case.x, far) for far in case.far())):
        moved = case.shift.apply(case.x, params)
        legal = case.shift.landing(case.space).holds(case.x, moved)
        expect(legal, f"`apply` gave inputs that are not legal {case.space.kind} data, or fewer of them.")


def kept_parts_stay(case: ShiftCase) -> None:
    """What a text says must be kept is not changed."""
    given = [case.x[name] for name in case.x.columns] if isinstance(case.x, Fields) else [case.x]
    if not any(isinstance(one, KeptText) for column in given if isinstance(column, Items) for one in column):
        raise NotApplicable("Its texts say nothing that must be kept.")
    for params in (case.sample(seed) for seed in range(20)):
        moved = case.shift.apply(case.x, params)
        columns = [(case.x[name], moved[name]) for name in moved.columns] if isinstance(moved, Fields) else [(case.x, moved)]
        for before, after in columns:
            for one, other in zip(before, after, strict=True) if isinstance(before, Items) else ():
                parts = [one[start:end] for start, end in one.kept] if isinstance(one, KeptText) else []
                expect(
                    all(part in other for part in parts), f"It changed {parts} of {one!r}: {other!r}. Say how far an edit goes: `reach`."
                )


def moves_of_rows_are_pure(case: ShiftCase) -> None:
    """`apply` gives the same each time, and one example's does not depend on the others."""
    params = case.sample()
    kept = params.clone()
    with no_global_randomness("`apply`"):
        first, second = case.shift.apply(case.x, params), case.shift.apply(case.x, params)
    expect(same_rows(first, second), "`apply` returned different results for the same params. Put all randomness into the params.")
    expect(same_bits(params, kept), "`apply` changed the params in place. Work on a copy.")
    for rows in orders(len(case.x)):
        part = case.shift.apply(case.x[rows], params[rows])
        expect(same_rows(first[rows], part), "`apply` returns another result for an example in another batch. Treat rows independently.")


def no_rows_work(case: ShiftCase) -> None:
    """An empty batch works (all examples of a batch may be misclassified)."""
    none = case.x[slice(0, 0)]
    params = case.shift.sample(none, case.rng()[slice(0, 0)])
    lengths = {
        len(params),
        len(case.shift.project(none, params)),
        len(case.shift.apply(none, params)),
        len(case.shift.excess(none, params)),
    }
    expect(lengths == {0}, f"No inputs gave rows: {sorted(lengths)}.")


ROW_CHECKS = (
    within_changes_no_option,
    draws_are_inside,
    draws_are_each_example_s_own,
    project_is_inside_and_idempotent,
    project_keeps_legal_params,
    excess_detects_violations,
    moves_are_legal,
    kept_parts_stay,
    moves_of_rows_are_pure,
    no_rows_work,
)
