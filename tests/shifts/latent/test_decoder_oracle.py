"""The decoder's moves against the ball of an identity pair, the closed form of a linear one, and audits from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import shiftproof as sp
from shiftproof import UsageError
from shiftproof.randomness import Rng
from shiftproof.searches import searches
from shiftproof.shifts import L2, Decoder, shifts
from small_runs import command

PAIR = """import torch


class Pair(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.full((1,), {w}))

    def encode(self, x):
        return x.mean((2, 3)) * self.w

    def decode(self, z):
        return z[:, :, None, None]
"""
NET = """import torch


def small():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
"""
IDS = [str(i) for i in range(40)]


class Same:
    """The latents are the pixels."""

    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        return z.reshape(-1, 1, 4, 4)


class Linear(nn.Module):
    """Two latents, which an image of 16 pixels is not given back from."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.weight = nn.Parameter(torch.linalg.qr(torch.randn(16, 2))[0])

    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight

    def decode(self, z: Tensor) -> Tensor:
        return (z @ self.weight.T).reshape(-1, 1, 4, 4)


class Flat:
    def encode(self, x: Tensor) -> Tensor:
        return x.mean((1, 2, 3))

    def decode(self, z: Tensor) -> Tensor:
        return z


class Wide:
    def encode(self, x: Tensor) -> Tensor:
        return x.flatten(1)[:, :2]

    def decode(self, z: Tensor) -> Tensor:
        return z[:, None, :, None].expand(-1, 1, 2, 7)


