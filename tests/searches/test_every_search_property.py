"""Losses, the geometry of norms, and what every gradient search keeps whatever its options."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.door import confront
from shiftproof.evaluation.curves.security_curve import security_curve
from shiftproof.losses import Loss, cross_entropy_to, dlr, dlr_to, loss_named, margin, margin_to, targeted_named
from shiftproof.models.straight_through import StraightThrough
from shiftproof.models.torch_module import TorchModule
from shiftproof.oracle import judge
from shiftproof.registry import parse_spec
from shiftproof.searches import searches
from shiftproof.searches._norms import _L0, _L1, _L2, Norm, _Linf, to_plane, with_room
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.l0 import L0
from shiftproof.shifts.norms.l1 import L1
from shiftproof.shifts.norms.l2 import L2
from shiftproof.shifts.norms.linf import Linf

FAST = settings(deadline=None, max_examples=15)
NORMS: dict[str, Norm] = {"linf": _Linf(), "l2": _L2(), "l1": _L1(), "l0": _L0()}


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def size(name: str, move: Tensor) -> Tensor:
    kinds: dict[str, float] = {"linf": math.inf, "l2": 2.0, "l1": 1.0, "l0": 0.0}
    if name == "l0":
        move = move.masked_fill(move.abs() < 1e-12, 0.0)  # what rounding leaves of a gap is no feature
    length: Tensor = torch.linalg.vector_norm(move, ord=kinds[name], dim=1)
    return length


@FAST
@given(st.integers(0, 999), st.integers(2, 6), st.floats(0.01, 100), st.floats(-50, 50))
def test_the_ratio_knows_neither_scale_nor_shift(seed: int, classes: int, scale: float, offset: float) -> None:
    scores = draw(seed, 5, classes).double()
    y = draw(seed + 1, 5, classes).argmax(1)
    target = (y + 1) % classes
    losses: list[Loss] = [dlr, dlr_to(target)]
    for loss in losses:
        before, after = loss(scores, y), loss(scores * scale + offset, y)
        expected = before * scale if classes == 2 else before  # of two classes it is the margin
        assert torch.allclose(after, expected, rtol=1e-6, atol=1e-8)
    assert torch.equal(dlr(scores, y) > 0, margin(scores, y) > 0)
    assert torch.equal(dlr_to(target)(scores, y) > 0, margin_to(target)(scores, y) > 0)


@FAST
@given(st.integers(0, 999), st.integers(2, 6))
def test_every_loss_has_a_gradient_for_every_number_of_classes(seed: int, classes: int) -> None:
    scores = draw(seed, 4, classes)
    y = scores.argmax(1)
    losses: list[Loss] = [loss_named("dlr"), loss_named("margin"), loss_named("cross_entropy")]
    for rank in range(1, classes):
        target = scores.argsort(dim=1, descending=True)[:, rank]
        losses += [towards(target) for towards in (dlr_to, margin_to, cross_entropy_to)]
    for loss in losses:
        leaf = scores.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss(leaf, y).sum(), leaf)
        assert bool((gradient.abs().amax(1) > 0).all())


def test_losses_by_hand() -> None:
    scores, y = torch.tensor([[4.0, 1.0, 3.0, 0.0]]), torch.tensor([0])
    assert dlr(scores, y).item() == pytest.approx((3 - 4) / (4 - 1))
    assert dlr_to(torch.tensor([1]))(scores, y).item() == pytest.approx((1 - 4) / (4 - (1 + 0) / 2))
    assert dlr_to(torch.tensor([2]))(scores[:, :3], y).item() == pytest.approx((3 - 4) / (4 - (3 + 1) / 2))
    assert dlr(scores[:, :2], y).item() == -3
    assert cross_entropy_to(torch.tensor([2]))(scores, y).item() == pytest.approx(float(scores.log_softmax(1)[0, 2]), abs=1e-6)
    assert judge(scores, y).rivals.tolist() == [[2, 1, 3]]
    assert judge(scores, y).value(margin).item() == -1


def test_unknown_losses_name_the_nearest() -> None:
    for named in (loss_named, targeted_named):
        with pytest.raises(UsageError, match="Unknown loss 'dlrr'. Did you mean: dlr?"):
            named("dlrr")


@FAST
@given(st.sampled_from(sorted(NORMS)), st.integers(0, 999), st.integers(1, 9), st.one_of(st.just(0.0), st.floats(1e-9, 3.0)))
def test_a_move_to_a_plane_gains_the_gap_inside_the_box(name: str, seed: int, features: int, share: float) -> None:
    """It ends on the plane where the box reaches it, is the shorter the nearer the plane, and takes all the room where it does not."""
    weight = draw(seed, 6, features).double()
    low, high = -draw(seed + 1, 6, features).abs().double(), draw(seed + 2, 6, features).abs().double()
    most = torch.maximum(weight * low, weight * high).sum(1)
    least = torch.minimum(weight * low, weight * high).sum(1)
    for side in (most, least):
        gap = side * share
        move = to_plane(NORMS[name], weight, gap, low, high)
        assert bool(((move >= low - 1e-9) & (move <= high + 1e-9)).all())
        reached = gap if share <= 1 else side
        assert torch.allclose((weight * move).sum(1), reached, atol=1e-8)
        if share <= 1:
            half = to_plane(NORMS[name], weight, gap / 2, low, high)
            assert bool((size(name, half) <= size(name, move) + 1e-9).all())


@FAST
@given(st.sampled_from(sorted(NORMS)), st.integers(0, 999), st.integers(1, 9))
def test_norms_agree_with_their_duals(name: str, seed: int, features: int) -> None:
    norm, weight, move = NORMS[name], draw(seed, 5, features).double(), draw(seed + 1, 5, features).double()
    radius = torch.tensor([0.0, 0.3, 1.0, 2.0, 50.0], dtype=torch.float64)
    near = norm.shrink(move, radius)
    assert bool((size(name, near) <= radius + 1e-9).all())
    assert torch.equal(near[4], move[4])
    assert torch.allclose(norm.shrink(near, radius), near)
    if name != "l0":
        assert bool(((weight * near).sum(1).abs() <= norm.dual(weight) * radius + 1e-9).all())
    assert torch.allclose((weight * norm.steepest(weight)).sum(1), norm.dual(weight))
    assert torch.allclose(size(name, norm.steepest(weight)), torch.ones(5, dtype=torch.float64))


def test_pixels_count_with_all_their_channels() -> None:
    move = torch.tensor([[3.0, 0.1, 0.0, 0.1, 2.0, 2.5]])  # two channels of three pixels
    assert _L0(2).shrink(move, torch.tensor([1.0])).tolist() == [[3.0, 0.0, 0.0, pytest.approx(0.1), 0.0, 0.0]]


def test_no_room_no_gradient() -> None:
    gradient, move = torch.tensor([1.0, 1.0, -1.0, -1.0]), torch.tensor([0.5, 0.4, -0.5, 0.5])
    assert with_room(gradient, move, torch.tensor(-0.5), torch.tensor(0.5)).tolist() == [0.0, 1.0, 0.0, -1.0]


def network(classes: int, shape: tuple[int, ...]) -> TorchModule:
    inner, outer = nn.Linear(math.prod(shape), 12).requires_grad_(False), nn.Linear(12, classes).requires_grad_(False)
    inner.weight.copy_(draw(1, 12, math.prod(shape)))
    outer.weight.copy_(draw(2, classes, 12))
    return TorchModule(nn.Sequential(nn.Flatten(), inner, nn.Tanh(), outer), name="network")


SPECS = [
    "auto_step(steps={0}, loss=dlr)",
    "auto_step(steps={0}, restarts=2, loss=margin)",
    "auto_step_targeted(steps={0}, n_targets=30)",
    "single_step",
    "iterated_step(steps={0})",
    "momentum_ascent(steps={0})",
    "nesterov_ascent(steps={0})",
    "fast_minimum_norm(steps={0})",
    "decoupled_direction_norm(steps={0})",
    "deepfool(steps={0})",
    "boundary_projection(steps={0}, restarts=2)",
    "boundary_projection_targeted(steps={0})",
    "carlini_wagner(steps={0}, rounds=2, weight=1)",
    "elastic_net(steps={0}, rounds=2, weight=1)",
    "sigma_zero(steps={0})",
    "saliency(steps={0})",
    "expectation(search=auto_step(steps={0}), draws=2)",
]
SPACES = [
    InputSpace(0.0, 1.0, "image"),
    InputSpace(-3.0, 5.0, "vector", "[-3, 5]"),
    InputSpace(-math.inf, math.inf, "vector", "any number"),
]


@FAST
@given(st.sampled_from(SPECS), st.integers(1, 12), st.sampled_from(SPACES), st.integers(2, 4), st.sampled_from(["linf", "l2", "l1", "l0"]))
def test_budgets_and_boxes_are_kept(spec: str, steps: int, space: InputSpace, classes: int, norm: str) -> None:
    """Any steps, box, rank and number of classes: the door would raise where a move left its budget, and costs stay within the promise."""
    shape = (2, 3, 2) if space.kind == "image" else (5,)
    low, high = (-2.0, 2.0) if not space.bounded else (space.low, space.high)
    x = (low + (high - low) * (draw(3, 9, *shape) * 0.5 + 0.5)).clamp(low, high)
    model = network(classes, shape)
    y = model.labels(x)
    y[0] = (y[0] + 1) % classes
    balls: dict[str, Ball] = {"linf": Linf(0.3), "l2": L2(0.5), "l1": L1(1.0), "l0": L0(2)}
    search = searches.build(spec.format(steps))
    try:
        shift = balls[norm].within(space)
    except UsageError:  # there is no L0 ball without a box
        return
    if search.objection(shift):
        return
    finding = confront(model, shift, search=search, examples=Examples(x, y, np.array(list("abcdefghi")), space=space))
    assert int((finding.forwards + finding.backwards).max()) <= search.most_passes(shift) + 2 * search.verdict_draws
    assert finding.outcome[0] == "skipped"


class Noisy(TorchModule):
    """A linear model whose scores carry fresh noise at every pass."""

    def __init__(self, spread: float) -> None:
        layer = nn.Linear(4, 2).requires_grad_(False)
        layer.weight.copy_(torch.tensor([[1.0, -1.0, 1.0, -1.0], [-1.0, 1.0, -1.0, 1.0]]))
        layer.bias.zero_()
        super().__init__(layer, name="noisy")
        self._spread, self._rng = spread, torch.Generator().manual_seed(0)
        self.passes = 0

    def scores(self, x: Tensor) -> Tensor:
        self.passes += 1
        scores = super().scores(x)
        return scores + self._spread * torch.randn(scores.shape, generator=self._rng)


def test_expectation_averages_passes() -> None:
    """Its gradient points the true way where a single pass's loss is noise, and it counts every pass."""
    x = torch.rand(40, 4, generator=torch.Generator().manual_seed(1))
    calm = Noisy(0.0)
    examples = Examples(x, calm.labels(x), np.array([str(i) for i in range(40)]))
    single = confront(calm, Linf(0.1), search=searches.build("gradient_ascent(steps=5)"), examples=examples)
    averaged = confront(calm, Linf(0.1), search=searches.build("expectation(search=gradient_ascent(steps=5), draws=3)"), examples=examples)
    assert (single.outcome == averaged.outcome).all()
    assert (averaged.backwards == 3 * single.backwards).all()
    assert (averaged.forwards == 3 * single.forwards).all()
    noisy = confront(Noisy(0.2), Linf(0.05), search=searches.build("expectation(search=auto_step(steps=5), draws=10)"), examples=examples)
    assert "randomised_model" in {flag.name for flag in noisy.flags}


