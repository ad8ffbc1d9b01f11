"""Language models through inspect_ai: the rules of budget, tries, missing answers and keys are those of chat:."""

from __future__ import annotations

import importlib
import json
import pickle
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from shiftproof._errors import MissingExtra, UsageError
from shiftproof.data.rows import Items
from shiftproof.models.answer_cache import AnswerCache, remembering
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.inspect_model import InspectModel
from shiftproof.models.load import load_answers
from shiftproof.models.query_count import counting_queries
from shiftproof.models.unanswered import Refusal, Unanswered, drawing
from small_runs import command

with_inspect = pytest.mark.skipif(find_spec("inspect_ai") is None, reason="inspect_ai is not installed")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


class Passing(Exception):
    """What the made-up provider says may pass."""


class Mock:
    """inspect's own mockllm/model, which answers what a function of the last message gives, and what it was asked."""

    def __init__(self, answer: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        kit = importlib.import_module("inspect_ai.model")
        self.asked: list[list[tuple[str, Any]]] = []
        self.configs: list[Any] = []

        def said(messages: Any, _tools: Any, _choice: Any, config: Any) -> Any:
            self.asked.append([(one.role, one.content) for one in messages])
            self.configs.append(config)
            found = answer(messages[-1].text)
            if isinstance(found, str):
                found = kit.ModelOutput.from_content("mockllm/model", found)
            found.usage = kit.ModelUsage(input_tokens=7, output_tokens=3, total_tokens=10)  # else it counts with a file that it downloads
            return found

        self.model = kit.get_model("mockllm/model", custom_outputs=said, memoize=False)
        monkeypatch.setattr(type(self.model.api), "should_retry", lambda _, error: isinstance(error, Passing))

    def asked_with(self, **options: Any) -> InspectModel:
        return InspectModel("mockllm/model", options=ChatOptions(**options), model=self.model)


@with_inspect
def test_answers_in_order_and_equal_inputs_sent_once(monkeypatch: pytest.MonkeyPatch) -> None:
    mock = Mock(lambda text: f"I heard {text}", monkeypatch)
    texts = [f"word {place % 7}" for place in range(30)]
    with counting_queries() as count:
        said = mock.asked_with().answers(Items(texts))
    assert [*said] == [f"I heard {text}" for text in texts]
    assert sorted(mock.asked) == sorted([("user", text)] for text in set(texts))
    assert (count.sent, count.tokens) == (7, 70)
    config = mock.configs[0]
    assert (config.max_tokens, config.temperature, config.max_retries, config.top_logprobs) == (64, 0.0, 0, 20)


@with_inspect
def test_chats_keep_their_roles_and_draws_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    mock = Mock(lambda text: text, monkeypatch)
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "A?"},
        {"role": "assistant", "content": "B."},
        {"role": "user", "content": "Why?"},
    ]
    model = mock.asked_with(temperature=0.7)
    assert [*model.answers(Items([chat]))] == ["Why?"]
    with drawing(3):
        model.answers(Items([chat]))
    assert mock.asked == [[(one["role"], one["content"]) for one in chat]] * 2
    assert [config.seed for config in mock.configs] == [0, 3]


