"""Bal et al. 2025: a language model that learns from the hardest tokens of each batch reads as well with fewer tokens trained on."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from shiftproof.data.examples import Examples
from shiftproof.data.space import boxed
from shiftproof.randomness import Rng
from shiftproof.studies.abstract import EarlierLook, Prediction, Study
from shiftproof.studies.fit import made
from shiftproof.studies.quantity import Quantity
from shiftproof.studies.sentences import PLACES, made_up
from shiftproof.studies.small_transformers import CausalLanguageModel
from shiftproof.studies.trial import Trial
from shiftproof.training.methods.abstract import Batch
from shiftproof.training.methods.token_selection import TokenSelection
from shiftproof.training.pieces.tokens import next_tokens, token_losses

CHARACTERS = " abcdefghijklmnopqrstuvwxyz.,'-!?0\n"
"""The tokens: every digit is a 0, and other characters are left out."""
LENGTH, BATCH, RATE, WARM_UP = 64, 32, 3e-3, 20
KEPT = 0.9
WAYS = {
    "plain": TokenSelection(alpha=1.0),
    "ESLM": TokenSelection(alpha=KEPT),
    "Ada-ESLM": TokenSelection(alpha=KEPT, gain=1.0, every=20, least=0.5),
    "chance": TokenSelection(alpha=KEPT, by="chance"),
}


class Learned(NamedTuple):
    """A trained model, what it took and what it saw."""

    net: nn.Module
    counts: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class SelectiveLanguageModelling(Study):
    """A small language model of characters learns reviews of films from all tokens, the hardest, or as many drawn by chance.

    Cost: six trainings of a small transformer a seed; under a minute of one core in the full form.

    Reference: Bal, Cevher & Muehlebach 2025, "ESLM: risk-averse selective language modeling for efficient pretraining".
    """

    name: ClassVar[str] = "selective_language_modelling"
    references: ClassVar[tuple[str, ...]] = TokenSelection.references
    claim: ClassVar[str] = (
        "A language model that learns from the hardest tokens of each batch reads as well or better than one that learns from all, after "
        "as many tokens trained on, in its own domain and in another."
    )
    paper: ClassVar[str] = "Bal et al. 2025"
    figure: ClassVar[str] = (
        "Stated in words by the abstract, for GPT-2: fewer training FLOPs at the same or better perplexity. By its reviews, 9.9 to 11.7 "
        "hours in place of 5.3 by the clock."
    )
    predictions: ClassVar[tuple[Prediction, ...]] = (
        Prediction("equal tokens trained on, saved by ESLM", "after as many tokens trained on, the loss is at most as large", low=0.0),
        Prediction("equal tokens trained on, saved by ESLM elsewhere", "in the other domain too", low=0.0),
        Prediction("equal tokens trained on, saved by Ada-ESLM", "so it is with the share left out by the change of the risk", low=0.0),
        Prediction("equal tokens trained on, ESLM over chance", "and at most that of as many tokens drawn by chance", low=0.0),
    )
    protocol: ClassVar[str] = (
        "Reviews of films as characters, 35 kinds, in windows of 64: 9,162 to learn from and 600 to judge on, others for each seed; "
        "elsewhere are reviews of airlines. A transformer of two blocks of width 64, Adam, 32 windows a step, a rate that falls to 0 over "
        "the budget: as many tokens trained on as 200 plain steps have, or 200 steps, which take as long. ESLM keeps 90 % by loss; "
        "Ada-ESLM begins there, gain 1, a change every 20 steps, at least 50 %. Losses in nats a token, less is better; the CPU time of "
        "each way is a figure of its own."
    )
    scaled_down: ClassVar[str] = (
        "A hundred thousand weights, characters and 0.4 million tokens in place of GPT-2, subwords and billions: the model is far from "
        "having learned its easy tokens. The rule of Ada-ESLM is ours, as the paper's text could not be had, and so is 90 %."
    )
    seeds: ClassVar[int] = 6
    looks: ClassVar[tuple[EarlierLook, ...]] = (
        EarlierLook(
            "ESLM and chance on one seed at 200 steps (ESLM .06 nats worse after equal steps), and all of it on another at 300 (.07 worse "
            "after equal tokens trained on, Ada-ESLM .11, with errors below .002). 300 steps became 200 for their cost; no prediction "
            "changed.",
            seeds=(0, 900),
        ),
    )
    needs: ClassVar[tuple[str, ...]] = ("films.all", "airlines.all")

    def measure(self, trial: Trial) -> Mapping[str, Quantity]:
        """The loss of each way in either domain after equal tokens trained on and after equal steps, what it saves, and its time."""
        learned, judged = _data(trial)
        steps = trial.pick(quick=6, full=200)
        budget = steps * BATCH * LENGTH
        found: dict[str, Quantity] = {}
        trained(WAYS["plain"], learned, budget=budget // 20, seed=trial.seed)  # what is first pays for torch's start
        plain = trained(WAYS["plain"], learned, budget=budget, seed=trial.seed)
        base = {place: losses(plain.net, windows) for place, windows in judged.items()}
        for place, each in base.items():
            found[f"loss of plain{place}"] = _mean(each)
        for equal, count in (("equal tokens trained on", "tokens trained on"), ("equal steps", "tokens seen")):
            told: dict[str, Mapping[str, Tensor]] = {}
            for way in ("ESLM", "Ada-ESLM", *(("chance",) if count == "tokens trained on" else ())):
                trial.say(f"training {way} for {equal}")
                one = trained(WAYS[way], learned, budget=budget, seed=trial.seed, count=count)
                told[way] = {place: losses(one.net, windows) for place, windows in judged.items()}
                for place, each in told[way].items():
                    found[f"{equal}, saved by {way}{place}"] = _mean(base[place] - each)
                found[f"{equal}, CPU time of {way} over plain"] = Quantity(one.seconds / plain.seconds, unit="amount")
                found[f"{equal}, kept by {way}"] = Quantity(one.counts["tokens trained on"] / one.counts["tokens seen"], unit="share")
            if "chance" in told:
                found[f"{equal}, ESLM over chance"] = _mean(told["chance"][""] - told["ESLM"][""])
        return found


def trained(method: TokenSelection, windows: Examples, *, budget: int, seed: int, count: str = "tokens trained on") -> Learned:
    """A new model that a method has trained until it has counted so many tokens; the rate grows at first, and falls to 0 at the end.

    Args:
        method: how tokens are chosen.
        windows: that are learned, in another random order each time they have all been seen.
        budget: of tokens.
        seed: of the weights and of the order.
        count: which of the method's counts the budget is of.
    """
    net = made(lambda: CausalLanguageModel(len(CHARACTERS), LENGTH), seed)
    memory, optimiser = method.init(net, windows), torch.optim.Adam(net.parameters(), lr=RATE)
    chance, began, left, step = torch.Generator().manual_seed(seed), time.process_time(), list[Tensor](), 0
    while (done := method.counts(memory)[count]) < budget:
        left = left or list(torch.split(torch.randperm(len(windows), generator=chance), BATCH))
        rows = left.pop().numpy()
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARM_UP) * (1 - done / budget)
        rng = Rng.for_ids(seed, windows.ids[rows]).child("step", step)
        batch = Batch(windows.x[rows], windows.y[rows], rng, windows.space, done / budget)
        optimiser.zero_grad()
        found = method.step(net, batch, memory)
        found.loss.backward()  # type: ignore[no-untyped-call]
        method.learned(found, batch, memory)
        optimiser.step()
        step += 1
    return Learned(net.eval(), method.counts(memory), time.process_time() - began)


def losses(net: nn.Module, windows: Examples) -> Tensor:
    """The mean loss of each window, shape (n,), in nats a token."""
    found: list[Tensor] = []
    with torch.no_grad():
        for x, y in zip(windows.x.split(256), windows.y.split(256), strict=True):
            scores = net(x)
            found.append(token_losses(scores, next_tokens(x, y, scores, owner="a study")).mean(1))
    return torch.cat(found)


def windows_of(texts: Sequence[str]) -> Examples:
    """Texts one after the other, each ended by a new line, as windows of characters with the character after each."""
    place = {character: number for number, character in enumerate(CHARACTERS)}
    lines = (re.sub(r"\s+", " ", re.sub(r"([.,!?])", r" \1 ", re.sub(r"[0-9]+", "0", text.lower()))).strip() for text in texts)
    codes = np.array([place[character] for line in lines for character in f"{line}\n" if character in place], dtype=np.float32)
    n = (len(codes) - 1) // LENGTH
    x, y = codes[: n * LENGTH].reshape(n, LENGTH), codes[LENGTH : n * LENGTH + 1 : LENGTH].astype(np.int64)
    ids = np.array([str(number) for number in range(n)])
    return Examples(torch.from_numpy(x), torch.from_numpy(y), ids, space=boxed((0, len(CHARACTERS) - 1)))


def _mean(each: Tensor) -> Quantity:
    """The mean over windows, with its standard error."""
    return Quantity(float(each.double().mean()), float(each.double().std()) / math.sqrt(len(each)))


def _data(trial: Trial) -> tuple[Examples, dict[str, Examples]]:
    """Windows to learn from, and those to judge on by what the domain is called: nothing for the own one."""
    if trial.quick:
        films, others = made_up(trial.numbers("reviews"), 400).x, made_up(trial.numbers("others"), 60, PLACES).x
    else:
        films, others = ([str(text) for text in trial.sample(f"{name}.all").x] for name in ("films", "airlines"))
    order = trial.numbers("reviews to judge on").permutation(len(films))
    judged, most = trial.pick(quick=60, full=600), trial.pick(quick=60, full=1000)
    learned = windows_of([films[place] for place in order[trial.pick(quick=judged, full=1500) :]])
    elsewhere = windows_of(others)
    return learned, {"": windows_of([films[place] for place in order[:judged]]), " elsewhere": elsewhere[:most]}
