"""Trackers, trainers and nrtk, against the real packages where they are installed; what is said where they are not."""

from __future__ import annotations

import builtins
import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.svm import LinearSVC

import shiftproof as sp
from shiftproof._errors import MissingExtra
from shiftproof.evaluation.robust_check import RobustCheck
from shiftproof.integrations._numbers import numbers_of, plain
from shiftproof.sklearn import robust_scorer
from small_runs import linear_net

LINF, ATTACK = "linf(eps=0.3)", "gradient_ascent(steps=3)"
ROBUST = "shiftproof/linf eps-0.3/gradient_ascent steps-3/robust_accuracy"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> sp.Report:
    out = tmp_path_factory.mktemp("run") / "out"
    return sp.audit(linear_net(), "digits:", limit=20, shifts=[LINF], searches=["one_draw", ATTACK], out=str(out), progress=False)


@pytest.fixture(scope="module")
def shown() -> sp.Examples:
    return sp.load_data("digits:").take(slice(0, 16))


def test_names_say_what_they_claim(report: sp.Report) -> None:
    found = numbers_of(report)
    assert found[ROBUST] == report.accuracy(LINF, ATTACK)
    assert found["shiftproof/identity/one_draw/accuracy"] == report.accuracy()
    assert plain("npz:a b/c.npz?x=1") == "npz-a b-c.npz-x-1"


def test_tensorboard(report: sp.Report, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs tensorboard")
    from shiftproof.integrations.tensorboard import log_run

    events = importlib.import_module("tensorboard.backend.event_processing.event_accumulator")
    assert ROBUST in log_run(report, tmp_path, step=4)
    read = events.EventAccumulator(str(tmp_path))
    read.Reload()
    (scalar,) = read.Scalars(ROBUST)
    assert (scalar.step, scalar.value) == (4, pytest.approx(report.accuracy(LINF, ATTACK)))


def test_mlflow(report: sp.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs mlflow")
    from shiftproof.integrations.mlflow import log_run

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())  # a new folder, in which it makes its default experiment
    with mlflow.start_run() as run:
        log_run(report)
    kept = mlflow.get_run(run.info.run_id).data
    assert kept.metrics[ROBUST] == report.accuracy(LINF, ATTACK)
    assert kept.tags["shiftproof.model"] == report.record.model.name
    assert {file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id, "shiftproof")} == {
        "shiftproof/index.html",
        "shiftproof/audit.json",
    }


def test_wandb(report: sp.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = pytest.importorskip("wandb", reason="needs wandb")
    from shiftproof.integrations.wandb import log_run

    monkeypatch.setenv("WANDB_SILENT", "true")
    with pytest.raises(sp.UsageError, match="There is no active run of wandb"):
        log_run(report)
    run = wandb.init(mode="offline", project="p", dir=str(tmp_path))
    log_run(report, run)
    assert run.summary[ROBUST] == report.accuracy(LINF, ATTACK)
    run.finish()
    assert list(tmp_path.rglob("*.wandb"))


def test_lightning_measures_and_leaves_the_training_alone(shown: sp.Examples) -> None:
    lightning = pytest.importorskip("lightning.pytorch", reason="needs lightning")
    from shiftproof.integrations.lightning import RobustAccuracy

    class Net(lightning.LightningModule):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10), torch.nn.Dropout(0.5))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.net(x)  # type: ignore[no-any-return]

        def training_step(self, batch: Any, index: int) -> torch.Tensor:
            return torch.nn.functional.cross_entropy(self(batch[0]), batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), 0.5)

    def fitted(*callbacks: Any) -> tuple[Any, Any]:
        net = Net()
        torch.manual_seed(1)
        quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False, "enable_model_summary": False}
        trainer = lightning.Trainer(max_epochs=2, accelerator="cpu", callbacks=list(callbacks), **quiet)
        rows = torch.utils.data.TensorDataset(shown.x, shown.y)
        trainer.fit(net, torch.utils.data.DataLoader(rows, batch_size=8, shuffle=True))
        return trainer, net

    trainer, watched = fitted(RobustAccuracy(shown, LINF, ATTACK))
    _, alone = fitted()
    assert all(torch.equal(one, two) for one, two in zip(watched.parameters(), alone.parameters(), strict=True))
    logged = float(trainer.callback_metrics["robust_accuracy"])
    assert logged == pytest.approx(RobustCheck(LINF, ATTACK)(watched, shown).accuracy)
    with pytest.raises(sp.UsageError, match="The 'every' of RobustAccuracy must be at least 1, got 0"):
        RobustAccuracy(shown, LINF, every=0)


def test_the_trainer_of_transformers(shown: sp.Examples) -> None:
    pytest.importorskip("transformers", reason="needs transformers")
    from shiftproof.integrations.transformers import RobustAccuracyCallback

    class Answer:
        def __init__(self, logits: torch.Tensor) -> None:
            self.logits = logits

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = linear_net()

        def forward(self, x: torch.Tensor) -> Answer:
            return Answer(self.net(x))

    class State:
        epoch, global_step = 1.0, 7
        log_history: list[dict[str, float]] = []  # noqa: RUF012

    callback, net = RobustAccuracyCallback(shown, LINF, ATTACK), Net()
    net.train()
    callback.on_epoch_end(None, State, None, model=net)
    expected = RobustCheck(LINF, ATTACK)(linear_net(), shown).accuracy
    assert callback.history == [(1.0, expected)]
    assert State.log_history == [{"robust_accuracy": expected, "epoch": 1.0, "step": 7}]
    assert net.training


