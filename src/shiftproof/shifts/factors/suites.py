"""The published suites of objects and backgrounds: which shifts, at which grids."""

from __future__ import annotations

from shiftproof._part import show

AREAS = tuple(round(0.01 * step, 2) for step in range(1, 101))
"""Of SI-Score: areas of the object's box."""
TURNS = tuple(range(1, 361, 20))
"""Of SI-Score: angles, none of which is a right one, whose pixels would be sharper than those of the others."""
AREAS_TURNED = (0.2, 0.5, 0.8, 1.0)
PLACES = tuple(round(0.05 * step, 2) for step in range(21))
"""Of SI-Score: the centre of the object from edge to edge, across and under."""
AREA_PLACED = 0.2
PIXELS = (0.1, 0.08, 0.05)
"""Of ImageNet-E: pixels of the object over those of the picture."""
TURN = 45
"""Of ImageNet-E: the greatest angle of an object, to either side."""

SUITES: dict[str, tuple[str, ...]] = {
    "si_score_size": tuple(f"placed_object(share={show(area)})" for area in AREAS),
    "si_score_location": tuple(
        f"placed_object(share={show(AREA_PLACED)}, across={show(across)}, under={show(under)})" for under in PLACES for across in PLACES
    ),
    "si_score_rotation": tuple(f"placed_object(share={show(area)}, degrees={turn})" for area in AREAS_TURNED for turn in TURNS),
    "imagenet_e": (
        "placed_object(share=1, counted=side, place=own, on=own)",
        *(f"placed_object(share={show(share)}, counted=pixels, place=own, on=own)" for share in PIXELS),
        f"placed_object(share={show(PIXELS[-1])}, counted=pixels, place=chance, on=own)",
        f"object_rotation(degrees={TURN})",
    ),
}
"""The specs of each suite; each is measured in its average case."""
