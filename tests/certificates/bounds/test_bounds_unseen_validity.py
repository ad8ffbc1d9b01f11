"""Nothing false is proven of modules whose forward does what a trace does not show: they are read for what they do, or refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from bound_nets import box_around, filled, mlp, settled
from shiftproof.certificates import Auto, certificates
from shiftproof.certificates.bounds.backward import lower_bounds
from shiftproof.certificates.bounds.precision import reduced_precision
from shiftproof.certificates.bounds.propagate import intervals
from shiftproof.certificates.bounds.read_torch import read_torch
from shiftproof.certificates.bounds.slope_optimisation import SlopeAscent
from shiftproof.certificates.bounds.vnnlib import parse_vnnlib
from shiftproof.certify import certify
from shiftproof.data.space import boxed
from shiftproof.finding import Finding
from shiftproof.models.torch_module import TorchModule
from shiftproof.oracle import Cost, Oracle
from shiftproof.randomness import Rng
from shiftproof.searches import searches
from unseen import FOLLOWED, UNSEEN, Autocast, InPlaceSkip, Plain, balanced


def proven(net: nn.Module, x: Tensor, eps: float, *, by: str = "crown", box: tuple[float, float] = (0.0, 1.0)) -> Finding:
    """What a certificate says of a module's decisions on x."""
    y = net(x.clone()).argmax(1)
    examples = sp.examples(x, y, box=box)
    return certify(sp.as_model(net, name="net"), sp.Linf(eps), certificate=certificates.build(by), examples=examples)


def false_proofs(net: nn.Module, x: Tensor, eps: float, finding: Finding, *, box: tuple[float, float] = (0.0, 1.0)) -> list[int]:
    """Certified inputs that a grid of moves breaks."""
    axis = torch.linspace(-eps, eps, 21) * 0.999
    moves = torch.cartesian_prod(*[axis] * x.shape[1]).reshape(-1, x.shape[1])
    rows = (finding.outcome == "certified").nonzero()[0].tolist()
    y = net(x.clone()).argmax(1)
    return [i for i in rows if bool((net((x[i] + moves).clamp(*box)).argmax(1) != y[i]).any())]


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def flagged(finding: Finding) -> str:
    """What the finding says on why nothing was proven."""
    return " ".join(flag.detail for flag in finding.flags if flag.name == "not_certifiable")


@pytest.mark.parametrize("make", UNSEEN, ids=lambda make: make.__name__)
def test_no_certified_input_is_broken_by_what_a_trace_does_not_show(make: type[Plain]) -> None:
    net, eps = balanced(make, 1), 0.01
    x = torch.rand(500, 2, generator=torch.Generator().manual_seed(0))
    finding = proven(net, x, eps)
    assert false_proofs(net, x, eps, finding) == []
    if make.__name__ in FOLLOWED:
        assert (finding.outcome == "certified").sum() > 300, "what happens in place is read for what it does"
        assert not flagged(finding)
    else:
        assert not (finding.outcome == "certified").any()
        assert make.says in flagged(finding)


@pytest.mark.parametrize("by", ["interval_bounds", "alpha_crown(steps=2)", "lipschitz", "auto"])
def test_every_certificate_refuses_what_it_cannot_see(by: str) -> None:
    x = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
    assert "bfloat16" in flagged(proven(balanced(Autocast, 1), x, 0.01, by=by))


def test_a_search_is_not_closed_by_a_proof_of_another_network() -> None:
    """The cascade takes for held what its oracle proves."""
    net, eps = balanced(InPlaceSkip, 2), 0.03
    x = torch.rand(300, 2, generator=torch.Generator().manual_seed(0))
    y = net(x).argmax(1)
    oracle = Oracle(TorchModule(net, name="net"), sp.Linf(eps), x, y, Cost.of(len(x)))
    proven = oracle.proven(Auto(effort=2e6), Rng.for_ids(0, [f"{i}" for i in range(len(x))]))
    axis = torch.linspace(-eps, eps, 21) * 0.999
    moves = torch.cartesian_prod(axis, axis)
    rows = proven.nonzero()[:, 0].tolist()
    assert len(rows) > 200
    assert [i for i in rows if bool((net((x[i] + moves).clamp(0, 1)).argmax(1) != y[i]).any())] == []


