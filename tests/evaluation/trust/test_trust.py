"""`shiftproof trust`: the record, the terminal, the page; what is refused, and why."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import shiftproof as sp
from sample_audit import HOSTILE
from shiftproof._errors import UsageError
from shiftproof._sealed import DamagedFile, read_json
from shiftproof.evaluation.calibration import content
from shiftproof.evaluation.trust.samples import load_samples
from shiftproof.evaluation.trust.trust import TrustConfig, run_trust
from shiftproof.records.document import write_document
from shiftproof.records.trust import TrustRecord
from shiftproof.reports.trust import sentences, trust_page
from small_runs import command

MODELS = """
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import shiftproof as sp


def fitted(model):
    train = sp.load_data("digits:?split=train").take(slice(None, None, 2))
    return model.fit(train.x.flatten(1).numpy(), train.y.numpy())


def linear():
    return fitted(LogisticRegression(max_iter=300, C=0.1))


def tree():
    return fitted(DecisionTreeClassifier(random_state=0))


def labels():
    model = tree()
    return lambda x: model.predict(x.reshape(len(x), -1))


def fragile():
    model = linear()

    def scores(x):
        found = model.predict_log_proba(x.reshape(len(x), -1))
        found[(x.reshape(len(x), -1) > 0.999).sum(1) == 0] = np.nan
        return found

    return scores
"""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "models.py"
    path.write_text(MODELS)
    return path


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Inverted digits with their labels, and noise."""
    folder = tmp_path_factory.mktemp("samples")
    test = sp.load_data("digits:?split=test").take(slice(0, 200))
    train = sp.load_data("digits:?split=train").take(slice(None, None, 2))
    np.savez(folder / "inverted.npz", x=1 - test.x.numpy(), y=test.y.numpy())
    np.savez(folder / "noise.npz", x=np.random.default_rng(0).random((80, *test.x.shape[1:])).astype(np.float32), y=np.zeros(80, int))
    np.savez(folder / "train.npz", x=train.x.numpy(), y=train.y.numpy())
    np.savez(folder / "shared.npz", x=test.x.numpy()[:30], y=test.y.numpy()[:30])
    np.savez(folder / "one.npz", x=test.x.numpy()[test.y.numpy() == 3], y=test.y.numpy()[test.y.numpy() == 3])
    return folder


@pytest.fixture(scope="module")
def record(models: Path, samples: Path, tmp_path_factory: pytest.TempPathFactory) -> TrustRecord:
    return run_trust(
        TrustConfig(
            model=f"{models}:linear",
            data="digits:?split=test",
            calibrate=0.5,
            shifts=("gaussian_noise(severity=3)",),
            shift_from=(f"inverted=npz:{samples}/inverted.npz",),
            unfamiliar=(f"noise=npz:{samples}/noise.npz",),
            risk=0.1,
            out=str(tmp_path_factory.mktemp("run")),
        )
    )


def test_the_record_has_a_row_for_each_sample_and_shift(record: TrustRecord) -> None:
    assert [(row.sample, row.shift, row.kind) for row in record.rows] == [
        ("test", "identity", "clean"),
        ("test", "gaussian_noise(severity=3)", "shifted"),
        ("inverted", "identity", "shifted"),
        ("noise", "identity", "unfamiliar"),
    ]
    clean, _, inverted, noise = record.rows
    assert record.calibration is not None
    assert record.calibration.holds
    assert clean.n + record.calibration.n + record.calibration.left_out == record.data.n
    assert clean.selective is not None
    assert clean.selective.threshold is not None
    assert clean.selective.verdict != "broken"
    assert clean.conformal is not None
    assert clean.conformal.verdict != "broken"
    assert inverted.conformal is not None
    assert inverted.conformal.verdict == "broken"
    assert {each.verdict for each in inverted.conformal.corrections} == {"refused"}
    assert inverted.selective is not None
    assert inverted.selective.verdict == "broken"
    assert [noise.accuracy, noise.calibration, noise.selective, noise.conformal] == [None] * 4
    assert clean.ood.auroc is None
    assert noise.ood.auroc is not None
    assert noise.ood.intervals["auroc"][0] <= noise.ood.auroc <= noise.ood.intervals["auroc"][1]
    assert "alarms_on_right" not in noise.ood.intervals


