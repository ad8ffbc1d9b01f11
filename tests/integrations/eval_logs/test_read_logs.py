from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from recorded_logs import Planned, inspect_log, table, write_inspect, write_lm_eval, write_promptfoo
from shiftproof._errors import UsageError
from shiftproof.integrations.eval_logs.read_logs import read_logs
from shiftproof.records.transcripts import Transcripts

BASE = [1.0, 1.0, 0.0]
TYPOS = [0.0, 1.0, 0.0]


def scores(found: Transcripts) -> dict[tuple[str, str], float | None]:
    return {(one.item, one.variant): one.score for one in found.exchanges}


@pytest.mark.parametrize("zstd", [False, True])
def test_an_archive_of_inspect_is_items_by_variants(tmp_path: Path, zstd: bool) -> None:
    found = read_logs([write_inspect(tmp_path / "run.eval", table(BASE, typos=TYPOS), zstd=zstd)])
    assert (found.tool, found.model, found.scorer, found.base) == ("inspect", "openai/m", "includes", "identity")
    assert scores(found) == {(str(i), name): s for name, row in {"identity": BASE, "typos": TYPOS}.items() for i, s in enumerate(row)}
    first = found.exchanges[0]
    assert (first.prompt, first.said, first.target) == ("system: Be brief.\nuser: What is 0?", "said 0", "that / it")


def test_a_plain_log_of_inspect_reads_as_its_archive(tmp_path: Path) -> None:
    planned = table(BASE, typos=TYPOS)
    plain = tmp_path / "run.json"
    plain.write_text(json.dumps(inspect_log(planned)), encoding="utf-8")
    archive = write_inspect(tmp_path / "run.eval", planned)
    assert read_logs([plain]).exchanges == read_logs([archive]).exchanges


def test_samples_of_lm_eval_are_items_by_variants(tmp_path: Path) -> None:
    found = read_logs([write_lm_eval(tmp_path / "m" / "samples_t.jsonl", table(BASE, typos=TYPOS))])
    assert (found.tool, found.model, found.scorer, found.base) == ("lm-eval", "m", "exact_match,none", "identity")
    assert scores(found)["0", "typos"] == 0.0
    assert found.exchanges[0].prompt == "What is 0?"


def test_prompts_of_promptfoo_are_variants_and_an_error_is_no_answer(tmp_path: Path) -> None:
    found = read_logs([write_promptfoo(tmp_path / "out.json", table(BASE, typos=[0.0, None, 0.0]))])
    assert (found.tool, found.model, found.base) == ("promptfoo", "openai:m", "prompt 0: identity")
    assert scores(found)["1", "prompt 1: typos"] is None
    assert any("prompt 0: identity" in note for note in found.notes)  # the base was a guess, and is said


def test_an_error_of_inspect_is_no_answer(tmp_path: Path) -> None:
    assert scores(read_logs([write_inspect(tmp_path / "run.eval", table([1.0, None]))]))["1", "identity"] is None


def test_epochs_are_one_mean_score(tmp_path: Path) -> None:
    log = inspect_log(table([1.0]))
    log["samples"] += inspect_log(table([0.0]), epoch=2)["samples"]
    path = tmp_path / "run.json"
    path.write_text(json.dumps(log), encoding="utf-8")
    found = read_logs([path])
    assert scores(found) == {("0", "identity"): 0.5}
    assert any("2 answers" in note for note in found.notes)


def test_several_logs_of_the_same_items_are_a_variant_each(tmp_path: Path) -> None:
    paths = []
    for name, row in {"before": BASE, "after": TYPOS}.items():
        log = inspect_log(table(row))
        log["samples"] = [{**one, "id": one["metadata"]["sp_item"], "metadata": {}} for one in log["samples"]]
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps(log), encoding="utf-8")
    found = read_logs(paths)
    assert (found.base, found.variants) == ("before", ["before", "after"])
    assert scores(found)["0", "after"] == 0.0


def test_keys_of_ones_own_name_item_and_variant(tmp_path: Path) -> None:
    planned = [Planned("x", "v", 1.0, metadata={"page": 7, "how": name}) for name in ("plain", "loud")]
    log = inspect_log(planned)
    path = tmp_path / "run.json"
    path.write_text(json.dumps(log), encoding="utf-8")
    found = read_logs([path], item="page", variant="how", base="loud")
    assert scores(found) == {("7", "plain"): 1.0, ("7", "loud"): 1.0}
    assert found.base == "loud"


def _write(text: str) -> Callable[[Path], dict[str, object]]:
    def make(folder: Path) -> dict[str, object]:
        path = folder / "run.json"
        path.write_text(text, encoding="utf-8")
        return {"paths": [path]}

    return make


def _two_tools(folder: Path) -> dict[str, object]:
    return {"paths": [write_inspect(folder / "a.eval", table(BASE)), write_lm_eval(folder / "b.jsonl", table(BASE))]}


def _cut(folder: Path) -> dict[str, object]:
    path = write_inspect(folder / "a.eval", table(BASE), zstd=True)
    content = bytearray(path.read_bytes())
    content[100] ^= 255
    path.write_bytes(content)
    return {"paths": [path]}