class Holds:
    """No module itself, but it holds one, as it was trained."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.net = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(16), nn.Dropout(0.5), nn.Linear(16, 2))

    def encode(self, x: Tensor) -> Tensor:
        found: Tensor = self.net(x)
        return found

    def decode(self, z: Tensor) -> Tensor:
        return z.mean(1)[:, None, None, None]


class Draws(Same):
    """Its encoder draws from what it should give the mean of."""

    def encode(self, x: Tensor) -> Tensor:
        return super().encode(x) + torch.randn(())


def _images(n: int = 40) -> Tensor:
    return 0.3 + 0.4 * torch.rand(n, 1, 4, 4, generator=torch.Generator().manual_seed(1))


def test_of_an_identity_pair_it_is_the_euclidean_ball() -> None:
    x, rng = _images(), Rng.for_ids(0, IDS)
    mine, ball = Decoder(distance=0.2, file=f"{__name__}:Same"), L2(0.2)
    moves = mine.sample(x, rng)
    assert torch.allclose(mine.apply(x, moves), ball.apply(x, moves.reshape(x.shape)), atol=1e-6)
    assert torch.allclose(mine.excess(x, 3 * moves), ball.excess(x, (3 * moves).reshape(x.shape)), atol=1e-6)
    assert float(mine.excess(x, mine.project(x, 50 * moves)).abs().max()) < 1e-6
    assert torch.equal(mine.apply(x, mine.origin(x)), x)


def test_draws_fill_the_ball() -> None:
    x = _images(1).expand(3000, -1, -1, -1)
    moves = Decoder(distance=2.0, file=f"{__name__}:Linear").sample(x, Rng.for_ids(0, [str(i) for i in range(3000)]))
    far = moves.norm(dim=1)
    assert float((far <= 1.0).float().mean()) == pytest.approx(0.25, abs=0.03)
    assert float((far <= 2.0001).float().mean()) == 1
    assert moves.mean(0).abs().max() < 0.08


def test_a_search_finds_the_closed_form_of_a_linear_pair_and_model() -> None:
    pair, x = Linear(), _images()
    direction = torch.randn(16, generator=torch.Generator().manual_seed(2))
    layer = nn.Linear(16, 2)
    net = nn.Sequential(nn.Flatten(), layer)
    with torch.no_grad():
        layer.weight.copy_(torch.stack([torch.zeros(16), direction]))
        layer.bias.copy_(torch.tensor([0.0, -float((x.flatten(1) @ direction).median())]))
    model, examples = sp.as_model(net, name="linear"), sp.examples(x, net(x).argmax(1), kind="image")
    margins = net(x).diff(dim=1)[:, 0].abs()
    reach = 0.15 * (pair.weight.T @ direction).norm()
    shift = Decoder(distance=0.15, file=f"{__name__}:Linear")
    found = sp.confront(model, shift, search=searches.build("gradient_ascent(steps=20)"), examples=examples)
    told = ((margins / reach - 1).abs() > 0.05).numpy()  # steps of a finite length do not meet the edge exactly
    assert 3 < (margins > reach).sum() < 37
    assert told.sum() > 30
    assert (found.correct == (margins > reach).numpy())[told].all()


def test_more_distance_is_no_less_damage_and_the_pair_is_part_of_the_spec(tmp_path: Path) -> None:
    shares = [Decoder(distance=distance, file=f"{__name__}:Linear") for distance in (0.1, 0.2)]
    assert shares[0].strength == "distance"
    again = shifts.build(shares[0].full_spec())
    assert again == shares[0]
    codes = []
    for number, weight in enumerate((1.0, 2.0)):
        file = tmp_path / f"pair{number}.py"
        file.write_text(PAIR.format(w=weight))
        codes.append(Decoder(distance=1.0, file=f"{file}:Pair").code)
    assert codes[0] != codes[1]
    with pytest.raises(UsageError, match="It has changed since"):
        Decoder(distance=1.0, file=f"{tmp_path / 'pair0.py'}:Pair", code=codes[1])


def test_a_pair_edited_in_one_process_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "pair.py"
    file.write_text(PAIR.format(w=1.0))
    before = Decoder(distance=1.0, file=f"{file}:Pair")
    file.write_text(PAIR.format(w=22.0))
    after = Decoder(distance=1.0, file=f"{file}:Pair")
    assert before.code != after.code
    assert not torch.equal(after.pair.encode(_images(2)), _images(2).flatten(1))
    with pytest.raises(UsageError, match="It has changed since"):
        before.pair.encode(_images(2))


def test_networks_that_a_pair_holds_are_evaluated_and_do_not_change() -> None:
    shift, x = Decoder(1.0, f"{__name__}:Holds"), _images()
    moves = shift.sample(x, Rng.for_ids(0, IDS))
    placed = shift.within(sp.InputSpace(kind="image"))
    placed.check_inputs(x)
    whole = placed.apply(x, moves)
    torch.testing.assert_close(torch.cat([placed.apply(x[at : at + 1], moves[at : at + 1]) for at in range(len(x))]), whole)


def test_a_pair_that_draws_is_refused() -> None:
    with pytest.raises(UsageError, match="gave two things when asked twice"):
        Decoder(1.0, f"{__name__}:Draws").check_inputs(_images())


def test_what_is_no_pair_is_said() -> None:
    with pytest.raises(UsageError, match="name an object with encode and decode"):
        Decoder(distance=1.0, file=f"{__name__}:IDS")
    with pytest.raises(UsageError, match="'distance'"):
        Decoder(distance=0.0, file=f"{__name__}:Same")
    with pytest.raises(UsageError, match=r"floating latents of shape \(n, k\)"):
        Decoder(distance=1.0, file=f"{__name__}:Flat").check_inputs(_images(3))
    with pytest.raises(UsageError, match="must give images like"):
        Decoder(distance=1.0, file=f"{__name__}:Wide").check_inputs(_images(3))


def test_it_is_audited_from_the_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pair.py").write_text(
        "class Pair:\n    def encode(self, x):\n        return x.flatten(1)[:, :3]\n\n"
        "    def decode(self, z):\n        return z.sum(1)[:, None, None, None]\n"
    )
    (tmp_path / "nets.py").write_text(NET)
    words = ["--model", f"{tmp_path / 'nets.py'}:small", "--limit", "40", "--out", tmp_path / "run"]
    spec = f"decoder(distance=0.5, file='{tmp_path / 'pair.py'}:Pair')"
    assert command(monkeypatch, "audit", *words, "--shift", spec) == 0
    (cell, *_) = [
        cell for cell in json.loads((tmp_path / "run" / "audit.json").read_text())["cells"] if cell["shift"].startswith("decoder")
    ]
    assert cell["shift"].startswith("decoder(distance=0.5")
