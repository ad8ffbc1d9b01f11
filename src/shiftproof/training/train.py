"""`shiftproof.train`: trains a network by a method, and returns its best checkpoint with a record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from shiftproof._errors import UsageError, unknown
from shiftproof._identity.fingerprinted import Fingerprint, fingerprint_of, found_again
from shiftproof._identity.parts import known_part
from shiftproof._identity.table import identify
from shiftproof._sealed import DamagedFile, UnsealedFile, read_file, read_json, sealed, with_seal
from shiftproof._writing import clear_leftovers, disk_error, one_at_a_time, save
from shiftproof.data.examples import Examples
from shiftproof.data.load import load_data
from shiftproof.data.source import Source
from shiftproof.outcomes import Flag
from shiftproof.randomness import Rng
from shiftproof.training import state
from shiftproof.training.curve_table import best_line, curve_lines
from shiftproof.training.loop import BEST, RESUME, Loop, best_of
from shiftproof.training.methods import methods
from shiftproof.training.methods.abstract import Method
from shiftproof.training.network import check_network, device_named, fresh_network, seeded
from shiftproof.training.optimise import WeightAverage, make_optimiser
from shiftproof.training.overfitting_monitor import Epoch, HeldOutAttack
from shiftproof.training.pieces.grouping import Grouping, group
from shiftproof.training.recipe import Recipe
from shiftproof.training.state import Learner
from shiftproof.training.unseen_threat import unseen_threat

RECORD = "training.json"
FORM = 3
"""Raised when the meaning of a training's record changes, so that old ones are not taken for new ones."""
_RECORD = {"kind": "training"}
MOST_HELD_OUT = 1000
Tell = Callable[[int, Epoch | None], None]


@dataclass(frozen=True, eq=False)
class Trained:
    """What training came to.

    Args:
        module: the network with the weights of the best epoch, in evaluation mode.
        curve: accuracy in training and on held-out examples, epoch by epoch.
        flags: what went wrong, if anything did.
        attack: the threat, the unseen shift and the search of the curves, and what accuracy under them claims (`kind`).
        folder: `best.safetensors`, `last.safetensors` and `training.json`.
        counts: what the method has counted, such as tokens.
    """

    module: nn.Module
    curve: tuple[Epoch, ...]
    flags: tuple[Flag, ...]
    folder: Path
    attack: Mapping[str, str | None]
    counts: Mapping[str, int] = field(default_factory=dict[str, int])

    @property
    def best(self) -> Epoch:
        """The epoch whose weights are kept: the first of largest held-out accuracy under attack."""
        return max(self.curve, key=lambda epoch: epoch.score)

    def __str__(self) -> str:
        kept, table = best_line(self.best, len(self.curve), self.attack), curve_lines(self.curve, self.attack)
        notes = [f"{name}: {n:,}" for name, n in self.counts.items()] + [f"! {flag.name}: {flag.detail}" for flag in self.flags]
        return "\n".join([kept, *table, *notes])


