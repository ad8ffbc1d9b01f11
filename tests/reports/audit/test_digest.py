"""What an audit is said to show: the worst, the sentences, the tables of the terminal, the bibliography, and runs side by side."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console, RenderableType

from sample_audit import BREAKOUT, sample_audit
from shiftproof._references import bibtex, entry_key
from shiftproof.outcomes import Interval
from shiftproof.records.audit import Audit, Result
from shiftproof.records.comparison import Comparison, ComparisonRow
from shiftproof.reports.audit import charts, digest
from shiftproof.reports.audit.summary import summary
from shiftproof.reports.audit.terminal import difference, terminal_comparison, terminal_table
from shiftproof.reports.cite import cite
from shiftproof.reports.compare import compare, write_comparison
from shiftproof.reports.number_format import in_words
from shiftproof.risks.paired import PairedComparison
from shiftproof.searches.gradient_ascent import GradientAscent
from shiftproof.shifts.norms.linf import Linf


def changed(audit: Audit, **update: object) -> Audit:
    return audit.model_copy(update=update)


def printed(table: RenderableType, width: int = 160) -> str:
    target = io.StringIO()
    Console(file=target, width=width, color_system=None, force_terminal=False).print(table)
    return target.getvalue()


def test_the_ends_of_a_bracket_are_the_tightest() -> None:
    by_shift = {threat.shift: threat for threat in digest.threats(sample_audit())}
    threat = by_shift["linf(eps=2/255)"]
    assert threat.attacked is not None
    assert threat.average is not None
    assert (threat.attacked.value, threat.average.value, threat.proven) == (0.47, 0.9, None)
    assert "low_pass(radius=0.1)" not in by_shift
    assert "identity" not in by_shift


def test_the_better_certificate_and_the_better_attack_win() -> None:
    audit = sample_audit()
    proof = next(r for r in audit.results if r.kind == "at_least" and r.measure == "certified_accuracy" and r.group is None)
    better = proof.model_copy(update={"value": 0.9, "search": "linear"})
    threat = next(t for t in digest.threats(changed(audit, results=[*audit.results, better])) if t.shift == proof.shift)
    assert threat.proven == better
    weaker = proof.model_copy(update={"value": 0.1, "search": "linear"})
    threat = next(t for t in digest.threats(changed(audit, results=[*audit.results, weaker])) if t.shift == proof.shift)
    assert threat.proven == proof


def test_the_worst_is_not_a_small_group_s_bad_luck() -> None:
    audit = sample_audit()
    unlucky = next(r for r in audit.results if r.group and r.shift == "identity" and r.n == 10)
    unlucky = unlucky.model_copy(update={"value": 0.4, "interval": (0.17, 0.69)})
    worst = digest.worst_by_chance(changed(audit, results=[*audit.results, unlucky]))
    assert worst is not None
    assert worst.name == "contrast(severity=5)"


def test_numbers_of_another_sample_are_not_the_audit_s_own() -> None:
    audit = sample_audit()
    elsewhere = audit.results[0].model_copy(
        update={"data": audit.natural[0].source, "value": 0.01, "shift": "fog(severity=1)", "family": "fog"}
    )
    assert elsewhere not in digest.own(changed(audit, results=[elsewhere, *audit.results]))


def test_a_line_each() -> None:
    first, second, failed, passed, third, held, condition = summary(sample_audit(incomplete=True)).split("\n")
    assert first == "street-net gets 91.8% of 500 examples of npz:street_signs.npz right (95% interval 89.1 to 93.9%)."
    assert second == (
        "Without an attack, accuracy is lowest on contrast(severity=5): 41.8% (37.6 to 46.2%), "
        "measurably below clean accuracy. "
        "Mean accuracy over 4 corruptions: 70.8% (66.9 to 74.4%), each corruption counted once. "
        "Under attack (gradient_ascent(steps=100, restarts=5)), accuracy within linf(eps=8/255) is at most 3.4% (2.1 to 5.4%); "
        "nothing is proven there."
    )
    assert failed == (
        "Do not trust gradient search under linf yet: 1 of 2 checks failed under linf(eps=2/255): zero_gradients 0.31 (limit 0.05). "
        "Next, search with square(queries=500)."
    )
    assert passed == "Gradient masking: none of 1 check failed under l2(eps=0.5). This does not rule masking out."
    assert "masked gradients under rotation(degrees=20) did not finish" in third
    assert "2 of 72 cells did not finish (1 failed), so the results are partial" in third
    assert "1 reliability flag raised: zero_gradients." in third
    assert held == "Holds 1 of 2 conditions."
    assert condition.startswith("Failed: linf(eps=4/255).robust_accuracy < 0.4: it is 0.23")
    assert "Holds" not in summary(changed(sample_audit(), gates=[]))


def test_what_was_never_tried_is_said() -> None:
    audit = sample_audit()
    averages = [r for r in audit.results if r.kind == "estimate" and r.group is None]
    said = " ".join(digest.unknowns(changed(audit, results=averages, natural=[])))
    for gap in (
        "no certificate was run",
        "only the average case was measured for contrast",
        "no accuracy per group",
        "no natural shift was measured",
    ):
        assert gap in said
    assert "so the results are partial" in " ".join(digest.unknowns(changed(audit, complete=False)))


def test_nothing_known_is_said_and_not_zero() -> None:
    audit = sample_audit()
    bare = changed(
        audit, results=[], natural=[], cells=[], clean=audit.clean.model_copy(update={"accuracy": None, "interval": None, "n": 0})
    )
    assert "clean accuracy was not measured" in summary(bare)
    assert "No shift was measured" in summary(bare)
    assert charts.headline(bare) is None
    assert "as collected" in printed(terminal_table(bare))


@pytest.mark.parametrize("measure", ["robust_accuracy", "certified_accuracy", "accuracy", "drop", "error_probability"])
def test_every_claim_in_words_names_its_kind(measure: str) -> None:
    for result in sample_audit().results:
        if result.measure == measure and result.value is not None:
            words = in_words(result).lower()
            assert ("at most" in words) == (result.kind == "at_most"), words
            assert ("at least" in words) == (result.kind == "at_least"), words
    silent = sample_audit().results[0].model_copy(update={"value": None})
    assert "which is not zero" in in_words(silent)


def test_charts_hold_the_records_numbers() -> None:
    audit = sample_audit()
    for family, figure in charts.curves(audit):
        spec = figure.spec
        values = {row["value"] for layer in spec["layer"] for row in layer.get("data", {}).get("values", []) if "value" in row}
        values |= {row["value"] for row in spec.get("data", {}).get("values", []) if "value" in row}
        own = [r for r in digest.plain(audit) if r.family == family]
        assert values <= {r.value for r in own}
        assert min(r.value for r in own if r.value is not None) in values
    assert [family for family, _ in charts.curves(audit)] == [
        "linf",
        "l2",
        "fog",
        "gaussian_noise",
        "gaussian_blur",
        "contrast",
        "rotation",
    ]
    first = charts.headline(audit)
    assert first is not None
    json.dumps(first.spec, allow_nan=False)


def test_the_terminal_obeys_no_name() -> None:
    audit = sample_audit(incomplete=True)
    shift = "[bold red]x[/]\x1b[2J"
    results = [audit.results[0].model_copy(update={"shift": shift, "family": "x"})]
    shown = printed(terminal_table(changed(audit, results=results)))
    assert "[bold red]x[/]�[2J" in shown
    assert "\x1b" not in shown
    assert "\x1b" not in summary(changed(audit, results=results))
    assert "INCOMPLETE: 2 of 72 cells unfinished" in shown
    assert "⚑ zero_gradients" in " ".join(shown.split())


def test_the_terminal_table_keeps_kinds_apart() -> None:
    row = next(line for line in printed(terminal_table(sample_audit())).splitlines() if "linf(eps=8/255)" in line)
    assert [cell.strip() for cell in row.strip("│ ").split("│")] == [
        "linf(eps=8/255)",
        "nothing proven",
        "≤ 3.4% (2.1 to 5.4%) ⚑",
        "87.0% (83.8 to 89.7%)",
    ]


def test_bibliography_has_each_entry_once_and_names_what_it_lacks() -> None:
    audit = sample_audit()
    cells = [*audit.cells, audit.cells[0].model_copy(update={"shift": "mypkg/rain(mm=3)", "search": "broken((("})]
    text = cite(changed(audit, cells=cells))
    for reference in (*Linf.references, *GradientAscent.references):
        assert text.count(bibtex(reference) or "no entry") == 1
    assert text.startswith("@software{shiftproof,")
    assert text.count("references are not known: mypkg/rain\n") == 1
    assert "references are not known: broken\n" in text
    keys = [entry_key("@" + part) for part in text.split("\n@")]
    assert len(keys) == len(set(keys))


def trimmed(*, hostile: bool = False) -> Audit:
    """An audit with every kind of number, but few of each."""
    audit = sample_audit(hostile=hostile)
    return changed(audit, results=[r for r in audit.results if r.family in ("identity", "linf", "l2")])


def rows_of(audits: list[Audit], pair: PairedComparison | None) -> Comparison:
    rows: list[ComparisonRow] = []
    for result in audits[0].results:
        others = [result.model_copy(update={"value": None if result.value is None else result.value / 2}) for _ in audits[1:]]
        tests = (None, *(pair for _ in others))
        rows.append(ComparisonRow(result.shift, result.search, result.risk, result.measure, result.group, (result, *others), tests))
    return Comparison(tuple(f"runs/{place}{BREAKOUT}" for place in range(len(audits))), tuple(audits), tuple(rows))


PAIR = PairedComparison(
    against="a",
    n=480,
    both_right=200,
    only_first=150,
    only_second=30,
    both_wrong=100,
    difference=-0.25,
    interval=Interval(-0.3, -0.2),
    p_value=1e-9,
)


class Tables(HTMLParser):
    """Classes of every header and cell, by table row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.scripts = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append(dict(attrs).get("class") or "")


