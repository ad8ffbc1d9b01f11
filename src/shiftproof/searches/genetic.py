"""A genetic algorithm over moves: score queries only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from shiftproof.models.abstract import Access, Graded
from shiftproof.oracle import Oracle
from shiftproof.randomness import Rng
from shiftproof.searches.abstract import Incumbent, Search
from shiftproof.shifts.abstract import Params, Shift


@dataclass(frozen=True)
class Genetic(Search):
    """Breeds moves: parents are drawn by their margins, a child takes each number from one of two, and a few of its numbers are redrawn.

    The best of a generation lives on unchanged. It works on any shift whose moves are numbers, since redrawing is the shift's own chance
    draw: pixels, angles, severities. An edit of a text, a place with a choice, is taken whole from one of the two parents.

    Args:
        queries: queries per example, at least 2.
        population: moves alive at a time, at least 2.
        mutation: the share of a child's numbers that are redrawn, in (0, 1]; at least one is.
        temperature: how sharply parents are drawn by the standardised margin, above 0; small is sharp.

    Guarantees:
        The best margin never falls. It finds failures and proves nothing.
    Cost: up to `queries` forwards per example; an example that breaks is dropped.

    Reference: Alzantot et al. 2019, "GenAttack: practical black-box attacks with gradient-free optimization".
    """

    name: ClassVar[str] = "genetic"
    aliases: ClassVar[tuple[str, ...]] = ("gen_attack",)
    needs: ClassVar[Access] = Graded
    references: ClassVar[tuple[str, ...]] = ("alzantot2019genattack",)

    queries: int = 1000
    population: int = 8
    mutation: float = 0.02
    temperature: float = 0.3

    @classmethod
    def examples_for_check(cls) -> list[Genetic]:
        """One with few queries."""
        return [cls(queries=60)]

    def check(self) -> None:
        self.require("queries", "population", least=2)
        self.require("mutation", within="(0, 1]")
        self.require("temperature", within="(0, inf)")

    def unsupported(self, shift: Shift) -> str | None:
        if shift.random:
            return f"{shift.name} is random, and seeds cannot be recombined: use best_of_n"
        return None

    def most_passes(self, shift: Shift) -> int:
        return self.queries

    def __call__(self, shift: Shift, oracle: Oracle, x: Any, rng: Rng) -> Params:
        first = [shift.sample(x, rng.child("first", member)) for member in range(min(self.population, self.queries))]
        best = Incumbent(first[0])
        alive = torch.stack(first, dim=1)
        fitness = torch.full(alive.shape[:2], -torch.inf, dtype=torch.float64, device=x.device)
        asked, generation = 0, 0
        while asked < self.queries and len(best.standing()):
            born = 1 if generation else 0  # the best of the last one has been asked already
            for member in range(born, min(alive.shape[1], born + self.queries - asked)):
                rows = best.standing()
                if not len(rows):
                    break
                answer = oracle[rows](alive[rows, member])
                best.update(rows, alive[rows, member], answer)
                fitness[rows, member] = answer.margin.double()
                asked += 1
            generation += 1
            rows = best.standing()
            if len(rows):
                stream = rng[rows.cpu()].child("generation", generation)
                alive[rows] = self._breed(shift, x[rows], alive[rows], fitness[rows], stream)
                fitness[rows, 0] = fitness[rows].amax(1)
        return best.params

    def _breed(self, shift: Shift, x: Any, alive: Tensor, fitness: Tensor, rng: Rng) -> Tensor:
        """The next generation, shape of `alive` (n, population, ...), the best of this one first."""
        n, population = fitness.shape
        everyone = torch.arange(n, device=alive.device)
        spread = (fitness - fitness.mean(1, keepdim=True)) / fitness.std(1, keepdim=True).clamp_min(1e-12)
        ladder = (spread / self.temperature).nan_to_num(0.0, 0.0, 0.0).softmax(1).cumsum(1)
        children = [alive[everyone, fitness.argmax(1)]]
        genes = alive[0, 0].numel() // shift.gene
        for child in range(1, population):
            stream = rng.child(child)
            draw = stream.child("parents").uniform(2).to(ladder)
            mother, father = ((ladder < draw[:, which, None]).sum(1).clamp_max(population - 1) for which in (0, 1))
            weight = ladder.diff(dim=1, prepend=ladder.new_zeros(n, 1))
            toll = weight.gather(1, mother[:, None]) / (weight.gather(1, mother[:, None]) + weight.gather(1, father[:, None]))
            from_mother = (stream.child("cross").uniform(genes).to(toll) < toll).repeat_interleave(shift.gene, 1)
            key = stream.child("place").uniform(genes)
            changed = ((key < self.mutation) | (key == key.amin(1, keepdim=True))).repeat_interleave(shift.gene, 1)
            fresh = shift.sample(x, stream.child("fresh")).flatten(1)
            mixed = torch.where(from_mother, alive[everyone, mother].flatten(1), alive[everyone, father].flatten(1))
            bred = torch.where(changed.to(alive.device), fresh, mixed).reshape(n, *alive.shape[2:])
            children.append(shift.project(x, bred))
        return torch.stack(children, dim=1)
