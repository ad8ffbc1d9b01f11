"""Reference implementations behind `strength`: each takes (net, x, y, eps, effort, seed) and gives the moved inputs.

They are optional. AutoAttack (`autoattack`) and Sparse-RS (`rs_attacks`) are not on PyPI: put clones of fra31/auto-attack and
fra31/sparse-rs on PYTHONPATH. `effort` is the steps, or the queries, of the method.
"""

from __future__ import annotations

import ast
import contextlib
import io
import math
import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Peer = Callable[[nn.Module, Tensor, Tensor, float, int, int], Tensor]

AUTO = {"linf": "Linf", "l2": "L2", "l1": "L1"}
ORDER = {"linf": math.inf, "l2": 2.0, "l1": 1.0, "l0": 0.0}


def autoattack(file: str, made: str, norm: str, *, steps: str = "n_iter", **options: object) -> Peer:
    """An attack of AutoAttack's repository."""

    def run(net: nn.Module, x: Tensor, y: Tensor, eps: float, effort: int, seed: int) -> Tensor:
        kind = getattr(import_module(f"autoattack.{file}"), made)
        attack = kind(net, norm=AUTO[norm], eps=eps, seed=seed, device="cpu", verbose=False, **{steps: effort}, **options)
        if file == "fab_pt":  # its `perturb` keeps what is inside eps only; a single run gives least moves
            torch.manual_seed(seed)
            found: Tensor = attack.attack_single_run(x, y)
            return found
        return _first(attack.perturb(x, y))

    return run


def sparse_rs(net: nn.Module, x: Tensor, y: Tensor, eps: float, effort: int, seed: int) -> Tensor:
    kind = import_module("rs_attacks").RSAttack
    attack = kind(net, norm="L0", eps=int(eps), n_queries=effort, p_init=0.3, seed=seed, verbose=False, device="cpu", log_path="/dev/null")
    found: Tensor = attack.perturb(x, y)[1]
    return found


def _first(answer: object) -> Tensor:
    """The moved inputs, where an attack gives more than them."""
    return answer if isinstance(answer, Tensor) else answer[0]  # type: ignore[index,no-any-return]


def adversarial_library(made: str, norm: str | None = None, *, steps: str = "steps", **options: object) -> Peer:
    """A function of adversarial-library."""

    def run(net: nn.Module, x: Tensor, y: Tensor, eps: float, effort: int, seed: int) -> Tensor:  # noqa: ARG001
        torch.manual_seed(seed)
        attack = getattr(import_module("adv_lib.attacks"), made)
        more = {} if norm is None else {"norm": ORDER[norm]}
        return _first(attack(net, x, y, **{steps: effort}, **more, **options))

    return run


def torchattacks(made: str, **options: Any) -> Peer:
    """A class of torchattacks; options given as text are worked out from eps and effort by name: see `_filled`."""

    def run(net: nn.Module, x: Tensor, y: Tensor, eps: float, effort: int, seed: int) -> Tensor:
        torch.manual_seed(seed)
        filled = {name: {"eps": eps, "effort": effort, "eps/effort": eps / effort}.get(value, value) for name, value in options.items()}
        attack = getattr(import_module("torchattacks"), made)(net, **filled)
        found: Tensor = attack(x, y)
        return found

    return run


