"""Failure points of images stored at each level, on a model whose answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.examples import Examples
from shiftproof.evaluation.curves.stored_curve import at_every_level, stored_curve
from small_runs import as_typed


class Sign(nn.Module):
    """Class 1 where the first number is above a half."""

    def forward(self, x: Tensor) -> Tensor:
        first = x.flatten(1)[:, 0]
        return torch.stack([0.5 - first, first - 0.5], dim=1)


def level(values: list[float], names: str, y: list[int] | None = None) -> Examples:
    labels = [1] * len(values) if y is None else y
    return sp.examples(torch.tensor(values)[:, None].repeat(1, 2), torch.tensor(labels), ids=list(names))


def test_failure_points_are_the_least_level_that_is_wrong() -> None:
    start, mild, strong = level([0.9, 0.9, 0.9, 0.1], "abcd"), level([0.8, 0.2, 0.2, 0.1], "abcd"), level([0.7, 0.1, 0.9, 0.9], "abcd")
    curve = stored_curve(sp.as_model(Sign()), at_every_level({2.5: strong, 0.0: start, 1.5: mild}), strength="scale")
    assert curve.levels.tolist() == [0.0, 1.5, 2.5]
    assert curve.accuracy.tolist() == [0.75, 0.25, 0.75]
    assert curve.failure.tolist() == [np.inf, 1.5, 1.5, 0.0]
    np.testing.assert_array_equal(curve.gap, [np.nan, 1.5, 1.5, 0.0])
    assert curve.recoveries.tolist() == [0, 0, 1, 1]
    assert curve.median_failure == 1.5
    assert curve.asked == 12


def test_what_was_filtered_out_at_one_level_counts_at_none() -> None:
    whole, filtered = level([0.9, 0.2, 0.9], "abc"), level([0.1, 0.9], "ca")
    paired = at_every_level({0.0: whole, 1.0: filtered})
    assert paired.left_out == 1
    assert [each.ids.tolist() for each in paired.examples.values()] == [["a", "c"]] * 2
    assert paired.examples[1.0].x[:, 0].tolist() == pytest.approx([0.9, 0.1])
    with pytest.raises(UsageError, match="must be at least 2, got 1. Name each as LEVEL=URI"):
        at_every_level({0.0: whole})
    with pytest.raises(UsageError, match="No example is at every level. Examples pair by their ids"):
        at_every_level({0.0: whole, 1.0: level([0.5], "z")})
    with pytest.raises(UsageError, match="Examples of level 1 have other labels than those of the same ids at level 0"):
        at_every_level({0.0: whole, 1.0: level([0.5], "a", [0])})


def made(folder: Path, values: dict[str, int]) -> str:
    for name, value in values.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), value, dtype=np.uint8)).save(folder / f"{name}.png")
    return f"imagefolder:{folder}"


def test_the_command_takes_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    (tmp_path / "sign.py").write_text(
        "import torch\n\n\nclass Sign(torch.nn.Module):\n    def forward(self, x):\n        first = x.flatten(1)[:, 0]\n"
        "        return torch.stack([0.5 - first, first - 0.5], dim=1)\n",
        encoding="utf-8",
    )
    start = made(tmp_path / "snow" / "0", {"cat/1": 10, "cat/2": 20, "dog/1": 250, "dog/2": 250})
    later = made(tmp_path / "snow" / "2", {"cat/1": 200, "dog/1": 250, "dog/2": 100})
    words = ["severity", "--model", f"{tmp_path / 'sign.py'}:Sign", "--level", f"2={later}", "--level", f"0={start}"]
    assert as_typed(monkeypatch, *words, "--out", str(tmp_path / "page")) == 0
    out = capsys.readouterr().out
    assert "n = 3" in out
    assert "1 of the examples of the first level are not at every level" in out.replace("\n", " ")
    assert (tmp_path / "page" / "severity.html").is_file()
    for wrong, message in (
        (["--level", "2"], "must be LEVEL=URI, such as 1.5=imagefolder:snow/1.5, got '2'"),
        (["--level", f"0={start}", "--level", f"0={later}"], "--level names 0 twice. Give each level once."),
        (["--level", f"0={start}", "--shift", "fog"], "--level names stored images in place of --shift and --data. Leave those out."),
        (["--data", "digits:"], "shift"),
    ):
        assert as_typed(monkeypatch, "severity", "--model", f"{tmp_path / 'sign.py'}:Sign", *wrong) == 2
        assert message in capsys.readouterr().err.replace("\n", " ")
