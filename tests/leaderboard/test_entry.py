"""What an audit becomes on a leaderboard: one entry a threat, kinds apart, nothing invented."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from sample_audit import sample_audit, write_run
from shiftproof._errors import UsageError
from shiftproof.leaderboard.measured import entries_of, find_audits, read_about, verdicts_of
from shiftproof.leaderboard.robustbench import place, to_robustbench
from shiftproof.records.leaderboard import Entry, ModelDetails, Number
from shiftproof.shifts.corruptions.suites import COMMON
from small_entries import measured


def entries() -> dict[str, Entry]:
    return {entry.threat.spec: entry for entry in entries_of(sample_audit(), source="runs/street")}


def test_one_entry_a_threat_and_no_filters() -> None:
    audit, found = sample_audit(), entries()
    shifts = {r.shift for r in audit.results if r.family not in ("identity", "low_pass", "high_pass", "band_pass")}
    assert set(found) == shifts | {"corruptions(contrast, fog, gaussian_blur, gaussian_noise)"}
    assert {entry.model for entry in found.values()} == {"street-net"}


def test_the_numbers_of_a_threat() -> None:
    entry = entries()["linf(eps=8/255)"]
    assert entry.clean is not None
    assert entry.average is not None
    assert [(n.search, n.value, n.kind) for n in entry.attacked] == [
        ("gradient_ascent(steps=100, restarts=5)", 0.034, "at_most"),
        ("best_of_n(n=100)", 0.74, "at_most"),
    ]
    assert entry.bound == entry.basis == entry.attacked[0]
    assert (entry.attacked[0].n, entry.attacked[0].flags, entry.unreliable) == (500, ["zero_gradients"], True)
    assert entry.attacked[0].made_by == ["gradient_ascent(steps=100, restarts=5), seed=0"]
    assert (entry.clean.value, entry.average.value, entry.proven) == (0.918, 0.87, None)
    assert (entry.threat.strength, entry.threat.strength_name, entry.threat.units) == (8 / 255, "eps", "[0, 1]")
    assert entry.sample is not None
    assert (entry.sample.fingerprint, entry.sample.n) == ("9a7e5eed", 500)
    assert (entry.origin.claim, entry.origin.source, entry.origin.fingerprint) == ("measured", "runs/street", "b5d1c0ffee")
    bracket = entries()["l2(eps=0.5)"]
    assert bracket.proven is not None
    assert (bracket.proven.value, bracket.proven.kind) == (0.42, "at_least")
    assert bracket.unreliable is False
    assert entries()["brightness(severity=3)"].unreliable is None


def test_the_mean_over_corruptions() -> None:
    entry = entries()["corruptions(contrast, fog, gaussian_blur, gaussian_noise)"]
    expected = sum(0.918 - slope * s for slope in (0.035, 0.085, 0.06, 0.1) for s in range(1, 6)) / 20
    assert entry.average is not None
    assert entry.average.value == pytest.approx(expected)
    assert entry.average.interval is not None
    low, high = entry.average.interval
    assert high - low == pytest.approx(2 * 0.0607, abs=1e-3)  # sqrt(log(2 / 0.05) / 1000)
    made = "made here and not read from published files."
    assert entry.notes == [f"The mean over 4 corruptions (contrast, fog, gaussian_blur, gaussian_noise) at severities 1 to 5, {made}"]


def test_the_published_fifteen_go_by_themselves() -> None:
    audit = sample_audit()
    fog = next(r for r in audit.results if (r.shift, r.kind, r.risk, r.measure) == ("fog(severity=3)", "estimate", "mean", "accuracy"))
    every = [
        fog.model_copy(update={"family": name, "shift": f"{name}(severity={s})", "strength": float(s)})
        for name in (*COMMON, "gaussian_blur")
        for s in range(1, 6)
    ]
    (entry,) = [e for e in entries_of(audit.model_copy(update={"results": every})) if e.threat.family == "corruptions"]
    assert to_robustbench(entry)["corruptions_acc"] == "81.3"
    assert place(entry).parts[-2:] == ("corruptions", "street-net.json")
    assert "gaussian_blur" not in entry.threat.spec


def test_a_mean_over_one_corruption_is_none() -> None:
    audit = sample_audit()
    short = audit.model_copy(update={"results": [r for r in audit.results if r.family not in ("fog", "contrast", "gaussian_blur")]})
    assert not [e for e in entries_of(short) if e.threat.family == "corruptions"]


def test_every_entry_reads_back() -> None:
    for entry in entries_of(sample_audit(hostile=True, incomplete=True)):
        assert Entry.model_validate_json(entry.model_dump_json()) == entry
        assert entry.origin.complete is False


def test_a_number_in_the_field_of_another_kind_is_refused() -> None:
    number = Number(value=0.5, kind="at_most", search="x")
    for field, wanted in (("clean", "estimate"), ("average", "estimate"), ("proven", "at_least")):
        with pytest.raises(ValidationError, match=f"the kind of '{field}' must be {wanted}, got at_most"):
            Entry.model_validate({**dict(measured("a", [1])), field: number})
    with pytest.raises(ValidationError, match="the kind of 'attacked' must be at_most, got estimate"):
        measured("a", [1], attacked=[number.model_copy(update={"kind": "estimate"})])
    with pytest.raises(ValidationError, match="Extra inputs"):
        measured("a", [1], colour="red")


def test_what_an_audit_cannot_know(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", sample_audit())
    assert read_about(run) == ModelDetails()
    (run / "about.toml").write_text('model = "Street"\ndataset = "signs"\ntitle = "T"\nextra_data = true\nforward_passes = 2\n')
    entry = find_audits([tmp_path])[0]
    assert (entry.model, entry.dataset, entry.paper.title, entry.extra_data, entry.forward_passes) == ("Street", "signs", "T", True, 2)
    for text, message in (
        ("titel = 1", "Unknown key in '.*about.toml' 'titel'. Did you mean: title"),
        ("title = 1", "The 'title' in '.*about.toml' is wrong: Input should be a valid string, got 1"),
        ("title = ", "The file '.*about.toml' cannot be read as TOML"),
    ):
        (run / "about.toml").write_text(text)
        with pytest.raises(UsageError, match=message):
            find_audits([tmp_path])


def test_audits_are_found_below_and_once(tmp_path: Path) -> None:
    for name in ("a", "deep/er/b"):
        write_run(tmp_path / name, sample_audit())
    each = len(entries())
    assert len(find_audits([tmp_path])) == 2 * each
    assert len(find_audits([tmp_path, tmp_path / "a"])) == 2 * each
    elsewhere = tmp_path.parent / f"{tmp_path.name}-elsewhere"
    write_run(elsewhere / "c", sample_audit())
    (elsewhere / "back").symlink_to(elsewhere)  # a circle ends
    (tmp_path / "linked").symlink_to(elsewhere)
    (tmp_path / "again").symlink_to(tmp_path / "a")
    assert len(find_audits([tmp_path])) == 3 * each
    with pytest.raises(UsageError, match="The folder '.*gallery' holds no audit"):
        find_audits([tmp_path / "a" / "gallery"])
    with pytest.raises(UsageError, match="The folder '.*none' does not exist"):
        find_audits([tmp_path / "none"])
    (tmp_path / "a" / "audit.json").write_text("{")
    with pytest.raises(UsageError, match="'.*a/audit.json' is not an audit"):
        find_audits([tmp_path])


def test_damaged_verdicts_are_named(tmp_path: Path) -> None:
    write_run(tmp_path, sample_audit())  # its tables are no tables
    found = {e.threat.spec: e for e in find_audits([tmp_path])}
    with pytest.raises(UsageError, match="The file '.*parquet' is damaged: it is not a table"):
        verdicts_of(found["linf(eps=1/255)"])
    assert verdicts_of(found["linf(eps=8/255)"]) is None