def foolbox(
    made: str, *, distance: str | None = None, steps: str = "steps", per_step: int = 1, start: bool = False, **options: object
) -> Peer:
    """A class of foolbox. `per_step` queries make a step; `start` gives it blended noise to start from."""

    def run(net: nn.Module, x: Tensor, y: Tensor, eps: float, effort: int, seed: int) -> Tensor:
        library = import_module("foolbox")
        torch.manual_seed(seed)
        np.random.seed(seed)
        attacks = library.attacks
        more = {"init_attack": attacks.LinearSearchBlendedUniformNoiseAttack(steps=30, directions=100)} if start else {}
        attack = getattr(attacks, made)(**{steps: max(effort // per_step, 1)}, **more, **options)
        goal = library.criteria.Misclassification(y)
        return _first(attack.run(library.PyTorchModel(net, bounds=(0, 1)), x, goal, **({"epsilon": eps} if distance else {})))

    return run


def foolbox_gen_attack(net: nn.Module, x: Tensor, y: Tensor, eps: float, effort: int, seed: int) -> Tensor:
    """Its GenAttack goes towards a class: the one ahead after the label."""
    library = import_module("foolbox")
    torch.manual_seed(seed)
    np.random.seed(seed)
    attack = library.attacks.GenAttack(steps=effort // 8, population=8, mutation_range=eps)
    goal = library.criteria.TargetedMisclassification(_rival(net, x, y))
    return _first(attack.run(library.PyTorchModel(net, bounds=(0, 1)), x, goal, epsilon=eps))


def _rival(net: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    with torch.no_grad():
        return net(x).scatter(1, y[:, None], -torch.inf).argmax(1)


def bandits(norm: str) -> Peer:
    """The authors' code (MadryLab/blackbox-bandits, a script): BLACKBOX_BANDITS names its main.py, of which the functions are used."""

    def run(net: nn.Module, x: Tensor, y: Tensor, eps: float, effort: int, seed: int) -> Tensor:
        place = os.environ.get("BLACKBOX_BANDITS")
        if not place:
            raise ModuleNotFoundError("BLACKBOX_BANDITS is not set", name="BLACKBOX_BANDITS")
        torch.manual_seed(seed)
        tree = ast.parse(Path(place).read_text())
        tree.body = [part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name != "main"]
        scaling = SimpleNamespace(normalize=lambda image, mean, std: image)  # noqa: ARG005  # this network takes pixels
        code: dict[str, Any] = {"ch": torch, "F": scaling, "Upsample": nn.Upsample, "pdb": None}
        exec(compile(tree, place, "exec"), code)
        options = {"linf": {"fd_eta": 0.1, "image_lr": 0.2 * eps, "online_lr": 100, "exploration": 1.0}}
        options["l2"] = {"fd_eta": 0.01, "image_lr": 0.1 * eps, "online_lr": 0.1, "exploration": 0.01}
        given = SimpleNamespace(
            mode=norm,
            epsilon=eps,
            max_queries=effort,
            gradient_iters=1,
            batch_size=len(x),
            tiling=True,
            tile_size=4,
            nes=False,
            log_progress=False,
        )
        vars(given).update(options[norm])
        wide = _Wide(net)
        cuda, torch.Tensor.cuda = torch.Tensor.cuda, lambda tensor: tensor  # type: ignore[method-assign,assignment,misc]
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                found = code["make_adversarial_examples"](x.repeat(1, 3, 1, 1), y, given, wide, x.shape[-1])
        finally:
            torch.Tensor.cuda = cuda  # type: ignore[method-assign]
        return torch.from_numpy(found["images_adv"]).mean(1, keepdim=True)

    return run


class _Wide(nn.Module):
    """Takes three channels, as the authors' code makes them, and gives their mean to a network for one."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.net(x.mean(1, keepdim=True))
        return scores


def art(
    file: str, made: str, *, steps: str, per_step: int = 1, scale: dict[str, float] | None = None, towards: bool = False, **options: Any
) -> Peer:
    """A class of the Adversarial Robustness Toolbox. `scale` names options that are multiples of eps."""

    def run(net: nn.Module, x: Tensor, y: Tensor, eps: float, effort: int, seed: int) -> Tensor:
        np.random.seed(seed)
        torch.manual_seed(seed)
        attack_file: ModuleType = import_module(f"art.attacks.evasion.{file}")
        wrapped = import_module("art.estimators.classification").PyTorchClassifier(
            nn.Sequential(net, nn.Softmax(1)) if made == "SimBA" else net,
            nn.CrossEntropyLoss(),
            x.shape[1:],
            10,
            clip_values=(0.0, 1.0),
            device_type="cpu",
        )
        scaled = {name: factor * eps for name, factor in (scale or {}).items()}
        if not hasattr(np, "mat"):
            np.mat = np.asmatrix  # type: ignore[attr-defined]  # its GeoDA is written for NumPy 1
        attack = getattr(attack_file, made)(wrapped, verbose=False, **{steps: max(effort // per_step, 1)}, **scaled, **options)
        label = _rival(net, x, y) if towards else y
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            moved = attack.generate(x.numpy(), nn.functional.one_hot(label, 10).numpy())
        return torch.from_numpy(np.asarray(moved, dtype=np.float32))

    return run
