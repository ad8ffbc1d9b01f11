"""`shiftproof cite` of trainings, of comparisons of defences, and of audits of defended models."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

import shiftproof as sp
from shiftproof.reports.cite import cite_folder
from small_runs import command, write_nets


def test_a_training_cites_its_method_and_all_that_it_is_made_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = sp.load_data("digits:?split=train", limit=200)
    method = "reweighted(risk=chi_square(radius=1), method=trades(shift=l2(eps=0.5), search=gradient_ascent(steps=1)))"
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
    sp.train(net, data, method, out=tmp_path / "run", epochs=1, held_out=0.2, search="gradient_ascent(steps=2)", threat="linf(eps=0.1)")
    assert command(monkeypatch, "cite", str(tmp_path / "run")) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("@software{shiftproof,")
    for key in ("levy2020large", "duchi2021learning", "zhang2019theoretically", "goodfellow2015explaining", "dong2018boosting"):
        assert shown.count(f"{{{key},") == 1
    assert "not known" not in shown
    (tmp_path / "run" / "training.json").write_text("{}")
    with pytest.raises(sp.UsageError, match="is not a record that this version"):
        cite_folder(tmp_path / "run")


def test_a_comparison_cites_every_defence_and_how_it_was_attacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nets = write_nets(tmp_path)
    words = ["--threat", "linf(eps=0.2)", "--unseen", "l2(eps=0.5)", "--search", "auto_step(steps=3)", "--limit", "20"]
    parts = ["--defence", "jpeg", "--defence", "gradient_masking", "--corruption", "gaussian_noise"]
    assert command(monkeypatch, "defend", f"{nets}:nearest", *words, *parts, "--out", str(tmp_path / "out"), "--quiet") == 0
    shown = cite_folder(tmp_path / "out")
    for key in (
        "dziugaite2016study",
        "athalye2018obfuscated",
        "hendrycks2019benchmarking",
        "croce2020reliable",
        "goodfellow2015explaining",
    ):
        assert f"{{{key}," in shown
    assert "carlini2017towards" not in shown  # nothing of what was not used


def test_an_audit_of_a_defended_model_cites_the_defence(tmp_path: Path) -> None:
    nets = write_nets(tmp_path)
    asked = {"limit": 20, "shifts": ["linf(eps=0.05)"], "searches": ["gradient_ascent(steps=2)"]}
    sp.audit(f"{nets}:nearest", "digits:", defence="random_resize_pad(draws=2)", out=str(tmp_path / "a"), **asked)  # type: ignore[arg-type]
    sp.audit(f"{nets}:nearest", "digits:", out=str(tmp_path / "b"), **asked)  # type: ignore[arg-type]
    assert "{xie2018mitigating," in cite_folder(tmp_path / "a")
    assert "{xie2018mitigating," not in cite_folder(tmp_path / "b")
