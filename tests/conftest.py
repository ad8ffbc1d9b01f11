"""What all tests share. Its place puts this folder on the path, so that tests of any kind can share `sample_audit`."""

from __future__ import annotations

import os
from collections.abc import Iterator

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for processes that tests start

import pytest
import torch

from shiftproof import _secrets

torch.set_num_threads(1)  # inputs are tiny, and tests run side by side: more threads would only wait for each other


@pytest.fixture(autouse=True)
def no_secrets() -> Iterator[None]:
    """What one test has for a password is no secret in the next one's messages."""
    yield
    _secrets.forget()
