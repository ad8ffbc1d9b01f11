"""Defensive distillation: a network learns another's softened answers."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from shiftproof._errors import must
from shiftproof.data.examples import Examples
from shiftproof.training.methods.abstract import Batch, Method, Step
from shiftproof.training.pieces.moved_inputs import in_evaluation


@dataclass(frozen=True)
class Distillation(Method):
    """Learning another network's softened answers: min_f E cross_entropy(f(x) / T, softmax(teacher(x) / T)), used at T = 1.

    Args:
        teacher: a file of the teacher's weights: those of `plain(temperature=T)`.
        temperature: T, in (0, inf); 20 is the paper's for MNIST.

    Guarantees:
        None against a search that divides scores by T: Carlini & Wagner 2017 broke it. It masks gradients, and is here to be measured.
    Cost: 2 forwards and 1 backward per example, beside the teacher's training.

    Reference: Papernot et al. 2016, "Distillation as a defense to adversarial perturbations against deep neural networks".
    """

    name: ClassVar[str] = "distillation"
    aliases: ClassVar[tuple[str, ...]] = ("defensive_distillation",)
    references: ClassVar[tuple[str, ...]] = ("papernot2016distillation", "carlini2017towards")

    teacher: str
    temperature: float = 20.0

    def check(self) -> None:
        if not 0 < self.temperature < math.inf:
            raise must("temperature", self.name, "be in (0, inf)", self.temperature)

    def init(self, net: nn.Module, examples: Examples) -> nn.Module:
        from shiftproof.models.weights import load_weights

        teacher = copy.deepcopy(net).requires_grad_(False)
        load_weights(teacher, self.teacher, name="the teacher")
        return teacher.eval()

    def judge(self, net: nn.Module, batch: Batch, x: Tensor, memory: nn.Module) -> Step:
        targets = (in_evaluation(memory, x) / self.temperature).softmax(1)
        scores = net(x)
        losses = F.cross_entropy(scores / self.temperature, targets, reduction="none")
        return Step(x, targets, losses, torch.ones_like(losses), scores)

    @classmethod
    def examples_for_check(cls) -> list[Distillation]:
        """One as people write it."""
        return [cls(teacher="teacher.safetensors")]
