"""`python -m benchmarks [NAME ...]`: runs benchmarks and stores what they measured under benchmarks/results/."""

from __future__ import annotations

import argparse
import json
import platform
from datetime import datetime, timezone
from importlib import import_module
from pathlib import Path

import torch

import shiftproof
from benchmarks.timing import Figure
from shiftproof._memory import keep_freed_memory

NAMES = (
    "gradient_ascent",
    "peers_gradient_ascent",
    "training_step",
    "cascade",
    "euclidean",
    "audits",
    "start_up",
    "economy",
    "fast_copy",
    "strength",
    "robust_estimators",
    "plain_fit",
    "growth",
    "sleeping_runs",
)
RESULTS = Path(__file__).parent / "results"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks to run; all where none is named")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()  # as the command line does; what we measure against has it too
    for name in options.names or NAMES:
        figures: list[Figure] = import_module(f"benchmarks.{name}").measure(options.repeats)
        for figure in figures:
            print(f"{name:18} {figure.what:44} {figure.ratio:7.3f} of {figure.against}   [{figure.low:.3f} to {figure.high:.3f}]")
        store(name, figures)


def store(name: str, figures: list[Figure]) -> None:
    """One file a benchmark and machine; a new run replaces it."""
    folder = RESULTS / shiftproof.__version__
    folder.mkdir(parents=True, exist_ok=True)
    record = {
        "schema_version": "1.0",
        "benchmark": name,
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": {"processor": platform.machine(), "system": platform.system(), "threads": torch.get_num_threads()},
        "versions": {"shiftproof": shiftproof.__version__, "torch": torch.__version__, "python": platform.python_version()},
        "figures": [
            {key: None if value != value else value for key, value in vars(figure).items()} for figure in figures
        ],  # JSON has no NaN
    }
    (folder / f"{name}--{platform.machine()}--cpu.json").write_text(json.dumps(record, indent=2) + "\n")


if __name__ == "__main__":
    main()
