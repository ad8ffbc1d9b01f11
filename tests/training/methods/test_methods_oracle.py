"""Every training method against its paper's loss written by hand: the same moves give the same gradients."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from repository import ROOT
from shiftproof import UsageError
from shiftproof.data.examples import Examples
from shiftproof.data.space import InputSpace, boxed
from shiftproof.models.torch_module import TorchModule
from shiftproof.oracle import Cost, Oracle
from shiftproof.randomness import Rng
from shiftproof.risks import Holistic
from shiftproof.shifts import Linf
from shiftproof.training.inner_search import InnerProblem
from shiftproof.training.methods import Adversarial, Batch, Method, WeightPerturbation, methods
from shiftproof.training.methods.augmix import jensen_shannon
from shiftproof.training.methods.interval_training import chain, crown_margins, interval_boxes, interval_margins
from shiftproof.training.methods.trades import divergence
from shiftproof.training.pieces.risk_losses import risk_loss

EPS, STEPS, STEP = 0.1, 3, 0.3
SEARCH = f"gradient_ascent(steps={STEPS}, step_size={STEP})"
SPACE = boxed((0, 1), "image")


def net(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))


def batch(progress: float = 0.5, n: int = 12) -> Batch:
    torch.manual_seed(7)
    return Batch(torch.rand(n, 1, 8, 8), torch.randint(10, (n,)), Rng.for_ids(3, [str(i) for i in range(n)]), SPACE, progress)


def every(given: Batch, space: InputSpace = SPACE) -> Examples:
    """The batch as all that is trained on."""
    return Examples(given.x, given.y, np.array([str(i) for i in range(len(given.x))]), {}, space)


def gradients(method: Method, made: nn.Module, given: Batch) -> list[Tensor]:
    memory = method.init(made, every(given))
    step = method.step(made.train(), given, memory)
    made.zero_grad()
    step.loss.backward()  # type: ignore[no-untyped-call]
    assert step.x.shape[1:] == given.x.shape[1:]
    assert step.losses.shape == step.weights.shape
    assert not step.weights.requires_grad
    assert step.right.dtype is torch.bool
    return [p.grad.clone() for p in made.parameters() if p.grad is not None]


def by_hand(loss: Tensor, made: nn.Module) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(made.parameters())))


def same(mine: list[Tensor], theirs: list[Tensor]) -> None:
    assert len(mine) == len(theirs)
    assert max(float(g.abs().max()) for g in theirs) > 1e-4
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def start(given: Batch) -> Tensor:
    """The chance draw that the library's search begins at."""
    shift = Linf(EPS).within(SPACE)
    return shift.sample(given.x, given.rng.child("move").child("restart", 0))


def climbed(made: nn.Module, given: Batch, loss: str = "cross_entropy", d: Tensor | None = None) -> Tensor:
    """Projected gradient ascent as every paper's code has it."""
    d = start(given) if d is None else d
    made.eval()
    clean = made(given.x).softmax(1).detach()
    for _ in range(STEPS):
        d = d.detach().requires_grad_()
        scores = made(given.x + d)
        value = F.cross_entropy(scores, given.y) if loss == "cross_entropy" else F.kl_div(scores.log_softmax(1), clean, reduction="sum")
        (g,) = torch.autograd.grad(value, d)
        d = (d.detach() + STEP * EPS * g.sign()).clamp(-EPS, EPS)
        d = (given.x + d).clamp(0, 1) - given.x
    made.train()
    return given.x + d


def test_adversarial() -> None:
    made, given = net(), batch()
    theirs = by_hand(F.cross_entropy(made(climbed(made, given)), given.y), made)
    same(gradients(Adversarial(f"linf(eps={EPS})", SEARCH), made, given), theirs)


def test_the_first_failure_does_not_end_the_search() -> None:
    made, given = net(), batch()
    y = made(given.x).argmax(1)
    wrong = Batch(given.x, (y + 1) % 10, given.rng, SPACE, 0.5)  # all wrong already
    moved = Adversarial(f"linf(eps={EPS})", SEARCH).move(made, wrong, nn.Module())
    torch.testing.assert_close(moved, climbed(made, wrong))


