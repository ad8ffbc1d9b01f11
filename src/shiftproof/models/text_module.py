"""A torch module behind a tokenizer: provides scores of texts, and says what the tokenizer cuts off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof._identity.fingerprinted import fingerprint_of
from shiftproof._identity.table import identify
from shiftproof.models.abstract import Scores, WrappedModel
from shiftproof.models.answers import ROWS, read_scores
from shiftproof.models.class_codes import ClassCodes
from shiftproof.models.user_code import UserCode

STEP = 8
"""Texts are padded to a multiple of so many tokens and asked about with others of that length, so that their scores do not depend on the
rest of the batch."""
_LEAST = 16
"""Tokens that they are padded to at least: of 8 tokens, two threads made other bits in batches of 16 and of 64."""
_UNKNOWN = 70.0
"""How far below the least logit the score of a class stands that a module does not know: a share of 4e-31."""
Tokenize = Callable[[list[str]], Sequence[Sequence[int]]]


@runtime_checkable
class CutsOff(Protocol):
    """A model that reads the first tokens of a text only."""

    longest: int
    """How many tokens it reads."""

    @property
    def name(self) -> str:
        """Its name in reports."""

    def cut_off(self, texts: Sequence[str], /) -> int:
        """How many of these texts are longer."""


class TextModule(WrappedModel, Scores):
    """Texts as token ids, padded, in a torch module that answers with logits (n, classes), or with a mapping or object that has them.

    Args:
        module: called as module(input_ids=(n, T), attention_mask=(n, T)), both int64; it is put into evaluation mode.
        tokenize: n texts to n lists of token ids, special tokens included and nothing cut off.
        longest: tokens that the module reads; longer texts are cut, their last token kept.
        pad: the id that fills up.
        name: what people call it.
        device: where it computes.
        version: what you call this state of it.
        classes: where the module's columns lie among the data's labels; as they stand where absent.
        fill: batches of more than 16 rows are filled up to a multiple of so many. With fewer than 16 the scores of recurrent modules were
            seen to depend on the rest of the batch; those of encoders with attention were not.

    Guarantees: a text's scores do not depend on the order or the batch: texts are grouped by padded length, and batches filled up to 16
    rows at least, a multiple of `fill`. How many texts are cut off is counted (`cut_off`), and noted in an audit.
    Cost: up to 7 tokens more a text, 15 where it has fewer than 16, and up to 15 rows more for each padded length in a batch.

    Example:
        >>> class Bag(nn.Module):
        ...     def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        ...         total = (input_ids * attention_mask).sum(1).double()
        ...         return torch.stack([-total, total - 9], 1)
        >>> model = TextModule(Bag(), lambda texts: [[len(word) for word in text.split()] for text in texts], longest=2)
        >>> model.labels(["a b", "a bb ccc"]).tolist(), model.cut_off(["a b", "a bb ccc"])
        ([0, 0], 1)
    """

    def __init__(
        self,
        module: nn.Module,
        tokenize: Tokenize,
        *,
        longest: int,
        pad: int = 0,
        name: str | None = None,
        device: str = "cpu",
        version: str | None = None,
        classes: ClassCodes | None = None,
        fill: int = ROWS,
    ) -> None:
        if longest < 1:
            raise must("longest", "a text model", "be at least 1", longest)
        if fill < 1:
            raise must("fill", "a text model", "be at least 1", fill)
        called = name or type(module).__name__
        moved = classes is not None and classes.codes != tuple(range(classes.count))
        whole = {"": module, ".tokenize": tokenize, ".longest": longest, ".pad": pad, ".padded": (STEP, fill)}
        identity = identify(whole | ({".classes": (classes.codes, classes.count)} if classes is not None and moved else {}), called)
        notes = classes.notes if classes is not None else ()
        super().__init__(name=called, fingerprint=fingerprint_of("text", identity, version=version), notes=notes)
        self._classes = classes if moved else None
        self._module, self._tokenize, self.longest, self._pad = module.to(device).eval(), tokenize, longest, pad
        self._fill = fill
        self._device = torch.device(device)

    @property
    def device(self) -> torch.device:
        return self._device

    def cut_off(self, texts: Sequence[str], /) -> int:
        return sum(len(ids) > self.longest for ids in self._ids([*texts]))

    def scores(self, x: Any) -> Tensor:
        texts = [str(text) for text in x]
        if not texts:
            return torch.zeros((0, 2), device=self._device)
        groups: dict[int, list[tuple[int, list[int]]]] = {}
        for row, ids in enumerate(self._ids(texts)):
            kept = [*ids] if len(ids) <= self.longest else [*ids[: self.longest - 1], ids[-1]]
            groups.setdefault(min(self.longest, max(_LEAST, -(-len(kept) // STEP) * STEP)), []).append((row, kept))
        found: list[tuple[list[int], Tensor]] = []
        for width, members in sorted(groups.items()):
            scores = self._asked([ids for _, ids in members], width)
            found.append(([row for row, _ in members], scores))
        whole = found[0][1].new_empty((len(texts), found[0][1].shape[1]))
        for rows, scores in found:
            whole[rows] = scores
        return whole

    def _ids(self, texts: list[str]) -> Sequence[Sequence[int]]:
        with UserCode():
            ids = self._tokenize(texts)
        if len(ids) != len(texts):
            raise must("tokens", f"the tokenizer of '{self.name}'", f"be {len(texts)} lists of ids, one a text", len(ids))
        return ids

    def _asked(self, rows: list[list[int]], width: int) -> Tensor:
        """The logits of texts of one padded length, shape (len(rows), classes)."""
        filled = [*rows, *[rows[-1]] * (max(ROWS, -(-len(rows) // self._fill) * self._fill) - len(rows))]
        ids = torch.full((len(filled), width), self._pad, dtype=torch.int64)
        mask = torch.zeros((len(filled), width), dtype=torch.int64)
        for row, mine in enumerate(filled):
            ids[row, : len(mine)] = torch.tensor(mine, dtype=torch.int64)
            mask[row, : len(mine)] = 1
        with UserCode(), torch.no_grad():
            said: Any = self._module(input_ids=ids.to(self._device), attention_mask=mask.to(self._device))
        logits = said if isinstance(said, Tensor) else said["logits"] if isinstance(said, Mapping) else said.logits
        return self._by_label(read_scores(logits, len(filled), f"model '{self.name}'")[: len(rows)]).to(self._device)

    def _by_label(self, scores: Tensor) -> Tensor:
        """The columns in the order of the data's labels; a class that the module does not know lies far below the others."""
        if self._classes is None:
            return scores
        placed = (scores.amin(1, keepdim=True) - _UNKNOWN).repeat(1, self._classes.count)
        placed[:, list(self._classes.codes)] = scores
        return placed
