"""Randomness as an argument: one random stream per example.

A result must not depend on the batch size, the order of the examples, the shard or the backend. So there is no global generator: an `Rng`
is a value with one 64-bit key per example, made from the run's seed and the example's id. Drawing does not change it; another, independent
draw comes from a named `child`.

The stream behind a key is SplitMix64 (Steele, Lea & Flood 2014 [steele2014fast], "Fast splittable pseudorandom number generators"), which
is counter-based: number j of example i is a pure function of (key_i, j), so a whole batch is one vectorised expression.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

Keys = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
SEED_LIMIT = 2**53  # seeds are stored as float64 parameters, in which integers are exact up to here


_CACHE = 2**15
"""Numbers made at a time, in place: a quarter of a megabyte."""


def _mix(z: Keys) -> Keys:
    """SplitMix64's output function; uint64 arithmetic wraps by design."""
    out: Keys = z.copy()
    _mix_in_place(out, np.empty_like(out))
    return out


def _mix_in_place(z: Keys, room: Keys) -> None:
    """The same where z is, with room of its shape for what comes between."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        np.bitwise_xor(z, np.right_shift(z, np.uint64(shift), out=room), out=z)
        np.multiply(z, np.uint64(factor), out=z)
    np.bitwise_xor(z, np.right_shift(z, np.uint64(31), out=room), out=z)


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

    @classmethod
    def join(cls, parts: Sequence[Rng]) -> Rng:
        """All streams of these, one after the other."""
        return cls(np.concatenate([part.keys for part in parts]))

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, index: Sequence[int] | npt.NDArray[np.intp] | slice | torch.Tensor) -> Rng:
        rows = index if isinstance(index, slice) else np.asarray(index)
        return Rng(self.keys[rows])

    def child(self, *path: str | int) -> Rng:
        """An independent stream per example, named by `path` ("restart", 3)."""
        return Rng(_mix(self.keys + _digest("/".join(map(str, path)))))

    def steps(self, name: str, start: int, stop: int) -> Rng:
        """The children (name, start) to (name, stop - 1): all examples of the first, then all of the second, ...

        >>> rng = Rng.for_ids(0, ["a", "b"])
        >>> bool((rng.steps("step", 1, 3).keys[2:] == rng.child("step", 2).keys).all())
        True
        """
        names = np.array([_digest(f"{name}/{number}") for number in range(start, stop)], dtype=np.uint64)
        return Rng(_mix(self.keys[None] + names[:, None]).reshape(-1))

    def each(self, start: int, stop: int) -> Rng:
        """Independent streams for draws start to stop - 1 of every example: all draws of the first example, then of the second, ...

        The stream of draw d of an example does not depend on the range.
        """
        draws = np.arange(start + 1, stop + 1, dtype=np.uint64) * _GOLDEN
        return Rng(_mix(_mix(self.keys + _digest("each"))[:, None] + draws).reshape(-1))

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> torch.Tensor:
        """Uniform numbers in [low, high), shape (n, *shape), float32."""
        import torch

        unit = np.empty((len(self), math.prod(shape)), dtype=np.float32)
        for rows, bits in self._bits(unit.shape[1]):
            # As signed numbers: unsigned ones convert eight times slower.
            np.multiply(np.right_shift(bits, np.uint64(40), out=bits).view(np.int64).astype(np.float32), np.float32(2**-24), out=unit[rows])
        return torch.from_numpy(unit).reshape(len(self), *shape).mul_(high - low).add_(low)

    def normal(self, *shape: int) -> torch.Tensor:
        """Standard normal numbers, shape (n, *shape), float32, by the Box-Muller transform."""
        import torch

        size = math.prod(shape)
        half = (size + 1) // 2
        pair = np.empty((len(self), 2 * half), dtype=np.float32)
        for rows, bits in self._bits(half):
            radius = np.sqrt(
                -2.0 * np.log(((bits >> np.uint64(32)).view(np.int64).astype(np.float32) + np.float32(0.5)) * np.float32(2**-32))
            )
            angle = (bits & np.uint64(0xFFFFFFFF)).view(np.int64).astype(np.float32) * np.float32(2**-32 * 2 * np.pi)
            np.multiply(radius, np.cos(angle), out=pair[rows, :half])
            np.multiply(radius, np.sin(angle), out=pair[rows, half:])
        return torch.from_numpy(pair[:, :size].reshape(len(self), *shape))

    def seeds(self) -> torch.Tensor:
        """One integer seed per example in [0, 2**53), shape (n,), float64: so that it can be stored as a parameter and replayed."""
        import torch

        bits = _mix(self.keys + _GOLDEN)
        return torch.from_numpy((bits % np.uint64(SEED_LIMIT)).astype(np.float64))

    def _bits(self, count: int) -> Iterator[tuple[slice, Keys]]:
        """`count` numbers for each row, (m, count), for some rows after others; those of the last turn are overwritten."""
        counter = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN
        step = max(1, _CACHE // max(1, count))
        made, room = (np.empty((min(step, len(self)), count), dtype=np.uint64) for _ in range(2))
        for start in range(0, len(self), step):
            keys = self.keys[start : start + step]
            bits = np.add(keys[:, None], counter, out=made[: len(keys)])
            _mix_in_place(bits, room[: len(keys)])
            yield slice(start, start + len(keys)), bits
