"""CPU seconds of `import shiftproof` and `shiftproof --help`, whole processes, against a bare interpreter."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys

from benchmarks.timing import Figure

COMMANDS = {
    "import shiftproof": [sys.executable, "-c", "import shiftproof"],
    "shiftproof --help": [sys.executable, "-m", "shiftproof", "--help"],
}


def measure(repeats: int) -> list[Figure]:
    bare = [sys.executable, "-c", "pass"]
    figures = []
    for what, command in COMMANDS.items():
        pairs = [(seconds(command), seconds(bare)) for _ in range(repeats)]
        ratios = sorted(a / b for a, b in pairs)
        figures.append(
            Figure(
                what, "python -c pass", statistics.median(ratios), ratios[0], ratios[-1], statistics.median(a for a, _ in pairs), repeats
            )
        )
    return figures


def seconds(command: list[str]) -> float:
    """User and system time of a process and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
