"""Questions about pictures: what a language model is sent, and what an audit with a blank picture says the picture adds."""

from __future__ import annotations

import ast
import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from chat_stub import ChatStub, Served, completion, serving
from shiftproof._errors import UsageError
from shiftproof.data.rows import Fields, Items
from shiftproof.models.chat import ChatModel
from small_runs import command

ITEMS = 40


def seen(parts: list[dict[str, Any]]) -> tuple[Any, str]:
    """The picture and the text of a message."""
    picture, text = parts
    assert picture["type"] == "image_url"
    written = picture["image_url"]["url"].partition(",")[2]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(written)))), text["text"]


@pytest.fixture
def looking() -> Iterator[ChatStub]:
    """Names the colour that it sees where it is asked to look, and says red where it is not."""

    def answer(content: str) -> Served:
        pixels, text = seen(ast.literal_eval(content))
        colour = ("red", "green", "blue")[int(pixels.reshape(-1, 3).mean(0).argmax())]
        return completion("red" if "guess" in text or np.ptp(pixels) == 0 else colour)

    with serving(answer) as stub:
        yield stub


def test_a_picture_stands_before_the_text(looking: ChatStub) -> None:
    x = torch.zeros(1, 3, 2, 2)
    x[:, 2] = 0.8
    assert [*ChatModel(looking.url, "m").answers(Fields(image=x, question=["Which colour?"]))] == ["blue"]
    pixels, text = seen(looking.asked[0]["messages"][-1]["content"])
    assert text == "Which colour?"
    assert pixels.shape == (2, 2, 3)
    assert pixels[0, 0].tolist() == [0, 0, 204]


def test_a_box_is_part_of_the_model(looking: ChatStub) -> None:
    x = torch.tensor([0.0, 0.0, 255.0]).reshape(1, 3, 1, 1)
    model = ChatModel(looking.url, "m", box=(0.0, 255.0))
    assert [*model.answers(Fields(image=x, question=["Which?"]))] == ["blue"]
    assert model.fingerprint() != ChatModel(looking.url, "m").fingerprint()


def test_what_is_no_question_about_a_picture(looking: ChatStub) -> None:
    model = ChatModel(looking.url, "m")
    for bad in (
        Fields(one=["a"], two=["b"]),
        Fields(image=torch.zeros(1, 2, 2, 2), q=["a"]),
        Fields(image=torch.zeros(1, 3, 2, 2), q=["a"], r=["b"]),
    ):
        with pytest.raises(UsageError, match="must be a text, a chat, or a text with pictures"):
            model.answers(bad)
    base = ChatModel(looking.url, "m", speaks="completions")
    with pytest.raises(UsageError, match="The 'input' of a model of completions must be a text, got 'Fields'"):
        base.answers(Fields(image=torch.zeros(1, 3, 2, 2), q=["a"]))
    assert not looking.asked
    assert len(ChatModel(looking.url, "m").answers(Items(["plain"])[:0])) == 0


def test_an_audit_says_what_the_picture_adds(looking: ChatStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    rows = []
    for place in range(ITEMS):
        channel, asked = int(rng.integers(3)), "Which colour?" if place % 4 else "Do not look, guess a colour."
        pixels = np.zeros((4, 4, 3), dtype=np.uint8)
        pixels[..., channel] = 200
        pixels[0, 0] = 0
        Image.fromarray(pixels).save(tmp_path / f"{place}.png")
        rows.append({"image": f"{place}.png", "q": asked, "a": ("red", "green", "blue")[channel]})
    (tmp_path / "vqa.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    line = ["audit", "--model", f"chat:{looking.url}#m", "--data", f"jsonl:{tmp_path / 'vqa.jsonl'}?text=q&image=image&target=a"]
    line += [
        "--judge",
        "exact_match",
        "--shift",
        "on(field=image, inner=blank)",
        "--shift",
        "on(field=image, inner=gaussian_noise(severity=1))",
    ]
    line += ["--shift", "on(field=q, inner=typos(edits=1))", "--search", "one_draw", "--out", str(tmp_path / "run"), "--quiet"]
    assert command(monkeypatch, *line) == 0
    found = json.loads((tmp_path / "run" / "audit.json").read_text(encoding="utf-8"))
    red = np.array([row["a"] == "red" for row in rows])
    told = np.array(["guess" in row["q"] for row in rows])
    seeing, blind = np.where(told, red, True).mean(), red.mean()
    assert found["clean"]["accuracy"] == pytest.approx(seeing)
    drops = {one["shift"]: one for one in found["results"] if one["measure"] == "drop"}
    blank = drops["on(field=image, inner=blank)"]
    assert blank["value"] == pytest.approx(seeing - blind), "what the picture adds"
    assert blank["interval"][0] < seeing - blind < blank["interval"][1]
    assert drops["on(field=image, inner=gaussian_noise(severity=1))"]["value"] == pytest.approx(0.0)
    assert "on(field=q, inner=typos(edits=1))" in drops
