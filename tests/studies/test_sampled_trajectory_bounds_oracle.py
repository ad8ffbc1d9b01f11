"""The trajectory study's linear bound, judge, scenes and graphs against closed forms and loops."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.studies.sampled_trajectory_bounds import FAR, REACH, Displacement, StraightOn, distance, linear_bound, metres
from shiftproof.studies.social_stgcnn import OBSERVED, PREDICTED, SocialSTGCNN, in_metres, laplacians, scenes


def test_the_linear_bound_of_a_linear_function_is_its_largest_value_in_the_box() -> None:
    numbers = np.random.default_rng(0)
    moves, others = numbers.uniform(-REACH, REACH, (2, 300, 6))
    slopes = numbers.normal(size=6)
    found = linear_bound(moves, 2 + moves @ slopes, others, 2 + others @ slopes)
    assert found == pytest.approx(2 + REACH * np.abs(slopes).sum())
    bent = linear_bound(moves, 2 + moves @ slopes, others, 2.5 + others @ slopes)
    assert bent == pytest.approx(found + 0.5)  # the margin is that of the other moves


def test_the_judge_climbs_the_mean_distance_in_metres() -> None:
    way, truth = torch.zeros(1, 4), torch.tensor([[3.0, 4.0, 0.0, 1.0]])
    assert float(distance(way, truth)) == 3
    assert float(Displacement(2.0).margin(way, truth)) == 0.5
    assert float(Displacement(2.0).score(way, truth)) == 0
    assert float(Displacement(3.0).score(way, truth)) == 1
    assert metres(float(FAR.margin(way, truth))) == pytest.approx(3)


def test_going_straight_on_continues_the_last_step() -> None:
    steps = torch.arange(OBSERVED + PREDICTED, dtype=torch.float32)
    scene = torch.stack([steps, 2 * steps], 1)[None, None].repeat(1, 2, 1, 1)
    assert torch.allclose(StraightOn()(scene[:, :, :OBSERVED]), scene[:, 0, OBSERVED:].flatten(1))


def test_laplacians_are_those_of_a_loop_over_pairs() -> None:
    steps = torch.rand(2, 3, 4, 2, generator=torch.Generator().manual_seed(0))
    steps[0, 1, 2] = steps[0, 0, 2]  # two that make the same step are not joined
    found = laplacians(steps)
    for n in range(2):
        for t in range(4):
            weight = np.eye(3)
            for i in range(3):
                for j in range(3):
                    gap = math.dist(steps[n, i, t].tolist(), steps[n, j, t].tolist())
                    if i != j and gap:
                        weight[i, j] = 1 / gap
            degree = weight.sum(1)
            expected = (np.diag(degree) - weight) / np.sqrt(degree[:, None] * degree[None])
            assert found[n, t].numpy() == pytest.approx(expected, abs=1e-6)


def test_scenes_are_windows_with_so_many_whole_tracks() -> None:
    rows = [[10.0 * f, w, f + 0.5 * w, -f] for f in range(22) for w in (1.0, 2.0) if (f, w) != (21, 2.0)]
    found = in_metres(torch.from_numpy(scenes(np.array(rows)[::-1], 2)))
    assert found.shape == (2, 2, 20, 2)  # of three windows the last misses one walker's last frame
    assert found[1, 0, :, 0].tolist() == pytest.approx([f + 0.5 for f in range(1, 21)], abs=1e-4)
    assert found[0, 1, :, 1].tolist() == pytest.approx([-float(f) for f in range(20)], abs=1e-4)
    assert len(scenes(np.array(rows), 3)) == 0
    for tracks, walkers, message in (
        (np.zeros((3, 3)), 2, "have rows of frame, walker, x, y"),
        (np.array(rows), 1, "'walkers' of scenes must be at least 2, got 1"),
        (np.array(rows) * [1, 1, 100, 1], 2, "lie within 50 m of the origin"),
    ):
        with pytest.raises(UsageError, match=message):
            scenes(tracks, walkers)


def test_the_network_reads_its_file_and_moves_with_the_scene(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = SocialSTGCNN().eval()
    save_file(net.state_dict(), tmp_path / "net.safetensors")
    again = SocialSTGCNN.of_file(tmp_path / "net.safetensors")
    scene = torch.rand(3, 4, OBSERVED, 2)
    assert torch.equal(net(scene), again(scene))
    assert again(scene).shape == (3, 2 * PREDICTED)
    moved = again(scene + torch.tensor([5.0, -2.0])).reshape(3, PREDICTED, 2) - again(scene).reshape(3, PREDICTED, 2)
    assert torch.allclose(moved, torch.tensor([5.0, -2.0]).expand_as(moved), atol=1e-3)
    assert isinstance(sp.as_model(again).name, str)
