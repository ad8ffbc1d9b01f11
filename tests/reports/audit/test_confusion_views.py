"""Confusions as the page shows them: the worst of each kind of shift first, classes in their order, names that are no markup."""

from __future__ import annotations

from pathlib import Path

from outline import Outline
from sample_audit import BREAKOUT, sample_audit, write_run
from shiftproof.records.audit import Audit
from shiftproof.records.confusion import ConfusedPair, Confusion
from shiftproof.reports.audit.confusion import confusion_views, sentence
from shiftproof.reports.audit.digest import worst_of_each_family
from shiftproof.reports.audit.page import page

CLASSES = ["cat", "dog", BREAKOUT]
ATTACKED = next(t.attacked for t in worst_of_each_family(sample_audit()) if t.family == "linf" and t.attacked)


def confusion(shift: str, search: str, *pairs: tuple[str, str, int, int], classes: list[str] | None = None) -> Confusion:
    counted = [ConfusedPair(label=label, said=said, count=count, of=of) for label, said, count, of in pairs]
    wrong = sum(pair.count for pair in counted if pair.label != pair.said)
    return Confusion(
        cell="c",
        data=sample_audit().data.uri,
        shift=shift,
        search=search,
        kind="estimate" if search == "one_draw" else "at_most",
        n=sum(pair.count for pair in counted),
        wrong=wrong,
        classes=CLASSES if classes is None else classes,
        pairs=counted,
    )


def audit() -> Audit:
    found = [
        confusion("identity", "one_draw", ("cat", "cat", 9, 10), ("cat", "dog", 1, 10), (BREAKOUT, BREAKOUT, 5, 5)),
        confusion("gaussian_noise(severity=1)", "one_draw", ("cat", "cat", 10, 10)),
        confusion(ATTACKED.shift, ATTACKED.search, ("cat", "dog", 7, 10), ("cat", "cat", 3, 10), ("dog", "no class", 1, 2)),
    ]
    return sample_audit(gallery=False).model_copy(update={"confusions": found})


def test_the_worst_of_each_kind_comes_first_and_the_rest_is_kept() -> None:
    first, rest = confusion_views(audit())
    assert [view.title for view in first] == ["As collected", "Any change of every value up to 8/255"]
    assert [view.title for view in rest] == ["Gaussian noise, severity 1"]
    assert first[1].at_most
    assert first[1].search == ATTACKED.search


def test_rows_and_columns_stand_in_label_order_and_add_up() -> None:
    view = confusion_views(audit())[0][1]
    assert view.said == [*CLASSES, "no class"]
    assert [(row.label, row.n, [entry.count for entry in row.entries]) for row in view.rows] == [
        ("cat", 10, [3, 7, 0, 0]),
        ("dog", 2, [0, 0, 0, 1]),
    ]
    assert [entry.own for entry in view.rows[1].entries] == [False, True, False, False]


def test_of_many_classes_the_most_frequent_beside_those_as_collected() -> None:
    found = audit()
    unmoved, _, moved = found.confusions
    many = [unmoved.model_copy(update={"classes": []}), moved.model_copy(update={"classes": []})]
    view = confusion_views(found.model_copy(update={"confusions": many}))[0][1]
    assert view.rows == []
    assert [(pair.label, pair.said, pair.count, before) for pair, before in view.top] == [("cat", "dog", 7, 1), ("dog", "no class", 1, 0)]


def test_sentences() -> None:
    moved, right = audit().confusions[2], audit().confusions[1]
    assert sentence(moved) == "8 of 11 answers are wrong; most often cat is taken for dog: 7 of 10 examples (70.0%)."
    assert sentence(right) == "0 of 10 answers are wrong."


def test_the_page_escapes_names_and_shows_counts_whole(tmp_path: Path) -> None:
    text = page(audit(), write_run(tmp_path, audit()))
    outline = Outline(text)
    assert not [given for tag, given in outline.elements if tag == "img"]
    assert text.count('<table class="confusion">') == 3
    assert '<td class="number own" style="background:color-mix(in srgb,var(--at-least) 21%,var(--bg))">3</td>' in text
    assert ">7.0<" not in text


def test_older_records_have_no_section(tmp_path: Path) -> None:
    assert "Which classes it mistakes" not in page(sample_audit(gallery=False), write_run(tmp_path, sample_audit(gallery=False)))