BAD: dict[str, tuple[Callable[[Path], dict[str, object]], str]] = {
    "no file": (lambda folder: {"paths": [folder / "none.eval"]}, "There is no file"),
    "no JSON": (_write("<html>"), "must be an .eval or .json log of inspect"),
    "another JSON": (_write("[1, 2]"), "no log that can be read"),
    "no samples": (_write(json.dumps(inspect_log([]))), "has no samples"),
    "two scores": (_write(json.dumps(inspect_log(table(BASE), scorers=["a", "b"]))), "several scores: a, b. Name one with --score"),
    "a score above 1": (_write(json.dumps(inspect_log(table([7.0])))), "must be in [0, 1]"),
    "two tools": (_two_tools, "several tools: inspect, lm-eval"),
    "a damaged archive": (_cut, "cannot be read"),
    "two models": (
        lambda folder: {"paths": [write_promptfoo(folder / "p.json", table(BASE), providers=["a", "b"])]},
        "several models: a, b. Name one with --model",
    ),
    "two filters": (
        lambda folder: {"paths": [write_lm_eval(folder / "s.jsonl", table(BASE), filters=["strict", "loose"])]},
        "exact_match,strict, exact_match,loose",
    ),
    "no such base": (lambda folder: {"paths": [write_inspect(folder / "a.eval", table(BASE))], "base": "x"}, "no variant 'x' for --base"),
    "no such key": (
        lambda folder: {"paths": [write_inspect(folder / "a.eval", table(BASE))], "variant": "kind"},
        "has no 'kind' in its metadata",
    ),
    "two prompts of one item": (
        lambda folder: {
            "paths": [write_inspect(folder / "a.eval", [Planned("1", "v", 1.0, "A?"), Planned("2", "v", 1.0, "B?")])],
            "item": "sp_variant",
        },
        "asked in different words",
    ),
}


@pytest.mark.parametrize("case", list(BAD))
def test_what_cannot_be_told_is_one_error(tmp_path: Path, case: str) -> None:
    make, message = BAD[case]
    given = make(tmp_path)
    with pytest.raises(UsageError) as error:
        read_logs(**given)  # type: ignore[arg-type]  # by case
    assert message in str(error.value)


def test_one_of_several_scores_and_models_can_be_named(tmp_path: Path) -> None:
    two = write_promptfoo(tmp_path / "p.json", table(BASE), providers=["a", "b"])
    assert read_logs([two], model="b").model == "b"
    assert read_logs([two], model="b", score="kind").scorer == "kind"
    filtered = write_lm_eval(tmp_path / "s.jsonl", table(BASE), filters=["strict", "loose"])
    assert read_logs([filtered], score="exact_match,loose").scorer == "exact_match,loose"


def test_a_sample_of_lm_eval_without_its_metric_has_no_answer_and_is_not_left_out(tmp_path: Path) -> None:
    found = read_logs([write_lm_eval(tmp_path / "s.jsonl", table([1.0, None, 0.0]))])
    assert scores(found) == {("0", "identity"): 1.0, ("1", "identity"): None, ("2", "identity"): 0.0}


def test_letters_that_split_lines_elsewhere_and_halves_of_letters_are_read(tmp_path: Path) -> None:
    planned = [Planned("1", "v", 1.0, "one\u2028two"), Planned("2", "v", 1.0, "cut \ud83e")]
    path = write_lm_eval(tmp_path / "s.jsonl", planned)
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines[0]["doc"]["input"] = "one\u2028two"
    path.write_text(f"{json.dumps(lines[0], ensure_ascii=False)}\n{json.dumps(lines[1])}", encoding="utf-8")
    found = read_logs([path])
    assert found.exchanges[1].prompt == "cut ?"
    assert "cut ?" in found.model_dump_json()


def test_an_error_says_once_what_is_wrong(tmp_path: Path) -> None:
    log = inspect_log(table(BASE))
    for sample in log["samples"]:
        sample["scores"] = {}
    path = tmp_path / "run.json"
    path.write_text(json.dumps(log), encoding="utf-8")
    with pytest.raises(UsageError, match="^The log .* has no score. Log one that is a number in"):
        read_logs([path])


KEY, TOKEN, OWN = "sk-proj-abcdefghij0123456789", "hf_abcdefghijABCDEFGHIJ", "0f9e-our-own-gateway-word"


@pytest.mark.parametrize("write", [write_inspect, write_lm_eval, write_promptfoo])
def test_keys_in_a_log_are_written_nowhere(tmp_path: Path, write: Callable[..., Path]) -> None:
    planned = [
        Planned(str(at), name, 1.0, prompt=f"With {KEY} and https://me:hush@host/v1, {at}?", said=f"Bearer {OWN}, {TOKEN}", metadata={})
        for at in range(2)
        for name in ("identity", "typos")
    ]
    path = write(tmp_path / ("samples_t.jsonl" if write is write_lm_eval else "run.eval" if write is write_inspect else "o.json"), planned)
    found = read_logs([path])
    written = found.model_dump_json()
    assert not [secret for secret in (KEY, TOKEN, OWN, "hush") if secret in written]
    assert "[hidden]" in written
    assert len(found.exchanges) == 4


def test_what_stands_under_the_name_of_a_key_is_hidden_everywhere(tmp_path: Path) -> None:
    log = inspect_log(table([1.0, 0.0]))
    log["eval"]["model_args"] = {"api_key": OWN, "password": "short", "authorization": "$FROM_THE_ENVIRONMENT"}
    log["samples"][0]["output"]["completion"] = f"You sent {OWN}; short; $FROM_THE_ENVIRONMENT"
    (tmp_path / "run.json").write_text(json.dumps(log), encoding="utf-8")
    found = read_logs([tmp_path / "run.json"])
    assert found.exchanges[0].said == "You sent [hidden]; short; $FROM_THE_ENVIRONMENT"


def test_items_whose_names_differ_in_a_key_alone_stay_apart(tmp_path: Path) -> None:
    planned = [Planned(f"https://host/q?id={at}", "identity", float(at)) for at in range(2)]
    found = read_logs([write_inspect(tmp_path / "run.eval", planned)])
    assert [one.item for one in found.exchanges] == ["https://host/q", "https://host/q (2)"]
