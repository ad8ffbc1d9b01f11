"""Language models behind an endpoint: every question accounted for, whatever the endpoint does; nothing sent twice, no key written."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import shiftproof as sp
from chat_stub import BUSY, STALL, ChatStub, Served, completion, continuation, serving
from shiftproof._errors import UsageError
from shiftproof.data.chats import as_transcript
from shiftproof.data.prompts import PAIRS, SEPARATORS, Layout, Prompt, PromptRow
from shiftproof.data.rows import Items
from shiftproof.models.chat import ChatModel, load_chat
from shiftproof.models.chat_options import ChatOptions
from shiftproof.models.chat_throttle import Throttle
from shiftproof.models.load import load_answers
from shiftproof.models.query_count import counting_queries
from shiftproof.models.replies import TextReply
from shiftproof.models.unanswered import Refusal, Unanswered, drawing
from small_runs import command, record

BROKEN: Served = (500, {}, b"oh no")
CUT: Served = (200, {"Content-Length": "500", "Connection": "close"}, b'{"choices": [')
PAGE: Served = (200, {}, b"<html>A proxy says hello</html>")
OTHER: Served = (200, {}, b'{"choices": []}')


def echo(prompt: str) -> Served:
    return completion(f"I heard {prompt}", top={"I": -0.5, " You": -2.0})


@pytest.fixture
def stub() -> Iterator[ChatStub]:
    with serving(echo) as running:
        yield running


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)


def model_of(stub: ChatStub, **options: Any) -> ChatModel:
    return ChatModel(stub.url, "stub", options=ChatOptions(**options))


def test_answers_in_order_and_equal_inputs_sent_once(stub: ChatStub) -> None:
    texts = [f"word {place % 7}" for place in range(30)]
    with counting_queries() as count:
        said = model_of(stub).answers(Items(texts))
    assert [*said] == [f"I heard {text}" for text in texts]
    assert sorted(stub.prompts) == sorted(set(texts))
    assert count.sent == 7
    assert said[0:1]._rows[0].top == {"I": -0.5, " You": -2.0}
    assert stub.asked[0] == {
        "model": "stub",
        "max_tokens": 64,
        "temperature": 0.0,
        "logprobs": True,
        "top_logprobs": 20,
        "messages": [{"role": "user", "content": stub.prompts[0]}],
    }


def test_chats_go_as_they_are_and_draws_differ(stub: ChatStub) -> None:
    chat = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]
    model = model_of(stub, temperature=0.7, top=0)
    assert [*model.answers(Items([chat]))] == ["I heard Why?"]
    with drawing(3):
        model.answers(Items([chat]))
    assert [one["messages"] for one in stub.asked] == [chat, chat]
    assert [one["seed"] for one in stub.asked] == [0, 3]
    assert "logprobs" not in stub.asked[0]


def test_a_model_without_chats_goes_on_with_the_text() -> None:
    with serving(lambda text: continuation(f"{text} yes", top={" yes": -0.5, " no": -1.0})) as stub:
        model = load_answers(f"completions:{stub.url}#base", said="texts", chat=ChatOptions(top=5, most_tokens_each=1))
        (said,) = model.answers(Items(["Is it?"]))
    assert said == "Is it? yes"
    assert said.top == {" yes": -0.5, " no": -1.0}
    assert stub.asked == [{"model": "base", "prompt": "Is it?", "max_tokens": 1, "temperature": 0.0, "logprobs": 5}]


def test_a_model_without_chats_takes_texts_only(stub: ChatStub) -> None:
    model = ChatModel(stub.url, "base", speaks="completions")
    assert model.fingerprint() != ChatModel(stub.url, "base").fingerprint()
    with pytest.raises(
        UsageError, match="The 'input' of a model of completions must be a text, got 'list'. For chats give chat:URL#MODEL."
    ):
        model.answers(Items([[{"role": "user", "content": "Why?"}]]))
    told = PromptRow(Prompt(fields=(("text", "Text"),), system="Be brief."), {"text": "Why?"})
    with pytest.raises(UsageError, match="The 'system' of the prompt of a model of completions must be left out, got 'Be brief.'."):
        model.answers(Items([told]))
    with pytest.raises(UsageError, match="names no model. Write it as completions:URL#MODEL"):
        load_answers(f"completions:{stub.url}", said="texts")


def test_a_model_without_chats_is_left_to_say_the_answer_and_not_the_white_space_before_it() -> None:
    prompt = Prompt(fields=(("text", "Text"),), answer="Mood")
    ends = {": ": "Mood:", " \n\t": "Mood \n\t", "\n    ": "Mood\n   ", "::": "Mood::", "\t": "Mood\t", " - ": "Mood -", " ": "Mood"}
    rows = {one: PromptRow(prompt, {"text": "So?"}, Layout(pair=PAIRS.index((SEPARATORS.index(one), 0)))) for one in ends}
    with serving(lambda _: continuation("fine")) as stub:
        ChatModel(stub.url, "base", speaks="completions", options=ChatOptions(concurrency=1)).answers(Items(rows.values()))
    assert sorted(stub.prompts) == sorted(str(rows[one]).removesuffix(end.rstrip()) + end for one, end in ends.items())


@pytest.mark.parametrize(("template", "sent"), [("{text}\n", "So?\n"), ("Q: {text}\nA: ", "Q: So?\nA:"), ("{text}", "So?")])
def test_a_model_without_chats_gets_the_white_space_that_a_template_ends_with(template: str, sent: str) -> None:
    with serving(lambda _: continuation("fine")) as stub:
        ChatModel(stub.url, "base", speaks="completions").answers(Items([PromptRow(Prompt(template=template), {"text": "So?"})]))
    assert stub.prompts == [sent]


def test_a_message_is_what_is_kept_of_the_prompt_and_each_layout_is_another(stub: ChatStub) -> None:
    """A message ends with the turn, so the white space before an answer is none of it: nothing that is sent is left out of what is kept."""
    prompt = Prompt(fields=(("text", "Text"),), answer="Mood")
    rows = [PromptRow(prompt, {"text": "So?"}, Layout(pair=pair)) for pair in range(len(PAIRS))]
    model_of(stub).answers(Items(rows))
    assert sorted(stub.prompts) == sorted(as_transcript(row) for row in rows)
    assert len({*stub.prompts}) == len(PAIRS)


@pytest.mark.parametrize("body", [b'{"choices": [{}]}', b'{"choices": ["x"]}', b'{"choices": [{"text": null}]}', b"[]"])
def test_what_is_no_completion_is_tried_again(body: bytes) -> None:
    with serving(lambda _: continuation("fine")) as stub:
        stub.troubles.append((200, {}, body))
        assert [*ChatModel(stub.url, "base", speaks="completions").answers(Items(["a"]))] == ["fine"]
    assert len(stub.asked) == 2


def test_an_endpoint_that_gives_fewer_alternatives_says_so_once(stub: ChatStub) -> None:
    stub.answer = lambda _: (400, {}, b'{"error": {"message": "logprobs must be at most 5"}}')
    with pytest.raises(UsageError, match=r"gives no 20 alternatives: 400.*at most 5.*In Python, ask for fewer with ChatOptions\(top=5\)"):
        model_of(stub).answers(Items(["a"]))


@pytest.mark.parametrize("trouble", [BUSY, BROKEN, None, CUT, PAGE, OTHER], ids=["429", "500", "hung up", "cut", "html", "no choice"])
def test_what_may_pass_is_tried_again(stub: ChatStub, trouble: Served | None) -> None:
    stub.troubles += [trouble] * 3
    assert [*model_of(stub, attempts=5).answers(Items(["a"]))] == ["I heard a"]
    assert stub.prompts == ["a"] * 4


def test_a_storm_ends_with_every_input_accounted_for() -> None:
    bad = [BUSY, BROKEN, None, CUT, PAGE, OTHER]

    def stormy(prompt: str) -> Served:
        place = int(prompt.split()[1])
        return bad[place % 4 % 2] if place % 4 == 3 else completion("no") if place % 4 == 2 else echo(prompt)  # type: ignore[return-value]

    with serving(stormy) as stub:
        stub.troubles += bad * 10
        with pytest.raises(Unanswered, match=r"failed \d times, last with: .*500|failed \d times, last with: 429|failed") as missing:
            model_of(stub, attempts=3).answers(Items([f"word {place}" for place in range(60)]))
        came = missing.value.came.tolist()
        assert len(came) == 60
        assert not any(came[3::4])
        assert sum(came) == len(missing.value.said)
        assert sum(came) >= 25, "most of the answers that are there came"


def test_an_audit_in_a_storm_accounts_for_every_sample_and_goes_on_when_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of trouble stays with two items, and passes with two others."""
    slept: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    kinds: list[Served | None] = [(429, {"Retry-After": "0.25"}, b"slow down"), BROKEN, STALL, None, CUT, PAGE, OTHER]
    texts = [f"please say {'abcdefghijklmn'[place % 14] * (1 + place // 14)}" for place in range(42)]
    lost, passing = (dict(zip(some, kinds * 2, strict=True)) for some in (texts[:14], texts[14:28]))

    def stormy(prompt: str) -> Served:
        known = prompt.lower()
        return lost[known] if known in lost else passing.pop(known, echo(known))  # type: ignore[return-value]  # None hangs up

    def audited(url: str) -> dict[str, Any]:
        model = ChatModel(url, "stub", options=ChatOptions(attempts=2, timeout=1.5))
        asked = sp.examples(texts, [(f"I heard {text}",) for text in texts])
        sp.audit(model, asked, shifts=["casing(edits=1)"], searches=["one_draw"], judge="exact_match", out=tmp_path, progress=False)
        found: dict[str, Any] = record(tmp_path)
        return found

    with serving(stormy) as stub:
        found = audited(stub.url)
        before, missing = len(stub.asked), {*lost}
        lost.clear()
        whole = audited(stub.url)
        assert {prompt.lower() for prompt in stub.prompts[before:]} == missing, "only what is missing is asked for"
    assert not passing
    assert (found["clean"]["accuracy"], found["clean"]["bracket"]) == (28 / 42, [28 / 42, 1.0])
    assert [(cell["state"], cell["outcomes"]) for cell in found["cells"]] == [("incomplete", {"no_answer": 14, "held": 28})] * 2
    assert (whole["clean"]["accuracy"], whole["clean"]["bracket"]) == (1.0, None)
    assert [(cell["state"], cell["outcomes"]) for cell in whole["cells"]] == [("done", {"held": 42})] * 2
    assert before == found["sent"], "each try counts"
    assert len(stub.asked) == whole["sent"], "of both calls"
    assert 0.25 in slept, "an endpoint is given the time that it asks for"


