"""One file of every kind that a run keeps, each with what reads it back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

import shiftproof as sp
from shiftproof._sealed import DamagedFile, read_document
from shiftproof.evaluation.audit.diagnose import read_diagnosis
from shiftproof.evaluation.audit.plan import AuditPlan, make_plan
from shiftproof.evaluation.compare import verdicts
from shiftproof.evaluation.config import make_config
from shiftproof.evaluation.defend.defend import DefendConfig, run_defend
from shiftproof.evaluation.transfer.transfer import TransferConfig, run_transfer
from shiftproof.leaderboard import export, measured
from shiftproof.models.weights import load_weights
from shiftproof.oracle import SearchState
from shiftproof.records.audit import read_audit
from shiftproof.records.picture import read_picture
from shiftproof.reports.cite import cite_folder
from shiftproof.runs.checkpoint import Checkpoint
from shiftproof.runs.store import Store, read_error, write_error
from shiftproof.studies import Prediction, Quantity, Study, Trial, read_studies, run_study
from shiftproof.training.loop import RESUME, Loop
from shiftproof.training.train import train as train_network
from small_runs import linear_net, write_nets

OPTIONS: dict[str, Any] = {
    "limit": 40,
    "shifts": ("linf(eps=0.1)",),
    "searches": ("one_draw", "best_of_n(n=3)", "gradient_ascent(steps=3)"),
    "curves": ("linf",),
    "diagnose": True,
    "shard_size": 20,
    "pictures": 2,
}
RECIPE: dict[str, Any] = {"epochs": 3, "batch_size": 64, "optimiser": "sgd(lr=0.1)"}
Reader = Callable[[], Any]


@dataclass(frozen=True)
class Dice(Study):
    """Throws dice."""

    name: ClassVar[str] = "dice"
    claim: ClassVar[str] = "Dice fall."
    paper: ClassVar[str] = "Nobody"
    figure: ClassVar[str] = "None."
    protocol: ClassVar[str] = "Throw them."
    scaled_down: ClassVar[str] = "Nothing."
    references: ClassVar[tuple[str, ...]] = ()
    predictions: ClassVar[tuple[Prediction, ...]] = (Prediction("mean", "in the middle", low=3.0, high=4.0),)

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        return {"mean": Quantity(float(trial.numbers("dice").integers(1, 7, 50).mean()), 0.0, "number")}


def net() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def audit(out: Path) -> sp.Report:
    return sp.audit(linear_net(), "digits:", progress=False, **{**OPTIONS, "out": str(out)})


def plan_of(out: Path) -> tuple[AuditPlan, Store, Any]:
    config = make_config({"model": linear_net(), "data": "digits:", **OPTIONS, "out": str(out)})
    plan = make_plan(config)
    return plan, Store(out, {name: source.ids for name, source in plan.sources.items()}), config


def train(out: Path) -> Any:
    data = sp.load_data("digits:?split=train", limit=300)
    done = train_network(net, data, "plain", out=out, save_every=0.0, **RECIPE)
    return [value.tolist() for value in done.module.state_dict().values()], [epoch.score for epoch in done.curve], done.flags


def stop_training(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that is killed in its second epoch."""
    step = Loop._step

    def dies(self: Loop) -> float:
        if self.done == 6:
            raise KeyboardInterrupt
        return step(self)

    with monkeypatch.context() as patch:
        patch.setattr(Loop, "_step", dies)
        with pytest.raises(KeyboardInterrupt):
            train(out)
    assert RESUME in {path.name for path in out.iterdir()}


def weights(path: Path) -> Any:
    module = net()
    load_weights(module, str(path), name="net")
    return [value.tolist() for value in module.state_dict().values()]


def of_cells(out: Path) -> dict[Path, Reader]:
    plan, store, config = plan_of(out)
    cells = [*plan.cells, *plan.curves]

    def columns(cell: Any) -> Any:
        if not store.has(cell):
            store.missing([cell])  # which names it
            return None
        table = store.read(cell)
        seen = [list(map(str, values)) for values in verdicts(out, cell.group)]
        return str(({name: values.tolist() for name, values in table.columns.items()}, table.seconds, table.flags, table.stages, seen))

    found: dict[Path, Reader] = {store.path(cell): partial(columns, cell) for cell in cells}
    found[out / "plan.json"] = lambda: store.open(plan.identity(config), cells)
    for question in plan.diagnoses:
        found[out / "diagnoses" / f"{question.key()}.json"] = partial(diagnosis, question, plan, store)
    for path in sorted((out / "gallery").iterdir()):
        found[path] = partial(picture, path)
    failed = store.failure(cells[0])
    write_error(failed, "Traceback\nValueError: 13 of 20")
    found[failed] = lambda: said(read_error(failed))
    return found


