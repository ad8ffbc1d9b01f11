"""A small real model in a file, runs of it, and what they leave on disk."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

import shiftproof as sp

NETS = '''
import os, time
import torch

CALLS = 0


class Nearest(torch.nn.Module):
    """The class whose mean image is nearest, which is linear. Told to by the environment, it waits, or refuses inputs that were moved."""

    def __init__(self):
        super().__init__()
        from shiftproof import load_data  # which needs no scikit-learn for it

        digits = load_data("digits:?split=all").take(slice(None))
        x = digits.x.flatten(1)
        means = torch.stack([x[digits.y == label].mean(0) for label in range(10)])
        self.linear = torch.nn.Linear(64, 10)
        with torch.no_grad():
            self.linear.weight.copy_(2 * means)
            self.linear.bias.copy_(-(means ** 2).sum(1))

    def forward(self, x):
        if bool((x * 16 != (x * 16).round()).any()):
            self.moved()
        return self.linear(x.flatten(1))

    def moved(self):
        global CALLS
        CALLS += 1
        if os.environ.get("REFUSE"):
            raise RuntimeError("only whole levels, please")
        if CALLS == int(os.environ.get("HOLD_AT", "0")):
            open(os.environ["HELD"], "w").close()
            time.sleep(600)


def nearest():
    return Nearest()


def softmax():
    return torch.nn.Sequential(Nearest(), torch.nn.Softmax(dim=1))


def nan():
    return torch.nn.Sequential(Nearest(), torch.nn.Threshold(float("inf"), float("nan")))


def small():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))


def tree():
    from sklearn.datasets import load_digits
    from sklearn.tree import DecisionTreeClassifier

    digits = load_digits()
    return DecisionTreeClassifier(max_depth=8, random_state=0).fit(digits.data / 16, digits.target)
'''
Json = dict[str, Any]


def write_nets(folder: Path) -> Path:
    path = folder / "nets.py"
    path.write_text(NETS)
    return path


def linear_net() -> torch.nn.Module:
    """Nearest mean again, of layers that the linear certificate reads."""
    data = sp.load_data("digits:?split=train").take(slice(None))
    x, y = data.x.flatten(1), data.y
    means = torch.stack([x[y == label].mean(0) for label in range(10)])
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    layer = net[1]
    if not isinstance(layer, torch.nn.Linear):
        raise TypeError("the net has changed")
    with torch.no_grad():
        layer.weight.copy_(2 * means)
        layer.bias.copy_(-(means**2).sum(1))
    return net


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Runs the command line in this process, on digits where no data are named, and gives its exit code."""
    words = [*map(str, arguments)]
    if words[0] in ("audit", "transfer", "severity", "frequency", "defend") and not {"--data", "--config", "--help"} & {*words}:
        words += ["--data", "digits:"]
    return as_typed(monkeypatch, *words)


def as_typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Runs the command line in this process with these words alone, and gives its exit code."""
    from shiftproof.cli.main import main

    monkeypatch.setattr(sys, "argv", ["shiftproof", *words])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def record(folder: Path) -> Json:
    found: Json = json.loads((folder / "audit.json").read_text())
    return found


def cell_of(folder: Path, shift: str, search: str) -> Json:
    (cell,) = [c for c in record(folder)["cells"] if (c["shift"], c["search"]) == (shift, search)]
    found: Json = cell
    return found


def timeless(value: Any) -> Any:
    """A record without what differs from one run to the next: times, the command, the seal, rows sent, and versions.

    Batches are filled up, each call looks at its model anew, and a worker loads fewer libraries than the process that reads the data.
    """
    if isinstance(value, dict):
        left_out = ("seconds", "started", "finished", "command", "seal", "sent", "versions")
        return {key: timeless(entry) for key, entry in value.items() if key not in left_out}
    return [timeless(entry) for entry in value] if isinstance(value, list) else value


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """By name of a cell's file, what changes when it is written again."""
    return {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in (folder / "cells").glob("*.parquet")}


Columns = dict[str, npt.NDArray[Any]]


def table_of(folder: Path, key: str) -> Columns:
    """All shards of a cell, sorted by id."""
    import pyarrow.parquet as pq

    tables = [pq.read_table(path) for path in sorted((folder / "cells").glob(f"{key}*.parquet"))]
    names = ("id", "outcome", "loss", "prediction", "label")
    columns: Columns = {name: np.concatenate([t.column(name).to_numpy() for t in tables]) for name in names}
    order = np.argsort(columns["id"].astype(str))
    return {name: values[order] for name, values in columns.items()}


def outcomes_of(folder: Path) -> dict[tuple[str, str], dict[str, tuple[str, int]]]:
    """By shift and search, each example's outcome and prediction."""
    found = {}
    for cell in record(folder)["cells"]:
        table = table_of(folder, cell["key"])
        rows = zip(table["id"], table["outcome"], table["prediction"], strict=True)
        found[cell["shift"], cell["search"]] = {str(name): (str(outcome), int(p)) for name, outcome, p in rows}
    return found


def right_of(folder: Path, shift: str, search: str) -> dict[str, bool]:
    """Which examples were still right, read from the file and not by the code under test."""
    table = table_of(folder, cell_of(folder, shift, search)["key"])
    return {str(name): outcome in ("held", "certified") for name, outcome in zip(table["id"], table["outcome"], strict=True)}
