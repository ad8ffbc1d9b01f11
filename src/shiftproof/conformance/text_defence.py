"""The contract of defences of text models: one answer a text, in every call and batch, and an unchanged model behind."""

from __future__ import annotations

import pickle
from dataclasses import dataclass

import torch

from shiftproof.conformance.probes import no_global_randomness
from shiftproof.conformance.report import expect
from shiftproof.conformance.text_rows import Lengths, texts
from shiftproof.data.rows import Items
from shiftproof.data.space import TextSpace
from shiftproof.defences.abstract import Defence
from shiftproof.defences.defended_model import DefendedModel


@dataclass(frozen=True, eq=False)
class TextDefenceCase:
    """A defence in front of a small model of three classes, and texts."""

    defence: Defence
    x: Items[str]

    def made(self) -> DefendedModel:
        """A new defended model."""
        return self.defence(Lengths(), space=TextSpace())


def text_defence_case(defence: Defence) -> TextDefenceCase:
    """Texts of words, some with names."""
    return TextDefenceCase(defence, Items(["Ann left Paris", "Lima is far from Lima", "Paris", *texts(6)]))


def scores_are_those_of_classes(case: TextDefenceCase) -> None:
    """It returns finite scores of the model's classes, shape (n, classes), and none for no text."""
    scores = case.made().scores(case.x)  # type: ignore[arg-type]  # texts are rows too
    expect(scores.shape == (len(case.x), 3), f"Scores must have shape {(len(case.x), 3)}, got {tuple(scores.shape)}.")
    expect(bool(scores.isfinite().all()), "Scores have NaN or infinity on ordinary texts.")
    expect(len(case.made().scores(case.x[:0])) == 0, "No texts must give no scores.")  # type: ignore[arg-type]


def a_text_has_one_answer(case: TextDefenceCase) -> None:
    """Its answer to a text is the same in every call, batch and order, with no global randomness."""
    with no_global_randomness("The defence"):
        model = case.made()
        first = model.scores(case.x)  # type: ignore[arg-type]
        again = model.scores(case.x)  # type: ignore[arg-type]
    expect(torch.equal(first, again), "It answers the same texts differently in its second call.")
    alone = torch.cat([case.made().scores(case.x[[row]]) for row in range(len(case.x))])  # type: ignore[arg-type]
    far = float((alone - first).abs().max())
    expect(far < 1e-9, f"Scores of single texts differ by up to {far:.3g} from those in a batch.")


def identity_is_stable(case: TextDefenceCase) -> None:
    """Its fingerprint is stable and differs from that of the model behind, which answers as before; it can be pickled."""
    before = Lengths().scores(case.x)
    model = case.made()
    said = model.scores(case.x)  # type: ignore[arg-type]
    inner = Lengths()
    expect(model.fingerprint() == case.made().fingerprint() != inner.fingerprint(), "Its fingerprint must be stable and its own.")
    expect(torch.equal(model.undefended.scores(case.x), before), "The model behind it has changed.")  # type: ignore[arg-type]
    twin = pickle.loads(pickle.dumps(case.made()))  # noqa: S301  # made here
    expect(torch.equal(twin.scores(case.x), said), "A pickled copy answers differently.")


TEXT_DEFENCE_CHECKS = (scores_are_those_of_classes, a_text_has_one_answer, identity_is_stable)
