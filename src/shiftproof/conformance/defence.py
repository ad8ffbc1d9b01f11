"""The contract of defences: a model of the same shape that behaves as declared, and an unchanged model behind it."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from shiftproof.conformance.probes import no_global_randomness
from shiftproof.conformance.report import NotApplicable, expect
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.defences.abstract import Defence, Gradient
from shiftproof.defences.defended_model import DefendedModel
from shiftproof.defences.detection import Detection
from shiftproof.models.abstract import Gradients, Labels
from shiftproof.models.torch_module import TorchModule

_CLASSES, _SIDE, _HELD_OUT = 4, 12, 80


@dataclass(frozen=True, eq=False)
class DefenceCase:
    """A defence in front of a small network, and images (n, 1, 12, 12)."""

    defence: Defence
    inner: Labels
    others: tuple[Labels, ...]
    space: InputSpace
    held_out: Examples
    x: Tensor

    def made(self) -> DefendedModel:
        """A new defended model."""
        held_out = self.held_out if self.defence.needs_held_out else None
        return self.defence(self.inner, space=self.space, held_out=held_out, others=self.others)


def defence_case(defence: Defence) -> DefenceCase:
    """Smooth networks with random weights, on random images."""
    generator = torch.Generator().manual_seed(0)
    space = InputSpace(kind="image")
    x = torch.rand(_HELD_OUT + 9, 1, _SIDE, _SIDE, generator=generator)
    models = [TorchModule(_net(generator), name=f"net {k}") for k in range(1 + defence.others)]
    y = models[0].labels(x)
    held_out = Examples(x[9:], y[9:], np.array([f"held out {k}" for k in range(_HELD_OUT)]), space=space)
    return DefenceCase(defence, models[0], tuple(models[1:]), space, held_out, x[:9])


def _net(generator: torch.Generator) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**31, (1,), generator=generator)))
        return nn.Sequential(nn.Flatten(), nn.Linear(_SIDE**2, 16), nn.Tanh(), nn.Linear(16, _CLASSES)).requires_grad_(False)


def scores_have_the_right_shape(case: DefenceCase) -> None:
    """It returns finite scores of the model's classes (and one more if it may abstain), with or without gradients."""
    classes = _CLASSES + isinstance(case.defence, Detection)
    one, two = case.made(), case.made()
    scores = one.scores(case.x).detach()
    expect(scores.shape == (len(case.x), classes), f"Scores must have shape {(len(case.x), classes)}, got {tuple(scores.shape)}.")
    expect(bool(scores.isfinite().all()), "Scores have NaN or infinity on ordinary inputs.")
    with torch.enable_grad():
        graded = two.scores(case.x.clone().requires_grad_()).detach()
    expect(torch.allclose(scores, graded, atol=1e-6), "Scores differ when a gradient is needed: the forward pass must be exact.")


def randomness_is_as_declared(case: DefenceCase) -> None:
    """It answers the same input twice alike, unless it declares `random`; then answers depend on its seed, not on a global generator."""
    with no_global_randomness("The defence"):
        model = case.made()
        first, second = model.scores(case.x), model.scores(case.x)
        again = case.made().scores(case.x)
    expect(torch.equal(first, again), "A second instance answers differently: draw from the `rng` argument of `answer`.")
    same = torch.allclose(first, second, atol=1e-6)
    expect(
        same != case.defence.random,
        f"It declares random = {case.defence.random}, and its second answer is {'the same' if same else 'different'}.",
    )


def gradients_are_as_declared(case: DefenceCase) -> None:
    """Without the adaptive form its gradient is zero exactly if it declares so; the adaptive form has a gradient."""
    model = case.made()
    expect(isinstance(model, Gradients), "In front of a model with gradients, the defended model must have them too.")
    stands = _gradient(model.as_it_stands(), case.x)
    if case.defence.gradient is Gradient.EXACT:
        expect(bool((stands != 0).any(1).float().mean() > 0.5), "It declares an exact gradient, but its gradient is zero.")
    else:
        expect(not bool(stands.any()), "It declares a zero or missing gradient, but its gradient is not zero.")
    share = float((_gradient(model, case.x) != 0).any(1).float().mean())
    expect(
        share > 0.5,
        f"The adaptive form has a gradient on {share:.0%} of the inputs only. Define `stand_in`, or provide a gradient in `answer`.",
    )


def leaves_the_model_unchanged(case: DefenceCase) -> None:
    """The model behind answers as before, and inputs are not changed in place."""
    before, mark = case.inner.labels(case.x), case.inner.fingerprint()
    x = case.x.clone()
    _gradient(case.made(), x)
    expect(torch.equal(x, case.x), "It changes its inputs in place.")
    expect(case.inner.fingerprint() == mark and torch.equal(case.inner.labels(case.x), before), "The model behind it has changed.")


def has_a_stable_fingerprint(case: DefenceCase) -> None:
    """Its fingerprint is stable and differs from that of the model behind; it can be pickled, for other processes."""
    model = case.made()
    expect(
        model.fingerprint() == case.made().fingerprint() != case.inner.fingerprint(),
        "Its fingerprint must be stable, and differ from that of the model behind.",
    )
    try:
        twin = pickle.loads(pickle.dumps(case.made()))  # noqa: S301  # made here
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        expect(False, f"It cannot be pickled for another process: {error}.")
    expect(torch.allclose(twin.scores(case.x), model.scores(case.x), atol=1e-6), "A pickled copy answers differently.")


def does_not_depend_on_the_batch(case: DefenceCase) -> None:
    """The answer to an input does not depend on the others in its batch."""
    if case.defence.random:
        raise NotApplicable("It is random.")
    model = case.made()
    alone = torch.cat([model.scores(x[None]) for x in case.x])
    far = float((model.scores(case.x) - alone).abs().max())
    # A detector's score is a ratio, which magnifies rounding.
    expect(far < 1e-2, f"Scores of single inputs differ by up to {far:.3g} from those in a batch.")
    expect(model.scores(case.x[:0]).shape[0] == 0, "An empty batch must return an empty result.")


def _gradient(model: DefendedModel, x: Tensor) -> Tensor:
    """The gradient of a weighted sum of the scores, one row per input."""
    with torch.enable_grad():
        leaf = x.clone().requires_grad_()
        scores = model.scores(leaf)
        goal = (scores * torch.linspace(-1, 1, scores.shape[1])).sum()
        return torch.autograd.grad(goal, leaf)[0].flatten(1)


DEFENCE_CHECKS = (
    scores_have_the_right_shape,
    randomness_is_as_declared,
    gradients_are_as_declared,
    leaves_the_model_unchanged,
    has_a_stable_fingerprint,
    does_not_depend_on_the_batch,
)
