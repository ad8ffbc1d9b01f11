"""PGD-40 on 512 images by us and by other libraries, over 40 bare forwards and 40 bare backwards of the model, all in one run.

Every contestant climbs the cross-entropy in the L-infinity ball from a chance start, 40 equal steps, nothing dropped, in batches of 256.
They take turns within each round, so that a drift of the machine cancels in the ratios. Networks have weights from a seed and images are
noise: speed does not depend on either. What each leaves behind in the model is looked at too.

The others live in an environment of their own, with the same torch:

    python -m venv .venv-peers
    .venv-peers/bin/pip install -c constraints.txt . torchvision
    .venv-peers/bin/pip install --no-deps -r benchmarks/peers.txt
    .venv-peers/bin/pip install --no-deps git+https://github.com/jeromerony/adversarial-library
    .venv-peers/bin/python -m benchmarks peers_gradient_ascent

One that is not installed is listed as missing.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import shiftproof as sp
from benchmarks.timing import Figure, not_measured
from shiftproof.models.torch_module import MemoryFormat

STEPS, IMAGES, BATCH, EPS = 40, 512, 256, 0.03
STEP = 2.5 * EPS / STEPS
FLOOR = "80 bare calls"
Contestant = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""(net, images, labels) -> moved images."""


def networks() -> dict[str, tuple[nn.Module, Tensor]]:
    """Networks with the shapes of small MNIST and CIFAR-10 classifiers, each with its images."""
    torch.manual_seed(0)
    noise = torch.Generator().manual_seed(1)
    grey, colour = (torch.rand(IMAGES, *shape, generator=noise) for shape in ((1, 28, 28), (3, 32, 32)))
    strided = nn.Sequential(*_strided(1, 8, 16), nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    wide = nn.Sequential(*_strided(3, 16, 32), nn.Flatten(), nn.Linear(2048, 100), nn.ReLU(), nn.Linear(100, 10))
    pooled = nn.Sequential(*_pooled(1, 8), *_pooled(8, 16), nn.Flatten(), nn.Linear(784, 10))
    return {
        "mnist strided 8-16-256": (strided.eval(), grey),
        "cifar strided 16-32-100": (wide.eval(), colour),
        "mnist pooled 3x3 8-16": (pooled.eval(), grey),
    }


def _strided(channels: int, *widths: int) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for width in widths:
        layers += [nn.Conv2d(channels, width, 4, 2, 1), nn.ReLU()]
        channels = width
    return layers


def _pooled(channels: int, width: int) -> list[nn.Module]:
    return [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]


def bare(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """What is measured against: the model's own passes."""
    for _ in range(STEPS):
        leaf = x.detach().requires_grad_()
        torch.autograd.grad(F.cross_entropy(net(leaf), y, reduction="sum"), leaf)
    return x


def plain(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The loop that people write by hand."""
    moved = (x + torch.empty_like(x).uniform_(-EPS, EPS)).clamp(0, 1)
    for _ in range(STEPS):
        moved.requires_grad_()
        gradient = torch.autograd.grad(F.cross_entropy(net(moved), y, reduction="sum"), moved)[0]
        moved = moved.detach() + STEP * gradient.sign()
        moved = (x + (moved - x).clamp(-EPS, EPS)).clamp(0, 1)
    return moved


def ours(memory_format: MemoryFormat, *, eps: float = EPS, drop: bool = False) -> Contestant:
    def run(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
        model = sp.as_model(net, memory_format=memory_format)
        search = sp.GradientAscent(steps=STEPS, drop=drop)
        found = sp.confront(model, sp.Linf(eps), search=search, examples=sp.examples(x, y), batch_size=BATCH)
        return x + torch.from_numpy(found.params).nan_to_num(0.0)

    return run


def torchattacks(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    found: Tensor = import_module("torchattacks").PGD(net, eps=EPS, alpha=STEP, steps=STEPS)(x, y)
    return found


def foolbox(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    library = import_module("foolbox")
    attack = library.attacks.LinfPGD(steps=STEPS, abs_stepsize=STEP, random_start=True)
    found: Tensor = attack.run(library.PyTorchModel(net, bounds=(0, 1)), x, library.criteria.Misclassification(y), epsilon=EPS)
    return found


def art(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    wrapper = import_module("art.estimators.classification").PyTorchClassifier(
        net, nn.CrossEntropyLoss(), tuple(x.shape[1:]), 10, clip_values=(0.0, 1.0), device_type="cpu"
    )
    kind = import_module("art.attacks.evasion").ProjectedGradientDescentPyTorch
    attack = kind(wrapper, eps=EPS, eps_step=STEP, max_iter=STEPS, num_random_init=1, batch_size=BATCH, verbose=False)
    return torch.from_numpy(attack.generate(x.numpy(), y.numpy()))


def adversarial_library(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    attack = import_module("adv_lib.attacks").pgd_linf
    found: Tensor = attack(net, x, y, EPS, steps=STEPS, absolute_step_size=STEP)
    return found


def secml_torch(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Its own implementation, not those of foolbox and adversarial-library behind its interface."""
    wrapped = import_module("secmlt.models.pytorch.base_pytorch_nn").BasePyTorchClassifier(net)
    kind = import_module("secmlt.adv.evasion.pgd").PGDNative
    attack = kind("linf", epsilon=EPS, num_steps=STEPS, step_size=STEP, random_start=True, y_target=None, lb=0.0, ub=1.0)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=BATCH)
    return torch.cat([moved for moved, _ in attack(wrapped, loader)])


PEERS: dict[str, tuple[str, Contestant]] = {
    "torchattacks": ("torchattacks", torchattacks),
    "foolbox": ("foolbox", foolbox),
    "adversarial-robustness-toolbox": ("art", art),
    "adversarial-library": ("adv_lib", adversarial_library),
    "secml-torch": ("secmlt", secml_torch),
}
"""Name, the module it is imported as, and how it is asked."""


def contestants() -> dict[str, Contestant]:
    """Ours and all peers that are installed."""
    here = {name: run for name, (module, run) in PEERS.items() if find_spec(module)}
    own = {
        "shiftproof, contiguous": ours("contiguous"),
        "shiftproof, channels_last": ours("channels_last"),
        "shiftproof, auto": ours("auto"),
        "shiftproof, auto, dropping broken": ours("auto", drop=True),
    }
    return {"plain loop": plain, **own, **here}


def missing() -> list[str]:
    return [name for name, (module, _) in PEERS.items() if not find_spec(module)]


def left_behind(run: Contestant, net: nn.Module, x: Tensor, y: Tensor) -> list[str]:
    """What is not as before in a model in training mode: one half of its parameters frozen, one with a gradient."""
    subject = copy.deepcopy(net).train()
    parameters = list(subject.parameters())
    for parameter in parameters[::2]:
        parameter.requires_grad_(False)
    parameters[-1].grad = torch.ones_like(parameters[-1])
    before = _state(subject)
    run(subject, x[:8], y[:8])
    after = _state(subject)
    return [what for what, value in before.items() if after[what] != value]


def _state(net: nn.Module) -> dict[str, object]:
    held = [*net.parameters(), *net.buffers()]
    return {
        "parameters": [p.tolist() for p in net.parameters()],
        "buffers": [b.tolist() for b in net.buffers()],
        "training mode": [part.training for part in net.modules()],
        "memory format": [tensor.stride() for tensor in held],
        "requires_grad": [p.requires_grad for p in net.parameters()],
        "gradients": [None if p.grad is None else p.grad.tolist() for p in net.parameters()],
    }


def in_batches(run: Contestant, net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return torch.cat([run(net, x[rows : rows + BATCH], y[rows : rows + BATCH]) for rows in range(0, len(x), BATCH)])


def race(label: str, net: nn.Module, x: Tensor, repeats: int) -> list[Figure]:
    """Everyone's ratio to the bare passes of the same round."""
    y = net(x).argmax(1).detach()
    field = {"bare": bare, **contestants()}
    seconds: dict[str, list[float]] = {name: [] for name in field}
    moved: dict[str, Tensor] = {}
    for run in field.values():  # unmeasured: what happens the first time only
        run(net, x[:8], y[:8])
    for _ in range(repeats):
        for name, run in field.items():
            began = time.process_time()
            moved[name] = in_batches(run, net, x, y)
            seconds[name].append(time.process_time() - began)
            net.zero_grad(set_to_none=True)
            net.eval()
    del field["bare"]
    figures: list[Figure] = []
    for name, run in field.items():
        ratios = sorted(mine / floor for mine, floor in zip(seconds[name], seconds["bare"], strict=True))
        held = float((net(moved[name]).argmax(1) == y).float().mean())
        changed = ", ".join(left_behind(run, net, x, y)) or "nothing"
        what = f"{label}: {name} ({held:.0%} hold; changes {changed})"
        figures.append(Figure(what, FLOOR, statistics.median(ratios), ratios[0], ratios[-1], statistics.median(seconds[name]), repeats))
    return figures


def measure(repeats: int) -> list[Figure]:
    absent = [not_measured(f"{name} (missing: it is not installed)", FLOOR) for name in missing()]
    return [figure for label, (net, x) in networks().items() for figure in race(label, net, x, repeats)] + absent