def test_every_row_that_reaches_the_model_is_counted(record: TrustRecord) -> None:
    assert record.calibration is not None
    clean, _, inverted, noise = record.rows
    once = clean.n + record.calibration.n + inverted.n + noise.n
    assert record.sent >= once + 2 * clean.n
    assert 0 < record.asked - (once + 2 * clean.n) <= 48  # looks at the model before any work


def test_where_no_answer_is_kept_no_share_of_them_is_wrong(record: TrustRecord) -> None:
    row = record.rows[0]
    assert row.selective is not None
    none = row.selective.model_copy(update={"coverage": 0.0, "risk": float("nan"), "interval": (float("nan"), float("nan"))})
    said = " ".join(sentences(record.calibration, [row.model_copy(update={"selective": none})], record.data.classes))
    assert "no answer is that confident" in said
    assert "not measured are wrong" not in said


def test_the_page_says_it_in_words_and_escapes_names(record: TrustRecord) -> None:
    page = trust_page(record)
    assert len(sentences(record.calibration, record.rows, record.data.classes)) == len(record.rows)
    for line in sentences(record.calibration, record.rows, record.data.classes):
        assert line in page
    hostile = record.model_copy(update={"rows": [row.model_copy(update={"sample": HOSTILE}) for row in record.rows]})
    assert HOSTILE not in trust_page(hostile)


def test_a_sentence_says_that_a_promise_is_broken(record: TrustRecord) -> None:
    said = "\n".join(sentences(record.calibration, record.rows, record.data.classes))
    assert "the promise of at most 10.0% wrong at confidence" in said
    assert "or more is broken: " in said
    assert "no correction mends it" in said
    assert "noise: the alarm goes off for" in said


def test_the_command_as_people_write_it(
    models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", "digits:?split=test", "--calibrate", "0.5", "--shift", "gaussian_noise(severity=3)", "--out", tmp_path / "trust"]
    assert command(monkeypatch, "trust", "--model", f"{models}:tree", *words) == 0
    out = capsys.readouterr().out
    assert "Can I trust the confidence of models.py:tree?" in out
    assert "test: overconfident by " in out
    assert "95% prediction sets are all 10 labels each, which narrows nothing down" in " ".join(out.split())
    assert all(len(line) <= 80 for line in out.splitlines() if line.startswith("┃"))
    assert "│ test: Gaussian │" in out  # a long name is in words, and folded, not cut
    assert "│ severity 3     │" in out
    written = json.loads((tmp_path / "trust" / "trust.json").read_text())
    sets = written["rows"][0]["conformal"]
    assert sets["coverage"] >= 0.95
    assert {"method", "level", "coverage", "interval", "mean_size", "refused"} <= sets.keys()
    assert {"gap", "interval", "p"} <= written["rows"][1]["calibration"].keys()
    assert {"target", "threshold", "coverage", "risk", "interval"} <= written["rows"][1]["selective"].keys()
    assert {"score", "auroc", "aupr", "fpr95_ood_positive", "fpr95_id_positive"} <= written["rows"][1]["ood"].keys()
    assert (tmp_path / "trust" / "index.html").exists()


def test_calibrating_on_the_training_rows_is_caught(models: Path, samples: Path, tmp_path: Path) -> None:
    config = TrustConfig(
        model=f"{models}:tree", data="digits:?split=test", calibrate_on=f"npz:{samples}/train.npz", box=(0, 1), out=str(tmp_path)
    )
    found = run_trust(config)
    assert found.calibration is not None
    assert not found.calibration.holds
    clean = found.rows[0]
    assert clean.selective is not None
    assert clean.selective.threshold is None
    assert clean.conformal is not None
    assert clean.conformal.coverage is None
    assert "was the model trained on the calibration sample?" in str(clean.conformal.refused)
    assert clean.calibration is not None
    assert clean.calibration.recalibrated == {}
    assert "Nothing is promised: calibration and test examples are not alike" in trust_page(found)


def test_without_a_calibration_sample_nothing_is_promised(models: Path, tmp_path: Path) -> None:
    found = run_trust(TrustConfig(model=f"{models}:linear", data="digits:?split=test", limit=60, out=str(tmp_path)))
    assert found.calibration is None
    assert (
        sentences(found.calibration, found.rows, found.data.classes)[0]
        == "Nothing is promised, since there is no calibration sample: add --calibrate 0.5."
    )
    assert "No sets are offered:" in trust_page(found)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"calibrate": 1.5}, "The 'calibrate' of the data must be a share in \\(0, 1\\), got 1.5"),
        ({"calibrate": 0.5, "calibrate_on": "digits:"}, "Give either --calibrate SHARE"),
        ({"calibrate_on": "npz:{samples}/shared.npz"}, "30 of the 30 calibration inputs in .* are test inputs too, whatever their ids"),
        ({"calibrate": 0.001, "limit": 2}, "there is no calibration example"),
        ({"risk": 0.0}, "The 'target' of trust must be in"),
        ({"score": "odin"}, "Unknown strangeness 'odin'"),
        ({"sets": "abs"}, "Unknown set score 'abs'"),
        ({"batch_size": 0}, "The 'batch_size' of trust must be at least 1"),
        ({"unfamiliar": ("a=npz:{samples}/noise.npz", "a=npz:{samples}/noise.npz")}, "The name 'a' is taken by another sample"),
        ({"shift_from": ("test=npz:{samples}/noise.npz",)}, "The name 'test' is taken by another sample"),
        ({"unfamiliar": ("iris=sklearn:iris",)}, "Unknown"),
        ({"model": "{models}:labels"}, "gives labels only: without scores it states no confidence to trust"),
        ({"shifts": ("fogg",)}, "Unknown shift 'fogg'"),
    ],
)
def test_bad_input(change: dict[str, object], message: str, models: Path, samples: Path, tmp_path: Path) -> None:
    def filled(value: object) -> object:
        if isinstance(value, tuple):
            return tuple(map(filled, value))
        return value.format(samples=samples, models=models) if isinstance(value, str) else value

    options: dict[str, object] = {"model": f"{models}:linear", "data": "digits:?split=test", "box": (0, 1), "out": str(tmp_path)}
    with pytest.raises(UsageError, match=message):
        run_trust(TrustConfig(**{**options, **{name: filled(value) for name, value in change.items()}}))  # type: ignore[arg-type]
    assert not (tmp_path / "trust.json").exists()


