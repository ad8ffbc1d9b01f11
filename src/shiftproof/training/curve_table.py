"""The curves of a training run in text: the kept epoch in a sentence, and a small table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shiftproof.outcomes import Bound
from shiftproof.training.overfitting_monitor import Epoch

_MOST = 8
"""Epochs that are shown at most, the first and the last among them."""


def best_line(best: Epoch, epochs: int, attack: Mapping[str, str | None]) -> str:
    """The kept epoch of `epochs` in a sentence: its accuracy held out, under both threats, and in the worst group."""
    said = f"at most {{:.1%}} under {attack['search']} in" if attack["kind"] == Bound.AT_MOST else "{:.1%} on average in"
    shifts = ((best.robust, attack["threat"]), (best.unseen, attack["unseen"]))
    robust = "".join(f", {said.format(value)} {shift}" for value, shift in shifts if value is not None)
    robust += "" if best.worst_group is None else f", {best.worst_group:.1%} in the worst group"
    return f"Epoch {best.epoch} of {epochs} is kept: held-out accuracy {best.held_out:.1%}{robust}."


def curve_lines(curve: Sequence[Epoch], attack: Mapping[str, str | None]) -> list[str]:
    """Accuracy epoch by epoch: in training, held out, under the threat and under the unseen one; some epochs where there are many."""
    sign = "<= " if attack["kind"] == Bound.AT_MOST else ""
    columns: list[tuple[str, list[float | None]]] = [
        ("in training", [epoch.train for epoch in curve]),
        ("held out", [epoch.held_out for epoch in curve]),
        (str(attack["threat"]), [epoch.robust for epoch in curve]),
        (str(attack["unseen"]), [epoch.unseen for epoch in curve]),
    ]
    shown = [(name, values) for name, values in columns if values and values[0] is not None]
    last = len(curve) - 1
    places = sorted({round(place * last / (_MOST - 1)) for place in range(_MOST)}) if last >= _MOST else range(len(curve))
    widths = [max(8, len(name)) for name, _ in shown]
    lines = ["epoch  " + "  ".join(name.rjust(width) for (name, _), width in zip(shown, widths, strict=True))]
    for place in places:
        entries = [f"{sign if at > 1 else ''}{values[place] or 0.0:.1%}" for at, (_, values) in enumerate(shown)]
        lines.append(f"{curve[place].epoch:5d}  " + "  ".join(entry.rjust(width) for entry, width in zip(entries, widths, strict=True)))
    return lines
