"""Stored answers: each input asked about once, whoever asks, whatever is killed."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.data.prompts import PAIRS, SEPARATORS, Layout, Prompt, PromptRow
from shiftproof.data.rows import Fields, Items
from shiftproof.models.abstract import Answers
from shiftproof.models.answer_cache import AnswerCache, CachedAnswers, remembering
from shiftproof.models.query_count import counting_queries
from shiftproof.models.replies import TextReply, as_json, from_json
from shiftproof.models.unanswered import Refusal, Unanswered, drawing
from small_runs import command, record


class Dear(Answers):
    """Answers with the number of the question, so that asking again would show; None to "silent"."""

    keeps_answers: ClassVar[bool] = True
    name = "dear"

    def __init__(self, fingerprint: str = "dear:1") -> None:
        self.calls: list[Any] = []
        self._fingerprint = fingerprint

    def fingerprint(self) -> str:
        return self._fingerprint

    def answers(self, x: Any) -> Any:
        found = []
        for one in x:
            self.calls.append(one)
            found.append(None if one == "silent" else f"{one}:{len(self.calls)}")
        return found


def test_prompts_that_differ_in_the_white_space_before_the_answer_are_asked_about_apart() -> None:
    prompt = Prompt(fields=(("text", "Text"),), answer="Mood")
    far, near = ((PAIRS.index((SEPARATORS.index(one), 0)), text) for one, text in (("\n    ", "So?"), ("\n ", "   So?")))
    rows = [PromptRow(prompt, {"text": text}, Layout(pair=pair)) for pair, text in (far, near)]
    assert str(rows[0]) == str(rows[1])
    assert [*remembering(inner := Dear(), AnswerCache()).answers(Items([*rows, rows[0]]))] == [f"{rows[0]}:{at}" for at in (1, 2, 1)]
    assert len(inner.calls) == 2


def test_equal_inputs_are_asked_about_once(tmp_path: Path) -> None:
    inner = Dear()
    model = remembering(inner, AnswerCache(tmp_path / "a.sqlite"))
    with counting_queries() as count:
        assert [*model.answers(Items(["a", "b", "a"]))] == ["a:1", "b:2", "a:1"]
        assert [*model.answers(Items(["b", "c"]))] == ["b:2", "c:3"]
    assert (inner.calls, count.sent) == (["a", "b", "c"], 3)
    again = remembering(Dear(), AnswerCache(tmp_path / "a.sqlite"))
    assert [*again.answers(Items(["c", "a"]))] == ["c:3", "a:1"]
    with drawing(1):
        assert [*again.answers(Items(["a"]))] == ["a:1"], "another draw is asked for, and is the first that this model is asked"
        assert [*again.answers(Items(["a"]))] == ["a:1"]
    assert [*remembering(Dear("dear:2"), AnswerCache(tmp_path / "a.sqlite")).answers(Items(["z", "a"]))] == ["z:1", "a:2"]


def test_models_that_do_not_want_it_are_left_alone() -> None:
    plain = sp.as_model(lambda x: x.sum(1) > 0, gives="labels")
    assert remembering(plain, AnswerCache()) is plain


def test_what_did_not_come_is_asked_again(tmp_path: Path) -> None:
    inner = Dear()
    model = CachedAnswers(inner, AnswerCache())
    for _ in range(2):
        with pytest.raises(Unanswered, match="gave no answer to 1 of 3 inputs") as missing:
            model.answers(Items(["a", "silent", "b"]))
        assert missing.value.came.tolist() == [True, False, True]
        assert [*missing.value.said] == ["a:1", "b:3"]
    assert inner.calls == ["a", "silent", "b", "silent"]


def test_memory_goes_to_disk(tmp_path: Path) -> None:
    cache = AnswerCache()
    CachedAnswers(Dear(), cache).answers(Items(["a"]))
    cache.keep(tmp_path / "a.sqlite")
    cache.keep(tmp_path / "b.sqlite")
    inner = Dear()
    assert [*CachedAnswers(inner, AnswerCache(tmp_path / "a.sqlite")).answers(Items(["a"]))] == ["a:1"]
    assert not inner.calls
    assert not (tmp_path / "b.sqlite").exists()


@pytest.mark.parametrize("answer", ["text", Refusal("no"), TextReply("B", {"B": -0.25}), [0.5, 1.5], 3])
def test_answers_come_back_as_they_were(answer: Any) -> None:
    found = from_json(as_json(answer))
    assert found == answer
    assert type(found) is type(answer)
    assert not isinstance(answer, TextReply) or found.top == answer.top


def test_every_kind_of_input_has_its_key() -> None:
    kinds: list[Any] = [
        Items(["a", "b", "a"]),
        Items([[{"role": "user", "content": "a"}], [{"role": "user", "content": "b"}], [{"role": "user", "content": "a"}]]),
        Fields(image=torch.tensor([[0.0], [1.0], [0.0]]), question=["a", "a", "a"]),
        torch.tensor([[0.0], [1.0], [0.0]]),
    ]

    class Counts(Dear):
        def answers(self, x: Any) -> Any:
            self.calls.append(len(x))
            return [float(place) for place in range(len(x))]

    for kind in kinds:
        inner = Counts()
        assert CachedAnswers(inner, AnswerCache()).answers(kind).tolist() == [0.0, 1.0, 0.0]
        assert inner.calls == [2]
    float32, float64 = np.zeros(1, dtype=np.float32), np.zeros(1)
    assert len(CachedAnswers(Counts(), AnswerCache()).answers(Items([float32, float64])).unique()) == 2


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.sqlite").write_text("no database, but long enough to be taken for one" * 40)
    with pytest.raises(UsageError, match=r"The stored answers '.*a\.sqlite' cannot be used \(.*\)\. Free its disk, or delete it"):
        AnswerCache(tmp_path / "a.sqlite").get(["key"])


def _write(path: str, own: int) -> None:
    cache = AnswerCache(Path(path))
    for place in range(100):
        cache.put(f"shared {place}", json.dumps(own))
        cache.put(f"{own} {place}", json.dumps(own))


def test_parallel_writers_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_write, args=(str(path), own)) for own in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    keys = [f"{who} {place}" for who in ("shared", 0, 1, 2) for place in range(100)]
    found = AnswerCache(path).get(keys)
    assert len(found) == 400
    assert all(found[f"{own} {place}"] == str(own) for own in range(3) for place in range(100))


MODEL = """
import os, time
from shiftproof.models.abstract import Answers


