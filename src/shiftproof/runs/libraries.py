"""The versions of the libraries that answers depend on: every cell's file keeps those that it was computed with.

They are not in a cell's identity, or a patch of a library would throw away every run. A run whose cells were computed with others than this
process has says so.
"""

from __future__ import annotations

import platform
import sys
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version

Versions = Mapping[str, str]

_MODULES = {
    "torch": "torch",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "PIL": "pillow",
    "cv2": "opencv-python-headless",
    "onnxruntime": "onnxruntime",
    "torchvision": "torchvision",
    "timm": "timm",
    "transformers": "transformers",
    "tokenizers": "tokenizers",
    "lightgbm": "lightgbm",
    "xgboost": "xgboost",
    "catboost": "catboost",
    "tensorflow": "tensorflow",
    "keras": "keras",
    "jax": "jax",
}
"""What models and shifts compute with, by the name that Python imports it by."""


@cache
def installed(package: str) -> str | None:
    """The version of a package; None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def loaded() -> dict[str, str]:
    """Python's version, and those of the libraries that this process has loaded."""
    found = {package: installed(package) for module, package in _MODULES.items() if module in sys.modules}
    return {"python": platform.python_version(), **{package: said for package, said in found.items() if said is not None}}


def added(known: Iterable[Versions], new: Versions) -> tuple[Versions, ...]:
    """The versions that a file was made with, once each."""
    kept = tuple(known)
    return kept if new in kept else (*kept, new)


def other_versions(cells: Iterable[Iterable[Versions]], now: Versions) -> list[str]:
    """What must be said of cells that were computed with other versions than `now`, or that do not tell.

    Args:
        cells: by cell, the versions that its results were computed with; none where an older file does not tell.
        now: those of this process.
    """
    told = [list(cell) for cell in cells]
    others = Counter(
        difference
        for cell in told
        for difference in {(name, said, now[name]) for versions in cell for name, said in versions.items() if now.get(name, said) != said}
    )
    parts = [f"{count} with {name} {then} (now {here})" for (name, then, here), count in sorted(others.items())]
    silent = told.count([])
    said = []
    if parts:
        said.append(
            f"Of {len(told)} cells, some were computed with other versions of libraries than this process has: {', '.join(parts)}. "
            "Another version may answer otherwise. For numbers of one version, run in an empty folder."
        )
    if silent:
        said.append(f"The files of {silent} of {len(told)} cells do not tell with which versions of libraries they were computed.")
    return said
