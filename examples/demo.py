"""The demo behind `make audit`: two small networks on real digits, one trained plainly and one on its own worst cases, both audited.

The data are scikit-learn's handwritten digits, which come with it: 1,797 images of 8x8 pixels. Everything is written to runs/demo/.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track
from safetensors.torch import save_file
from torch import nn

import shiftproof as sp
from digit_nets import small
from shiftproof.evaluation.compare import compare_runs
from shiftproof.oracle import Cost, Oracle
from shiftproof.randomness import Rng
from shiftproof.reports.compare import write_comparison

HERE = Path(__file__).parent
EPS = 0.2
BATCH = 64


def train(examples: sp.Examples, *, epochs: int, worst_case: bool, note: str) -> nn.Module:
    """Trains `small`; with `worst_case`, on inputs that gradient ascent has moved inside linf(eps=0.2) (Madry et al. 2018)."""
    torch.manual_seed(0)
    net = small()
    model = sp.as_model(net, name=note)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=epochs * -(-len(examples) // BATCH))
    shift = sp.Linf(EPS).within(examples.space)
    search = sp.GradientAscent(steps=7, step_size=0.25, drop=False)
    for epoch in track(range(epochs), description=note, console=Console(stderr=True), transient=True):
        for number, rows in enumerate(torch.randperm(len(examples)).split(BATCH)):
            batch = examples[rows.numpy()]
            x = batch.x
            if worst_case:
                oracle = Oracle(model, shift, x, batch.y, Cost.of(len(x)))
                x = shift.apply(x, search(shift, oracle, x, Rng.for_ids(epoch * 1000 + number, batch.ids)))
            net.train()
            optimiser.zero_grad()
            nn.functional.cross_entropy(net(x), batch.y).backward()
            optimiser.step()
            schedule.step()
    return net.eval()


def loops(info: sp.data.ExampleInfo) -> str:
    """Digits with a closed loop, and those without."""
    return "closed loop" if info.label in (0, 6, 8, 9) else "open"


def main() -> None:
    """Trains, audits and compares; says where the pages are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/demo"))
    parser.add_argument("--suite", default="quick", help="standard and thorough take minutes: their attack is the cascade")
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    digits = sp.load_data("digits:?split=train").take(slice(None))
    reports = []
    for name, worst_case in (("plain", False), ("hardened", True)):
        weights = options.out / f"{name}.safetensors"
        if not weights.exists():
            net = train(digits, epochs=options.epochs, worst_case=worst_case, note=f"training {name}")
            save_file(net.state_dict(), weights)
        model = f"{HERE / 'digit_nets.py'}:{name}"
        reports.append(
            sp.audit(
                model,
                sp.load_data("digits:?split=test", group_by=loops),
                weights=str(weights),
                suite=options.suite,
                certify=["crown"],
                curves=["linf", "l2"],
                diagnose=True,
                out=str(options.out / name),
                progress=sys.stderr.isatty(),
            )
        )
        print(f"\n{name}\n{reports[-1]}")
    page = write_comparison(compare_runs([report.folder for report in reports]), options.out)
    print("\nOpen in a browser:")
    for where in (page, *(report.page for report in reports)):
        print(f"  {where.resolve()}")


if __name__ == "__main__":
    main()
