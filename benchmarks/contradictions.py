"""Certificates against attacks on the same inputs: `python -m benchmarks.contradictions NETS.py --images FILE --out RESULTS.jsonl`.

For each network and strength of `--cases`: `auto` certifies the images and `cascade` attacks the same ones; what is proven is attacked once
more by `auto_step_targeted`, as the cascade spares what cheap bounds prove. An input that is both proven and broken is a contradiction: one
of the two is wrong. Exits with 1 where there is one.

NETS.py has a function without arguments for each network; FILE is an .npz with `x`, (n, channels, height, width) or (n, height, width)
with uint8 or values in [0, 1], and `y`.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import shiftproof as sp
from shiftproof.certificates import Auto
from shiftproof.certify import certify
from shiftproof.searches.auto_step_targeted import AutoStepTargeted
from shiftproof.searches.cascade import Cascade


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nets", help="a file of functions that give networks")
    parser.add_argument("--images", type=Path, required=True)
    parser.add_argument("--cases", nargs="+", required=True, metavar="NETWORK=EPS")
    parser.add_argument("--n", type=int, default=50, help="images [50]")
    parser.add_argument("--effort", type=float, default=Auto().effort, help="of auto [its own]")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    x, y = images(options.images, options.n)
    done = {(r["net"], r["eps"]) for r in results(options.out)}
    for case in options.cases:
        name, _, strength = case.partition("=")
        eps = float(strength)
        if (name, eps) in done:
            continue
        line = compared(options.nets, name, eps, x, y, options.effort)
        with options.out.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)
    raise SystemExit(any(r["contradictions"] for r in results(options.out)))


def compared(nets: str, name: str, eps: float, x: Tensor, y: Tensor, effort: float) -> dict[str, object]:
    """How many of the images are proven, how many fall, and how many do both."""
    model = sp.load_model(f"{nets}:{name}")
    examples, shift = sp.examples(x, y), sp.Linf(eps)
    began = time.process_time()
    proven = certify(model, shift, certificate=Auto(effort=effort), examples=examples).outcome == "certified"
    middle = time.process_time()
    # The cascade proves what cheap bounds can and attacks the rest; what is proven is attacked once more by a search that proves nothing.
    broken = sp.confront(model, shift, search=Cascade(), examples=examples).outcome == "broken"
    rows = np.flatnonzero(proven)
    again = sp.confront(model, shift, search=AutoStepTargeted(steps=30), examples=examples[rows]).outcome == "broken" if len(rows) else rows
    clashes = (proven & broken).sum() + again.sum()
    return {
        "net": name,
        "eps": eps,
        "n": len(x),
        "correct": int((model.labels(x) == y).sum()),
        "proven": int(proven.sum()),
        "broken": int(broken.sum()),
        "proven_attacked_again": len(rows),
        "contradictions": int(clashes),
        "certify_seconds": round(middle - began, 2),
        "attack_seconds": round(time.process_time() - middle, 2),
    }


def images(path: Path, n: int) -> tuple[Tensor, Tensor]:
    """The first n images in [0, 1], (n, channels, height, width), and their labels."""
    held = np.load(path, allow_pickle=False)
    x, y = torch.from_numpy(held["x"][:n]), torch.from_numpy(held["y"][:n].astype("int64"))
    x = x[:, None] if x.dim() == 3 else x
    return (x.float() / 255 if x.dtype == torch.uint8 else x.float()), y


def results(path: Path) -> list[dict[str, object]]:
    """The lines so far."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


if __name__ == "__main__":
    main()
