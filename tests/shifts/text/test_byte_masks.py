"""Places found for a whole text of ASCII at once are those that patterns find, letter by letter."""

from __future__ import annotations

import numpy as np
import pytest

from shiftproof.shifts.text.byte_masks import LetterGroups
from shiftproof.shifts.text.letters.changed_punctuation import ChangedPunctuation
from shiftproof.shifts.text.letters.curly_quotes import CurlyQuotes
from shiftproof.shifts.text.letters.keyboard_slips import KeyboardSlips
from shiftproof.shifts.text.letters.leetspeak import Leetspeak
from shiftproof.shifts.text.letters.ocr_errors import OcrErrors
from shiftproof.shifts.text.letters.swapped_letters import SwappedLetters
from shiftproof.shifts.text.rewrite import Rewrite

LETTERS = ["a", "rn", "vv", "cl", "c", "l", "n", "r", "w", "oo", "Th", "IS", "4"]
PIECES = [*LETTERS, "'", "''", "-", "--", ".", "...", "`", "_", "\0", "\x7f", " ", "  ", "\n"]
SHIFTS = [ChangedPunctuation(1), CurlyQuotes(1), KeyboardSlips(1), Leetspeak(1), OcrErrors(1), SwappedLetters(1)]
BY_PATTERN = " \N{BLACK HEART SUIT}"
"""After a text it leaves its places as they are, and the text is no longer of ASCII, so patterns find them."""


@pytest.mark.parametrize("shift", SHIFTS, ids=lambda shift: shift.name)
def test_places_are_those_that_patterns_find(shift: Rewrite) -> None:
    rng = np.random.default_rng(0)
    texts = ["", "a", "'", "don't", "rock'n'roll", "'tis", "vvv", "rnrn", "....", "---", *PIECES]
    texts += ["".join(rng.choice(PIECES, size=size)) for size in rng.integers(2, 40, 300)]
    found = 0
    for text in texts:
        quick, slow = shift.find(text), shift.find(text + BY_PATTERN)
        assert quick.places == slow.places, text
        assert [*quick.at.items()] == [*slow.at.items()]
        found += len(quick.places)
    assert found > 200


def test_groups_that_share_a_letter_are_left_to_patterns() -> None:
    assert LetterGroups.possible({"rn": 0, "vv": 0, "n": 0})
    assert not LetterGroups.possible({"ph": 0, "gh": 0})
