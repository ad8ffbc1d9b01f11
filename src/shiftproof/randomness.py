"""Randomness as an argument: one random stream per example.

A result must not depend on the batch size, the order of the examples, the shard or the backend. So there is no global generator: an `Rng`
is a value with one 64-bit key per example, made from the run's seed and the example's id. Drawing does not change it; another, independent
draw comes from a named `child`.

The stream behind a key is SplitMix64 (Steele, Lea & Flood 2014 [steele2014fast], "Fast splittable pseudorandom number generators"), which
is counter-based: number j of example i is a pure function of (key_i, j), so a whole batch is one vectorised expression.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Keys = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SEED_LIMIT = 2**53  # seeds are stored as float64 parameters, in which integers are exact up to here


def _mix(z: Keys) -> Keys:
    """SplitMix64's output function; uint64 arithmetic wraps by design."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    out: Keys = z ^ (z >> np.uint64(31))
    return out


def _digest(text: str) -> np.uint64:
    number: np.uint64 = np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))
    return number


@dataclass(frozen=True, eq=False)
class Rng:
    """One random stream per example of a batch of n.

    >>> rng = Rng.for_ids(0, ["a", "b", "c"])
    >>> bool((rng.uniform(2)[1] == rng[[1]].uniform(2)[0]).all())  # the numbers of a row do not depend on other rows
    True
    """

    keys: Keys

    @classmethod
    def for_ids(cls, seed: int, ids: Sequence[str] | npt.NDArray[np.str_]) -> Rng:
        """The streams of the examples named `ids` in a run with `seed`."""
        return cls(np.array([_digest(f"{seed}/{i}") for i in ids], dtype=np.uint64))

    @classmethod
    def for_seeds(cls, seeds: torch.Tensor) -> Rng:
        """The streams of integer seeds, shape (n,), that are parameters of a shift (see `seeds`)."""
        return cls(_mix(seeds.detach().cpu().numpy().astype(np.uint64) + _GOLDEN))

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: Sequence[int] | npt.NDArray[np.intp] | slice | torch.Tensor) -> Rng:
        rows = index if isinstance(index, slice) else np.asarray(index)
        return Rng(self.keys[rows])

    def child(self, *path: str | int) -> Rng:
        """An independent stream per example, named by `path` ("restart", 3)."""
        return Rng(_mix(self.keys + _digest("/".join(map(str, path)))))

    def each(self, start: int, stop: int) -> Rng:
        """Independent streams for draws start to stop - 1 of every example: all draws of the first example, then of the second, ...

        The stream of draw d of an example does not depend on the range.
        """
        draws = np.arange(start + 1, stop + 1, dtype=np.uint64) * _GOLDEN
        return Rng(_mix(_mix(self.keys + _digest("each"))[:, None] + draws).reshape(-1))

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Uniform numbers in [low, high), shape (n, *shape), float32."""
        import torch

        unit = (self._bits(shape) >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
        return torch.from_numpy(unit) * (high - low) + low

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal numbers, shape (n, *shape), float32, by the Box-Muller transform."""
        import torch

        size = int(np.prod(shape, dtype=np.int64))
        half = (size + 1) // 2
        bits = self._bits((half,))
        radius = np.sqrt(-2.0 * np.log(((bits >> np.uint64(32)).astype(np.float32) + np.float32(0.5)) * np.float32(2**-32)))
        angle = (bits & np.uint64(0xFFFFFFFF)).astype(np.float32) * np.float32(2**-32 * 2 * np.pi)
        pair = np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
        return torch.from_numpy(pair[:, :size].reshape(len(self), *shape))

    def seeds(self) -> torch.Tensor:
        """One integer seed per example in [0, 2**53), shape (n,), float64: so that it can be stored as a parameter and replayed."""
        import torch

        return torch.from_numpy((self._bits((1,))[:, 0] % np.uint64(_SEED_LIMIT)).astype(np.float64))

    def _bits(self, shape: tuple[int, ...]) -> Keys:
        count = np.arange(1, int(np.prod(shape, dtype=np.int64)) + 1, dtype=np.uint64) * _GOLDEN
        return _mix(self.keys[:, None] + count).reshape(len(self), *shape)
