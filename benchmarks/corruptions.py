"""CPU time of each corruption of 64 images of 224 x 224 at severity 3, against `imagecorruptions` in the same run.

The peer is found in a checkout of bethgelab/imagecorruptions named by the variable IMAGECORRUPTIONS, with a Python that has what it needs
(numpy, scipy, scikit-image, opencv-python-headless, pillow, numba, setuptools<81) in IMAGECORRUPTIONS_PYTHON. Both take turns on one core.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from typing import IO

import numpy as np
import numpy.typing as npt

import shiftproof as sp
from benchmarks.timing import Figure
from shiftproof.shifts.corruptions.suites import COMMON, EXTRA

IMAGES, SIDE, SEVERITY = 64, 224, 3
PEER = """
import sys, time
sys.path.insert(0, sys.argv[1])
import cv2, numpy as np
from imagecorruptions import corrupt
cv2.setNumThreads(1)
images = np.load(sys.argv[2])
for name in sys.stdin:
    began = time.process_time()
    for image in images:
        corrupt(image, severity=3, corruption_name=name.strip())
    print(time.process_time() - began, flush=True)
"""


def pictures() -> npt.NDArray[np.uint8]:
    """Pieces of scikit-learn's two photographs."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    found = []
    for i in range(IMAGES):
        photo = load_sample_images().images[i % 2]
        top, left = (int(rng.integers(0, size - SIDE)) for size in photo.shape[:2])
        found.append(photo[top : top + SIDE, left : left + SIDE])
    return np.stack(found)


def measure(repeats: int) -> list[Figure]:
    import cv2

    cv2.setNumThreads(1)
    images = pictures()
    folder = os.environ.get("IMAGECORRUPTIONS")
    if not folder:
        raise SystemExit("The variable IMAGECORRUPTIONS must name a checkout of the peer: see benchmarks/corruptions.py.")
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"corruptions_{os.getpid()}.npy")
    np.save(path, images)
    command = [os.environ.get("IMAGECORRUPTIONS_PYTHON", sys.executable), "-W", "ignore", "-c", PEER, folder, path]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **threads}) as peer:
        assert peer.stdin is not None
        assert peer.stdout is not None
        pairs = {name: paired(name, images, peer.stdin, peer.stdout, repeats) for name in (*COMMON, *EXTRA)}
        peer.stdin.close()
    os.unlink(path)
    figures = [figure(name, pairs[name], repeats) for name in pairs]
    totals = [tuple(sum(pairs[name][k][side] for name in COMMON) for side in (0, 1)) for k in range(repeats)]
    return [*figures, figure("the 15 in total", [(a, b) for a, b in totals], repeats)]


def paired(name: str, images: npt.NDArray[np.uint8], ask: IO[str], answer: IO[str], repeats: int) -> list[tuple[float, float]]:
    """Seconds of ours and of the peer's, in turns, after one unmeasured round each."""
    found = []
    for _ in range(repeats + 1):
        began = time.process_time()
        sp.corrupt(images, name, severity=SEVERITY)
        ours = time.process_time() - began
        print(name, file=ask, flush=True)
        found.append((ours, float(answer.readline())))
    return found[1:]


def figure(name: str, pairs: list[tuple[float, float]], repeats: int) -> Figure:
    ratios = sorted(a / b for a, b in pairs)
    seconds = statistics.median(a for a, _ in pairs)
    return Figure(name, "imagecorruptions", statistics.median(ratios), ratios[0], ratios[-1], seconds, repeats)