def test_restarts_keep_the_worse_move() -> None:
    made, given = net(), batch()
    one = Adversarial(f"linf(eps={EPS})", f"gradient_ascent(steps={STEPS}, step_size={STEP}, loss=margin)").move(made, given, nn.Module())
    three = f"gradient_ascent(steps={STEPS}, step_size={STEP}, loss=margin, restarts=3)"
    more = Adversarial(f"linf(eps={EPS})", three).move(made, given, nn.Module())
    from shiftproof.losses import margin

    assert bool((margin(made(more), given.y) >= margin(made(one), given.y) - 1e-6).all())
    assert not torch.equal(one, more)


def test_a_ramp_grows_the_budget() -> None:
    made = net()
    method = Adversarial(f"linf(eps={EPS})", SEARCH, ramp=0.5)
    for progress, most in ((0.0, 0.0), (0.125, EPS / 4), (0.25, EPS / 2), (0.6, EPS)):
        given = batch(progress)
        moved = method.move(made, given, nn.Module())
        assert float((moved - given.x).abs().max()) == pytest.approx(most, abs=1e-6)


def test_trades() -> None:
    made, given = net(), batch()
    x = climbed(made, given, "kl")
    clean, moved = made(given.x), made(x)
    loss = F.cross_entropy(clean, given.y) + 4.0 * F.kl_div(moved.log_softmax(1), clean.softmax(1), reduction="batchmean")
    same(gradients(methods.build(f"trades(shift=linf(eps={EPS}), search={SEARCH}, beta=4)"), made, given), by_hand(loss, made))


def test_mart() -> None:
    made, given = net(), batch()
    moved, clean = made(climbed(made, given)), made(given.x)
    p, q, rows = moved.softmax(1), clean.softmax(1), torch.arange(12)
    order = p.argsort(1)
    rival = torch.where(order[:, -1] == given.y, order[:, -2], order[:, -1])
    bce = -p[rows, given.y].log() - (1 - p[rows, rival]).log()
    kl = F.kl_div(p.log(), q, reduction="none").sum(1)
    loss = (bce + 5.0 * kl * (1 - q[rows, given.y])).mean()
    same(gradients(methods.build(f"mart(shift=linf(eps={EPS}), search={SEARCH})"), made, given), by_hand(loss, made))


def test_fast_adversarial() -> None:
    made, given = net(), batch()
    d = start(given).requires_grad_()
    (g,) = torch.autograd.grad(F.cross_entropy(made(given.x + d), given.y), d)
    x = (given.x + (d.detach() + 1.25 * EPS * g.sign()).clamp(-EPS, EPS)).clamp(0, 1)
    theirs = by_hand(F.cross_entropy(made(x), given.y), made)
    same(gradients(methods.build(f"fast_adversarial(shift=linf(eps={EPS}))"), made, given), theirs)


def test_free_adversarial_carries_its_move() -> None:
    mine, theirs = net(), net()
    method = methods.build(f"free_adversarial(shift=linf(eps={EPS}), times=3)")
    assert method.replays == 3
    memory = method.init(mine, every(batch()))
    given, d = batch(), torch.zeros(12, 1, 8, 8)
    ours, hand = (torch.optim.SGD(each.parameters(), lr=0.1) for each in (mine, theirs))
    for _ in range(3):
        ours.zero_grad()
        step = method.step(mine, given, memory)
        step.loss.backward()  # type: ignore[no-untyped-call]
        method.learned(step, given, memory)
        ours.step()
        x = (given.x + d).clamp(0, 1).requires_grad_()
        hand.zero_grad()
        F.cross_entropy(theirs(x), given.y).backward()  # type: ignore[no-untyped-call]
        assert x.grad is not None
        d = ((given.x + d + EPS * x.grad.sign()).clamp(0, 1) - given.x).clamp(-EPS, EPS)
        hand.step()
    assert isinstance(memory.move, Tensor)
    torch.testing.assert_close(memory.move, d)
    same(list(mine.state_dict().values()), list(theirs.state_dict().values()))


def test_weight_perturbation() -> None:
    made, given = net(), batch()
    x = climbed(made, given)
    before = copy.deepcopy(made.state_dict())
    proxy = copy.deepcopy(made)
    F.cross_entropy(proxy(x), given.y).backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for p in proxy.parameters():
            if p.dim() > 1:
                assert p.grad is not None
                p.add_(0.05 * p.norm() * p.grad / p.grad.norm())
    theirs = by_hand(F.cross_entropy(proxy(x), given.y), proxy)
    method = WeightPerturbation(method=Adversarial(f"linf(eps={EPS})", SEARCH).full_spec(), gamma=0.05)
    # The radius |w_l| is a constant of the paper's proxy, and the perturbation is one too.
    same(gradients(method, made, given), theirs)
    assert all(torch.equal(before[name], value) for name, value in made.state_dict().items())