@with_inspect
def test_likelihoods_of_the_first_token(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = importlib.import_module("inspect_ai.model")
    tops = [{"token": token, "logprob": value, "bytes": None} for token, value in ((" B", -0.25), (" A", -1.5))]
    content = [{"token": " B", "logprob": -0.25, "top_logprobs": tops}]

    def answer(_: str) -> Any:
        found = kit.ModelOutput.from_content("mockllm/model", "B")
        found.choices[0].logprobs = kit.Logprobs.model_validate({"content": content})
        return found

    (said,) = Mock(answer, monkeypatch).asked_with().answers(Items(["A or B?"]))
    assert said.top == {" B": -0.25, " A": -1.5}


@with_inspect
def test_what_may_pass_is_tried_again_and_each_try_is_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    troubles = [Passing("busy")] * 3

    def answer(text: str) -> str:
        if troubles:
            raise troubles.pop()
        return text

    mock = Mock(answer, monkeypatch)
    with counting_queries() as count:
        assert [*mock.asked_with(attempts=5).answers(Items(["a"]))] == ["a"]
    assert count.sent == len(mock.asked) == 4
    troubles += [Passing("busy")] * 5
    with pytest.raises(Unanswered, match="The model 'mockllm/model' failed 2 times, last with: Passing: busy. Is it up?"):
        mock.asked_with(attempts=2).answers(Items(["a"]))


@with_inspect
def test_other_errors_stop_the_run_and_budgets_end_in_missing_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(text: str) -> str:
        if text == "bad":
            raise RuntimeError("no such deployment")
        return text

    mock = Mock(answer, monkeypatch)
    with pytest.raises(UsageError, match="The model 'mockllm/model' cannot be asked: RuntimeError: no such deployment"):
        mock.asked_with().answers(Items(["bad"]))
    for options, hint in (({"most_requests": 5}, "5 requests"), ({"most_tokens": 45, "concurrency": 1}, "45 tokens")):
        mock.asked.clear()
        with pytest.raises(Unanswered, match=f"The budget of {hint}.* is spent. Raise --max-") as missing:
            mock.asked_with(**options).answers(Items([f"w{place}" for place in range(20)]))
        assert int(missing.value.came.sum()) == 5 == len(mock.asked)


@with_inspect
def test_a_filtered_answer_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    kit = importlib.import_module("inspect_ai.model")
    filtered = kit.ModelOutput.from_content("mockllm/model", "I cannot", stop_reason="content_filter")
    (said,) = Mock(lambda _: filtered, monkeypatch).asked_with().answers(Items(["a"]))
    assert isinstance(said, Refusal)
    assert said == "I cannot"


@with_inspect
def test_answers_are_stored_and_asked_for_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mock = Mock(lambda text: text.upper(), monkeypatch)
    for _ in range(2):
        kept = remembering(mock.asked_with(), AnswerCache(tmp_path / "answers.sqlite"))
        assert [*kept.answers(Items(["a", "b", "a"]))] == ["A", "B", "A"]
    assert sorted(mock.asked) == [[("user", "a")], [("user", "b")]]


@with_inspect
def test_an_audit_from_the_command_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mock = Mock(lambda text: "yellow" if "lemon" in text else "no idea", monkeypatch)
    kit = importlib.import_module("inspect_ai.model")
    monkeypatch.setattr(kit, "get_model", lambda spec, **_: mock.model)
    data = tmp_path / "q.jsonl"
    data.write_text("".join(json.dumps({"q": f"A lemon, {i}?", "a": "yellow"}) + "\n" for i in range(30)), encoding="utf-8")
    line = ["audit", "--model", "inspect_ai:mockllm/model", "--data", f"jsonl:{data}?text=q&target=a", "--judge", "exact_match"]
    line += ["--shift", "typos(edits=1)", "--search", "one_draw", "--out", str(tmp_path / "run")]
    assert command(monkeypatch, *line) == 0
    assert "identified by its name in inspect_ai" in " ".join(capsys.readouterr().out.split())
    found = json.loads((tmp_path / "run" / "audit.json").read_text(encoding="utf-8"))
    assert found["complete"]
    assert found["clean"]["n"] == 30
    first = len(mock.asked)
    assert command(monkeypatch, *line) == 0
    assert len(mock.asked) == first, "a second run asks nothing"


@with_inspect
def test_a_copy_goes_to_another_process_by_its_spec(monkeypatch: pytest.MonkeyPatch) -> None:
    mock = Mock(lambda text: text, monkeypatch)
    kit = importlib.import_module("inspect_ai.model")
    monkeypatch.setattr(kit, "get_model", lambda spec, **_: mock.model)
    copy = pickle.loads(pickle.dumps(load_answers("inspect_ai:mockllm/model", said="texts")))
    assert [*copy.answers(Items(["a"]))] == ["a"]
    assert copy.name == "model"
    with pytest.raises(UsageError, match="was made by your code, and cannot go to another process. Give its spec instead."):
        pickle.dumps(mock.asked_with())


@with_inspect
def test_what_inspect_refuses_is_said_in_one_line() -> None:
    with pytest.raises(UsageError, match=r"The model 'inspect_ai:nobody/model' cannot be made by inspect_ai: .*nobody"):
        load_answers("inspect_ai:nobody/model", said="texts")


def test_without_the_extra_the_install_command_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "inspect_ai.model", None)
    with pytest.raises(MissingExtra) as missing:
        load_answers("inspect_ai:openai/gpt-4o-mini", said="texts")
    assert str(missing.value) == (
        "The model 'inspect_ai:openai/gpt-4o-mini' needs the package 'inspect_ai', which is not installed. "
        "Run: pip install 'shiftproof[inspect]'"
    )


@pytest.mark.parametrize("spec", ["inspect_ai:", "inspect_ai:openai", "inspect_ai:/m"])
def test_a_spec_without_provider_or_model(spec: str) -> None:
    with pytest.raises(UsageError, match="names no provider and model. Write it as inspect_ai:PROVIDER/MODEL"):
        load_answers(spec, said="texts")
