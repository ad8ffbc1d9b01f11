"""Suites of texts: typing errors, look-alikes and case in the worst case, further edits by chance."""

from __future__ import annotations

from shiftproof.suites.common import AVERAGE, SuiteRuns

WORST = {
    "quick": ("greedy(queries=200)",),
    "standard": ("greedy", "best_of_n(n=20)"),
    "thorough": ("beam", "genetic(queries=2000)", "best_of_n(n=100)"),
}
"""The adversaries of each suite."""
CHANCE = {
    "quick": (),
    "standard": ("ocr_errors", "swapped_letters", "phonetic_spelling", "common_synonyms", "contracted", "mentions", "whole_casing"),
    "thorough": (
        *("ocr_errors", "swapped_letters", "phonetic_spelling", "common_synonyms", "contracted", "mentions", "whole_casing"),
        *("zero_width", "leetspeak", "dropped_punctuation", "homophones", "dialect_grammar", "chat_spelling", "neutral_facts", "quoted"),
    ),
}
"""Edits that keep the truth, asked about by chance alone, one of each."""
EDITS = {"quick": (1,), "standard": (1, 2, 4), "thorough": (1, 2, 4, 8)}


def wanted(name: str) -> SuiteRuns:
    """What the suite asks of texts."""
    found: SuiteRuns = []
    for shift in ("typos", "homoglyphs", "casing"):
        found += [(f"{shift}(edits={edits})", (AVERAGE, *WORST[name])) for edits in EDITS[name]]
    return found + [(f"{shift}(edits=1)", (AVERAGE,)) for shift in CHANCE[name]]
