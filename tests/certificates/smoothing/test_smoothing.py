"""What smoothing promises to its callers: the same verdict in any company, honest messages, and which model it speaks of."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.certificates import Cohen, Smoothing, certificates
from shiftproof.certificates.smoothing.denoised import denoised
from shiftproof.certificates.smoothing.noises import Gaussian
from shiftproof.certificates.smoothing.vote_tests import sequential
from shiftproof.certificates.smoothing.votes import Votes
from shiftproof.certify import certify
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace
from shiftproof.models.abstract import Labels, Scores, WrappedModel
from shiftproof.models.torch_module import TorchModule
from shiftproof.randomness import Rng
from shiftproof.risks.sequential import plan_tests
from shiftproof.shifts import L0, L1, L2, Linf, Shift
from shiftproof.shifts.identity import Identity


def network() -> TorchModule:
    torch.manual_seed(0)
    return TorchModule(nn.Sequential(nn.Flatten(), nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval(), name="network")


def data(n: int = 23) -> Tensor:
    return Rng.for_ids(1, [str(i) for i in range(n)]).uniform(6)


def labelled(model: Labels, n: int = 23) -> Examples:
    x = data(n)
    return sp.examples(x, model.labels(x))


@pytest.mark.parametrize(
    "spec", ["smoothing(sigma=0.3, draws=900)", "smoothing(sigma=0.3, draws=300, delta=0.2)", "cohen(sigma=0.3, draws=200)"]
)
def test_a_verdict_does_not_depend_on_the_batch(spec: str) -> None:
    model, certificate = network(), certificates.build(spec)
    examples = labelled(model)
    found = [certify(model, L2(0.2), certificate=certificate, examples=examples, seed=3, batch_size=size) for size in (1, 7, 64)]
    for other in found[1:]:
        assert other.outcome.tolist() == found[0].outcome.tolist()
        assert np.nan_to_num(other.radius, nan=-1.0).tolist() == np.nan_to_num(found[0].radius, nan=-1.0).tolist()
        assert other.forwards.tolist() == found[0].forwards.tolist()


def test_another_seed_gives_other_draws() -> None:
    model = network()
    ids = [str(i) for i in range(23)]
    votes = [Votes(model, Gaussian(2.0), InputSpace(), data(), Rng.for_ids(seed, ids)) for seed in (0, 0, 1)]
    rows = torch.arange(23).numpy()
    first, again, other = (v.labels(rows, "estimate", 0, 40) for v in votes)
    assert (first == again).all()
    assert (first != other).any()


def test_a_draw_is_the_same_whatever_is_asked_beside_it() -> None:
    votes = Votes(network(), Gaussian(2.0), InputSpace(), data(), Rng.for_ids(0, [str(i) for i in range(23)]))
    rows = torch.arange(23).numpy()
    whole = votes.labels(rows, "estimate", 0, 300)
    assert (votes.labels(rows[[4, 2]], "estimate", 100, 130) == whole[[4, 2], 100:130]).all()
    assert (votes.labels(rows, "select", 0, 300) != whole).any()


def test_cohen_is_the_published_procedure() -> None:
    """Unanimous votes: the bound is alpha^(1/n), the radius sigma times its normal quantile."""

    class One(WrappedModel):
        def labels(self, x: Tensor) -> Tensor:
            return torch.ones(len(x), dtype=torch.int64)

    proof = Cohen(sigma=0.25, draws=1000).certify(One(name="one", fingerprint="one"), L2(1.0), data(3), Rng.for_ids(0, ["a", "b", "c"]))
    exact = 0.25 * float(torch.special.ndtri(torch.tensor(0.001 ** (1 / 1000), dtype=torch.float64)))
    assert proof.radius.tolist() == pytest.approx([exact] * 3, rel=1e-9)
    assert proof.forwards.tolist() == [1100] * 3
    far = Cohen(sigma=0.25, draws=1000).certify(One(name="one", fingerprint="one"), Linf(1.0), data(3), Rng.for_ids(0, ["a", "b", "c"]))
    assert far.radius.tolist() == pytest.approx([exact / 6**0.5] * 3, rel=1e-9)


def test_a_tie_abstains() -> None:
    class Coin(WrappedModel):
        def labels(self, x: Tensor) -> Tensor:
            return (x[:, 0] > 0.5).long()

    x = torch.full((5, 6), 0.5)
    for certificate in (Cohen(sigma=0.25, draws=500), Smoothing(sigma=0.25, draws=500)):
        proof = certificate.certify(Coin(name="coin", fingerprint="coin"), L2(0.2), x, Rng.for_ids(0, [str(i) for i in range(5)]))
        assert bool(proof.abstained.all())
        assert proof.radius.tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("smoothing", "The 'sigma' of gaussian must be in \\(0, inf\\), got 0"),
        ("smoothing(sigma=0)", "The 'sigma' of gaussian must be in \\(0, inf\\), got 0"),
        ("smoothing(sigma=0.5, alpha=0)", "The 'alpha' of smoothing must be in \\(0, 1\\), got 0"),
        ("smoothing(sigma=0.5, alpha=1)", "The 'alpha' of smoothing must be in \\(0, 1\\), got 1"),
        ("smoothing(sigma=0.5, draws=0)", "The 'draws' of smoothing must be at least 1, got 0"),
        ("smoothing(sigma=0.5, points=0)", "The 'points' of smoothing must be at least 1, got 0"),
        ("smoothing(sigma=0.5, delta=-1)", "The 'delta' of smoothing must be 0 or more, got -1"),
        ("smoothing(sigma=0.5, together=0)", "The 'together' of smoothing must be at least 1, got 0"),
        ("smoothing(sigma=0.5, noise=gausian)", "Unknown noise 'gausian'. Did you mean: gaussian"),
        ("smoothing(noise=ablation)", "The 'noise' of smoothing must be written with its options, got 'ablation'"),
        ("smoothing(sigma=0.5, noise=ablation(keep=4))", "The 'sigma' of smoothing must not be given where the noise has its own"),
        ("cohen(sigma=0.5, draws=50)", "The 'selection' of cohen must be from 1 to draws = 50, got 100"),
        ("cohen(sigma=0.5, selection=0)", "The 'selection' of cohen must be from 1 to draws = 100000, got 0"),
        ("cohen(sigma=0.5, noise=laplace)", "The 'noise' of cohen must be gaussian, got 'laplace'"),
    ],
)
def test_bad_options(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        certificates.build(spec)


@pytest.mark.parametrize(
    ("spec", "shift", "message"),
    [
        ("smoothing(sigma=0.5)", L0(2), "gaussian noise certifies nothing about l0"),
        ("smoothing(noise=ablation(keep=2))", L1(0.5), "ablation noise certifies nothing about l1"),
        ("cohen(sigma=0.5)", Identity(), "gaussian noise certifies nothing about identity"),
    ],
)
def test_a_shift_that_the_noise_does_not_fit(spec: str, shift: Shift, message: str) -> None:
    model = network()
    with pytest.raises(UsageError, match=message):
        certify(model, shift, certificate=certificates.build(spec), examples=labelled(model))


def test_too_fine_a_delta() -> None:
    with pytest.raises(UsageError, match="The 'delta' of smoothing asks about more than 2000 radii, got 0.0001. Make it larger"):
        Smoothing(sigma=0.5, delta=0.0001).radii(L2(1.0), data(1))


def test_streams_must_fit_the_examples() -> None:
    with pytest.raises(UsageError, match="The 'rng' of smoothing must have one stream for each of the 23 examples, got 1"):
        Smoothing(sigma=0.5, draws=100).certify(network(), L2(0.2), data(), Rng.for_ids(0, ["a"]))


def test_too_small_a_budget() -> None:
    votes = Votes(network(), Gaussian(0.5), InputSpace(), data(), Rng.for_ids(0, [str(i) for i in range(23)]))
    with pytest.raises(UsageError, match="The 'budget' of smoothing must be at least 736, 32 draws for each of 23 examples, got 735"):
        sequential(votes, plan_tests([0.6], alpha=0.1, most=100), budget=735)


def test_inputs_outside_the_box_are_refused() -> None:
    x, y, model = data() + 2, torch.zeros(23, dtype=torch.int64), network()
    with pytest.raises(UsageError, match="outside the box"):
        sp.audit(model, sp.examples(x, y), shifts=["l2(eps=0.2)"], certify=["smoothing(sigma=0.5)"], progress=False)


def test_whole_radii_and_categories() -> None:
    certificate = Smoothing(noise="ablation(keep=2)")
    assert certificate.radii(L0(6), data(1)) == [2.0, 3.0, 5.0, 6.0]
    image = torch.zeros(1, 3, 4, 5)
    assert certificate.needed(L0(1).within(InputSpace(kind="image")), 1.0, image) == pytest.approx(0.5 + 2 / 20)


def test_it_says_which_model_it_speaks_of() -> None:
    assert Smoothing(sigma=0.5).subject == "the model smoothed with gaussian(sigma=0.5) noise"
    assert Smoothing(noise="ablation(keep=3)").subject == "the model smoothed with ablation(keep=3) noise"
    assert certificates.build("linear").subject is None
    assert Smoothing(sigma=0.5, together=10).confidence == pytest.approx(0.9999)


def test_a_denoiser_goes_before_the_model() -> None:
    model = network()
    seen = denoised(model, lambda x: torch.zeros_like(x))
    assert isinstance(seen, Scores)
    assert torch.equal(seen.scores(data()), model.scores(torch.zeros(23, 6)))
    assert seen.name == "network, denoised"
    layer = nn.Linear(6, 6).eval()
    by_module = denoised(model, layer)
    assert isinstance(by_module, Scores)
    with torch.no_grad():
        assert torch.allclose(by_module.scores(data()), model.scores(layer(data())), atol=1e-6)
    assert len({model.fingerprint(), seen.fingerprint(), by_module.fingerprint()}) == 3
    proof = Smoothing(sigma=0.3, draws=200).certify(seen, L2(0.1), data(2), Rng.for_ids(0, ["a", "b"]))
    assert proof.radius.tolist() == [0.1, 0.1]  # it answers the same everywhere


def test_a_denoiser_of_a_model_with_labels_only() -> None:
    class One(WrappedModel):
        def labels(self, x: Tensor) -> Tensor:
            return x[:, 0].long()

    seen = denoised(One(name="one", fingerprint="one"), lambda x: x + 1)
    assert not isinstance(seen, Scores)
    assert seen.labels(torch.zeros(2, 6)).tolist() == [1, 1]
    with pytest.raises(UsageError, match="keep the inputs' shape \\(2, 6\\), got \\(2, 3\\)"):
        denoised(network(), lambda x: x[:, :3]).labels(torch.zeros(2, 6))
