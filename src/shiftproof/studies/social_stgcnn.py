"""Social-STGCNN, a published network that predicts where walkers go, as a module of scenes; and scenes from tracks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from shiftproof._errors import must

OBSERVED, PREDICTED = 8, 12
"""Steps of 0.4 s that are seen, and those that are predicted."""
FIELD = 100.0
"""The side of the square around the origin that stored scenes lie in, in metres."""


class SocialSTGCNN(nn.Module):
    """Observed positions of the walkers of a scene, shape (n, walkers, 8, 2), to the first one's predicted way, shape (n, 24), in metres.

    One graph convolution over the walkers, whose edges are the inverse distances of their steps, and convolutions over time, of which the
    published forward leaves the fifth and its PReLU unused; the mean of the predicted distribution is taken. Tensors have the names of the
    published weights, so `load_state_dict` reads them.

    Reference: Mohamed et al. 2020 [mohamed2020social], "Social-STGCNN: a social spatio-temporal graph convolutional
    neural network for human trajectory prediction".
    """

    def __init__(self) -> None:
        super().__init__()
        self.st_gcns = nn.ModuleList([_GraphBlock(2, 5)])
        self.tpcnns = nn.ModuleList([nn.Conv2d(OBSERVED if k == 0 else PREDICTED, PREDICTED, 3, padding=1) for k in range(5)])
        self.tpcnn_ouput = nn.Conv2d(PREDICTED, PREDICTED, 3, padding=1)
        self.prelus = nn.ModuleList([nn.PReLU() for _ in range(5)])

    @classmethod
    def of_file(cls, path: str | Path) -> SocialSTGCNN:
        """The network with weights from a safetensors file, in evaluation mode."""
        from safetensors.torch import load_file

        net = cls()
        net.load_state_dict(load_file(str(path)))
        return net.eval()

    def forward(self, x: Tensor) -> Tensor:
        steps = torch.cat([torch.zeros_like(x[:, :, :1]), x[:, :, 1:] - x[:, :, :-1]], dim=2)
        found = self.st_gcns[0](steps.permute(0, 3, 2, 1), laplacians(steps))
        n, channels, _, walkers = found.shape
        found = found.reshape(n, OBSERVED, channels, walkers)  # as published: read anew in this order, not transposed
        found = self.prelus[0](self.tpcnns[0](found))
        for k in range(1, 4):
            found = self.prelus[k](self.tpcnns[k](found)) + found
        moves = self.tpcnn_ouput(found).reshape(n, channels, PREDICTED, walkers)[:, :2, :, 0]
        way = x[:, 0, -1, :, None] + moves.cumsum(2)
        moved: Tensor = way.permute(0, 2, 1).flatten(1)
        return moved


class _GraphBlock(nn.Module):
    """Mixes the walkers by a graph of each step, then the steps of each walker."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.gcn = nn.ModuleDict({"conv": nn.Conv2d(before, after, 1)})
        self.tcn = nn.Sequential(nn.BatchNorm2d(after), nn.PReLU(), nn.Conv2d(after, after, (3, 1), padding=(1, 0)), nn.BatchNorm2d(after))
        self.residual = nn.Sequential(nn.Conv2d(before, after, 1), nn.BatchNorm2d(after))
        self.prelu = nn.PReLU()

    def forward(self, steps: Tensor, graphs: Tensor) -> Tensor:
        mixed = torch.einsum("nctv,ntvw->nctw", self.gcn["conv"](steps), graphs)
        out: Tensor = self.prelu(self.tcn(mixed) + self.residual(steps))
        return out


def laplacians(steps: Tensor) -> Tensor:
    """The normalised Laplacian of each step's graph, shape (n, time, walkers, walkers), from steps of shape (n, walkers, time, 2).

    Weights are 1 to a walker itself, and between two walkers the inverse distance of their steps, 0 where these are the same.
    """
    moves = steps.permute(0, 2, 1, 3)
    gap = (moves[:, :, :, None] - moves[:, :, None]).square().sum(-1)
    apart = gap > 0
    weight = torch.where(apart, torch.where(apart, gap, torch.ones_like(gap)).rsqrt(), torch.zeros_like(gap))
    weight = weight + torch.eye(gap.shape[-1], dtype=gap.dtype, device=gap.device)
    scale = weight.sum(-1).rsqrt()
    return torch.eye(gap.shape[-1], dtype=gap.dtype, device=gap.device) - scale[..., None] * weight * scale[..., None, :]


def scenes(tracks: npt.NDArray[np.float64], walkers: int) -> npt.NDArray[np.float64]:
    """Every window of 20 frames with exactly so many walkers who are there all the time, shape (n, walkers, 20, 2).

    Positions are in [0, 1], as a sample without a declared box must be: 0.5 more than metres / 100 (`in_metres`).

    Args:
        tracks: rows of frame, walker, x, y, as the ETH and UCY recordings have them, shape (m, 4).
        walkers: at least 2.

    With x = scenes(np.loadtxt("crowds_zara01.txt"), 3), `np.savez("zara1.npz", x=x, y=np.zeros(len(x), int))` writes a sample of the study
    `sampled_trajectory_bounds`: zara1.test=npz:zara1.npz?kind=vector.
    """
    rows = np.asarray(tracks, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[1] != 4:
        raise must("tracks", "scenes", "have rows of frame, walker, x, y", rows.shape)
    if walkers < 2:
        raise must("walkers", "scenes", "be at least 2", walkers, "The network's graph needs two.")
    frames, length = np.unique(rows[:, 0]), OBSERVED + PREDICTED
    place = np.searchsorted(frames, rows[:, 0])
    found: list[npt.NDArray[np.float64]] = []
    for start in range(len(frames) - length + 1):
        window = rows[(place >= start) & (place < start + length)]
        names, count = np.unique(window[:, 1], return_counts=True)
        whole = names[count == length]
        if len(whole) == walkers:
            tracks_of = [window[window[:, 1] == name] for name in whole]
            found.append(np.stack([track[np.argsort(track[:, 0]), 2:] for track in tracks_of]))
    ways = np.array(found).reshape(len(found), walkers, length, 2)
    if bool((np.abs(ways) > FIELD / 2).any()):
        raise must("tracks", "scenes", f"lie within {FIELD / 2:g} m of the origin", float(np.abs(ways).max()))
    return ways / FIELD + 0.5


def in_metres(stored: Tensor) -> Tensor:
    """Positions of stored scenes in metres, float32."""
    return ((stored.double() - 0.5) * FIELD).float()