def test_straight_through_finds_what_rounding_hides() -> None:
    """A step that rounds has no gradient: a search on the plain model is blind, and one on the stand-in reaches the same moves."""
    inner = Noisy(0.0)

    def coarse(x: Tensor) -> Tensor:
        return (x * 8).round() / 8

    class Rounded(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return inner.module(coarse(x))  # type: ignore[no-any-return]

    x = torch.rand(60, 4, generator=torch.Generator().manual_seed(2))
    plain, model = TorchModule(Rounded(), name="rounded"), StraightThrough(inner, preprocessing=coarse, name="rounded")
    assert torch.equal(model.scores(x), plain.scores(x))
    leaf = x.clone().requires_grad_()
    assert torch.equal(model.scores(leaf).detach(), plain.scores(x))
    assert "stand-in" in model.notes[0]
    assert model.fingerprint() != StraightThrough(inner, preprocessing=torch.round, name="rounded").fingerprint()
    examples = Examples(x, plain.labels(x), np.array([str(i) for i in range(60)]))
    search = searches.build("auto_step(steps=20)")
    blind, seeing = (confront(m, Linf(0.3), search=search, examples=examples) for m in (plain, model))
    assert "zero_gradients" in {flag.name for flag in blind.flags}
    assert not seeing.flags
    assert seeing.accuracy < blind.accuracy - 0.2


def test_straight_through_says_what_it_needs() -> None:
    with pytest.raises(
        UsageError, match=r"The 'model' of the model 'm' must give gradients, got 'int'. Wrap a torch module with as_model."
    ):
        StraightThrough(3, preprocessing=torch.round, name="m")  # type: ignore[arg-type]
    model = StraightThrough(Noisy(0.0), preprocessing=torch.round, stand_in=lambda x: x[:, :2], name="m")
    with pytest.raises(
        UsageError, match=r"The 'stand_in' of the model 'm' must answer in the shape of the preprocessing, \(3, 4\), got \(3, 2\)"
    ):
        model.scores(torch.rand(3, 4, requires_grad=True))


def test_specs_of_specs() -> None:
    search = searches.build("eot(search=apgd(steps=7, loss=dlr), draws=3)")
    assert search.spec() == "expectation(search=apgd(steps=7, loss=dlr), draws=3)"
    assert searches.build(search.spec()) == search == searches.build(search.full_spec())
    assert parse_spec("f(a=g(eps=8/255))")[2] == {"a": "g(eps=8 / 255)"}


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("auto_step(steps=0)", "The 'steps' of auto_step must be at least 1, got 0"),
        ("auto_step(loss=dlrr)", "Unknown loss 'dlrr'"),
        ("auto_step_targeted(n_targets=0)", "The 'n_targets' of auto_step_targeted must be at least 1, got 0"),
        ("auto_step_targeted(loss=dlrr)", "Unknown loss 'dlrr'"),
        (
            "gradient_ascent(nesterov=true)",
            "The 'nesterov' of gradient_ascent must come with momentum, got True. Write momentum=1, nesterov=true.",
        ),
        ("single_step(step_size=-1)", "The 'step_size' of gradient_ascent must be at least 0"),
        ("iterated_step(steps=0)", "The 'steps' of gradient_ascent must be at least 1"),
        ("momentum_ascent(momentum=-1)", "The 'momentum' of gradient_ascent must be at least 0"),
        ("fast_minimum_norm(steps=0)", "The 'steps' of fast_minimum_norm must be at least 1"),
        ("fast_minimum_norm(step_size=0)", r"The 'step_size' of fast_minimum_norm must be in \(0, inf\)"),
        ("fast_minimum_norm(radius_step=1)", r"The 'radius_step' of fast_minimum_norm must be in \(0, 1\)"),
        ("decoupled_direction_norm(steps=0)", "The 'steps' of decoupled_direction_norm must be at least 1"),
        ("decoupled_direction_norm(radius_step=0)", r"The 'radius_step' of decoupled_direction_norm must be in \(0, 1\)"),
        ("deepfool(candidates=0)", "The 'candidates' of deepfool must be at least 1"),
        ("deepfool(overshoot=-1)", "The 'overshoot' of deepfool must be at least 0"),
        ("boundary_projection(restarts=0)", "The 'restarts' of boundary_projection must be at least 1"),
        ("boundary_projection_targeted(n_targets=0)", "The 'n_targets' of boundary_projection_targeted must be at least 1"),
        ("carlini_wagner(rounds=0)", "The 'rounds' of carlini_wagner must be at least 1"),
        ("carlini_wagner(weight=0)", r"The 'weight' of carlini_wagner must be in \(0, inf\)"),
        ("carlini_wagner(confidence=-1)", "The 'confidence' of carlini_wagner must be at least 0"),
        ("elastic_net(steps=0)", "The 'steps' of elastic_net must be at least 1"),
        ("elastic_net(step_size=0)", r"The 'step_size' of elastic_net must be in \(0, inf\)"),
        ("elastic_net(sparsity=-1)", "The 'sparsity' of elastic_net must be at least 0"),
        ("sigma_zero(steps=0)", "The 'steps' of sigma_zero must be at least 1"),
        ("sigma_zero(smoothness=0)", r"The 'smoothness' of sigma_zero must be in \(0, inf\)"),
        ("sigma_zero(threshold=2)", r"The 'threshold' of sigma_zero must be in \[0, 1\]"),
        ("saliency(steps=0)", "The 'steps' of saliency must be at least 1"),
        ("expectation(draws=0)", "The 'draws' of expectation must be at least 1"),
        ("expectation(search=one_draw)", "The 'search' of expectation must be a search that uses gradients"),
    ],
)
def test_wrong_options_say_what_they_must_be(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        searches.build(spec)


def test_searches_for_least_moves_say_which_balls_they_take() -> None:
    model = network(2, (4,))
    examples = Examples(torch.rand(3, 4), torch.zeros(3, dtype=torch.int64), np.array(["a", "b", "c"]))
    with pytest.raises(UsageError, match=r"it minimises the distance in l2, not linf: use auto_step"):
        confront(model, Linf(0.1), search=searches.build("ddn"), examples=examples)
    with pytest.raises(
        UsageError, match="A security curve needs a search for least moves, such as .*, and auto_step finds moves inside one"
    ):
        security_curve(model, Linf(0.1), search=searches.build("auto_step"), examples=examples)
    with pytest.raises(UsageError, match="The 'confidence' of an interval must be"):
        security_curve(model, Linf(0.1), search=searches.build("fmn"), examples=examples, confidence=2)


def test_a_curve_is_a_step_function() -> None:
    model = network(3, (4,))
    x = torch.rand(30, 4, generator=torch.Generator().manual_seed(4))
    y = model.labels(x)
    y[:3] = (y[:3] + 1) % 3
    curve = security_curve(
        model, L2(1.0), search=searches.build("fmn(steps=40)"), examples=Examples(x, y, np.array([str(i) for i in range(30)]))
    )
    at, accuracy = curve.steps()
    assert at[0] == 0
    assert curve.accuracy(0.0) == 0.9  # three are wrong already
    assert (np.diff(at) > 0).all()
    assert (np.diff(accuracy) < 0).all()
    assert (curve.accuracy(at[1:] * (1 - 1e-9)) == accuracy[:-1]).all()
    assert curve.accuracy(curve.median) <= 0.5 < curve.accuracy(curve.median * (1 - 1e-9))
    low, high = curve.interval(at)
    wide_low, wide_high = curve.interval(at, everywhere=True)
    assert ((low <= accuracy) & (accuracy <= high)).all()
    assert (wide_high - wide_low >= (high - low) - 0.05).all()
    assert (curve.size[:3] == 0).all()
    assert np.isnan(curve.params[:3]).all()
    assert not np.isnan(curve.params[np.isfinite(curve.size) & (curve.size > 0)]).any()
    assert (curve.forwards[:3] == 1).all()