def test_a_refusal_is_an_answer_and_is_not_asked_again() -> None:
    kinds = {
        "policy": completion(None, refusal="I will not"),
        "filter": (200, {}, json.dumps({"choices": [{"finish_reason": "content_filter", "message": {"content": ""}}]}).encode()),
        "long": (400, {}, b'{"error": "context length exceeded"}'),
    }
    with serving(lambda prompt: kinds.get(prompt, echo(prompt))) as stub:
        said = [*model_of(stub).answers(Items(["policy", "filter", "long", "fine"]))]
    assert [type(one) for one in said] == [Refusal, Refusal, Refusal, TextReply]
    assert said[0] == "I will not"
    assert "context length" in said[2]
    assert len(stub.asked) == 4


def test_budgets_end_in_missing_answers(stub: ChatStub) -> None:
    for options, hint in (({"most_requests": 5}, "5 requests"), ({"most_tokens": 45, "concurrency": 1}, "45 tokens")):
        stub.asked.clear()
        with pytest.raises(Unanswered, match=f"The budget of {hint}.* is spent. Raise --max-") as missing:
            model_of(stub, **options).answers(Items([f"w{place}" for place in range(20)]))
        assert int(missing.value.came.sum()) == 5 == len(stub.asked)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"most_requests": 0}, "The 'max_requests' of the language model must be at least 1, got 0."),
        ({"most_tokens": 0}, "The 'max_tokens' of the language model must be at least 1, got 0."),
        ({"top": 21}, "The 'top' of the language model must be in"),
        ({"temperature": -1.0}, "The 'temperature' of the language model must be in"),
        ({"attempts": 0}, "The 'attempts' of the endpoint must be at least 1"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ChatOptions(**options)


def test_the_key_is_read_from_the_environment_and_never_shown(stub: ChatStub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTPROOF_ENDPOINT_AUTH", "Bearer hush-hush-hush")
    model = model_of(stub)
    stub.answer = lambda _: completion("your key is hush-hush-hush")
    assert [*model.answers(Items(["a"]))] == ["your key is [hidden]"]
    assert stub.headers[0]["Authorization"] == "Bearer hush-hush-hush"
    assert b"hush" not in pickle.dumps(model)
    stub.answer = lambda _: (401, {}, b"who are you?")
    with pytest.raises(UsageError, match="answered 401 .* Set SHIFTPROOF_ENDPOINT_AUTH to the value of its Authorization header") as wrong:
        model.answers(Items(["b"]))
    assert "hush" not in str(wrong.value)


def test_concurrency_grows_and_backs_off() -> None:
    gate = Throttle(8)
    for _ in range(40):
        gate.widen()
    assert gate.width == 8
    gate.narrow(None)
    assert gate.width == 4
    for _ in range(9):
        gate.narrow(None)
    assert gate.width == 1
    assert pickle.loads(pickle.dumps(gate)).most == 8  # our own


def test_no_more_at_once_than_allowed(stub: ChatStub) -> None:
    together = threading.Barrier(2)

    def both(prompt: str) -> Served:
        together.wait(timeout=60)  # each waits for another, as all come in pairs
        return echo(prompt)

    stub.answer = both
    model_of(stub, concurrency=3).answers(Items([f"w{place}" for place in range(40)]))
    assert 1 < stub.most_at_once <= 3


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("chat:http://127.0.0.1:1/v1", "names no model. Write it as chat:URL#MODEL"),
        ("chat:http://127.0.0.1:1/v1# ", "names no model"),
        ("chat:nowhere#m", r"must be http\(s\)://HOST/PATH, got 'nowhere'"),
    ],
)
def test_specs_are_checked(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_chat(spec)


def test_what_it_is_identified_by() -> None:
    one = load_chat("chat:http://127.0.0.1:1/v1#org/model#q4")
    assert one.name == "q4"
    assert one.fingerprint() != load_chat("chat:http://127.0.0.1:1/v1#org/model#q4", version="2").fingerprint()
    assert one.fingerprint() == load_chat("chat:http://user:pass@127.0.0.1:1/v1#org/model#q4").fingerprint()
    with pytest.raises(UsageError, match="answers with texts. Name a judge of texts: --judge exact_match"):
        load_answers("chat:http://127.0.0.1:1/v1#m")
    with pytest.raises(UsageError, match="not a torch module. Leave them out"):
        load_answers("chat:http://127.0.0.1:1/v1#m", said="texts", weights="w.safetensors")


def test_the_line_of_the_guide(stub: ChatStub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("q.jsonl").write_text(
        "".join(json.dumps({"question": f"please say w{i}", "answer": f"I heard please say w{i}"}) + "\n" for i in range(20))
    )
    stub.troubles += [BUSY, BROKEN, PAGE]
    line = ["audit", "--model", f"chat:{stub.url}#stub", "--data", "jsonl:q.jsonl?text=question&target=answer", "--judge", "exact_match"]
    line += ["--shift", "typos(edits=1)", "--search", "one_draw", "--quiet", "--out", "runs/qa"]
    assert command(monkeypatch, *line) == 0
    found = record(tmp_path / "runs/qa")
    assert found["clean"]["accuracy"] == 1.0
    assert found["sent"] == len(stub.asked)
    assert len(stub.prompts) == 3 + 16 + 40, "each question once, a second look at 16 of them, and three tries again"
    assert found["tokens"] == 10 * (16 + 40), "each answer counts ten"
    assert found["tokens_left"] is None
    before = len(stub.asked)
    assert command(monkeypatch, *line) == 0
    assert len(stub.asked) == before, "what is stored is not sent again"
    assert record(tmp_path / "runs/qa")["tokens"] == found["tokens"], "what earlier calls spent counts"
    assert command(monkeypatch, *line[:-1], "runs/tokens", "--max-tokens", "1000") == 0
    assert record(tmp_path / "runs/tokens")["tokens_left"] == 1000 - found["tokens"]
    assert "560 tokens so far (440 left of --max-tokens)" in Path("runs/tokens/index.html").read_text()
    assert command(monkeypatch, *line[:-1], "runs/less", "--max-requests", "45") == 3
    assert "no verdict is given" in capfd.readouterr().err
    assert command(monkeypatch, *line[:-1], "runs/less", "--max-requests", "45") == 0
    assert command(monkeypatch, *line[:-1], "runs/none", "--max-requests", "0") == 2
    assert "'max_requests' of the language model must be at least 1, got 0" in capfd.readouterr().err
    assert not Path("runs/none").exists()


def test_an_endpoint_that_answers_html_is_told(stub: ChatStub, monkeypatch: pytest.MonkeyPatch) -> None:
    stub.answer = lambda _: PAGE
    examples = sp.examples(["a"], [("b",)])
    with pytest.raises(UsageError, match=r"failed 2 times, last with: The 'answer' of the endpoint http://127.* must be JSON, got '<html>"):
        sp.confront(model_of(stub, attempts=2), sp.Typos(edits=1), search=sp.OneDraw(), examples=examples, judge=sp.ExactMatch())
