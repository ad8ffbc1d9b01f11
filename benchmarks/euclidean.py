"""Searches in the Euclidean ball, square attack and batches of 8 images: time over the bare passes that they make, in the same batches."""

from __future__ import annotations

import torch

import shiftproof as sp
from benchmarks.gradient_ascent import conv_net, floor
from benchmarks.timing import Figure, ratio
from shiftproof.searches.abstract import Search
from shiftproof.searches.square import Square
from shiftproof.shifts.abstract import Shift

IMAGES, STEPS, QUERIES = 256, 40, 200


def measure(repeats: int) -> list[Figure]:
    net = conv_net((16, 32, 100))
    model = sp.as_model(net, name="conv 16-32-100", memory_format="contiguous")
    x = torch.rand(IMAGES, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    climb, ask = sp.GradientAscent(steps=STEPS, drop=False), Square(queries=QUERIES)
    cases = (
        ("gradient ascent, l2", sp.L2(0.01), climb, IMAGES),
        ("gradient ascent, linf, 8 images", sp.Linf(0.001), climb, 8),
        ("gradient ascent, l2, 8 images", sp.L2(0.01), climb, 8),
        ("square, linf", sp.Linf(0.001), ask, IMAGES),
        ("square, l2", sp.L2(0.01), ask, IMAGES),
    )
    figures: list[Figure] = []
    for what, shift, search, n in cases:
        examples = sp.examples(x[:n], model.labels(x[:n]))

        def ours(shift: Shift = shift, search: Search = search, examples: sp.Examples = examples) -> sp.Finding:
            return sp.confront(model, shift, search=search, examples=examples)

        found = ours()
        forwards, backwards = int(found.forwards.max()), int(found.backwards.max())

        def bare(examples: sp.Examples = examples, forwards: int = forwards, backwards: int = backwards) -> None:
            floor(net, examples.x, examples.y, forwards, backwards)

        figures.append(ratio(what, ours, "bare passes", bare, repeats))
    return figures
