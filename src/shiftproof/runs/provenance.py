"""Where and how a run was made."""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from shiftproof import __version__
from shiftproof._secrets import without_secrets
from shiftproof.records.audit import Provenance
from shiftproof.runs.libraries import installed

_PACKAGE = Path(__file__).resolve().parents[1]
_PACKAGES = ("torch", "numpy", "scipy", "scikit-learn", "pyarrow", "pillow", "opencv-python-headless", "onnxruntime")


def now() -> str:
    """The time, UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


class RunSettings(Protocol):
    """What provenance says of the config of a run, whatever kind of run it is."""

    @property
    def device(self) -> str:
        """Torch device."""

    @property
    def seed(self) -> int:
        """Seed of the run."""

    @property
    def confidence(self) -> float:
        """Confidence of its intervals."""

    @property
    def suite(self) -> str | None:
        """Name of the suite, if it was one."""


def provenance(config: RunSettings, started: str) -> Provenance:
    """Everything needed to say under what circumstances the numbers arose."""
    return Provenance(
        shiftproof=__version__,
        python=platform.python_version(),
        platform=platform.platform(),
        versions={name: found for name in _PACKAGES if (found := installed(name))},
        device=config.device,
        commit=_commit(),
        started=started,
        finished=now(),
        seed=config.seed,
        confidence=config.confidence,
        suite=config.suite,
        command=command_given(),
    )


def command_given() -> list[str]:
    """The words of the command that asked, without secrets and without where the program lies; none where Python asked."""
    if not sys.argv:
        return []
    program = Path(sys.argv[0])
    own = program.stem == "shiftproof" or (program.name == "__main__.py" and program.resolve().parent == _PACKAGE)
    return ["shiftproof", *map(without_secrets, sys.argv[1:])] if own else []


def _commit() -> str | None:
    try:
        found = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=False)  # noqa: S607
    except OSError:
        return None
    return found.stdout.strip() or None if found.returncode == 0 else None