def test_a_sample_that_the_model_answers_with_nan_is_left_out_with_the_reason(models: Path, samples: Path, tmp_path: Path) -> None:
    dim = np.load(samples / "noise.npz")
    np.savez(samples / "dim.npz", x=dim["x"] * 0.9, y=dim["y"])
    options = {"data": f"npz:{samples}/inverted.npz", "box": (0, 1), "unfamiliar": (f"dim=npz:{samples}/dim.npz",), "out": str(tmp_path)}
    found = run_trust(TrustConfig(model=f"{models}:fragile", **options))  # type: ignore[arg-type]
    assert [row.sample for row in found.rows] == ["test"]
    assert found.notes == ["dim under identity is left out: the model's scores are NaN or infinite for 80 of 80 inputs."]


def test_one_class_in_calibration_promises_nothing(models: Path, samples: Path, tmp_path: Path) -> None:
    options = {"data": f"npz:{samples}/one.npz", "box": (0, 1), "calibrate": 0.5, "out": str(tmp_path)}
    found = run_trust(TrustConfig(model=f"{models}:linear", **options))  # type: ignore[arg-type]
    clean = found.rows[0]
    assert clean.conformal is not None
    assert "all of class 3, which says nothing about the others" in str(clean.conformal.refused)
    assert sentences(found.calibration, found.rows, found.data.classes)[0].startswith("Nothing is promised: the ")
    assert "all of class 3" in sentences(found.calibration, found.rows, found.data.classes)[0]


def test_the_side_of_a_row_depends_on_its_id_and_the_seed_alone() -> None:
    def ids(limit: int | None, seed: int) -> set[str]:
        found = load_samples(
            "digits:?split=test", calibrate=0.5, calibrate_on=None, shift_from=(), unfamiliar=(), seed=seed, box=None, limit=limit
        )
        assert found.calibrating is not None
        assert not set(content([found.test])) & set(content([found.calibrating.examples]))
        return set(found.calibrating.examples.ids.tolist())

    assert ids(100, 0) <= ids(None, 0)
    assert ids(None, 0) != ids(None, 1)


def test_a_changed_record_is_noticed(record: TrustRecord, tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    write_document(path, record, "trust")
    path.write_text(path.read_text().replace('"holds"', '"broken"', 1))
    with pytest.raises(DamagedFile):
        read_json(path, {"kind": "trust"})
