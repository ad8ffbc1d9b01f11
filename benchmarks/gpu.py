"""`python -m benchmarks.gpu`: five minutes on an accelerator. Ratios of wall time to the bare passes there, and verdicts against the CPU's.

Written for a machine with CUDA; `--device cpu` runs it without one.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

import shiftproof as sp
from benchmarks.__main__ import store
from benchmarks.fast_copy import residual
from benchmarks.gradient_ascent import floor
from benchmarks.timing import Figure
from shiftproof.models.abstract import Labels
from shiftproof.searches.cascade import Cascade

STEPS = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--images", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    figures = measure(options.device, options.images, options.repeats)
    for figure in figures:
        print(f"{figure.what:52} {figure.ratio:7.3f} of {figure.against}   [{figure.low:.3f} to {figure.high:.3f}]")
    store(f"gpu-{torch.device(options.device).type}", figures)


def measure(device: str, images: int, repeats: int) -> list[Figure]:
    x = torch.rand(images, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    there, here = sp.as_model(residual(), name="ResNet-20", device=device), sp.as_model(residual(), name="ResNet-20")
    examples = sp.examples(x, here.labels(x))
    net, moved, labels = residual().to(device), x.to(device), examples.y.to(device)
    climb = sp.GradientAscent(steps=STEPS, drop=False)

    def ascent() -> object:
        return sp.confront(there, sp.Linf(0.0001), search=climb, examples=examples)

    figures = [_ratio("PGD-40", ascent, "bare passes", lambda: floor(net, moved, labels, STEPS + 3, STEPS), device, repeats)]
    some = examples[: min(64, images)]
    for precision in ("float32", "bfloat16"):
        ours, theirs = _cascade(there, some, precision), _cascade(there, some, "")
        figures.append(_ratio(f"cascade on a copy in {precision}", ours, "cascade", theirs, device, 1))
    one, two = (sp.confront(model, sp.Linf(0.001), search=Cascade(), examples=some).outcome for model in (here, there))
    share = float((one != two).mean())
    figures.append(Figure(f"share of {len(some)} verdicts that differ from the CPU's", "1", share, share, share, 0.0, 1))
    return figures


def _cascade(model: Labels, examples: sp.Examples, precision: str) -> Callable[[], object]:
    return lambda: sp.confront(model, sp.Linf(0.001), search=Cascade(copy=precision), examples=examples)


def _ratio(what: str, ours: Callable[[], object], against: str, other: Callable[[], object], device: str, repeats: int) -> Figure:
    ours(), other()
    pairs = [(_wall(ours, device), _wall(other, device)) for _ in range(repeats)]
    ratios = sorted(a / b for a, b in pairs)
    return Figure(what, against, statistics.median(ratios), ratios[0], ratios[-1], statistics.median(a for a, _ in pairs), repeats)


def _wall(work: Callable[[], object], device: str) -> float:
    began = time.perf_counter()
    work()
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
