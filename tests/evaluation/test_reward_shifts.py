from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from shiftproof._errors import UsageError
from shiftproof.evaluation.reward_shifts import PreferencePair, reward_shifts

PAIRS = [PreferencePair(f"What is {i}?", f"It is {i}, a good number.", f"Nobody can say what {i} is, bad luck.") for i in range(60)]


def honest(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    return [float("good" in response.lower()) for response in responses]


def long_is_good(prompts: Sequence[str], responses: Sequence[str]) -> list[int]:
    """A planted liking for length, beside the truth."""
    return [len(response) + 15 * ("good" in response) for response in responses]


def test_a_scorer_that_reads_the_words_keeps_its_ranking() -> None:
    (found,) = reward_shifts(honest, PAIRS, ["quoted(edits=1)"])
    assert (found.accuracy, found.below_chance) == (1.0, False)
    assert found.ranking.only_first == 0


def test_a_planted_liking_for_length_shows_where_one_response_grows() -> None:
    (both,) = reward_shifts(long_is_good, PAIRS, ["footers(edits=1)"], which="both")
    (other,) = reward_shifts(long_is_good, PAIRS, ["footers(edits=1)"], which="rejected")
    (own,) = reward_shifts(long_is_good, PAIRS, ["footers(edits=1)"], which="chosen")
    assert other.accuracy < both.accuracy
    assert other.below_chance
    assert other.ranking.only_first == 60
    assert own.accuracy == 1.0


def test_draws_repeat_and_differ_between_the_two_responses() -> None:
    seen: list[Sequence[str]] = []

    def listening(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        seen.append(responses)
        return np.arange(len(responses), dtype=float)

    same = [PreferencePair("Q?", "the same words here", "the same words here")] * 20
    first = reward_shifts(listening, same, ["typos(edits=1)"], seed=1)
    assert seen[2] != seen[3]
    reward_shifts(listening, same, ["typos(edits=1)"], seed=1)
    assert seen[2] == seen[6]
    assert first[0].accuracy == 0.0  # ties are wrong


def test_bad_input_is_told() -> None:
    with pytest.raises(UsageError, match="be both, chosen or rejected"):
        reward_shifts(honest, PAIRS, ["quoted(edits=1)"], which="all")
    with pytest.raises(UsageError, match="be shifts of texts"):
        reward_shifts(honest, PAIRS, ["rotation(degrees=3)"])
    with pytest.raises(UsageError, match="be 60 finite numbers"):
        reward_shifts(lambda prompts, responses: [float("nan")] * 60, PAIRS, ["quoted(edits=1)"])
    with pytest.raises(UsageError, match="at least one each"):
        reward_shifts(honest, [], ["quoted(edits=1)"])
