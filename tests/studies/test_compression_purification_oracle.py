"""The Fréchet distance of the study of compression, in closed form."""

from __future__ import annotations

import pytest
import torch

from shiftproof.studies.compression_purification import frechet


def test_frechet_of_moved_and_stretched_samples_is_known() -> None:
    x = torch.randn(500, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert frechet(x, x) == pytest.approx(0.0, abs=1e-6)
    assert frechet(x, x + torch.tensor([3.0, 0.0, 4.0])) == pytest.approx(25.0, abs=1e-6)
    spread = float(x.T.cov().trace())
    assert frechet(x, 2 * (x - x.mean(0)) + x.mean(0)) == pytest.approx(spread, rel=1e-6)  # (2 - 1)^2 of every variance
