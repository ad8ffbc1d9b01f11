"""What all tests share. Its place puts this folder on the path, so that tests of any kind can share `sample_audit`.

The folders are those of `src/shiftproof`; the end of a file's name is the kind of its tests, and a marker: `pytest -m oracle`.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for processes that tests start

import pytest
import torch

from shiftproof import _secrets

torch.set_num_threads(1)  # inputs are tiny, and tests run side by side: more threads would only wait for each other

KINDS = ("oracle", "property", "reference", "validity")


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Iterator[None]:
    """Collecting makes many objects that all stay: nothing is looked for among them, neither while they are made nor afterwards."""
    gc.disable()
    yield
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks each test by the kind that its file's name ends with; the others test behaviour and contracts."""
    for item in items:
        kind = item.path.stem.rpartition("_")[2]
        item.add_marker(kind if kind in KINDS else "contract")


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    """What one test has for a password is no secret in the next one's messages."""
    yield
    _secrets.forget()