class Dear(Answers):
    keeps_answers = True
    name = "dear"

    def fingerprint(self):
        return "dear:1"

    def each(self, x):
        for place, one in enumerate(x):
            with open("seen.txt", "a") as seen:
                seen.write(f"{one}\\n")
            time.sleep(float(os.environ.get("SLOW", "0")))
            yield place, "red" if "app" in one else "no idea"

    def answers(self, x):
        return [answer for _, answer in sorted(self.each(x))]


def make():
    return Dear()
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "dear.py").write_text(MODEL)
    (tmp_path / "q.csv").write_text("text,label\n" + "".join(f"q{i % 25} apple,red\n" for i in range(50)))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_run_asks_once_whatever_is_killed(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = ["audit", "--model", "dear.py:make", "--data", "csv:q.csv?text=text&label=label"]
    line += ["--judge", "exact_match", "--shift", "typos(edits=1)", "--search", "best_of_n(n=3)", "--quiet", "--out"]
    seen = place / "seen.txt"
    assert command(monkeypatch, *line, "whole") == 0
    whole, once = record(place / "whole"), seen.read_text().splitlines()
    looks = 16  # the second look at the first examples is a draw of its own
    assert len(once) == len(set(once)) + looks, "no question is asked twice"
    assert whole["sent"] == len(once)
    assert whole["asked"] > 150 > len(once) - looks, "what was answered from store was asked of the budget, and not sent"

    seen.write_text("")
    monkeypatch.setenv("SLOW", "0.02")
    running = subprocess.Popen([sys.executable, "-m", "shiftproof", *line, "killed"])
    while len(seen.read_text().splitlines()) < 60 and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL
    monkeypatch.setenv("SLOW", "0")
    assert command(monkeypatch, *line, "killed") == 0
    asked = seen.read_text().splitlines()
    assert len(asked) <= len(once) + 1, "at most the one under way is sent again"
    same = [{k: v for k, v in r.items() if k not in ("seconds", "sent")} for r in record(place / "killed")["results"]]
    assert same == [{k: v for k, v in r.items() if k not in ("seconds", "sent")} for r in whole["results"]]