def test_weight_perturbation_waits_for_its_start() -> None:
    made = net()
    inner = f"adversarial(shift=linf(eps={EPS}), search={SEARCH})"
    early, plain = batch(0.1), methods.build(inner)
    waiting = methods.build(f"weight_perturbation(method={inner}, start=0.5)")
    same(gradients(waiting, made, early), gradients(plain, made, early))


def test_batch_statistics_see_one_pass() -> None:
    made = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))
    method = methods.build(f"weight_perturbation(method=adversarial(shift=linf(eps={EPS}), search={SEARCH}))")
    gradients(method, made, batch())
    assert int(made[2].num_batches_tracked) == 1  # type: ignore[arg-type]  # a buffer


def test_gaussian_augmentation() -> None:
    made, given = net(), batch()
    x = given.x + 0.5 * given.rng.child("noise").normal(1, 8, 8)
    assert float((x - given.x).std()) == pytest.approx(0.5, rel=0.1)
    same(gradients(methods.build("gaussian_augmentation(sigma=0.5)"), made, given), by_hand(F.cross_entropy(made(x), given.y), made))


def test_smooth_adversarial() -> None:
    made, given = net(), batch()
    shift, noises = Linf(EPS).within(SPACE), [0.25 * given.rng.child("noise", j).normal(1, 8, 8) for j in range(2)]
    d = shift.sample(given.x, given.rng.child("move").child("restart", 0))
    for _ in range(STEPS):
        d = d.detach().requires_grad_()
        mean = torch.stack([made(given.x + d + noise).softmax(1) for noise in noises]).mean(0)
        (g,) = torch.autograd.grad(-mean.gather(1, given.y[:, None]).log().sum(), d)
        d = ((given.x + (d + STEP * EPS * g.sign()).clamp(-EPS, EPS)).clamp(0, 1) - given.x).detach()
    loss = torch.stack([F.cross_entropy(made(given.x + d + noise), given.y) for noise in noises]).mean()
    method = methods.build(f"smooth_adversarial(shift=linf(eps={EPS}), search={SEARCH}, sigma=0.25, draws=2)")
    same(gradients(method, made, given), by_hand(loss, made))


def test_mixup() -> None:
    made, given = net(), batch()
    method = methods.build("mixup(alpha=1)")
    order, share = method.partners(given)  # type: ignore[attr-defined]
    assert sorted(order.tolist()) == list(range(12))
    assert 0 < share < 1
    scores = made(share * given.x + (1 - share) * given.x[order])
    loss = share * F.cross_entropy(scores, given.y) + (1 - share) * F.cross_entropy(scores, given.y[order])
    same(gradients(method, made, given), by_hand(loss, made))


def test_the_share_of_mixup_is_beta() -> None:
    from scipy.stats import beta, kstest

    method = methods.build("mixup(alpha=0.4)")
    shares = [method.partners(Batch(torch.zeros(2, 1), torch.zeros(2), Rng.for_ids(s, ["a", "b"]), SPACE))[1] for s in range(400)]  # type: ignore[attr-defined]
    assert kstest(shares, beta(0.4, 0.4).cdf).pvalue > 1e-6


def test_distillation(tmp_path: Path) -> None:
    teacher, made, given = net(1), net(2), batch()
    torch.save(teacher.state_dict(), tmp_path / "teacher.pt")
    targets = (teacher(given.x) / 5).softmax(1).detach()
    loss = -(targets * (made(given.x) / 5).log_softmax(1)).sum(1).mean()
    method = methods.build(f"distillation(teacher='{tmp_path}/teacher.pt', temperature=5)")
    same(gradients(method, made, given), by_hand(loss, made))
    with pytest.raises(UsageError, match="no file of weights 'nowhere.pt'"):
        methods.build("distillation(teacher='nowhere.pt')").init(made, every(batch()))