def picture(path: Path) -> str:
    return str({name: values.tolist() for name, values in read_picture(path).items()})


def diagnosis(question: Any, plan: AuditPlan, store: Store) -> Any:
    card = read_diagnosis(question, plan.data, store)
    said(card.error)
    return card


def said(error: str | None) -> str | None:
    """An error's text, unless it is that of its own file: then it is said as other readers say it."""
    if error and "is not used" in error:
        raise sp.UsageError(error)
    return error


def of_records(folder: Path) -> dict[Path, Reader]:
    """The records of a folder with a run in it, and of other commands beside it."""
    run = folder / "run"
    nets = write_nets(folder)
    entries = measured.find_audits([run])
    export.export_entries(entries, folder / "export")
    run_study(Dice(), out=folder / "studies")
    usual: dict[str, Any] = {
        "data": "digits:",
        "limit": 20,
        "threat": "linf(eps=0.1)",
        "unseen": "l2(eps=1)",
        "search": "gradient_ascent(steps=2)",
    }
    run_defend(DefendConfig(model=f"{nets}:small", defences=("bit_depth(bits=3)",), out=str(folder / "defend"), **usual))
    models = (f"{nets}:small", f"{nets}:nearest")
    run_transfer(TransferConfig(models=models, data="digits:", shift="linf(eps=0.1)", limit=20, out=str(folder / "transfer")))
    dice = folder / "studies" / "dice-quick"
    return {
        run / "audit.json": lambda: read_audit(run),
        folder / "export" / "entries.json": lambda: export.read_entries(folder / "export" / "entries.json"),
        dice / "study.json": lambda: read_studies(folder / "studies"),
        next(dice.glob("seed-1-*.json")): lambda: numbers(folder),
        dice / "asked.json": lambda: numbers(folder),
        folder / "defend" / "defend.json": lambda: (
            read_document(folder / "defend" / "defend.json", "defend"),
            cite_folder(folder / "defend"),
        ),
        folder / "transfer" / "transfer.json": lambda: read_document(folder / "transfer" / "transfer.json", "transfer"),
    }


def numbers(folder: Path) -> Any:
    return [trial.quantities for trial in run_study(Dice(), out=folder / "studies").trials]


def of_trainings(folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[Path, Reader]:
    done, stopped = folder / "trained", folder / "stopped"
    train(done)
    stop_training(stopped, monkeypatch)

    def go_on() -> Any:
        kept = {path: path.read_bytes() for path in stopped.iterdir()}
        try:
            return train(stopped)
        finally:
            for path in set(stopped.iterdir()) - set(kept):
                path.unlink()
            for path, content in kept.items():
                path.write_bytes(content)

    return {
        done / "best.safetensors": lambda: (train(done), weights(done / "best.safetensors")),
        done / "last.safetensors": lambda: weights(done / "last.safetensors"),
        done / "training.json": lambda: (train(done), cite_folder(done)),
        stopped / "resume.safetensors": go_on,
        stopped / "best.safetensors": go_on,
        stopped / "training.json": go_on,
    }


def of_states(folder: Path) -> dict[Path, Reader]:
    checkpoint, ids = Checkpoint(folder / "partial", every=0.0), np.array(["a", "b"])
    checkpoint.save(ids, SearchState({"x": torch.arange(40.0), "n": torch.tensor([3])}, {"step": 7, "best": 0.25}))
    (path,) = checkpoint.folder.iterdir()

    def load() -> Any:
        state = checkpoint.load(ids)
        return state and ({name: value.tolist() for name, value in state.tensors.items()}, state.notes)

    return {path: load}


def is_found(path: Path, reader: Reader, whole: Any) -> str | None:
    """Reads a changed file: what was said of it, None where nothing was and nothing is changed by it; fails on anything else."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = reader()
        except (sp.UsageError, DamagedFile) as error:
            return str(error)
    named = [str(warning.message) for warning in caught if path.name in str(warning.message)]
    if named:
        return named[0]
    assert value == whole, f"a changed {path} is used without a word"
    return None
