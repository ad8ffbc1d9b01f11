"""Certificates by bound propagation: order, radii, the exact answer of linear models, the audit, and messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import shiftproof as sp
from bound_nets import conv_net, filled, mlp, settled
from shiftproof._errors import UsageError
from shiftproof.certificates import AlphaCrown, Auto, Certificate, Crown, IntervalBounds, Linear, Lipschitz, certificates
from shiftproof.certificates.bounds.bound_certificate import BoundCertificate
from shiftproof.certify import certify
from shiftproof.data.space import Column, InputSpace
from shiftproof.models.abstract import Labels
from shiftproof.randomness import Rng
from shiftproof.shifts import L1, shifts
from shiftproof.shifts.abstract import Shift

LARGEST: tuple[BoundCertificate, ...] = (IntervalBounds("largest"), Crown("largest"), AlphaCrown("largest", steps=4))


def radii(certificate: Certificate, model: Labels, shift: Shift, x: torch.Tensor) -> torch.Tensor:
    """The proven radii of inputs x."""
    assert certificate.objection(model, shift) is None
    return certificate.certify(model, shift, x, Rng.for_ids(0, [str(i) for i in range(len(x))])).radius


@pytest.fixture(scope="module")
def model() -> Labels:
    return sp.as_model(settled(mlp(6, 12, 12, 3), 5), name="net")


@pytest.mark.parametrize("shift", [sp.Linf(0.02), sp.L2(0.05), L1(0.1)], ids=lambda s: s.name)
def test_stronger_methods_prove_no_less_and_no_attack_breaks_them(model: Labels, shift: Shift) -> None:
    x = torch.rand(5, 6, generator=torch.Generator().manual_seed(0))
    interval, crown, alpha = (radii(each, model, shift, x) for each in LARGEST)
    assert bool((crown >= interval * 0.999).all())
    assert bool((alpha >= crown * 0.999).all())
    assert float(alpha.mean()) > 1.05 * float(interval.mean())
    labels = model.labels(x)
    for row in (alpha > 0).nonzero()[:, 0].tolist():
        placed = shifts.build(f"{shift.name}(eps={min(float(alpha[row]), 1.0)!r})")
        ten = sp.examples(x[row : row + 1].expand(10, -1), labels[row].expand(10))
        found = sp.confront(model, placed, search=sp.GradientAscent(steps=10, loss="margin"), examples=ten)
        assert bool(found.correct.all()), (row, float(alpha[row]))


def test_asked_is_the_strength_or_nothing(model: Labels) -> None:
    x = torch.rand(30, 6, generator=torch.Generator().manual_seed(1))
    shift = sp.Linf(0.7)
    asked, largest = radii(Crown(), model, shift, x), radii(Crown("largest"), model, shift, x)
    assert set(asked.tolist()) == {0.0, 0.7}
    assert torch.equal(asked > 0, largest >= 0.7)


@pytest.mark.parametrize("shift", [sp.Linf(0.1), sp.L2(0.1)], ids=lambda s: s.name)
def test_linear_models_have_their_exact_radius(shift: Shift) -> None:
    net = sp.as_model(settled(nn.Sequential(nn.Flatten(), nn.Linear(5, 3)), 3), name="linear")
    x = torch.rand(8, 5)
    wide = shift.within(InputSpace(-50, 50, "vector", "[-50, 50]"))
    exact = radii(Linear(), net, wide, x)
    for certificate in (Crown("largest"), IntervalBounds("largest")):
        torch.testing.assert_close(radii(certificate, net, wide, x), exact, rtol=2e-3, atol=1e-6)
    if isinstance(shift, sp.L2):
        found = radii(Lipschitz(), net, wide, x)
        torch.testing.assert_close(found, exact, rtol=1e-3, atol=1e-6)
    assert torch.equal(radii(Auto(), net, wide, x), exact)


def test_the_box_helps() -> None:
    net = filled([[1.0], [-1.0]], [0.1, -0.1])
    model, x = sp.as_model(net, name="net"), torch.tensor([[0.05]])
    for shift in (sp.Linf(0.5), sp.L2(0.5), L1(0.5)):  # the decision changes at -0.1, which is outside of the box
        assert float(radii(Crown(), model, shift, x)) == 0.5
        assert float(radii(Crown(), model, shift.within(InputSpace(-1, 1, "vector", "[-1, 1]")), x)) == 0.0


def test_columns_move_by_shares_of_their_range() -> None:
    columns = (Column("a", "real", 0.0, 10.0), Column("b", "categorical", 0, 1, ("u", "v")))
    net = filled([[1.0, 100.0], [0.0, -100.0]], [0.0, 5.0])
    model, space = sp.as_model(net, name="net"), InputSpace(kind="table", columns=columns)
    x = torch.tensor([[7.0, 0.0]])  # 2 above the boundary, a fifth of the range; the category stays
    for shift in (sp.Linf(0.1), sp.L2(0.1)):
        found = radii(Crown("largest"), model, shift.within(space), x)
        assert float(found) == pytest.approx(0.2, rel=2e-3)


def test_convolutions_and_lipschitz_bounds_hold_together() -> None:
    model = sp.as_model(settled(conv_net(pool=nn.MaxPool2d(2)), 4), name="conv")
    x = torch.rand(3, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    shift = sp.L2(0.01)
    lipschitz, crown = radii(Lipschitz(), model, shift, x), radii(Crown("largest"), model, shift, x)
    assert bool((lipschitz > 0).all())
    assert bool((crown >= lipschitz).all()), "a bound on the moves alone is tighter than one on all inputs"


def test_auto_takes_the_stages_that_fit(model: Labels) -> None:
    from shiftproof.certificates.bounds.model_network import network_of

    network = network_of(model, torch.rand(1, 6))
    assert [stage.name for stage in Auto().stages(network)] == ["interval_bounds", "crown", "alpha_crown"]
    assert [stage.name for stage in Auto(effort=2e3).stages(network)] == ["interval_bounds", "crown"]
    assert [stage.name for stage in Auto(effort=10.0).stages(network)] == ["interval_bounds"]
    x = torch.rand(40, 6, generator=torch.Generator().manual_seed(2))
    shift = sp.Linf(0.6)
    proven = {name: int((radii(certificates.build(name), model, shift, x) > 0).sum()) for name in ("ibp", "crown", "alpha_crown", "auto")}
    assert proven["ibp"] < proven["crown"] <= proven["alpha_crown"] == proven["auto"]


@pytest.mark.parametrize("shift", [sp.Linf(0.2), sp.L2(0.4), L1(0.6)], ids=lambda s: s.name)
def test_auto_does_not_ask_alpha_crown_about_what_an_ascent_changes(shift: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    model = sp.as_model(settled(mlp(6, 12, 12, 3), 0), name="net")
    x = torch.rand(40, 6, generator=torch.Generator().manual_seed(2))
    open_ = radii(Crown(), model, shift, x) <= 0
    proven = radii(AlphaCrown(), model, shift, x) > 0
    climbed, asked = AlphaCrown.radii, torch.zeros(40, dtype=torch.bool)

    def seen(self: AlphaCrown, network: Any, placed: Any, some: torch.Tensor, decision: torch.Tensor) -> torch.Tensor:
        asked[:] = (x[:, None] == some[None]).all(2).any(1)
        return climbed(self, network, placed, some, decision)

    monkeypatch.setattr(AlphaCrown, "radii", seen)
    assert torch.equal(radii(Auto(), model, shift, x) > 0, proven)
    left_out, search = x[open_ & ~asked], sp.GradientAscent(restarts=5, loss="margin")
    assert 10 <= len(left_out) < int(open_.sum())
    found = sp.confront(model, shift, search=search, examples=sp.examples(left_out, model.labels(left_out)))
    assert found.accuracy == 0.0


def test_the_audit_reports_the_proofs(tmp_path: Path) -> None:
    x = torch.rand(20, 6, generator=torch.Generator().manual_seed(0))
    net = settled(mlp(6, 12, 12, 3), 5)
    data = sp.examples(x, sp.as_model(net, name="net").labels(x))
    report = sp.audit(net, data, shifts=["linf(eps=0.02)"], searches=["one_draw"], certify=["crown", "auto"], out=str(tmp_path / "run"))
    kinds = {(r.search, r.kind) for r in report.record.results if r.shift == "linf(eps=0.02)"}
    assert {("crown", "at_least"), ("auto", "at_least")} <= kinds
    assert report.accuracy("linf(eps=0.02)", "crown") > 0


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Crown(radius="best"), "The 'radius' of crown must be asked or largest, got 'best'"),
        (lambda: AlphaCrown(steps=0), "The 'steps' of alpha_crown must be at least 1"),
        (lambda: AlphaCrown(step_size=0.0), "The 'step_size' of alpha_crown must be in"),
        (lambda: Auto(effort=0.0), "The 'effort' of auto must be in"),
    ],
)
def test_options_are_checked(build: object, message: str) -> None:
    assert callable(build)
    with pytest.raises(UsageError, match=message):
        build()


def test_what_cannot_be_certified_is_said(model: Labels) -> None:
    data = sp.examples(torch.rand(4, 6), torch.zeros(4, dtype=torch.int64))
    gelu = sp.as_model(nn.Sequential(nn.Linear(6, 2), nn.GELU()), name="net")
    counts = sp.as_model(lambda x: x.sum(1) > 2, name="by hand", gives="labels", takes="torch")
    for certificate in (Crown(), Lipschitz(), Auto()):
        for given, shift, message in (
            (gelu, sp.Linf(0.1), r"the layer 1 \(GELU\) of 'net' has no bound rule"),
            (counts, sp.Linf(0.1), "neither"),
            (model, sp.Rotation(5.0), "it supports linf, l2 and l1, not rotation"),
        ):
            objection = certificate.objection(given, shift)
            assert objection is not None
            with pytest.raises(UsageError, match=message):
                raise UsageError(objection)
    with pytest.raises(UsageError, match=r"The certificate crown cannot be used: the layer 1 \(GELU\)"):
        certify(gelu, sp.Linf(0.1), certificate=Crown(), examples=data)
    with pytest.raises(UsageError, match=r"2 of 3 inputs are outside the box \[0, 1\]"):
        radii(Crown(), model, sp.Linf(0.1), torch.tensor([[0.5] * 6, [1.5] * 6, [-0.5] * 6]))
    single = sp.as_model(nn.Linear(6, 1), name="one")
    with pytest.raises(UsageError, match="The graph read from .one. gives different outputs from what it computes"):
        radii(Crown(), single, sp.Linf(0.1), torch.rand(2, 6))