def joint(given: Batch, turn: int, part: Callable[[Tensor], Tensor]) -> Tensor:
    """A view climbed by hand on its own part of the loss: signs of gradients, from the search's own start."""
    x = torch.rot90(given.x, turn, (2, 3))
    rng = given.rng.child("move").child(turn) if turn else given.rng.child("move")
    d = Linf(EPS).within(SPACE).sample(x, rng.child("restart", 0))
    for _ in range(STEPS):
        d = d.detach().requires_grad_()
        (g,) = torch.autograd.grad(part(x + d).sum(), d)
        d = (x + (d.detach() + STEP * EPS * g.sign()).clamp(-EPS, EPS)).clamp(0, 1) - x
    return x + d


def test_rotation_head() -> None:
    made, given = net(), batch()
    method = methods.build(f"rotation_head(shift=linf(eps={EPS}), search={SEARCH}, weight=0.7)")
    memory = method.init(made, every(batch()))
    body = made[:-1]

    def part(x: Tensor, turn: int) -> Tensor:
        """What one view adds to the loss, as in the paper's code: the classes of the first view, and a quarter of the turns of each."""
        told = 0.7 / 4 * F.cross_entropy(memory(body(x)), torch.full((12,), turn), reduction="none")
        return told if turn else told + F.cross_entropy(made(x), given.y, reduction="none")

    made.eval()
    views = [joint(given, turn, partial(part, turn=turn)) for turn in range(4)]
    made.train()
    torch.testing.assert_close(views[0], method.move(made, given, memory))
    assert not torch.equal(torch.rot90(views[0], 1, (2, 3)), views[1])  # each is moved by itself
    loss = torch.stack([part(x, turn).mean() for turn, x in enumerate(views)]).sum()
    theirs = torch.autograd.grad(loss, [*made.parameters(), *memory.parameters()])
    method.step(made, given, memory).loss.backward()  # type: ignore[no-untyped-call]
    same([p.grad for p in (*made.parameters(), *memory.parameters()) if p.grad is not None], list(theirs))


def test_a_rotation_head_without_moves_trains_on_turns_alone() -> None:
    made, given = net(), batch()
    method = methods.build("rotation_head(shift=identity, weight=0.7)")
    memory = method.init(made, every(batch()))
    told = [F.cross_entropy(memory(made[:-1](torch.rot90(given.x, r, (2, 3)))), torch.full((12,), r)) for r in range(4)]
    theirs = by_hand(F.cross_entropy(made(given.x), given.y) + 0.7 * torch.stack(told).mean(), made)
    method.step(made, given, memory).loss.backward()  # type: ignore[no-untyped-call]
    same([p.grad for p in made.parameters() if p.grad is not None], theirs)
    assert method.threat(SPACE) is None
    with pytest.raises(UsageError, match="'ramp' of rotation_head must be 0 where the shift is identity"):
        methods.build("rotation_head(shift=identity, ramp=0.5)")


def test_holistic_robust() -> None:
    made, given = net(), batch()
    x = climbed(made, given)
    losses = F.cross_entropy(made(x), given.y, reduction="none")
    theirs = by_hand(risk_loss(Holistic(0.1, 0.2), losses), made)
    same(gradients(methods.build(f"holistic_robust(shift=linf(eps={EPS}), search={SEARCH}, alpha=0.1, radius=0.2)"), made, given), theirs)
    plain = gradients(methods.build(f"holistic_robust(shift=linf(eps={EPS}), search={SEARCH}, alpha=0, radius=0)"), made, given)
    same(plain, gradients(Adversarial(f"linf(eps={EPS})", SEARCH), made, given))
    with pytest.raises(UsageError, match="It is the share of the sample that may have been tampered with"):
        methods.build("holistic_robust(shift=linf(eps=0.1), alpha=2)")


def test_augmix() -> None:
    made, given = net(), batch()
    method = methods.build("augmix(weight=3)")
    x, a, b = method.move(made, given, nn.Module()).chunk(3)
    assert torch.equal(x, given.x)
    assert not torch.equal(a, b)
    p, q, r = (made(each).softmax(1) for each in (x, a, b))
    m = ((p + q + r) / 3).clamp(1e-7, 1).log()
    js = sum(F.kl_div(m, each, reduction="batchmean") for each in (p, q, r)) / 3
    same(gradients(method, made, given), by_hand(F.cross_entropy(made(x), given.y) + 3 * js, made))
    assert float(jensen_shannon([torch.zeros(1, 2)] * 3)) == pytest.approx(0, abs=1e-6)


