"""What all tests share. Its place puts this folder on the path, so that tests of any kind can share `sample_audit`."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # for processes that tests start

import torch

torch.set_num_threads(1)  # inputs are tiny, and tests run side by side: more threads would only wait for each other
