"""Every registered shift of a few numbers can be searched for its worst case, and every failure found replays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof.conformance.instances import instances
from shiftproof.conformance.probes import curved_model, noise, probe_data
from shiftproof.data.space import InputSpace
from shiftproof.outcomes import BROKEN
from shiftproof.searches import BestOfN, Evolution, Grid, Search
from shiftproof.shifts import Boxed, shifts

FEW = [
    name
    for name in shifts.names()
    if "/" not in name and issubclass(shifts.get(name), Boxed) and shifts.get(name).kinds & {"image", "vector"}
]
SEARCHES: list[Search] = [Evolution(queries=4), BestOfN(2), Grid(points=2)]


def examples_for(shift: Boxed) -> sp.Examples:
    """A few images, or vectors for what moves no images."""
    kind = "image" if "image" in shift.kinds else "vector"
    data = next(one for one in probe_data() if one.space.kind == kind)
    x = noise("few", 2, 3, 32, 32) if kind == "image" else data.x[:2]
    model = curved_model(x[0].numel())
    return sp.Examples(x, model.labels(x), np.array([f"few {i}" for i in range(len(x))]), space=InputSpace(kind=data.space.kind))


@pytest.mark.parametrize("name", FEW)
def test_each_can_be_searched(name: str) -> None:
    for shift in instances(shifts.get(name))[:1]:
        assert isinstance(shift, Boxed)
        examples = examples_for(shift)
        placed = shift.within(examples.space)
        model = curved_model(examples.x[0].numel())
        fits = [search for search in SEARCHES if search.objection(placed) is None]
        assert bool(fits) != placed.fixed
        for search in fits:
            finding = sp.confront(model, shift, search=search, examples=examples)
            assert len(finding) == 2
            hit = finding.outcome == BROKEN
            moved = placed.apply(examples.x[hit], torch.from_numpy(finding.params[hit]))
            assert bool((model.labels(moved) != examples.y[hit]).all())  # each failure replays
