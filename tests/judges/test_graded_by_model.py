"""A model as the judge of a run: what it is asked, what is corrected, and that nothing is asked twice."""

from __future__ import annotations

import json
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import shiftproof as sp
from chat_stub import BUSY, ChatStub, Served, completion, serving
from shiftproof._errors import UsageError
from shiftproof.judges import judges
from shiftproof.judges.graded_by_model import GradedBy
from shiftproof.models import Refusal
from shiftproof.models.answer_cache import AnswerCache
from shiftproof.shifts import Identity
from small_runs import command

SAID = {"One?": "a lot", "Two?": Refusal("no"), "Three?": None}

PAIRS = [
    *({"question": f"Is it {at}?", "answer": "yes", "accepted": "yes", "right": True} for at in range(100)),
    *({"question": f"Is it {at}?", "answer": "no", "accepted": "yes", "right": False} for at in range(100)),
]


def errs(prompt: str) -> Served:
    """Calls 8 of 10 right answers and 1 of 10 wrong ones right, by the number in the question."""
    place = int(re.findall(r"\d+", prompt)[0]) % 10
    right = re.search(r"Answer to grade: yes", prompt) is not None
    return completion("CORRECT" if place < (8 if right else 1) else "INCORRECT")


@pytest.fixture
def grader() -> Iterator[ChatStub]:
    with serving(errs) as stub:
        yield stub


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    path = tmp_path / "labelled.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in PAIRS), encoding="utf-8")
    return path


def test_an_audit_corrects_what_the_grader_calls_right(
    grader: ChatStub, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"q": f"Is it {at}?", "a": "yes"} for at in range(200)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    code = "def said(texts):\n    return ['yes' if int(''.join(c for c in t if c.isdigit())) % 4 else 'no' for t in texts]\n"
    (tmp_path / "model.py").write_text(code, encoding="utf-8")
    judge = f"graded_by(model='chat:{grader.url}#judge', pairs={str(pairs)!r})"
    line = ["audit", "--model", f"{tmp_path / 'model.py'}:said", "--data", f"jsonl:{tmp_path / 'q.jsonl'}?text=q&target=a"]
    line += ["--judge", judge, "--shift", "casing(edits=1)", "--search", "one_draw", "--out", str(tmp_path / "run")]
    line += ["--fail-on", "identity.corrected_share < 0.5"]
    assert command(monkeypatch, *line) == 0
    found = json.loads((tmp_path / "run" / "audit.json").read_text(encoding="utf-8"))
    assert found["judge"]["measure"] == "called_right"
    numbers = {one["measure"]: one for one in found["results"] if one["shift"] == "identity" and one["risk"] == "mean"}
    called, right = numbers["called_right"], numbers["corrected_share"]
    assert called["value"] == pytest.approx(np.mean([at % 10 < (8 if at % 4 else 1) for at in range(200)]))
    assert right["value"] == pytest.approx((called["value"] - 0.1) / 0.7)
    assert right["interval"][0] < 0.75 < right["interval"][1], "the truth"
    assert called["interval"][1] < 0.75, "what is called right is not what is right"
    assert right["notes"] == ["the judge calls 80 of 100 right and 90 of 100 wrong labelled answers what they are"]
    asked = len(grader.asked)
    assert asked == len(set(grader.prompts)), "each question to the grader is sent once"
    capsys.readouterr()
    assert command(monkeypatch, *line) == 0
    assert len(grader.asked) == asked, "a second run asks nothing"


def test_the_grader_is_told_question_answer_and_what_is_accepted(grader: ChatStub, pairs: Path, tmp_path: Path) -> None:
    rubric = tmp_path / "rubric.txt"
    rubric.write_text("Q {question} A {answer} T {accepted}. CORRECT or INCORRECT?", encoding="utf-8")
    grader.answer = lambda _: completion("CORRECT")
    judge = GradedBy(f"chat:{grader.url}#m", str(pairs), str(rubric))
    model = sp.as_answers(lambda texts: [SAID[text] for text in texts], said="texts")
    data = sp.examples(["One?", "Two?", "Three?"], [("much", "a lot"), ("2",), ("3",)])
    found = sp.confront(model, Identity(), search=sp.OneDraw(), examples=data, judge=judge)
    assert found.outcome.tolist() == ["held", "broken", "no_answer"]
    assert set(grader.prompts) == {"Q One? A a lot T much or a lot. CORRECT or INCORRECT?"}, "a refusal is not asked about"


def test_without_a_verdict_it_is_not_called_right(grader: ChatStub, pairs: Path) -> None:
    grader.answer = lambda _: completion("Hm.")
    judge = GradedBy(f"chat:{grader.url}#m", str(pairs))
    assert judge.score(["a"], [("a",)]).tolist() == [0.0]
    assert (judge.quality.sensitivity, judge.quality.specificity) == (0.0, 1.0)