def test_augmix_operations_are_pillows() -> None:
    import numpy as np
    from PIL import Image, ImageOps

    from shiftproof.training.methods.augmix import _autocontrast, _equalize

    levels = (torch.rand(1, 1, 96, 96) ** 2 * 200).round() + 20
    picture = Image.fromarray(levels[0, 0].numpy().astype(np.uint8))
    rng = Rng.for_ids(0, ["a"])
    for mine, theirs in ((_autocontrast, ImageOps.autocontrast), (_equalize, ImageOps.equalize)):
        ours = mine(levels / 255, rng)[0, 0] * 255
        assert float((ours - torch.from_numpy(np.array(theirs(picture)).astype(np.float32))).abs().max()) <= 4


def test_corruption_augmentation_moves_a_share() -> None:
    made, given = net(), batch(n=200)
    method = methods.build("corruption_augmentation(corruptions='brightness(severity=3); contrast(severity=5)', share=0.25)")
    moved = method.move(made, given, nn.Module())
    share = float((moved != given.x).flatten(1).any(1).float().mean())
    assert 0.1 < share < 0.4
    same(gradients(method, made, given), by_hand(F.cross_entropy(made(moved), given.y), made))


@pytest.mark.parametrize("crown", [True, False])
def test_interval_training_bounds_every_move(crown: bool) -> None:
    made, given = net().double(), batch()
    x, eps = given.x.double(), 0.05
    layers = chain(made)
    boxes = interval_boxes(layers, ((x - eps).clamp(0, 1), (x + eps).clamp(0, 1)))
    bounds = crown_margins(layers, boxes, given.y) if crown else interval_margins(layers, boxes, given.y)
    rows = torch.arange(12)
    assert torch.allclose(bounds[rows, given.y], torch.zeros(12, dtype=torch.float64), atol=1e-9)
    for _ in range(200):
        scores = made((x + eps * (2 * torch.rand_like(x) - 1).sign()).clamp(0, 1))
        assert bool((scores - scores.gather(1, given.y[:, None]) <= bounds + 1e-9).all())


def test_interval_bounds_are_exact_without_curves() -> None:
    layer = nn.Linear(5, 3).double()
    made, x, y = nn.Sequential(layer), torch.rand(4, 5, dtype=torch.float64), torch.tensor([0, 1, 2, 0])
    boxes = interval_boxes(chain(made), (x - 0.1, x + 0.1))
    weight = layer.weight[None] - layer.weight[y][:, None]
    scores = made(x)
    exact = scores - scores.gather(1, y[:, None]) + 0.1 * weight.abs().sum(2)
    torch.testing.assert_close(interval_margins(chain(made), boxes, y), exact)
    torch.testing.assert_close(crown_margins(chain(made), boxes, y), exact)


def test_interval_training_is_the_papers_loss() -> None:
    made, given = net(), batch(progress=0.25)  # half of the ramp: eps is half, kappa 0.75, and both bounds count half
    boxes = interval_boxes(chain(made), ((given.x - EPS / 2).clamp(0, 1), (given.x + EPS / 2).clamp(0, 1)))
    bounds = (interval_margins(chain(made), boxes, given.y) + crown_margins(chain(made), boxes, given.y)) / 2
    loss = 0.75 * F.cross_entropy(made(given.x), given.y) + 0.25 * F.cross_entropy(bounds, given.y)
    same(gradients(methods.build(f"interval_training(shift=linf(eps={EPS}))"), made, given), by_hand(loss, made))


@pytest.mark.parametrize(
    ("spec", "most"),
    [
        ("plain", 1),
        (f"adversarial(shift=linf(eps=0.1), search={SEARCH})", STEPS + 1),
        (f"trades(shift=linf(eps=0.1), search={SEARCH})", STEPS + 3),
        (f"mart(shift=linf(eps=0.1), search={SEARCH})", STEPS + 2),
        ("fast_adversarial(shift=linf(eps=0.1))", 2),
        ("free_adversarial(shift=linf(eps=0.1))", 1),
        (f"weight_perturbation(method=adversarial(shift=linf(eps=0.1), search={SEARCH}))", STEPS + 2),
        (f"smooth_adversarial(shift=linf(eps=0.1), search={SEARCH}, draws=2)", 2 * (STEPS + 1)),
        (f"rotation_head(shift=linf(eps=0.1), search={SEARCH})", 4 * (STEPS + 1)),
        ("augmix", 3),
        ("mixup", 1),
    ],
)
def test_the_forwards_that_are_stated(spec: str, most: int) -> None:
    made, given, seen = net(), batch(n=16), 0

    def count(_: nn.Module, inputs: tuple[Tensor]) -> None:
        nonlocal seen
        seen += len(inputs[0])

    made.register_forward_pre_hook(count)
    method = methods.build(spec)
    method.step(made, given, method.init(made, every(batch())))
    assert seen == most * 16


