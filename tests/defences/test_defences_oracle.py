"""Defences: what each declares is so, the control collapses, and detectors' abstentions are counted by hand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

import shiftproof as sp
from masked import digits, examples, net
from shiftproof.data.examples import Examples
from shiftproof.defences import Defence, Detection, Gradient, InputTransformation, confront_detecting, defences
from shiftproof.defences.bit_depth import BitDepth
from shiftproof.defences.context import DefenceContext
from shiftproof.defences.ensemble import Ensemble
from shiftproof.defences.gaussian_noise import GaussianNoise
from shiftproof.defences.gradient_masking import GradientMasking
from shiftproof.defences.jpeg import Jpeg
from shiftproof.defences.randomized_smoothing import RandomizedSmoothing
from shiftproof.models.abstract import Gradients, Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import suited
from shiftproof.searches.cascade import Cascade
from shiftproof.searches.expectation import Expectation
from shiftproof.searches.transfer import Transfer

IMAGES = sp.InputSpace(kind="image")
PGD = sp.GradientAscent(steps=15)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def trained() -> TorchModule:
    """A net trained on 800 digits for a moment."""
    x, y = (part[:800] for part in digits())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        module = net()
        optimiser = torch.optim.Adam(module.parameters(), 3e-3)
        for _ in range(8):
            for rows in torch.split(torch.randperm(len(x)), 100):
                optimiser.zero_grad()
                torch.nn.functional.cross_entropy(module(x[rows]), y[rows]).backward()  # type: ignore[no-untyped-call]
                optimiser.step()
    return TorchModule(module.eval().requires_grad_(False), name="digits")


def held_out(n: int = 200) -> Examples:
    x, y = digits()
    return Examples(x[1000 : 1000 + n], y[1000 : 1000 + n], np.array([f"held out {k}" for k in range(n)]), space=IMAGES)


def test_the_masking_control_collapses_under_the_attack_that_knows_it() -> None:
    model = trained()
    masked = GradientMasking()(model, space=IMAGES)
    shift, data = sp.Linf(0.2), examples(60)
    bare = sp.confront(model, shift, search=PGD, examples=data)
    unaware = sp.confront(masked.as_it_stands(), shift, search=PGD, examples=data)
    adaptive = sp.confront(masked, shift, search=PGD, examples=data)
    assert "zero_gradients" in [flag.name for flag in unaware.flags]
    assert unaware.accuracy > bare.accuracy + 0.4  # what masking pretends
    assert adaptive.accuracy <= bare.accuracy + 0.05  # and what it is


def test_straight_through_jpeg_is_broken_further_than_by_its_own_gradient() -> None:
    model = Jpeg(75)(trained(), space=IMAGES)
    shift, data = sp.Linf(0.15), examples(60)
    plain = sp.confront(model.as_it_stands(), shift, search=PGD, examples=data).accuracy
    adaptive = sp.confront(model, shift, search=PGD, examples=data).accuracy
    assert adaptive < plain - 0.3


def test_the_adaptive_form_is_chosen_by_itself() -> None:
    noisy = GaussianNoise(sigma=0.1, draws=3)(trained(), space=IMAGES)
    assert suited(PGD, noisy) == Expectation(search=PGD.spec(), draws=3)
    assert suited(Cascade(), noisy) == Cascade(draws=3)
    assert suited(Cascade(draws=7), noisy) == Cascade(draws=7)
    assert suited(sp.OneDraw(), noisy) == sp.OneDraw()
    assert suited(PGD, noisy.as_it_stands()) == PGD
    assert suited(PGD, BitDepth()(trained(), space=IMAGES)) == PGD  # its gradients are a stand-in's already
    finding = sp.confront(noisy, sp.Linf(0.1), search=sp.GradientAscent(steps=1), examples=examples(8))
    assert {"randomised_model", "averaged"} <= {flag.name for flag in finding.flags}
    assert int(finding.backwards.max()) % 3 == 0


def test_smoothing_answers_with_the_shares_of_the_votes() -> None:
    layer = torch.nn.Linear(1, 2)
    inner = TorchModule(layer, name="line")
    with torch.no_grad():  # class 1 above 0.5
        layer.weight.copy_(torch.tensor([[0.0], [1.0]]))
        layer.bias.copy_(torch.tensor([0.5, 0.0]))
    scores = RandomizedSmoothing(sigma=0.5, votes=4000)(inner).scores(torch.tensor([[0.5], [1.0]]))
    assert scores.exp()[:, 1].tolist() == pytest.approx([0.5, 0.8413], abs=0.03)


def test_an_ensemble_is_the_mean_of_its_members() -> None:
    one, two = (TorchModule(torch.nn.Linear(3, 2), name=name) for name in ("one", "two"))
    x = torch.rand(4, 3)
    both = Ensemble(members=2)(one, others=(two,)).scores(x).exp()
    assert torch.allclose(both, (one.scores(x).softmax(1) + two.scores(x).softmax(1)) / 2, atol=1e-6)


def test_scores_alone_are_defended_without_gradients() -> None:
    blind = sp.as_model(lambda x: x.reshape(len(x), -1)[:, :2], name="blind", gives="scores")
    defended = BitDepth(bits=1)(blind)
    assert not isinstance(defended, Gradients)
    assert defended.scores(torch.tensor([[0.4, 0.6]])).tolist() == [[0.0, 1.0]]


class Suspicious(Detection):
    """Planted: the suspicion is the mean of the input."""

    name: ClassVar[str] = "suspicious"

    def suspicion(self, behind: DefenceContext, x: Tensor, scores: Tensor) -> Tensor:
        return x.flatten(1).mean(1)


def planted() -> tuple[Examples, TorchModule, Examples]:
    """Two numbers an input: class 1 where the first is larger; calibrated so that a mean above about 0.5 is refused."""
    module = torch.nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        module.weight.copy_(10 * torch.eye(2).flip(0))
    grid = torch.linspace(0, 0.5, 400)
    calibration = Examples(torch.stack([grid, grid], 1), torch.zeros(400, dtype=torch.int64), np.array([f"c{k}" for k in range(400)]))
    x = torch.tensor([[0.2, 0.1], [0.1, 0.4], [0.9, 0.8], [0.49, 0.30], [0.2, 0.3]])
    y = torch.tensor([1, 0, 1, 1, 1])  # the third is refused when clean, the last is wrong
    return Examples(x, y, np.array(list("abcde"))), TorchModule(module, name="planted"), calibration


def test_abstentions_are_counted_by_hand() -> None:
    data, model, calibration = planted()
    defended = Suspicious(rate=0.05)(model, held_out=calibration)
    threshold = float(defended.behind.fitted["threshold"])
    assert threshold == pytest.approx(0.475, abs=0.01)
    found = confront_detecting(defended, sp.Linf(0.06), search=sp.GradientAscent(steps=30), examples=data)
    assert found.accepted.tolist() == [True, True, False, True, True]
    assert found.right.tolist() == [True, True, False, True, False]
    assert found.accuracy == pytest.approx(0.6)
    assert found.false_alarms == pytest.approx(0.2)
    assert found.broken.tolist() == [True, False, False, False, False]  # 0.1 of difference closes under 0.06, 0.19 does not
    assert found.held.tolist() == [False, True, False, True, False]


def test_a_detected_move_is_no_failure_and_a_joint_search_goes_below_the_detector() -> None:
    _, model, calibration = planted()
    defended = Suspicious(rate=0.05)(model, held_out=calibration)
    near = Examples(torch.tensor([[0.50, 0.42]]), torch.tensor([1]), np.array(["near"]))
    assert bool(defended.scores(near.x).argmax(1) == 1)

    def up(x: Tensor) -> Tensor:
        return (x + torch.tensor([0.02, 0.12])).clamp(0, 1)

    moved = defended.scores(up(near.x)).argmax(1)
    assert int(moved) == 2  # a move that raises both is wrong and is detected
    joint = confront_detecting(defended, sp.Linf(0.06), search=sp.GradientAscent(steps=40), examples=near)
    assert joint.broken.tolist() == [True]  # one that lowers the first passes
    assert joint.detection_rate == 0.0


@pytest.mark.parametrize("spec", ["squeezing_distance", "mahalanobis", "mahalanobis(of=features)", "learned_detector(eps=0.15)"])
def test_false_alarms_keep_near_their_rate_and_the_joint_attack_passes_more(spec: str) -> None:
    part = defences.build(spec)
    model = part(trained(), space=IMAGES, held_out=held_out())
    found = confront_detecting(model, sp.Linf(0.15), search=PGD, examples=examples(60))
    assert found.false_alarms <= 0.05 + 0.12  # 60 examples: far beyond what chance allows
    assert found.held.sum() <= found.right.sum() <= found.accepted.sum()
    unaware = confront_detecting(model, sp.Linf(0.15), search=Transfer(surrogates=(trained(),), search=PGD), examples=examples(60))
    assert found.held.mean() <= unaware.held.mean() + 0.05


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("jpeg(quality=0)", "The 'quality' of jpeg must be from 1 to 100, got 0"),
        ("bit_depth(bits=9)", "The 'bits' of bit_depth must be from 1 to 8, got 9"),
        ("spatial_smoothing(window=1)", "The 'window' of spatial_smoothing must be from 2 to 11"),
        ("random_resize_pad(smallest=1.0)", "The 'smallest' of random_resize_pad must be in (0, 1)"),
        ("gaussian_noise(sigma=0)", "The 'sigma' of gaussian_noise must be in (0, inf)"),
        ("gaussian_noise(draws=0)", "The 'draws' of gaussian_noise must be at least 1"),
        ("test_time_augmentation(pixels=0)", "The 'pixels' of test_time_augmentation must be at least 1"),
        ("ensemble(members=1)", "The 'members' of ensemble must be at least 2"),
        ("squeezing_distance(rate=0)", "The 'rate' of squeezing_distance must be in (0, 1)"),
        ("squeezing_distance(bits=0)", "The 'bits' of squeezing_distance must be from 1 to 8"),
        ("squeezing_distance(window=0)", "The 'window' of squeezing_distance must be from 1 to 11"),
        ("mahalanobis(of=pixels)", "The 'of' of mahalanobis must be logits or features"),
        ("learned_detector(eps=0)", "The 'eps' of learned_detector must be in (0, inf)"),
        ("randomized_smoothing(sigma=0)", "The 'sigma' of randomized_smoothing must be in (0, inf)"),
        ("randomized_smoothing(votes=0)", "The 'votes' of randomized_smoothing must be at least 1"),
        ("gradient_masking(step=0)", "The 'step' of gradient_masking must be in (0, inf)"),
        ("jpg", "Unknown defence 'jpg'. Did you mean: jpeg?"),
    ],
)
def test_wrong_options_are_refused(spec: str, message: str) -> None:
    with pytest.raises(sp.UsageError) as error:
        defences.build(spec)
    assert message in str(error.value)


def blind_labels() -> Labels:
    return sp.as_model(lambda x: x.argmax(1), name="decides", gives="labels")


def features_of_nothing() -> Labels:
    return sp.as_model(lambda x: x.reshape(len(x), -1)[:, :4], name="blind", gives="scores")


@pytest.mark.parametrize(
    ("part", "model", "given", "message"),
    [
        (BitDepth(), blind_labels, {}, "needs scores, and the model 'decides' provides labels only"),
        (Jpeg(), trained, {"space": sp.InputSpace()}, "supports image inputs, got inputs of kind 'vector'"),
        (Ensemble(), trained, {}, "The 'others' of the defence ensemble must be 2 more model(s), got 0"),
        (defences.build("mahalanobis"), trained, {}, "is calibrated on held-out clean examples, and none were given"),
        (
            defences.build("mahalanobis"),
            trained,
            {"held_out": held_out(30)},
            "held-out examples for a false-alarm rate of 0.05, got 30",
        ),
        (defences.build("mahalanobis(of=features)"), features_of_nothing, {"held_out": held_out()}, "needs the features of a linear layer"),
        (defences.build("learned_detector"), features_of_nothing, {"held_out": held_out()}, "needs a model with gradients"),
    ],
)
def test_what_does_not_fit_is_refused(part: Defence, model: object, given: dict[str, Any], message: str) -> None:
    assert callable(model)
    with pytest.raises(sp.UsageError) as error:
        part(model(), **{"space": IMAGES, **given})
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("spec", "shape", "message"),
    [
        ("jpeg", (1, 2, 8, 8), "takes images (n, 1 or 3, height, width)"),
        ("spatial_smoothing(window=9)", (1, 1, 8, 8), "takes images of at least 9 x 9 pixels"),
        ("random_resize_pad", (1, 8), "takes images, (n, channels, height, width)"),
        ("test_time_augmentation(pixels=8)", (1, 1, 8, 8), "takes images of more than 8 pixels per side"),
    ],
)
def test_inputs_of_another_shape_are_refused(spec: str, shape: tuple[int, ...], message: str) -> None:
    model = TorchModule(torch.nn.Flatten(), name="any")
    with pytest.raises(sp.UsageError) as error:
        defences.build(spec)(model, space=IMAGES).scores(torch.rand(shape))
    assert message in str(error.value)


def test_the_account_wants_a_detector() -> None:
    with pytest.raises(sp.UsageError, match="be defended by a detector"):
        confront_detecting(Jpeg()(trained(), space=IMAGES), sp.Linf(0.1), search=PGD, examples=examples(4))


def test_a_false_declaration_is_found() -> None:
    from shiftproof.conformance import check_part

    class Rounds(InputTransformation):
        """Says that its gradient is exact, and rounds."""

        name: ClassVar[str] = "rounds"
        family: ClassVar[str] = "squeezing"
        gradient: ClassVar[Gradient] = Gradient.EXACT

        def step(self, x: Tensor, space: sp.InputSpace, rng: Rng) -> Tensor:
            return x.round()

    report = check_part(Rounds())
    assert not report.passed
    assert "It declares an exact gradient, but its gradient is zero" in str(report)

    class Chance(InputTransformation):
        """Draws from the global generator and does not say so."""

        name: ClassVar[str] = "chance"
        family: ClassVar[str] = "transformation"

        def step(self, x: Tensor, space: sp.InputSpace, rng: Rng) -> Tensor:
            return x + 0.1 * torch.randn(x.shape)

    assert not check_part(Chance()).passed
