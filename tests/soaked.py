"""Random runs, one after another in one process, and what each leaves in it: memory, threads, processes, open files, files on the disk."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import shiftproof as sp
from shiftproof.evaluation.curves.severity_curve import severity_curve
from shiftproof.evaluation.curves.stress_run import stress_run
from shiftproof.evaluation.transfer.transfer import TransferConfig, run_transfer
from shiftproof.reports.severity import write_severity
from shiftproof.reports.stress import write_stress

SIDE, CLASSES = 8, 3
REFUSAL = "not today"
NETS = """
import torch

torch.manual_seed({seed})

def net():
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear({features}, 12), torch.nn.ReLU(), torch.nn.Linear(12, 3)).eval()

def refuses():
    def answer(x: torch.Tensor):
        if float(x.sum()) % 1 > 0.5:
            raise RuntimeError("{refusal}")
        return torch.zeros(len(x), 3)
    return answer
"""
BALLS = ("linf(eps=0.1)", "linf(eps=0.02)", "l2(eps=0.5)", "l1(eps=1.0)", "l0(eps=2)")
IMAGES = (
    *("rotation(degrees=20)", "translation(pixels=1)", "fog(severity=3)", "gaussian_noise(severity=2)", "low_pass(radius=0.5)"),
    *("contrast(severity=4)", "compose(first=rotation(degrees=10), second=translation(pixels=1))"),
)
BLIND = ("one_draw", "best_of_n(n=4)", "square(queries=20)", "hop_skip_jump(queries=30)", "gradient_estimate(steps=3)")
SEARCHES = (*BLIND, "gradient_ascent(steps=4)", "auto_step(steps=5)", "single_step", "auto_step_targeted(steps=3, n_targets=2)")
PROOFS = ("interval_bounds", "crown", "lipschitz", "smoothing(sigma=0.1, draws=50)", "auto(effort=1.0)")


class Draw(random.Random):
    """Everything that one random run is made of."""

    def some(self, of: Sequence[Any], most: int) -> list[Any]:
        """Up to `most` of them, at least one."""
        return self.sample(list(of), self.randint(1, min(most, len(of))))

    def arrays(self, shape: tuple[int, ...]) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
        """Inputs in [0, 1] and labels, every class among them."""
        rng = np.random.default_rng(self.getrandbits(32))
        n = self.randint(12, 60)
        return rng.random((n, *shape), dtype=np.float32), np.arange(n, dtype=np.int64) % CLASSES

    def data(self, folder: Path) -> tuple[Any, bool]:
        """A sample, by its URI or as `Examples`, and whether it is of images."""
        kind = self.choice(["arrays", "arrays", "groups", "vectors", "npz", "csv", "parquet", "imagefolder"])
        if kind in ("csv", "parquet"):
            return self._table(folder, kind), False
        if kind == "imagefolder":
            return self._pictures(folder), True
        image = kind != "vectors"
        x, y = self.arrays((1, SIDE, SIDE) if image else (SIDE * SIDE,))
        if kind == "npz":
            return self.npz(folder), True
        groups = {"colour": np.where(np.arange(len(y)) % 2, "red", "blue")} if kind == "groups" else {}
        return sp.examples(torch.tensor(x), torch.tensor(y), kind="image" if image else "vector", groups=groups or None), image

    def npz(self, folder: Path) -> str:
        """A file of images with groups."""
        path = folder / f"{self.getrandbits(32)}.npz"
        x, y = self.arrays((1, SIDE, SIDE))
        np.savez(path, x=x, y=y, g=np.arange(len(y)) % 2)
        return f"npz:{path}?groups=g"

    def _table(self, folder: Path, kind: str) -> str:
        x, y = self.arrays((5,))
        table = pd.DataFrame(x, columns=list("abcde")).assign(sort=np.where(y, "u", "v"), label=[f"c{label}" for label in y])
        path = folder / f"{self.getrandbits(32)}.{kind}"
        table.to_csv(path, index=False) if kind == "csv" else table.to_parquet(path, index=False)
        return f"{kind}:{path}?label=label&groups=sort"

    def _pictures(self, folder: Path) -> str:
        x, y = self.arrays((SIDE, SIDE))
        home = folder / f"pictures{self.getrandbits(32)}"
        for row, (pixels, label) in enumerate(zip(x, y, strict=True)):
            (home / f"c{label}").mkdir(parents=True, exist_ok=True)
            Image.fromarray((pixels * 255).astype(np.uint8)).save(home / f"c{label}" / f"{row}.png")
        return f"imagefolder:{home}?mode=L"

    def model(self, folder: Path, features: int) -> Any:
        """A model of one of the usual kinds, built anew."""
        kind = self.choice(["net", "file", "file", "refuses", "logistic", "tree", "callable"])
        if kind in ("file", "refuses"):
            path = folder / f"nets{self.getrandbits(32)}.py"
            path.write_text(NETS.format(seed=self.getrandbits(16), features=features, refusal=REFUSAL))
            return f"{path}:{'net' if kind == 'file' else 'refuses'}"
        rng = np.random.default_rng(self.getrandbits(32))
        weight = rng.normal(size=(features, CLASSES)).astype(np.float32)
        if kind == "net":
            layer = torch.nn.Linear(features, CLASSES)
            layer.weight.data = torch.tensor(weight.T.copy())
            return torch.nn.Sequential(torch.nn.Flatten(), layer).eval()
        if kind == "callable":
            return lambda x: torch.as_tensor(np.asarray(x).reshape(len(x), -1) @ weight)
        x = rng.random((60, features))
        fitted = LogisticRegression(max_iter=5) if kind == "logistic" else DecisionTreeClassifier(max_depth=4)
        return fitted.fit(x, np.arange(len(x)) % CLASSES)


def soak_audit(draw: Draw, folder: Path) -> None:
    """An audit of anything under anything, gone on with now and then, with its stress curve."""
    data, image = draw.data(folder)
    first = sp.load_data(data).take(slice(0, 1)) if isinstance(data, str) else data
    model = draw.model(folder, first.x[0].numel())
    options: dict[str, Any] = {
        "batch_size": draw.choice([7, 32, 256]),
        "shard_size": draw.choice([9, 25, 2500]),
        "seed": draw.randint(0, 9),
    }
    net = isinstance(model, torch.nn.Module) or (isinstance(model, str) and model.endswith(":net"))
    if draw.random() < 0.05:
        options["suite"], options["limit"] = "quick", 10
    else:
        options["shifts"] = ["linf(eps=0.05)", *draw.some(BALLS + IMAGES if image else BALLS, 3)]
        options["searches"] = ["one_draw", "best_of_n(n=2)", *draw.some(SEARCHES if net else BLIND, 2)]
    options |= {"certify": draw.some(PROOFS, 2)} if draw.random() < 0.3 else {}
    options |= {"curves": ["linf"]} if net and draw.random() < 0.1 else {}
    options |= {"diagnose": True} if draw.random() < 0.05 else {}
    options |= {"limit": draw.randint(5, 30)} if draw.random() < 0.3 else {}
    options |= {"fail_on": ["accuracy < 2%"]} if draw.random() < 0.5 else {}
    options |= {"shift_from": [draw.npz(folder)]} if isinstance(data, str) and data.startswith("npz:") and draw.random() < 0.5 else {}
    options |= {"backend": "processes"} if isinstance(model, str) and draw.random() < 0.05 else {}
    out = folder / "run"
    for _ in range(draw.choice([1, 1, 2])):
        report = sp.audit(model, data, progress=False, out=str(out), **options)
    if report.record.results and draw.random() < 0.2:
        write_stress(stress_run(out), out)
    if draw.random() < 0.1:  # into a temporary folder
        shutil.rmtree(sp.audit(model, data, shifts=["linf(eps=0.1)"], searches=["one_draw"], progress=False).folder)


def soak_severity(draw: Draw, folder: Path) -> None:
    """A severity curve and its page."""
    x, y = draw.arrays((1, SIDE, SIDE))
    examples = sp.examples(torch.tensor(x), torch.tensor(y), kind="image")
    model = sp.load_model(draw.model(folder, SIDE * SIDE), space=examples.space, probe=examples.x[:4])
    write_severity([severity_curve(model, sp.Rotation(degrees=30.0), examples=examples, points=4, halvings=2)], "arrays", folder)


def soak_transfer(draw: Draw, folder: Path) -> None:
    """Two nets, each tried on the other's moves."""
    x, y = draw.arrays((1, SIDE, SIDE))
    np.savez(folder / "a.npz", x=x, y=y)
    models = []
    for name in "ab":
        (folder / f"{name}.py").write_text(NETS.format(seed=draw.getrandbits(16), features=SIDE * SIDE, refusal=REFUSAL))
        models.append(f"{folder / name}.py:net")
    run_transfer(
        TransferConfig(models=tuple(models), data=f"npz:{folder / 'a.npz'}", shift="linf(eps=0.1)", out=str(folder / "t")), show=False
    )