def test_divergence_is_of_the_reference() -> None:
    p, z = torch.tensor([[0.9, 0.1]]), torch.zeros(1, 2)
    assert float(divergence(p.log(), z)) == pytest.approx(0.9 * math.log(1.8) + 0.1 * math.log(0.2), abs=1e-6)


@pytest.mark.parametrize("name", methods.names())
def test_every_method_steps_and_reads_back(name: str) -> None:
    from shiftproof.conformance.instances import instances
    from shiftproof.conformance.part import PART_CHECKS, has_a_name

    for part in instances(methods.get(name)):
        assert methods.build(part.full_spec()) == part
        assert part.references
        for check in (has_a_name, *PART_CHECKS):
            check(part)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("adversarial", "needs shift: write adversarial(shift=...)"),
        ("adversarial(shift=linf(eps=0.1), search=grid)", "grid cannot be used"),
        ("adversarial(shift=linf(eps=0.1), ramp=2)", "The 'ramp' of adversarial must be in [0, 1]"),
        ("adversarial(shift=union(linf=0.1, l2=0.5), ramp=0.5)", "has no strength option to increase"),
        ("plain(temperature=0)", "The 'temperature' of plain must be in (0, inf)"),
        ("trades(shift=linf(eps=0.1), beta=-1)", "The 'beta' of trades"),
        ("mart(shift=linf(eps=0.1), beta=-1)", "The 'beta' of mart"),
        ("free_adversarial(shift=rotation(degrees=10))", "must be a norm ball, got rotation"),
        ("free_adversarial(shift=linf(eps=0.1), times=0)", "The 'times' of free_adversarial must be at least 1"),
        ("weight_perturbation(method=plain, gamma=1)", "The 'gamma' of weight_perturbation must be in (0, 1)"),
        ("weight_perturbation(method=plain, start=1)", "The 'start' of weight_perturbation must be in [0, 1)"),
        ("weight_perturbation(method=weight_perturbation(method=plain))", "be another method"),
        ("gaussian_augmentation(sigma=0)", "The 'sigma' of gaussian_augmentation"),
        ("smooth_adversarial(sigma=0)", "The 'sigma' of smooth_adversarial"),
        ("smooth_adversarial(draws=0)", "The 'draws' of smooth_adversarial"),
        ("mixup(alpha=0)", "The 'alpha' of mixup"),
        ("augmix(weight=-1)", "The 'weight' of augmix"),
        ("augmix(width=0)", "The 'width' of augmix"),
        ("augmix(severity=11)", "The 'severity' of augmix"),
        ("distillation(teacher=a, temperature=0)", "The 'temperature' of distillation"),
        ("rotation_head(shift=linf(eps=0.1), weight=-1)", "The 'weight' of rotation_head"),
        ("corruption_augmentation(corruptions=';')", "name at least one shift"),
        ("corruption_augmentation(corruptions='fog(severity=1)', share=0)", "The 'share' of corruption_augmentation"),
        ("interval_training(shift=l2(eps=1))", "supports linf balls only, got l2"),
        ("interval_training(shift=linf(eps=0.1), kappa=2)", "The 'kappa' of interval_training"),
        ("interval_training(shift=linf(eps=0.1), ramp=0)", "The 'ramp' of interval_training must be in (0, 1]"),
        ("adversaril(shift=linf(eps=0.1))", "Unknown method 'adversaril'. Did you mean: adversarial"),
    ],
)
def test_bad_options_are_said(spec: str, said: str) -> None:
    with pytest.raises(UsageError) as error:
        methods.build(spec)
    assert said in str(error.value)


