"""`shiftproof.train`: a network, data and a method; out comes the best checkpoint, and the record of how it came about."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from shiftproof._errors import UsageError, must, unknown
from shiftproof.data.examples import Examples
from shiftproof.data.load import load_data
from shiftproof.data.source import Source
from shiftproof.evaluation.store import disk_error, write_atomic
from shiftproof.models.torch_module import module_digest
from shiftproof.outcomes import Flag
from shiftproof.randomness import Rng
from shiftproof.training import methods, state
from shiftproof.training.abstract import Method
from shiftproof.training.loop import BEST, RESUME, Loop
from shiftproof.training.optimise import Average, make_optimiser
from shiftproof.training.recipe import Recipe
from shiftproof.training.state import Learner
from shiftproof.training.watch import Epoch, Watch

RECORD = "training.json"
MOST_HELD_OUT = 1000
Tell = Callable[[int, Epoch | None], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """What training came to.

    Args:
        module: the network with the weights of the best epoch, in evaluation mode.
        curve: accuracy in training and on held-out examples, epoch by epoch.
        flags: what went wrong, if anything did.
        folder: `best.safetensors`, `last.safetensors` and `training.json`.
    """

    module: nn.Module
    curve: tuple[Epoch, ...]
    flags: tuple[Flag, ...]
    folder: Path

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are kept: the first of largest held-out accuracy under attack."""
        return max(self.curve, key=lambda epoch: epoch.score)

    def __str__(self) -> str:
        best = self.best
        robust = "" if best.robust is None else f", at most {best.robust:.1%} under attack"
        lines = [f"Epoch {best.epoch} of {len(self.curve)} is kept: {best.held_out:.1%} of the held-out examples right{robust}."]
        return "\n".join([*lines, *(f"! {flag.name}: {flag.detail}" for flag in self.flags)])


def train(
    model: nn.Module | Callable[[], nn.Module],
    data: str | Source | Examples,
    method: str | Method,
    *,
    out: str | Path,
    device: str = "cpu",
    progress: bool = False,
    save_every: float = 30.0,
    **recipe: Any,
) -> Trained:
    """Trains a network by a method, and keeps the epoch that stands best against an attack on held-out examples.

    Args:
        model: a network, of which a copy is trained, or a function that makes one.
        data: labelled examples, a source, or a URI; all are held in memory.
        method: a `Method` or its spec, such as "adversarial(shift=linf(eps=0.1))".
        out: the folder of the run. The same call again goes on where a killed one stopped.
        device: where torch computes.
        progress: shows a bar.
        save_every: seconds between two writings of where it stands: what a kill loses at most.
        recipe: epochs, batch_size, optimiser, schedule, average, clip, precision, held_out, search, threat and seed, as `Recipe` says.

    Returns:
        The network of the best epoch, the curves and what they give away.

    Raises:
        UsageError: an option makes no sense, the threat is larger than the input box, there is too little to hold out, the factory gives
            the same network twice, the folder holds another training, or the loss was not a number in the first epoch.

    Guarantees:
        A killed and resumed run ends with the weights of a straight one, bit for bit on one machine and number of threads: every step
        follows from its number. The caller's network and random generators are left as they were.
    Cost: the method's, one held-out attack an epoch, and a checkpoint every `save_every` seconds.

    Example:
        >>> import tempfile, torch, shiftproof as sp
        >>> data = sp.load_data("digits:?split=train", limit=400)
        >>> net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
        >>> method = "adversarial(shift=linf(eps=0.05), search=gradient_ascent(steps=2))"
        >>> done = sp.train(net, data, method, out=tempfile.mkdtemp(), epochs=2)
        >>> len(done.curve)
        2
    """
    settings = _recipe(recipe)
    chosen = methods.build(method) if isinstance(method, str) else method
    source = load_data(data)
    kept, watch = _split(source, chosen, settings)
    net = _network(model, settings.seed).to(_device(device))
    folder = Path(out)
    asked = _asked(chosen, settings, source, net, device)
    finished = _earlier(folder, asked)
    if finished is None:
        finished = _trained(chosen, settings, kept, watch, net, folder, save_every=save_every, progress=progress, asked=asked)
    weights, _ = state.read(folder / BEST)
    net.load_state_dict(weights)
    curve, flags = ([Epoch(**e) for e in finished["curve"]], [Flag(**f) for f in finished["flags"]])
    return Trained(net.eval(), tuple(curve), tuple(flags), folder)