def test_a_search_goes_on_where_the_model_cannot_be_certified() -> None:
    net = balanced(Autocast, 1)
    x = torch.rand(20, 2, generator=torch.Generator().manual_seed(0))
    examples = sp.examples(x, net(x).argmax(1))
    with torch.enable_grad():
        found = sp.confront(sp.as_model(net, name="net"), sp.Linf(0.01), search=searches.build("cascade"), examples=examples)
    assert set(found.outcome) <= {"held", "broken"}


def test_a_forward_set_on_a_linear_layer_is_refused_by_the_linear_certificate() -> None:
    net = filled([[1.0, 0.0], [0.0, 1.0]], [0.0, 0.0])
    net.forward = lambda x: nn.functional.linear(x.flip(1), net.weight * 3)  # type: ignore[method-assign,assignment]
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    finding = proven(net, x, 0.05, by="linear")
    assert false_proofs(net, x, 0.05, finding) == []
    assert "was replaced on the instance" in flagged(finding)


def test_hooks_for_all_modules_are_refused() -> None:
    hook = torch.nn.modules.module.register_module_forward_hook(lambda module, inputs, output: output * 1.0)
    try:
        finding = proven(settled(mlp(2, 4, 2), 0), torch.rand(4, 2), 0.01)
    finally:
        hook.remove()
    assert "hooks are set for all modules" in flagged(finding)


@pytest.mark.parametrize("by", ["crown", "linear"])
def test_a_setting_that_rounds_products_to_fewer_bits_is_named(by: str) -> None:
    net = filled([[1.0, 0.3], [0.2, 1.0]], [0.0, 0.0])
    matmul: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]  # its stubs do not know it
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    try:
        finding = proven(net, torch.rand(9, 2), 0.01, by=by)
    finally:
        matmul.fp32_precision = before
    assert "torch.backends.mkldnn.matmul.fp32_precision is 'bf16'" in flagged(finding)
    assert not flagged(proven(net, torch.rand(9, 2), 0.01, by=by))


def test_a_setting_for_convolutions_matters_to_these_alone() -> None:
    convolutions: Any = torch.backends.mkldnn.conv  # type: ignore[attr-defined]  # its stubs do not know it
    before = convolutions.fp32_precision
    convolutions.fp32_precision = "bf16"
    try:
        dense, image = (reduced_precision(torch.device("cpu"), name) for name in ("aten::addmm", "aten::convolution"))
    finally:
        convolutions.fp32_precision = before
    assert dense is None
    assert "torch.backends.mkldnn.conv.fp32_precision is 'bf16'" in str(image)


class Elsewhere(Plain):
    """Computes the same steps, and gives the result of another."""

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        other = super().forward(1.0 - x)
        return other if type(x) is Tensor else out


def test_which_value_is_given_back_is_compared_too() -> None:
    x = torch.rand(40, 2, generator=torch.Generator().manual_seed(0))
    assert "steps differ at number" in flagged(proven(balanced(Elsewhere, 1), x, 0.01))


def test_a_tensor_of_another_layout_is_refused() -> None:
    net = settled(mlp(2, 3, 2), 0)
    net.register_buffer("extra", torch.eye(2).to_sparse())
    assert "torch.sparse_coo" in flagged(proven(net, torch.rand(3, 2), 0.01))


def test_torchscript_inside_is_refused() -> None:
    net = nn.Sequential(nn.Linear(2, 2), torch.jit.script(nn.ReLU()))
    assert "TorchScript" in flagged(proven(net, torch.rand(3, 2), 0.01))


