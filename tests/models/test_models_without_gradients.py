"""Models without usable gradients are found before any work and searched by what they give; NaN gradients blind no search silently."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from fewer_queries import fewer_queries
from shiftproof._cost import exponent_of
from shiftproof.defences import defences
from shiftproof.diagnostics.masking import masking
from shiftproof.diagnostics.universal import universal
from shiftproof.evaluation.curves.security_curve import security_curve
from shiftproof.evaluation.transfer.transfer_matrix import transfer_matrix
from shiftproof.models.abstract import Gradients, Labels, Scores
from shiftproof.preflight import look_at
from shiftproof.searches import query_cascade, searches
from shiftproof.shifts import shifts
from shiftproof.shifts.norms.ball import Ball
from shiftproof.shifts.norms.linf import Linf


def mlp() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))


@cache
def trained() -> nn.Sequential:
    train, net = sp.load_data("digits:?split=train").take(slice(500)), mlp()
    steps = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(80):
        steps.zero_grad()
        nn.functional.cross_entropy(net(train.x), train.y).backward()  # type: ignore[no-untyped-call]
        steps.step()
    return net


class Wrapped(nn.Module):
    def __init__(self, answer: Callable[[nn.Module, Tensor], Tensor]) -> None:
        super().__init__()
        self.net, self.answer = trained(), answer

    def forward(self, x: Tensor) -> Tensor:
        return self.answer(self.net, x)


def no_grad(net: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return net(x)  # type: ignore[no-any-return]


def inference(net: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return net(x)  # type: ignore[no-any-return]


class NoBackward(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        return x.clone()


WITHOUT: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "no_grad": no_grad,
    "inference_mode": inference,
    "detached input": lambda net, x: net(x.detach()),
    "detached scores": lambda net, x: net(x).detach(),
    "numpy on the way": lambda net, x: net(torch.from_numpy(np.sqrt(x.detach().numpy() ** 2))),
    "numpy of a tensor with a gradient": lambda net, x: net(torch.from_numpy(x.numpy().copy())),
    "argmax": lambda net, x: nn.functional.one_hot(net(x).argmax(1), 10),
    "argmax, floating": lambda net, x: nn.functional.one_hot(net(x).argmax(1), 10).float(),
    "no backward": lambda net, x: net(NoBackward.apply(x)),  # type: ignore[no-untyped-call]
    "whole numbers": lambda net, x: net((x * 16).to(torch.int32).float() / 16),
}


def int8() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.backends.quantized.engine = torch.backends.quantized.supported_engines[-1]
        return torch.ao.quantization.quantize_dynamic(trained(), {nn.Linear}, dtype=torch.qint8)  # type: ignore[no-any-return, no-untyped-call]


def examples(n: int = 24) -> sp.Examples:
    return sp.load_data("digits:?split=test").take(slice(n))


def net(name: str) -> Labels:
    return sp.as_model(int8() if name == "int8" else Wrapped(WITHOUT[name]), name="net")


@pytest.mark.parametrize("name", [*WITHOUT, "int8"])
def test_it_gives_scores_and_a_gradient_search_is_refused(name: str) -> None:
    model = net(name)
    seen = look_at(model, examples()).model
    assert isinstance(seen, Scores)
    assert not isinstance(seen, Gradients)
    assert "provides no gradients with respect to its inputs" in seen.notes[-1]
    assert seen.fingerprint() == model.fingerprint()
    for search in ("gradient_ascent(steps=3)", "fast_minimum_norm(steps=3)", "auto_step(steps=3)"):
        with pytest.raises(
            sp.UsageError, match=r"needs gradients, and the model 'net' gives scores only, since .*Use square, hop_skip_jump"
        ):
            sp.confront(model, Linf(0.1), search=searches.build(search), examples=examples())
    assert not sp.confront(model, Linf(0.1), search=searches.build("square(queries=10)"), examples=examples(8)).backwards.any()


@pytest.mark.parametrize("name", ["no_grad", "numpy of a tensor with a gradient"])
def test_the_cascade_asks_for_scores_then(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "square(queries=2500)" in query_cascade.PARTS
    fewer_queries(monkeypatch)
    finding = sp.confront(net(name), Linf(0.1), search=searches.build("cascade"), examples=examples(4))
    assert "square(queries=100)" in {stage.name for stage in finding.stages}


@pytest.mark.parametrize("name", ["no_grad", "int8", "argmax"])
def test_an_audit_chooses_what_fits(name: str) -> None:
    report = sp.audit(int8() if name == "int8" else Wrapped(WITHOUT[name]), examples(), suite="quick", progress=False, pictures=0)
    record = report.record
    assert record.complete
    assert record.model.access == "scores"
    assert any("provides no gradients" in note for note in record.model.notes)
    assert "gradient_ascent needs gradients, and the model gives scores only" in {out.reason for out in record.left_out}
    assert any(cell.search == "square(queries=100)" for cell in record.cells)
    assert not any(cell.backwards_per_example for cell in record.cells)


def conv() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)).eval()


def frozen(net: nn.Module) -> torch.jit.ScriptModule:
    made: torch.jit.ScriptModule = torch.jit.freeze(torch.jit.script(net.eval()))
    return made


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_frozen_torchscript_is_asked_and_searched_by_what_it_gives() -> None:
    """Freezing takes away the mode; fused kernels take away the gradient."""
    search, data = searches.build("gradient_ascent(steps=3)"), examples(16)
    plain = sp.confront(sp.as_model(trained(), name="net"), Linf(0.1), search=search, examples=data)
    assert sp.confront(sp.as_model(frozen(trained()), name="net"), Linf(0.1), search=search, examples=data).accuracy == plain.accuracy
    fused = sp.as_model(torch.jit.optimize_for_inference(frozen(conv())), name="net")
    assert sp.confront(fused, Linf(0.1), search=searches.build("best_of_n(n=2)"), examples=data).flags == ()
    with pytest.raises(sp.UsageError, match="(gives|provides) scores only"):
        sp.confront(fused, Linf(0.1), search=search, examples=data)


def test_every_door_that_climbs_refuses_it() -> None:
    model = net("no_grad")
    ball = Linf(0.1)
    with pytest.raises(sp.UsageError, match="provides scores only"):
        universal(model, ball, examples=examples())
    with pytest.raises(sp.UsageError, match="must provide gradients"):
        transfer_matrix([model], ball, examples=examples())
    with pytest.raises(sp.UsageError, match="(gives|provides) scores only"):
        security_curve(model, ball, search=searches.build("fast_minimum_norm"), examples=examples())
    with pytest.raises(sp.UsageError, match="give gradients"):
        masking(sp.as_model(trained(), name="net"), ball, examples=examples(), surrogates=(model,))  # type: ignore[arg-type]  # refused
    assert masking(model, ball, examples=examples(), queries=10)["black_box"].status.value == "not run"
    defended = defences.build("bit_depth(bits=3)")(model, space=examples().space)
    with pytest.raises(sp.UsageError, match="(gives|provides) scores only"):
        sp.confront(defended, ball, search=searches.build("gradient_ascent(steps=3)"), examples=examples())


def test_a_gradient_for_a_part_of_the_inputs_is_one() -> None:
    def half(net: nn.Module, x: Tensor) -> Tensor:
        return net(torch.cat([x[..., :4], x[..., 4:].detach()], dim=-1))  # type: ignore[no-any-return]

    finding = sp.confront(
        sp.as_model(Wrapped(half), name="net"), Linf(0.2), search=searches.build("gradient_ascent(steps=5)"), examples=examples()
    )
    assert finding.backwards.any()
    assert finding.flags == ()


def test_a_zero_gradient_is_flagged_and_not_refused() -> None:
    steps = sp.as_model(Wrapped(lambda net, x: net((x * 4).round() / 4)), name="net")
    finding = sp.confront(steps, Linf(0.1), search=searches.build("gradient_ascent(steps=3)"), examples=examples())
    assert [flag.name for flag in finding.flags] == ["zero_gradients"]


GRADIENT_SEARCHES = {
    "linf": (
        "gradient_ascent(steps=6)",
        "gradient_ascent(steps=6, momentum=1, nesterov=true)",
        "gradient_ascent(steps=6, loss=dlr)",
        "single_step",
        "iterated_step(steps=6)",
        "momentum_ascent(steps=6)",
        "nesterov_ascent(steps=6)",
        "auto_step(steps=8)",
        "auto_step_targeted(steps=6, n_targets=2)",
        "fast_minimum_norm(steps=10)",
        "boundary_projection(steps=6)",
        "boundary_projection_targeted(steps=6, n_targets=2)",
        "deepfool(steps=10)",
        "expectation(search=auto_step(steps=4), draws=2)",
        "targeted(search=gradient_ascent(steps=6))",
    ),
    "l2": (
        "gradient_ascent(steps=6)",
        "auto_step(steps=8)",
        "decoupled_direction_norm(steps=12)",
        "carlini_wagner(steps=20, rounds=3)",
        "elastic_net(steps=20, rounds=3)",
        "fast_minimum_norm(steps=10)",
        "boundary_projection(steps=6)",
        "deepfool(steps=10)",
    ),
    "l1": ("gradient_ascent(steps=6)", "auto_step(steps=8)", "fast_minimum_norm(steps=10)", "boundary_projection(steps=6)"),
    "l0": ("gradient_ascent(steps=6)", "fast_minimum_norm(steps=10)", "sigma_zero(steps=12)", "saliency(steps=4)"),
}
PAIRS = [(ball, search) for ball, found in GRADIENT_SEARCHES.items() for search in found]
BALLS = {"linf": "linf(eps=0.12)", "l2": "l2(eps=0.7)", "l1": "l1(eps=4)", "l0": "l0(eps=4)"}


def ball_of(name: str) -> Ball:
    ball = shifts.build(BALLS[name])
    if not isinstance(ball, Ball):
        raise TypeError("the table has changed")
    return ball


def root(net: nn.Module, x: Tensor) -> Tensor:
    """An infinite slope at black pixels."""
    return net(torch.sqrt(x))  # type: ignore[no-any-return]


def nowhere(net: nn.Module, x: Tensor) -> Tensor:
    """The scores of the net, and a slope that is no number anywhere."""
    return net(x) + 0 * torch.sqrt(0 * x.flatten(1)).sum(1, keepdim=True)  # type: ignore[no-any-return]


@pytest.mark.parametrize("slope", [root, nowhere], ids=["some", "all"])
@pytest.mark.parametrize(("ball", "search"), PAIRS)
def test_a_gradient_that_is_no_number_is_flagged_and_breaks_no_budget(ball: str, search: str, slope: Callable[..., Tensor]) -> None:
    finding = sp.confront(sp.as_model(Wrapped(slope), name="net"), ball_of(ball), search=searches.build(search), examples=examples(8))
    flags = {flag.name: flag for flag in finding.flags}
    if not (search.startswith("carlini_wagner") and slope is root):  # which starts a little beside the wall, where the slope is finite
        assert flags["nonfinite_gradients"].share == 1.0
    assert np.isfinite(finding.params[finding.outcome != "skipped"]).all()
    assert ("zero_gradients" in flags) == (slope is nowhere)


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1e20])
@pytest.mark.parametrize(("ball", "search"), PAIRS)
def test_the_scale_of_the_scores_blinds_no_search(ball: str, search: str, scale: float) -> None:
    """Multiplied by any number, scores decide the same."""
    data, part = examples(16), searches.build(search)
    plain = sp.confront(sp.as_model(trained(), name="net"), ball_of(ball), search=part, examples=data)
    scaled = sp.as_model(Wrapped(lambda net, x: net(x) * scale), name="net")
    finding = sp.confront(scaled, ball_of(ball), search=part, examples=data)
    assert finding.accuracy <= plain.accuracy + 0.15  # the temperature of a softmax is a part of the cross-entropy
    assert finding.flags == plain.flags


def test_units_of_scores_are_powers_of_two_of_each_example() -> None:
    wide = torch.tensor([[0.0, 1.0], [0.0, 1e-30], [0.0, 1e30], [2.0, 2.0], [0.0, torch.inf], [-3.0, 4.0]])
    found = exponent_of(wide)
    assert found.tolist()[0] == found.tolist()[3] == found.tolist()[4] == found.tolist()[5] == 0
    size = (wide[1:3, 1].double() * 2.0 ** found[1:3].double()).tolist()
    assert all(8 <= value < 32 for value in size)
    assert torch.exp2(torch.arange(-126.0, 127.0)).tolist() == [2.0**k for k in range(-126, 127)]


def test_losses_of_scores_as_they_usually_are_stay_as_they_were() -> None:
    for scale in (1e-2, 1.0, 1e3, 1e9):
        assert int(exponent_of(trained()(examples().x) * scale).abs().sum()) == 0


def test_scores_in_double_with_inputs_in_float_are_searched() -> None:
    double = sp.as_model(Wrapped(lambda net, x: net(x).double() * 1e-60), name="net")
    for ball, search in (("l2", "deepfool(steps=10)"), ("linf", "auto_step(steps=8)"), ("l2", "boundary_projection(steps=6)")):
        plain = sp.confront(sp.as_model(trained(), name="net"), ball_of(ball), search=searches.build(search), examples=examples())
        finding = sp.confront(double, ball_of(ball), search=searches.build(search), examples=examples())
        assert finding.accuracy <= plain.accuracy + 0.1
