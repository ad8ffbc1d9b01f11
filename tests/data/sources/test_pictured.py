"""Texts with pictures in a file of JSON Lines: what is read, and what is refused before any work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import shiftproof as sp
from shiftproof._errors import UsageError


def written(folder: Path, rows: list[dict[str, Any]], sizes: tuple[int, ...] = (4, 4)) -> Path:
    """A file of questions, and a grey picture 0.png, 1.png, ... of each size."""
    (folder / "p").mkdir()
    for place, size in enumerate(sizes):
        Image.fromarray(np.full((size, size), 51 * place, dtype=np.uint8)).save(folder / "p" / f"{place}.png")
    (folder / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return folder / "q.jsonl"


ROWS = [{"q": f"What is {place}?", "picture": f"p/{place}.png", "a": "grey"} for place in range(2)]


def test_a_field_of_pictures_beside_the_texts(tmp_path: Path) -> None:
    data = sp.load_data(f"jsonl:{written(tmp_path, ROWS)}?text=q&image=picture&target=a")
    assert data.space.kind == "image+text"
    x: Any = data.take(slice(None)).x
    assert x["picture"].shape == (2, 3, 4, 4)
    assert torch.equal(x["picture"][:, 0, 0, 0], torch.tensor([0.0, 0.2]))
    assert [*x["q"]] == ["What is 0?", "What is 1?"]
    assert "Pictures are read as RGB" in data.notes[0]
    before = data.fingerprint()
    Image.fromarray(np.full((4, 4), 7, dtype=np.uint8)).save(tmp_path / "p" / "1.png")
    assert sp.load_data(f"jsonl:{tmp_path / 'q.jsonl'}?text=q&image=picture&target=a").fingerprint() != before


def test_sizes_and_box(tmp_path: Path) -> None:
    place = written(tmp_path, ROWS, (4, 6))
    with pytest.raises(UsageError, match="Images differ in size: .*Bring them to one with size="):
        sp.load_data(f"jsonl:{place}?text=q&image=picture&target=a").take(slice(None))
    x: Any = sp.load_data(f"jsonl:{place}?text=q&image=picture&size=4&target=a", box=(0, 255)).take(slice(None)).x
    assert x["picture"].max() == 51
    with pytest.raises(UsageError, match="Texts have none"):
        sp.load_data(f"jsonl:{place}?text=q&target=a", box=(0, 255))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("messages=q&image=picture&target=a", "needs texts beside its pictures: write \\?text=KEY&image=OTHER"),
        ("text=q&image=q&target=a", "needs texts beside its pictures"),
        ("text=q&image=a&target=a", r"The picture '.*grey', of row 0 of '.*', is not there. Paths start at the folder of that file."),
        ("text=q&image=pictures&target=a", "Did you mean: picture"),
    ],
)
def test_what_is_refused(tmp_path: Path, query: str, message: str) -> None:
    place = written(tmp_path, ROWS)
    with pytest.raises(UsageError, match=message):
        sp.load_data(f"jsonl:{place}?{query}").take(slice(None))
