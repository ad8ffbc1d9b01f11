"""`shiftproof defend`: the rows, the control's collapse, the page, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import shiftproof as sp
from outline import Outline
from shiftproof.defences import defences
from shiftproof.evaluation.defend.defend import DefendConfig, run_defend
from shiftproof.evaluation.defend.rows import LITERATURE, collapses, verdict
from shiftproof.evaluation.defend.training import NetworkTrainer
from shiftproof.records.defend import DefendRecord, Literature, MeasuredShare
from shiftproof.reports.defend import sentences, summary
from small_runs import command, write_nets

THREAT = ["--threat", "linf(eps=0.25)", "--unseen", "l2(eps=0.5)"]
QUICK = ["--data", "digits:", "--search", "gradient_ascent(steps=10)", "--corruption", "gaussian_noise", "--limit", "60"]


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_nets(tmp_path_factory.mktemp("nets"))


def test_wrapping_a_model_as_it_is(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "d"
    wanted = [word for spec in ("bit_depth(bits=3)", "gradient_masking", "mahalanobis(rate=0.2)") for word in ("--defence", spec)]
    assert command(monkeypatch, "defend", f"{nets}:nearest", *THREAT, *QUICK, *wanted, "--out", str(out)) == 0
    record = DefendRecord.model_validate_json((out / "defend.json").read_bytes())
    assert [row.name for row in record.rows] == ["standard", "bit_depth(bits=3)", "gradient_masking", "mahalanobis(rate=0.2)"]
    assert (record.n, record.held_out) == (48, 12)  # a fifth is kept apart, and nothing is measured on it
    standard, _, masked, detector = record.rows
    for row in record.rows:
        known = [share.value for share in (row.transfer, row.plain, row.adaptive) if share.value is not None]
        assert row.robust.value is not None
        assert row.robust.value <= min(known)  # no stronger than any of its attacks allows
    assert (masked.collapses, standard.collapses) == (True, False)
    assert masked.plain.value == masked.clean.value  # the gradient is zero, so nothing moves
    assert masked.robust.value == pytest.approx(standard.robust.value, abs=0.03)
    assert detector.detector is not None
    assert detector.detector.rate == 0.2
    assert masked.certified.value is None
    assert masked.certificate == "no certificate speaks of gradient_masking"
    assert (standard.training_cost, standard.gain.value) == (None, 0.0)
    assert (detector.parameters > standard.parameters, masked.parameters == standard.parameters) == (True, True)
    page = Outline((out / "index.html").read_text())
    assert "gradient_masking collapses under the adaptive attack" in "".join(page.text)
    assert "gradient_masking collapses" in capsys.readouterr().out
    assert "gradient_masking collapses" in " ".join(sentences(record))
    assert "squeezing" in "".join(page.text)
    assert len(summary(record).splitlines()) >= 7


def test_training_from_a_factory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    lines: list[str] = []
    config = DefendConfig(
        data="digits:",
        model=make,
        train_data="digits:?split=train",
        limit=40,
        threat="linf(eps=0.1)",
        unseen="l2(eps=0.5)",
        defences=("ensemble(members=2)",),
        train=("adversarial(search=gradient_ascent(steps=2))", "distillation(temperature=2)", "diverse_ensemble(members=2)"),
        search="gradient_ascent(steps=5)",
        corruptions=("gaussian_noise", "fog"),
        epochs=2,
        out=str(tmp_path / "t"),
    )
    record = run_defend(config, say=lines.append)
    standard, adversarial, distilled, diverse, ensemble = record.rows
    assert [row.family for row in record.rows] == ["standard training", "adversarial training", "distillation", "ensemble", "ensemble"]
    assert standard.training_cost == 1.0
    assert 0 < (standard.certified.value or 0) <= (standard.robust.value or 0)
    assert None not in (adversarial.training_cost, distilled.training_cost)
    assert (ensemble.training_cost or 0) > 1.0  # its members' seconds are added
    assert ensemble.parameters == diverse.parameters == 2 * standard.parameters
    assert adversarial.training is not None
    assert [point.epoch for point in adversarial.training.curve] == [1, 2]
    assert all(point.unseen is not None for row in (standard, adversarial) for point in (row.training or adversarial.training).curve)
    assert (ensemble.forward_cost, diverse.forward_cost, adversarial.forward_cost) == (2.0, 2.0, 1.0)
    said = summary(record).splitlines()
    (costs,) = [place for place, line in enumerate(said) if line.split()[:2] == ["cost", "parameters"]]
    assert said[costs + 1].split() == ["standard", "650", "x1.0", "x1.0", "x1.0"]
    assert any("2 epochs in batches of 32 by adam(lr=0.003)" in note for note in record.notes)
    assert all(point.robust is not None for point in adversarial.training.curve)  # attacked by the threat; others have none in training
    assert distilled.training is not None
    assert distilled.training.curve[0].robust is None
    assert ensemble.training is None  # its members' trainings are not its own
    page = Outline((tmp_path / "t" / "index.html").read_text())
    assert "How training went" in "".join(page.text)
    assert "in place of the default cascade" in " ".join("".join(page.text).split())
    assert any("fog is left out" in note for note in record.notes)
    assert "training adversarial(search=gradient_ascent(steps=2))" in lines
    again = run_defend(config)  # finished trainings are found, with the seconds that they took
    assert [row.training_cost for row in again.rows] == [row.training_cost for row in record.rows]
    assert [row.robust for row in again.rows] == [row.robust for row in record.rows]


def test_a_random_defence_is_also_climbed_on_the_mean_of_its_passes(nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shiftproof.evaluation.defend import measure as defend_measure

    def adaptive(out: str) -> tuple[float, list[str]]:
        config = DefendConfig(
            data="digits:",
            model=f"{nets}:nearest",
            limit=30,
            threat="linf(eps=0.25)",
            unseen="l2(eps=0.5)",
            defences=("gaussian_noise(sigma=0.05, draws=2)",),
            search="one_draw",
            corruptions=(),
            out=str(tmp_path / out),
        )
        record = run_defend(config)
        return record.rows[1].adaptive.value or 0.0, record.notes

    both, notes = adaptive("both")
    assert any("Random defences are also attacked by auto_step(steps=40, loss=margin)" in note for note in notes)
    monkeypatch.setattr(defend_measure, "STEADY", sp.OneDraw())
    assert both < adaptive("alone")[0] - 0.2


def test_the_default_recipe_makes_enough_steps_of_any_set(tmp_path: Path) -> None:
    def recipe(n: int) -> tuple[int, int]:
        few = sp.examples(torch.zeros(n, 4), torch.zeros(n, dtype=torch.int64))
        found = NetworkTrainer(make, few, tmp_path, device="cpu", seed=0, unseen="none").recipe
        return found["epochs"], found["batch_size"]

    assert recipe(320) == (100, 32)
    assert recipe(1600) == (20, 32)
    assert recipe(20_000) == (20, 128)


def test_one_chance_draw_is_said_to_be_weak(nets: Path, tmp_path: Path) -> None:
    config = DefendConfig(
        data="digits:",
        model=f"{nets}:nearest", limit=20, threat="linf(eps=0.25)", unseen="l2(eps=0.5)", defences=("bit_depth(bits=3)",),
        search="one_draw", corruptions=(), out=str(tmp_path / "w"),
    )  # fmt: skip
    assert any("one_draw is one chance draw: accuracy under it alone is near the average case" in note for note in run_defend(config).notes)


def make() -> object:
    """A new small network."""
    import torch

    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))


def test_every_family_has_a_claim_or_none_on_purpose() -> None:
    without = {defences.get(name).family for name in defences.names()} - set(LITERATURE)
    assert without == {"smoothing", "rewriting"}


@pytest.mark.parametrize(
    ("interval", "said"),
    [((0.16, 0.2), "in the range"), ((0.1, 0.2), "cannot be told"), ((0.26, 0.3), "above it"), ((0.0, 0.1), "below it")],
)
def test_the_verdict_goes_by_the_interval(interval: tuple[float, float], said: str) -> None:
    stated = Literature(low=0.15, high=0.25, against="robust", text="15 to 25 points")
    assert verdict(stated, MeasuredShare(value=float(np.mean(interval)), interval=interval)) == said
    assert verdict(None, MeasuredShare(value=0.1, interval=interval)) == "no range is stated"
    assert verdict(stated, MeasuredShare(value=None, interval=None)) == "not measured"


def test_what_goes_wrong_in_training_is_said(tmp_path: Path) -> None:
    from shiftproof.reports.defend import defend_page

    config = DefendConfig(
        data="digits:",
        model=make,
        train_data="digits:?split=train",
        limit=30,
        threat="linf(eps=0.1)",
        unseen="l2(eps=0.5)",
        train=("mixup",),
        search="gradient_ascent(steps=1)",
        corruptions=(),
        epochs=1,
        out=str(tmp_path / "t"),
    )
    record = run_defend(config)
    assert not any("In training" in sentence for sentence in sentences(record))
    row = record.rows[1]
    assert row.training is not None
    worse = row.training.model_copy(update={"flags": ["robust_overfitting: it fell from 60% to 40%."]})
    changed = record.model_copy(update={"rows": [record.rows[0], row.model_copy(update={"training": worse})]})
    assert "In training, mixup had robust_overfitting: it fell from 60% to 40%." in sentences(changed)
    assert "it fell from 60% to 40%" in "".join(Outline(defend_page(changed)).text)
    assert "No corruption fits these inputs." in defend_page(record)


def test_masking_is_a_hidden_share_without_a_gain() -> None:
    hidden, none, gain = (MeasuredShare(value=v, interval=(v - 0.05, v + 0.05)) for v in (0.5, 0.0, 0.2))
    assert collapses(hidden, none)
    assert not collapses(none, none)
    assert not collapses(MeasuredShare(value=0.07, interval=(0.02, 0.12)), none)  # what a weak search misses of an honest model
    assert not collapses(hidden, gain)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "There is nothing to compare"),
        (["--train", "adversarial"], "Methods need training data that are not measured on"),
        (["--defence", "jpg"], "Unknown defence 'jpg'. Did you mean: jpeg"),
        (["--defence", "jpeg", "--defence", "jpeg"], "The defence 'jpeg' was given twice"),
        (["--defence", "ensemble"], "needs several independently trained models"),
        (["--defence", "jpeg", "--epochs", "0"], "The 'epochs' of defend must be at least 1"),
        (["--defence", "jpeg", "--confidence", "1"], "The 'confidence' of defend must be in (0, 1)"),
        (["--defence", "jpeg", "--unseen", "linf(eps=0.25)"], "be another shift than the threat"),
        (["--defence", "jpeg", "--weights", "w.pt", "--train-data", "digits:?split=train"], "Give either --weights"),
        (["--train", "adversarally", "--train-data", "digits:?split=train"], "Unknown method 'adversarally'"),
        (["--defence", "mahalanobis", "--limit", "20"], "needs at least"),
    ],
)
def test_bad_input(
    words: list[str], message: str, nets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", "digits:", *(["--limit", "30"] if "--limit" not in words else [])]
    assert command(monkeypatch, "defend", f"{nets}:nearest", *THREAT, *options, *words, "--out", str(tmp_path / "x")) == 2
    assert message in capsys.readouterr().err


def test_other_bad_input(nets: Path, tmp_path: Path) -> None:
    asked = {"data": "digits:", "limit": 30, "threat": "linf(eps=0.1)", "unseen": "l2(eps=1)", "defences": ("jpeg",)}
    with pytest.raises(sp.UsageError, match="provides scores only|provides labels only"):
        run_defend(DefendConfig(model=f"{nets}:tree", out=str(tmp_path / "a"), **asked))  # type: ignore[arg-type]
    with pytest.raises(sp.UsageError, match="be a factory of networks"):
        run_defend(DefendConfig(model=3, train_data="digits:?split=train", out=str(tmp_path / "b"), **asked))  # type: ignore[arg-type]
    (tmp_path / "file").write_text("")
    with pytest.raises(sp.UsageError, match="is a file"):
        run_defend(DefendConfig(model=f"{nets}:nearest", out=str(tmp_path / "file"), **asked))  # type: ignore[arg-type]
    with pytest.raises(sp.UsageError, match="holds other files"):
        run_defend(DefendConfig(model=f"{nets}:nearest", out=str(tmp_path), **asked))  # type: ignore[arg-type]


def test_an_audit_of_a_defended_model(nets: Path, tmp_path: Path) -> None:
    report = sp.audit(
        f"{nets}:nearest",
        "digits:",
        defence="gaussian_noise(sigma=0.05, draws=3)",
        limit=20,
        shifts=["linf(eps=0.05)"],
        searches=["gradient_ascent(steps=3)"],
        out=str(tmp_path / "a"),
    )
    assert report.record.model.name == "nets.py:nearest + gaussian_noise(sigma=0.05, draws=3)"
    assert any("expectation: outputs and gradients averaged over 3 passes" in note for note in report.record.model.notes)
    assert "expectation(search=gradient_ascent(steps=3), draws=3)" in {cell.search for cell in report.record.cells}
    with pytest.raises(sp.UsageError, match="is calibrated on held-out clean examples"):
        sp.audit(f"{nets}:nearest", "digits:", defence="mahalanobis", limit=20, suite="quick", out=str(tmp_path / "b"))