def test_runs_side_by_side_keep_kinds_apart() -> None:
    text = compare(rows_of([trimmed(hostile=True), trimmed(), trimmed()], PAIR))
    tables = Tables(text)
    head: list[str] = []
    for row in tables.rows:
        if "absent" not in " ".join(row) and not any("number" in cell and any(k in cell for k in ("at_", "estimate")) for cell in row):
            continue
        kinds = {kind for cell in row for kind in ("at_least", "at_most", "estimate") if kind in cell.split()}
        assert len(kinds) <= 1, row
        head = row
    assert head
    assert tables.scripts == 3
    assert "−25.0 points" in text
    assert "below 0.001" in text
    assert "480 pairs, 150 right in 1 only, 30 right in 2 only" in text


def test_runs_that_do_not_pair_have_no_test() -> None:
    other = sample_audit()
    other = changed(other, data=other.data.model_copy(update={"fingerprint": "another"}))
    text = compare(rows_of([sample_audit(), other], None))
    assert "No examples pair, so there is no test." in text
    assert "These runs used different data" in text
    assert "not tested" in text
    shown = printed(terminal_comparison(rows_of([sample_audit(), other], None)), width=240)
    assert "points, not tested" in shown


def test_the_terminal_comparison_has_a_table_a_kind() -> None:
    shown = printed(terminal_comparison(rows_of([sample_audit(), sample_audit()], PAIR)), width=240)
    order = [shown.index(f"\n{head}") for head in ("At least", "Estimate", "At most")]
    assert order == sorted(order)
    assert "−25.0 points (−30.0 to −20.0), p below 0.001" in shown
    assert "worst_group" not in shown
    more = sum(r.risk != "mean" or r.measure == "drop" for r in sample_audit().results)
    assert f"{more} more numbers (groups, tails, drops) on the page" in shown


