"""Whole audits as a user starts them: CPU seconds over a bare `import torch`, and the most memory at 224 pixels.

`quick` on 16 images is the fixed cost; `quick` on 2,000 and `standard` are those of audits as they are meant.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.start_up import seconds
from benchmarks.timing import Figure

LARGE = 500
NET = """
import torch

def small(): return net(1)
def colour(): return net(3)
def net(channels):
    torch.manual_seed(0)
    nn = torch.nn
    return nn.Sequential(nn.Conv2d(channels, 8, 4, 4), nn.ReLU(), nn.Conv2d(8, 16, 4, 4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                         nn.Linear(16, 10)).eval()
"""


def measure(repeats: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder)
        (there / "nets.py").write_text(NET)
        figures = [_over_torch(there, *case, repeats) for case in (("quick", 16), ("quick", 2000), ("standard", 50))]
        large = _images(there / "large.npz", LARGE, 3, 224)
        subprocess.run(_audit(there, "quick", "colour", large, "large"), check=True, capture_output=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    inputs = LARGE * 3 * 224 * 224 * 4 / 2**20
    share = peak / inputs
    return [
        *figures,
        Figure(f"peak memory, {LARGE} images of 224 pixels, {peak:.0f} MB", f"{inputs:.0f} MB of inputs", share, share, share, 0.0, 1),
    ]


def _images(path: Path, n: int, channels: int, side: int) -> Path:
    draw = np.random.default_rng(0)
    np.savez(path, x=draw.integers(0, 256, (n, channels, side, side), dtype=np.uint8), y=draw.integers(0, 10, n))
    return path


def _over_torch(there: Path, suite: str, n: int, repeats: int) -> Figure:
    """CPU seconds of a suite on n grey images, over those of importing torch."""
    data = _images(there / f"{suite}{n}.npz", n, 1, 28)
    torch = [sys.executable, "-c", "import torch"]
    pairs = [(seconds(_audit(there, suite, "small", data, f"{suite}{n}-{k}")), seconds(torch)) for k in range(repeats)]
    ratios = sorted(a / b for a, b in pairs)
    what, middle = f"{suite}, {n} grey images of 28 pixels", statistics.median(a for a, _ in pairs)
    return Figure(what, "import torch", statistics.median(ratios), ratios[0], ratios[-1], middle, repeats)


def _audit(folder: Path, suite: str, net: str, data: Path, out: str) -> list[str]:
    run = ["--suite", suite, "--quiet", "--out", str(folder / out)]
    return [sys.executable, "-m", "shiftproof", "audit", "--model", f"{folder / 'nets.py'}:{net}", "--data", f"npz:{data}", *run]