def _trained(
    method: Method,
    recipe: Recipe,
    examples: Examples,
    watch: Watch,
    net: nn.Module,
    folder: Path,
    *,
    save_every: float,
    progress: bool,
    asked: dict[str, Any],
) -> dict[str, Any]:
    """The record of the finished run."""
    _write_record(folder, {"asked": asked, "complete": False, "curve": [], "flags": []})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        memory = method.init(net, examples.space, int(examples.y.max()) + 1).to(next(net.parameters()).device)
    parameters = [p for p in (*net.parameters(), *memory.parameters()) if p.requires_grad]
    learner = Learner(net, memory, make_optimiser(recipe.optimiser, parameters), Average(recipe.average, net))
    with _bar(progress) as (begin, tell):
        loop = Loop(method, recipe, examples, watch, learner, folder, save_every, tell)
        loop.resume()
        begin(loop.total)
        loop.run()
    record = {
        "asked": asked,
        "complete": True,
        "curve": [asdict(epoch) for epoch in loop.curve],
        "flags": [asdict(flag) for flag in loop.flags],
    }
    _write_record(folder, record)
    (folder / RESUME).unlink(missing_ok=True)
    return record


def _recipe(options: dict[str, Any]) -> Recipe:
    known = Recipe.__dataclass_fields__
    for key in options:
        if key not in known:
            raise unknown("option of train", key, known)
    return Recipe(**options)


def _split(source: Source, method: Method, recipe: Recipe) -> tuple[Examples, Watch]:
    """What is trained on, and what is held out, chosen by the examples' names and the seed."""
    from shiftproof.searches import searches
    from shiftproof.shifts import shifts

    shift = shifts.build(recipe.threat).within(source.space) if recipe.threat else method.threat(source.space)
    order = np.argsort(Rng.for_ids(recipe.seed, source.ids).child("held out").uniform(1)[:, 0].numpy(), kind="stable")
    held = min(MOST_HELD_OUT, int(recipe.held_out * len(source)))
    watch = Watch(source.take(np.sort(order[:held])), shift, searches.build(recipe.search), recipe.seed)
    watch.check()
    return source.take(np.sort(order[held:])), watch


def _device(device: str) -> torch.device:
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError):  # torch raises any of these for what it does not know or see
        raise must("device", "train", "be one that torch sees here, such as cpu, cuda or cuda:0", device) from None


def _network(model: nn.Module | Callable[[], nn.Module], seed: int) -> nn.Module:
    if isinstance(model, nn.Module):
        return copy.deepcopy(model)
    if not callable(model):
        raise must("model", "train", "be a torch module, or a function that makes one", type(model).__name__)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = model()
        again = model()
    if not isinstance(made, nn.Module):
        raise must("model", "train", "make a torch module", type(made).__name__)
    shared = {id(p) for p in made.parameters()} & {id(p) for p in again.parameters()}
    if made is again or shared:
        raise UsageError(
            "The factory gave the same network twice, so one training would go on from the weights of another. "
            "Make a new one at every call."
        )
    return made


def factory_of(spec: str) -> nn.Module | Callable[[], nn.Module]:
    """The network that FILE.py:NAME or package.module:NAME is, or what makes it anew at every call."""
    from shiftproof._imports import load_object
    from shiftproof.models.spec import load_from_spec, neighbours

    def make() -> nn.Module:
        found = load_from_spec(spec)
        if not isinstance(found, nn.Module):
            raise must("model", "train", "be a torch module, or a function that makes one", type(found).__name__)
        return found

    made = make()
    with neighbours(spec):
        return made if load_object(spec) is made else make


def _asked(method: Method, recipe: Recipe, source: Source, net: nn.Module, device: str) -> dict[str, Any]:
    """What identifies a training: two folders with the same end with the same weights on one machine."""
    from shiftproof import __version__

    return {
        "method": method.full_spec(),
        **recipe.options(),
        "data": source.uri,
        "examples": source.fingerprint(),
        "model": module_digest(net),
        "device": device,
        "shiftproof": __version__,
    }


def _earlier(folder: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """The record of the same training where it is finished; None where there is something left to do."""
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        before = record["asked"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"The record '{path}' is damaged ({error}). Choose another folder with out.") from error
    other = [key for key in asked if before.get(key) != asked[key]]
    if other:
        was, now = before.get(other[0]), asked[other[0]]
        raise UsageError(
            f"The folder '{folder}' holds another training: its '{other[0]}' was {was!r}, and now it is {now!r}. Choose another."
        )
    return record if record["complete"] else None


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(folder / RECORD, json.dumps(record, indent=2).encode())
    except OSError as error:
        raise disk_error(folder, error) from error


@contextmanager
def _bar(shown: bool) -> Iterator[tuple[Callable[[int], None], Tell]]:
    """A progress bar: how to begin it, and how to move it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        task = bar.add_task("training", total=None)

        def begin(total: int) -> None:
            bar.update(task, total=total)

        def tell(done: int, epoch: Epoch | None) -> None:
            said = "training"
            if epoch:
                robust = "" if epoch.robust is None else f", attacked {epoch.robust:.1%}"
                said = f"epoch {epoch.epoch}: in training {epoch.train:.1%}, held out {epoch.held_out:.1%}{robust}"
            bar.update(task, completed=done, description=said)

        yield begin, tell