def train(
    model: nn.Module | Callable[[], nn.Module],
    data: str | Source | Examples,
    method: str | Method,
    *,
    out: str | Path,
    device: str = "cpu",
    progress: bool = False,
    save_every: float = 30.0,
    version: str | None = None,
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
        version: what you call this state of the network, where its code and weights do not tell it.
        recipe: the options of `Recipe`: epochs, batch_size, optimiser, schedule, held_out, search, threat, unseen, seed, ...

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
    kept, groups, monitor = _split(source, chosen, settings)
    net = fresh_network(model, settings.seed).to(device_named(device))
    noticed = check_network(chosen.answering(net), kept)
    folder = Path(out)
    memory = _memory(chosen, settings, net, kept)
    known = _known(chosen, monitor, net, memory, version)
    asked = {**_asked(chosen, settings, source, device), **{name: each.text for name, each in known.items()}}
    with _held(folder):
        finished = _earlier(folder, asked, known)
        if finished is None:
            finished = _trained(
                chosen, settings, kept, groups, monitor, net, memory, folder, save_every=save_every, progress=progress, asked=asked
            )
            finished["flags"] = [*(asdict(flag) for flag in noticed), *finished["flags"]]
            _write_record(folder, finished)
            (folder / RESUME).unlink(missing_ok=True)
        trained = _finished(finished, net, folder)
        weights, _ = state.read(folder / BEST, identity=best_of(asked, trained.best.epoch))
    net.load_state_dict(weights)
    net.eval()
    return trained


def _finished(record: dict[str, Any], net: nn.Module, folder: Path) -> Trained:
    curve, flags = tuple(Epoch(**e) for e in record["curve"]), tuple(Flag(**f) for f in record["flags"])
    return Trained(net, curve, flags, folder, record["attack"], record.get("counts", {}))


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """The folder, for one training at a time: the same call elsewhere waits, and then finds it finished."""
    new = not folder.exists()
    with ExitStack() as held:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            held.enter_context(one_at_a_time(folder, f"The folder '{folder}' is in use by another training: waiting for it."))
        except OSError as error:
            raise disk_error(folder, error) from error
        clear_leftovers(folder)
        try:
            yield
        except UsageError:
            if new:
                with suppress(OSError):  # not where something was written
                    folder.rmdir()
            raise


def _trained(
    method: Method,
    recipe: Recipe,
    examples: Examples,
    groups: Grouping | None,
    monitor: HeldOutAttack,
    net: nn.Module,
    memory: nn.Module,
    folder: Path,
    *,
    save_every: float,
    progress: bool,
    asked: dict[str, Any],
) -> dict[str, Any]:
    """The record of the finished run."""
    _write_record(folder, {"asked": asked, "complete": False, "curve": [], "flags": []})
    learned = [p for p in (*net.parameters(), *memory.parameters()) if p.requires_grad]
    learner = Learner(net, memory, make_optimiser(recipe.optimiser, learned), WeightAverage(recipe.average, net))
    with _bar(progress) as (begin, tell):
        loop = Loop(method, recipe, examples, groups, monitor, learner, folder, asked, save_every, tell)
        loop.resume()
        begin(loop.total)
        try:
            loop.run()
        except UsageError:
            if not loop.curve:  # nothing is lost, and the folder is free for another try
                for name in (RECORD, RESUME):
                    (folder / name).unlink(missing_ok=True)
            raise
    return {
        "asked": asked,
        "complete": True,
        "attack": monitor.attack,
        "curve": [asdict(epoch) for epoch in loop.curve],
        "flags": [asdict(flag) for flag in loop.flags],
        "counts": method.counts(memory),
    }


def _memory(method: Method, recipe: Recipe, net: nn.Module, examples: Examples) -> nn.Module:
    """What the method keeps beside the network, as it begins: a teacher, a perturbation."""
    with seeded(recipe.seed):
        return method.init(net, examples).to(next(net.parameters()).device)


def _recipe(options: dict[str, Any]) -> Recipe:
    known = Recipe.__dataclass_fields__
    for key in options:
        if key not in known:
            raise unknown("option of train", key, known)
    return Recipe(**options)


def _split(source: Source, method: Method, recipe: Recipe) -> tuple[Examples, Grouping | None, HeldOutAttack]:
    """What is trained on, with its groups where the method asks for them, and what is held out, chosen by names and the seed."""
    from shiftproof.searches import searches
    from shiftproof.shifts import shifts

    source.require_classes("train")
    shift = shifts.build(recipe.threat).within(source.space) if recipe.threat else method.threat(source.space)
    order = np.argsort(Rng.for_ids(recipe.seed, source.ids).child("held out").uniform(1)[:, 0].numpy(), kind="stable")
    held = min(MOST_HELD_OUT, int(recipe.held_out * len(source)))
    out, kept = np.sort(order[:held]), np.sort(order[held:])
    groups = group(source, method.grouping, owner=method.name) if method.grouping else None
    aside = source.take(out)
    unseen = unseen_threat(recipe.unseen, shift, aside)
    monitor = HeldOutAttack(aside, shift, searches.build(recipe.search), recipe.seed, groups and groups[out], unseen)
    monitor.check()
    gone = [] if groups is None else [name for name, size in zip(groups.names, groups[kept].sizes, strict=True) if not size]
    if gone:
        raise UsageError(
            f"All examples of the group '{gone[0]}' are held out, so none is left for training. Give more data, or a smaller held_out."
        )
    return source.take(kept), groups and groups[kept], monitor


def _known(method: Method, monitor: HeldOutAttack, net: nn.Module, memory: nn.Module, version: str | None) -> dict[str, Fingerprint]:
    """What the network and the parts are known by, with their code and what they read from files."""
    parts = {
        "method's code": method,
        "search's code": monitor.search,
        "threat's code": monitor.shift,
        "unseen threat's code": monitor.unseen,
    }
    known = {name: known_part(part) for name, part in parts.items() if part is not None}
    networks = {"model": net, "method's memory": memory}
    return {name: fingerprint_of("torch", identify(each, name), version=version) for name, each in networks.items()} | known


def _asked(method: Method, recipe: Recipe, source: Source, device: str) -> dict[str, Any]:
    """What identifies a training, with what is known of its network and parts: two of them end with the same weights on one machine."""
    from shiftproof import __version__

    return {
        "form": FORM,
        "method": method.full_spec(),
        **recipe.options(),
        "data": source.uri,
        "examples": source.fingerprint(),
        "device": device,
        "shiftproof": __version__,
    }


def _record(path: Path) -> dict[str, Any]:
    """A training's record as it was sealed; one of before there were seals as it is, as long as it is whole."""
    try:
        return read_json(path, _RECORD)
    except UnsealedFile as error:
        found: dict[str, Any] = json.loads(read_file(path))
        if "form" in found["asked"]:
            raise DamagedFile(str(error)) from error
        return found


def _earlier(folder: Path, asked: dict[str, Any], known: Mapping[str, Fingerprint]) -> dict[str, Any] | None:
    """The record of the same training where it is finished; None where there is something left to do."""
    path = folder / RECORD
    if not path.exists():
        return None
    try:
        record = _record(path)
        before = record["asked"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"The record '{path}' is damaged ({error}). Choose another folder with out.") from error
    if before.get("form") != FORM:
        raise UsageError(
            f"The training in '{folder}' was started by an older version of shiftproof, whose record is incomplete, so it cannot be "
            "resumed. Its weights can still be used. Choose another folder with out."
        )
    for name, each in known.items():
        if not found_again(each.text):
            raise UsageError(
                f"The training in '{folder}' cannot be resumed, because its {name} cannot be identified: {'; '.join(each.gaps)}. Choose "
                "another folder with out. To make later trainings resumable, declare a version: version='1' (--model-version) for the "
                "network, code_version = '1' in the class of a part."
            )
    other = [key for key in asked if before.get(key) != asked[key]]
    if other:
        was, now = before.get(other[0]), asked[other[0]]
        raise UsageError(
            f"The folder '{folder}' holds another training: its '{other[0]}' was {was!r}, and now it is {now!r}. Choose another."
        )
    return record if record["complete"] else None


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    save(folder / RECORD, sealed(with_seal(json.dumps(record, indent=2)), _RECORD))


@contextmanager
def _bar(shown: bool) -> Iterator[tuple[Callable[[int], None], Tell]]:
    """A progress bar: how to begin it, and how to move it."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    said = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f}%")
    columns = (*said, TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bar:
        task = bar.add_task("training", total=None)

        def begin(total: int) -> None:
            bar.update(task, total=total)

        def tell(done: int, epoch: Epoch | None) -> None:
            said = "training"
            if epoch:
                robust = "" if epoch.robust is None else f", attacked {epoch.robust:.1%}"
                robust += "" if epoch.unseen is None else f", unseen {epoch.unseen:.1%}"
                said = f"epoch {epoch.epoch}: in training {epoch.train:.1%}, held out {epoch.held_out:.1%}{robust}"
            bar.update(task, completed=done, description=said)

        yield begin, tell