class Constant(nn.Module):
    """Makes a tensor, keeps a value, and reads an option, as forwards do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.kept = nn.Linear(2, 2), torch.zeros(0)

    def forward(self, x: Tensor) -> Tensor:
        self.kept = self.layer(x)
        return self.kept + torch.tensor([0.5, 0.0])


def test_a_module_is_left_as_it_was() -> None:
    net = Constant()
    model = sp.as_model(net, name="net")
    before, names, kept = model.fingerprint(), set(vars(net)), net.kept
    finding = certify(model, sp.Linf(0.01), certificate=certificates.build("crown"), examples=sp.examples(torch.rand(9, 2), [0] * 9))
    assert not flagged(finding)
    assert set(vars(net)) == names
    assert type(net.kept) is type(kept)
    net.kept = kept
    assert model.fingerprint() == before


def steep(*rows: tuple[list[list[float]], list[float]]) -> nn.Sequential:
    """Linear layers with these numbers, one after the other."""
    return nn.Sequential(*(filled(weight, bias) for weight, bias in rows))


BOXES: dict[str, tuple[Callable[[], nn.Module], tuple[float, float], float]] = {
    # Beyond 3.4e38 float32 gives infinity, which no factor makes small again.
    "overflow": (lambda: steep(([[2.5e38]], [0.0]), ([[-1e-44], [1e-38]], [5.0, 0.0])), (0.0, 1.9), 0.3),
    # Below 1e-38 float32 has steps of 1.4e-45.
    "underflow": (
        lambda: steep(([[1e-22]], [0.0]), ([[1e-22]], [0.0]), ([[1e22]], [0.0]), ([[0.0], [1e22]], [0.5, 0.0])),
        (0.0, 1.0),
        0.05,
    ),
}


@pytest.mark.parametrize("by", ["interval_bounds", "crown", "linear", "lipschitz"])
@pytest.mark.parametrize("name", BOXES)
def test_numbers_that_float32_cannot_hold_prove_nothing(name: str, by: str) -> None:
    make, box, eps = BOXES[name]
    net = make()
    x = torch.linspace(box[0] + eps, min(box[1], 1.3) - 0.01, 200)[:, None]
    finding = proven(net, x, eps, by=by, box=box)
    assert false_proofs(net, x, eps, finding, box=box) == []


def test_a_mask_takes_nothing_from_the_other_classes() -> None:
    """-1e9 on one class is common; what is compared and proven of the others is as fine as without it."""
    net = balanced(Plain, 3)
    x = torch.rand(200, 2, generator=torch.Generator().manual_seed(0))
    masked = proven(net, x, 0.01)
    net.get_buffer("mask")[2] = -30.0
    assert (masked.outcome == "certified").sum() >= (proven(net, x, 0.01).outcome == "certified").sum() > 150


def test_the_climb_gives_bounds_with_rounding_taken_off() -> None:
    network = read_torch(settled(mlp(3, 6, 6, 2), 0), (3,))
    region, c = box_around(torch.full((1, 3), 0.4), 0.2), torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]], dtype=torch.float64)
    boxes = intervals(network, region)
    rough = type(network)(network.nodes, unit=1e-4)  # so coarse that it shows
    found = SlopeAscent(steps=5)(rough, region, boxes, c)
    again = lower_bounds(rough, region, boxes, c, choices=found.choices).least
    torch.testing.assert_close(found.least, torch.maximum(again, lower_bounds(rough, region, boxes, c).least))


def test_a_radius_beyond_where_rounding_was_looked_at_is_not_claimed() -> None:
    """Without a box a constant difference of scores holds everywhere in exact arithmetic; far out float32 cannot hold it."""
    net = filled([[1.0], [1.0]], [0.5, 0.0])
    model = sp.as_model(net, name="net")
    space = boxed((-1e30, 1e30))
    (radius,) = certificates.build("lipschitz").certify(model, sp.Linf(1.0).within(space), torch.zeros(1, 1), None).radius  # type: ignore[arg-type]
    scores = net(torch.full((1, 1), float(radius) * 0.999))[0]
    assert scores[0] > scores[1]


def test_a_module_is_read_for_what_it_does_when_a_property_is_verified() -> None:
    net = balanced(Autocast, 1)
    forbidden = parse_vnnlib(
        "(declare-const X_0 Real) (declare-const X_1 Real) (declare-const Y_0 Real) (declare-const Y_1 Real) (declare-const Y_2 Real)"
        "(assert (>= X_0 0)) (assert (<= X_0 1)) (assert (>= X_1 0)) (assert (<= X_1 1)) (assert (>= Y_2 0))"
    )
    with pytest.raises(sp.UsageError, match="computes in bfloat16"):
        sp.verify(net, forbidden, shape=(2,))
