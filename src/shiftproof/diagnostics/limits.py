"""Above which figures the masking checks fail: one table, by family of shifts.

`NOMINAL` are the limits that the checklists suggest, or that follow from what a figure means. Honest nets come near some of them, or go
beyond, in families where the landscape is another than a norm ball's. `python -m benchmarks.masking` measured how far on 30 honest nets;
what they call for beyond the nominal limits stands in `LIMITS`. The limits were then tested once, on 59 other honest nets and on nets that
hide their gradients: none of 45 failed in the first two families, 5 of 14 did under patches, which had been calibrated at one size only.
That family was calibrated again at two sizes and tested on nets of other seeds, of which none of 56 failed. Later 22 honest nets of kinds
that neither list has were examined: none failed under patches, one did under a rotation of twice the angle that had been calibrated. The
family of a few numbers was then calibrated at twice the strengths too, and tested at these on nets of other seeds: none of 30 failed.
Figures: benchmarks/results/0.1.0/masking.json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from shiftproof.shifts.abstract import Boxed, Shift
from shiftproof.shifts.patch.patch import Patch

Family = Literal["norms", "few numbers", "patch"]
Limits = Mapping[str, float]

NOMINAL: Limits = {
    "randomness": 0.0,
    "saturation": 50.0,  # nats; in float32 the label's probability rounds to 1 from 17 on, and the others' to 0 from 104
    "zero_gradients": 0.05,
    "gradient_norms": 6.0,
    "slope": 0.5,
    "ruggedness": 1.0,
    "more_effort": 0.05,
    "longer_is_worse": 0.05,
    "step_size": 0.1,
    "loss_choice": 0.1,
    "unbounded": 0.05,
    "black_box": 0.02,
    "silent_success": 0.1,
    "break_point_angle": 0.1,
    "falling_loss": 0.45,
    "transfer": 0.02,
}
LIMITS: Mapping[Family, Limits] = {
    "norms": {**NOMINAL, "more_effort": 0.083, "loss_choice": 0.42, "silent_success": 0.15},
    "few numbers": {
        **NOMINAL,
        "ruggedness": 1.8,
        "more_effort": 0.56,
        "longer_is_worse": 0.48,
        "step_size": 0.28,
        "loss_choice": 0.22,
        "black_box": 0.48,
        "break_point_angle": 0.31,
        "falling_loss": 1.0,
    },
    "patch": {
        **NOMINAL,
        "ruggedness": 2.2,
        "more_effort": 0.46,
        "step_size": 0.22,
        "loss_choice": 0.18,
        "black_box": 0.65,
        "break_point_angle": 0.55,
    },
}
"""As far beyond the largest figure of the honest nets as that lies beyond their median. Where that is further than pure noise goes (1.7 of
`ruggedness`, 0.5 of `falling_loss`), the check has no say in the family."""


def family_of(shift: Shift) -> Family:
    """The family by whose limits a shift is examined: a few numbers (angles, offsets), patches, or moves of the input's size."""
    if isinstance(shift, Boxed):
        return "few numbers"
    return "patch" if isinstance(shift, Patch) else "norms"