def test_networks_and_inputs_that_do_not_fit_are_said() -> None:
    pool = nn.Sequential(nn.Conv2d(1, 4, 3), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 10))
    certified = methods.build("interval_training(shift=linf(eps=0.1))")
    with pytest.raises(UsageError, match="this network has a MaxPool2d"):
        certified.step(pool, batch(), nn.Module())
    with pytest.raises(UsageError, match="ends in a Linear layer"):
        certified.step(nn.Sequential(nn.Flatten(), nn.Linear(64, 10), nn.ReLU()), batch(), nn.Module())
    words = nn.Sequential(nn.Conv2d(1, 2, 3, padding="same"), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10))
    with pytest.raises(UsageError, match="whose padding is given as numbers"):
        certified.step(words, batch(0.25), nn.Module())
    head = methods.build("rotation_head(shift=linf(eps=0.1))")
    with pytest.raises(UsageError, match="needs images, got inputs of kind 'vector'"):
        head.init(net(), every(batch(), boxed((0, 1))))
    with pytest.raises(UsageError, match="needs a network with a Linear layer"):
        head.init(nn.Conv2d(1, 1, 1), every(batch()))
    long = Batch(torch.rand(2, 1, 4, 16), torch.zeros(2, dtype=torch.long), Rng.for_ids(0, ["a", "b"]), SPACE, 0.5)
    with pytest.raises(UsageError, match="needs square images, got 4 x 16"):
        head.step(net(), long, head.init(net(), every(long)))
    with pytest.raises(UsageError, match="needs images in a bounded box"):
        methods.build("augmix").init(net(), every(batch(), boxed((0, 1))))
    judge = InnerProblem(objective=lambda scores: scores[:, 0], rows=12)
    oracle = Oracle(TorchModule(net(), name="net"), Linf(EPS), batch().x, batch().y, Cost.of(12), judge=judge).to_the_end()
    rows = torch.ones(12, dtype=torch.bool)
    assert len(oracle[rows](torch.zeros_like(batch().x)).margin) == 12
    rows[0] = False
    with pytest.raises(UsageError, match="use a search that drops no example"):
        oracle[rows](torch.zeros_like(batch().x)[rows])


def test_the_changelog_names_every_method() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert [name for name in methods.names() if f"`{name}`" not in text] == []


def test_diverse_ensemble() -> None:
    from shiftproof.training.methods import Together

    torch.manual_seed(0)
    made, given = Together(net(seed) for seed in range(3)), batch()
    probabilities = [member(given.x).softmax(1) for member in made.members]
    mean = torch.stack(probabilities).mean(0)
    volumes = []
    for i, label in enumerate(given.y):
        others = torch.stack([torch.cat([p[i, :label], p[i, label + 1 :]]) for p in probabilities])
        unit = others / others.norm(dim=1, keepdim=True)
        volumes.append(torch.linalg.det(unit @ unit.T + 1e-6 * torch.eye(3)).log())
    entropy = -(mean * mean.log()).sum(1).mean()
    loss = sum((F.nll_loss(p.log(), given.y) for p in probabilities), -2.0 * entropy - 0.5 * torch.stack(volumes).mean())
    same(gradients(methods.build("diverse_ensemble"), made, given), by_hand(loss, made))
    assert torch.allclose(made(given.x), mean.log(), atol=1e-5)


def test_what_a_diverse_ensemble_refuses() -> None:
    from shiftproof.training.methods import Together

    two = Together([net(0), net(1)])
    with pytest.raises(UsageError, match="trains 3 networks as one, got 2 of them"):
        methods.build("diverse_ensemble").init(two, every(batch()))
    with pytest.raises(UsageError, match=r"got a single Sequential. Let the factory return shiftproof.training.Together\("):
        methods.build("diverse_ensemble").init(net(), every(batch()))
    few = Together(nn.Sequential(nn.Flatten(), nn.Linear(64, 2)) for _ in range(2))
    with pytest.raises(UsageError, match="be fewer than the 2 classes"):
        methods.build("diverse_ensemble(members=2)").step(few, batch(), nn.Module())
    with pytest.raises(UsageError, match="be at least 2 networks"):
        Together([net()])
    for spec in ("members=1", "entropy=-1", "diversity=-1"):
        with pytest.raises(UsageError, match=f"The '{spec.partition('=')[0]}' of diverse_ensemble"):
            methods.build(f"diverse_ensemble({spec})")
