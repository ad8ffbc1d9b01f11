"""`--fast-copy`: which searches ask a copy, what a run says of it, and where it is refused before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from torch import nn

import shiftproof as sp
from shiftproof._errors import UsageError
from small_runs import linear_net, record


def run(out: Path, model: nn.Module, **options: Any) -> sp.Report:
    given = {"shifts": ["linf(eps=0.02)"], "searches": ["cascade", "gradient_ascent(steps=3)"], "pictures": 0, **options}
    return sp.audit(model, "digits:", limit=20, out=str(out), progress=False, **given)


def test_the_cascade_asks_a_copy_and_says_so(tmp_path: Path) -> None:
    run(tmp_path / "run", linear_net(), fast_copy="bfloat16")
    searches = {cell["search"] for cell in record(tmp_path / "run")["cells"]}
    assert "cascade(copy=bfloat16)" in searches
    assert "gradient_ascent(steps=3)" in searches


def test_what_cannot_be_is_refused_before_any_work(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(UsageError, match="it has no batch norm to fold"):
        run(out, linear_net(), fast_copy="float32")
    with pytest.raises(UsageError, match="this run has none"):
        run(out, linear_net(), searches=["one_draw"], fast_copy="bfloat16")
    with pytest.raises(UsageError, match="must be one of float32, bfloat16, got 'float16'"):
        run(out, linear_net(), fast_copy="float16")
    assert not out.exists()