def test_a_real_trainer_whose_model_answers_with_a_mapping(shown: sp.Examples, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="needs transformers")
    pytest.importorskip("accelerate", reason="needs accelerate, as the trainer does")
    from shiftproof.integrations.transformers import RobustAccuracyCallback

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = linear_net()

        def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
            logits = self.net(x)
            return {"logits": logits} if labels is None else {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}

    quiet = {"report_to": [], "disable_tqdm": True, "save_strategy": "no", "logging_strategy": "no", "use_cpu": True}
    given = transformers.TrainingArguments(str(tmp_path), num_train_epochs=2, per_device_train_batch_size=8, **quiet)
    callback, net = RobustAccuracyCallback(shown, LINF, ATTACK, every=2), Net()
    rows = [{"x": x, "labels": y} for x, y in zip(shown.x, shown.y, strict=True)]
    trainer = transformers.Trainer(model=net, args=given, train_dataset=rows, callbacks=[callback])
    trainer.train()
    assert callback.history == [(2.0, RobustCheck(LINF, ATTACK)(net.net, shown).accuracy)]
    assert [entry["robust_accuracy"] for entry in trainer.state.log_history if "robust_accuracy" in entry] == [callback.history[0][1]]


def test_nrtk(shown: sp.Examples) -> None:
    pytest.importorskip("nrtk", reason="needs nrtk")
    from shiftproof.conformance import check_part
    from shiftproof.integrations.nrtk import Nrtk

    enhance = importlib.import_module("nrtk.impls.perturb_image.photometric.enhance")
    shift = Nrtk.of(enhance.BrightnessPerturber(factor=0.5))
    moved = shift.within(shown.space).apply(shown.x, torch.zeros(16, 1, dtype=torch.float64))
    assert torch.allclose(moved, shown.x * 0.5, atol=1 / 255)
    assert check_part(Nrtk).passed
    for config, message in (("{", "must be JSON"), ("[]", "must be a JSON object"), ('{"factro": 1}', "cannot be made of")):
        with pytest.raises(sp.UsageError, match=message):
            Nrtk("BrightnessPerturber", config)
    with pytest.raises(sp.UsageError, match="Unknown perturber of nrtk 'BrightnesPerturber'. Did you mean: BrightnessPerturber"):
        Nrtk("BrightnesPerturber")
    with pytest.raises(sp.UsageError, match="The 'perturber' of Nrtk.of must be a PerturbImage of nrtk, got 'int'"):
        Nrtk.of(3)


@pytest.mark.parametrize(("module", "package"), [("lightning", "lightning"), ("transformers", "transformers"), ("nrtk", "nrtk")])
def test_a_module_whose_package_is_missing(module: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builtins, "__import__", without(package))
    monkeypatch.delitem(sys.modules, f"shiftproof.integrations.{module}", raising=False)
    with pytest.raises(
        MissingExtra, match=rf"needs the package '{package}', which is not installed. Run: pip install 'shiftproof\[{module}\]'"
    ):
        importlib.import_module(f"shiftproof.integrations.{module}")


@pytest.mark.parametrize(("module", "package"), [("mlflow", "mlflow"), ("wandb", "wandb"), ("tensorboard", "torch.utils.tensorboard")])
def test_a_tracker_whose_package_is_missing(
    module: str, package: str, report: sp.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = importlib.import_module(f"shiftproof.integrations.{module}")
    monkeypatch.setattr(builtins, "__import__", without(package))
    more = (tmp_path,) if module == "tensorboard" else ()
    with pytest.raises(MissingExtra, match=rf"which is not installed. Run: pip install 'shiftproof\[{module}\]'"):
        tracker.log_run(report, *more)
    with pytest.raises(sp.UsageError, match="must be what shiftproof.audit returns, got 'int'"):
        tracker.log_run(3, *more)


def without(package: str) -> Callable[..., Any]:
    """Python's import, which does not find this package."""
    plain_import = builtins.__import__

    def found(name: str, *rest: Any) -> Any:
        if name == package or name.startswith(f"{package}."):
            raise ModuleNotFoundError(f"No module named '{package}'")
        return plain_import(name, *rest)

    return found


def test_a_search_over_settings_maximises_robust_accuracy() -> None:
    x, y = load_digits(return_X_y=True)
    x, names = x[:120] / 16, np.array([f"digit {label}" for label in y[:120]])
    scoring = {"clean": "accuracy", "robust": robust_scorer("linf(eps=0.1)", "best_of_n(n=3)", box=(0, 1), limit=40)}
    found = GridSearchCV(LogisticRegression(max_iter=20), {"C": [1e-4, 1]}, scoring=scoring, refit="robust", cv=2).fit(x, names)
    robust, clean = found.cv_results_["mean_test_robust"], found.cv_results_["mean_test_clean"]
    assert found.best_params_ == {"C": 1}
    assert robust[1] > robust[0]
    assert (robust <= clean + 0.15).all()  # on the first 40 rows of each fold


def test_a_scorer_takes_decisions_and_classes_that_a_fold_has_not_seen() -> None:
    x, y = load_digits(return_X_y=True)
    known = y < 9
    svc = LinearSVC().fit(x[known][:150] / 16, y[known][:150])
    whole = robust_scorer("linf(eps=0.01)", "one_draw", box=(0, 1))(svc, x[:60] / 16, y[:60])
    assert 0.5 < whole <= 1 - (y[:60] == 9).mean()
    with pytest.raises(sp.UsageError, match="The 'limit' of robust_scorer must be at least 1, got 0"):
        robust_scorer("linf(eps=0.1)", limit=0)
    with pytest.raises(sp.UsageError, match="Unknown shift 'linff'"):
        RobustCheck("linff(eps=1)")