KINDS: tuple[Callable[[Draw, Path], None], ...] = (*[soak_audit] * 18, soak_severity, soak_transfer)


def soak_one(seed: object, folder: Path) -> str:
    """One random run in a fresh folder, which is removed again; what it came to. A refusal of what does not fit together is a run too."""
    draw = Draw(str(seed))
    kind = draw.choice(KINDS)
    folder.mkdir()
    try:
        kind(draw, folder)
    except sp.UsageError:
        return f"{kind.__name__} refused"
    except RuntimeError as error:  # of the model that refuses, outside of an audit, which goes on
        if REFUSAL not in str(error):
            raise
        return f"{kind.__name__} refused"
    finally:
        shutil.rmtree(folder)
    return kind.__name__


@dataclass(frozen=True)
class Look:
    """What a process holds: bytes, open files, threads, children."""

    runs: int
    memory: int
    files: int
    threads: int
    children: int

    def __str__(self) -> str:
        return f"{self.runs} runs, {self.memory / 1e6:.1f} MB, {self.files} open files, {self.threads} threads, {self.children} children"


def look(runs: int) -> Look:
    """After a collection, with what the allocator merely keeps given back."""
    gc.collect()
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    me = Path("/proc/self")
    memory = int((me / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    tasks = list((me / "task").iterdir())
    children = sum(len((task / "children").read_text().split()) for task in tasks)
    return Look(runs, memory, len(os.listdir(me / "fd")) - 1, max(len(tasks), threading.active_count()), children)


def growth(looks: Sequence[Look]) -> float:
    """Bytes per run: the median slope between looks of the first and of the last half, which single large runs do not move."""
    middle = len(looks) // 2
    slopes = [(b.memory - a.memory) / (b.runs - a.runs) for a in looks[:middle] for b in looks[middle:] if b.runs > a.runs]
    return float(np.median(slopes))


def everything(*places: Path) -> set[str]:
    """All files and folders there."""
    return {str(path) for place in places for path in place.rglob("*")}


def say(text: str) -> None:
    """A line of the log."""
    print(text, file=sys.__stderr__, flush=True)