def test_a_grader_without_a_reply_stops_the_run_and_loses_nothing(
    grader: ChatStub, pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    judge = GradedBy(f"chat:{grader.url}#m", str(pairs)).remembering(AnswerCache(tmp_path / "a.sqlite"))
    grader.answer = lambda prompt: BUSY if "Is it 7?" in prompt else errs(prompt)
    with pytest.raises(
        UsageError, match=r"The grader 'chat:.*' gave no reply to 2 of 200 questions.*Run again: the replies that came are stored"
    ):
        _ = judge.quality
    grader.answer = errs
    before = len(grader.asked)
    again = pickle.loads(pickle.dumps(GradedBy(f"chat:{grader.url}#m", str(pairs)).remembering(AnswerCache(tmp_path / "a.sqlite"))))
    assert again.quality.sensitivity == 0.8
    assert len(grader.asked) == before + 2


def test_a_grader_in_a_file_is_part_of_it(
    pairs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An edited grader is another judge: a run does not go on with what the old one said."""
    (tmp_path / "q.jsonl").write_text('{"q": "One?", "a": "yes"}\n{"q": "Two?", "a": "yes"}\n', encoding="utf-8")
    (tmp_path / "model.py").write_text("def said(texts):\n    return ['yes' for _ in texts]\n", encoding="utf-8")
    grader = tmp_path / "grader.py"
    line = ["audit", "--model", f"{tmp_path / 'model.py'}:said", "--data", f"jsonl:{tmp_path / 'q.jsonl'}?text=q&target=a"]
    line += ["--judge", f"graded_by(model={f'{grader}:graded'!r}, pairs={str(pairs)!r})", "--shift", "casing(edits=1)"]
    line += ["--search", "one_draw", "--out", str(tmp_path / "run")]
    grader.write_text("def graded(prompts):\n    return ['CORRECT' for _ in prompts]\n", encoding="utf-8")
    assert command(monkeypatch, *line) == 0
    assert command(monkeypatch, *line) == 0, "the same grader goes on"
    capsys.readouterr()
    grader.write_text("def graded(prompts):\n    return ['INCORRECT' for _ in prompts]\n", encoding="utf-8")
    assert command(monkeypatch, *line) == 2
    assert "holds another run" in capsys.readouterr().err


def test_a_grader_that_cannot_be_known_needs_a_version(pairs: Path, tmp_path: Path) -> None:
    code = "import threading\nheld = threading.local()\ndef graded(prompts):\n    return [held.said for _ in prompts]\n"
    (tmp_path / "grader.py").write_text(code, encoding="utf-8")
    with pytest.raises(UsageError, match="known by its code and weights, or have a version"):
        GradedBy(f"{tmp_path / 'grader.py'}:graded", str(pairs))
    one, two = (GradedBy(f"{tmp_path / 'grader.py'}:graded", str(pairs), version=version) for version in "12")
    assert one.state != two.state


def test_its_files_are_part_of_it(pairs: Path) -> None:
    one = GradedBy("chat:http://127.0.0.1:9/v1#m", str(pairs))
    assert one.state in one.spec()
    pairs.write_text(pairs.read_text(encoding="utf-8").replace("yes", "no", 1), encoding="utf-8")
    with pytest.raises(UsageError, match="The 'state' of graded_by must be .* They have changed since; leave it out"):
        GradedBy(one.model, one.pairs, state=one.state)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([{"question": "a", "answer": "b", "accepted": "c"}], r"The 'labelled answer' of line 1 of .* must have `question`"),
        ([{**PAIRS[0], "accepted": 3}], "must have `question`, `answer`, `accepted` and `right`"),
        ([PAIRS[0]], "must have answers that are right and answers that are wrong"),
    ],
)
def test_labelled_answers_are_checked(tmp_path: Path, lines: list[object], message: str) -> None:
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        GradedBy("chat:http://127.0.0.1:9/v1#m", str(tmp_path / "p.jsonl"))


def test_other_bad_input(pairs: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="The 'model' of graded_by must have no user, password or query in its URL, got 'http://127.0.0.1:9/v1'"
    ) as bad:
        GradedBy("chat:http://me:hush-hush@127.0.0.1:9/v1#m", str(pairs))
    assert "hush-hush" not in str(bad.value)
    (tmp_path / "r.txt").write_text("Is it right?", encoding="utf-8")
    with pytest.raises(UsageError, match=r"have the slot \{answer\}"):
        GradedBy("chat:http://127.0.0.1:9/v1#m", str(pairs), str(tmp_path / "r.txt"))
    with pytest.raises(UsageError, match="There is no file"):
        GradedBy("chat:http://127.0.0.1:9/v1#m", str(tmp_path / "none.jsonl"))
    with pytest.raises(UsageError, match="stand in quotes: model='chat:URL#MODEL'"):
        judges.build("graded_by(model=chat:http://127.0.0.1:9/v1#m, pairs=p.jsonl)")