def test_a_difference_needs_the_same_claim() -> None:
    result: Result = sample_audit().results[0]
    assert difference(result, result.model_copy(update={"value": 0.5})) == pytest.approx(0.5 - 0.918)
    assert difference(result, result.model_copy(update={"kind": "at_most"})) is None
    assert difference(result, result.model_copy(update={"value": None})) is None
    assert difference(None, result) is None


def test_a_comparison_is_written_where_it_was_asked_for(tmp_path: Path) -> None:
    comparison = rows_of([trimmed(), trimmed()], PAIR)
    assert write_comparison(comparison, tmp_path) == tmp_path / "comparison.html"
    target = tmp_path / "new" / "comparison.html"
    assert write_comparison(comparison, target.parent) == target
    assert target.read_text(encoding="utf-8") == compare(comparison)


def average(shift: str, value: float, interval: tuple[float, float] | None = (0.0, 1.0)) -> Result:
    seen = next(r for r in sample_audit().results if r.kind == "estimate" and r.shift == "contrast(severity=5)")
    family, _, rest = shift.partition("(severity=")
    strength = float(rest.split(",")[0].rstrip(")"))
    update = {"shift": shift, "family": family, "strength": strength, "value": value, "interval": interval}
    made: Result = seen.model_copy(update=update)
    return made


def test_the_mean_over_corruptions_counts_each_once() -> None:
    results = [
        average("fog(severity=1)", 0.9, (0.8, 1.0)),
        average("fog(severity=5)", 0.5, (0.4, 0.6)),
        average("snow(severity=1)", 0.1, (0.0, 0.2)),
        average("rotation(severity=1)", 0.0),  # no corruption
    ]
    mean = digest.over_corruptions(changed(sample_audit(), results=results))
    assert mean is not None
    assert mean.name == "2 corruptions"
    assert mean.value == pytest.approx(0.4)
    assert mean.interval == pytest.approx((0.3, 0.5))
    without = [*results, average("frost(severity=1)", 0.7, None)]
    mean = digest.over_corruptions(changed(sample_audit(), results=without))
    assert mean is not None
    assert mean.interval is None
    assert digest.over_corruptions(changed(sample_audit(), results=results[:2])) is None


def test_shifts_stand_worst_family_first_and_families_together() -> None:
    results = [average(f"{name}(severity={s})", v) for name, s, v in (("fog", 1, 0.9), ("snow", 1, 0.6), ("fog", 5, 0.2), ("snow", 5, 0.4))]
    results = [r.model_copy(update={"interval": None}) for r in results]
    order = [threat.shift for threat in digest.by_damage(changed(sample_audit(), results=results))]
    assert order == ["fog(severity=1)", "fog(severity=5)", "snow(severity=1)", "snow(severity=5)"]


def test_the_first_picture_names_shifts_in_words() -> None:
    long = "brightness(severity=5, setting=mnist_c)"
    first = charts.headline(changed(sample_audit(), results=[average(long, 0.1)]))
    assert first is not None
    spec = json.dumps(first.spec)
    assert '"Brightness, severity 5, setting mnist_c"' in spec
    assert long not in spec
