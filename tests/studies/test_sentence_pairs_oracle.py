"""Pairs of sentences: a grammar's pairs have the labels that they were asked for, and features say what two sentences have in common."""

from __future__ import annotations

import numpy as np
import torch

from shiftproof.studies.fit import fit, made
from shiftproof.studies.sentence_pairs import (
    CONTRADICTION,
    ENTAILMENT,
    HASHED,
    NEUTRAL,
    made_up_pairs,
    pair_features,
    pair_network,
)


def test_features_count_what_is_common_and_what_is_denied() -> None:
    found = pair_features(["A dog is running\nA dog is running", "A dog is running\nA dog is not running", "A dog\nA cat"]) / 2
    assert found.shape == (3, 24 + 2 * HASHED)
    assert found[0, :5].tolist() == [1.0] * 5
    assert found[1, 9:13].tolist() == [0.0, 1.0, 0.0, 1.0]  # the second sentence denies, and the first does not
    assert found[2, 3].item() == 0.0  # no word of content in common
    assert not found[0, 24:].any()  # and no word of one sentence alone
    assert found[2, 24:].count_nonzero() == 2


def test_labels_of_made_up_pairs_can_be_learnt() -> None:
    y = np.repeat([CONTRADICTION, ENTAILMENT, NEUTRAL], 150)
    x = pair_features(made_up_pairs(y, np.random.default_rng(0)))
    net = fit(made(pair_network, 0), x, torch.from_numpy(y), steps=150, seed=0)
    others = pair_features(made_up_pairs(y, np.random.default_rng(1)))
    assert float((net(others).argmax(1).numpy() == y).mean()) > 0.9


def test_made_up_pairs_follow_their_generator() -> None:
    y = np.arange(30) % 3
    one, again, other = (made_up_pairs(y, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert one == again != other
    assert all(pair.count("\n") == 1 for pair in one)
    scenes = [pair.split("\n") for pair in made_up_pairs(np.full(200, ENTAILMENT), np.random.default_rng(2))]
    assert not any("not" in second.split() or "no" in second.split() for _, second in scenes)
    assert all(first != second for first, second in scenes if "person" in second or "resting" in second)
