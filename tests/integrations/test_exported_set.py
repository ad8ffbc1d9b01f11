from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import shiftproof as sp
from chat_stub import Served, serving
from shiftproof._errors import UsageError
from shiftproof.cli.export import command
from shiftproof.data.load import load_data
from shiftproof.evaluation.audit.recorded import recorded_audit
from shiftproof.integrations.eval_logs.read_logs import read_logs
from shiftproof.integrations.exported_set import export_set, perturbed_rows
from shiftproof.judges import Contains, TokenF1, Within
from shiftproof.risks.paired import paired
from shiftproof.shifts import Typos


def questions(folder: Path, n: int = 6, answers: object = None) -> str:
    path = folder / "q.jsonl"
    lines = [{"question": f"What colour is a lemon number {i}?", "answer": answers or "yellow"} for i in range(n)]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return f"jsonl:{path}?text=question&target=answer"


def test_each_item_stands_in_each_variant_and_the_draws_repeat(tmp_path: Path) -> None:
    source = load_data(questions(tmp_path))
    rows = perturbed_rows(source, [Typos(edits=2)], judge=sp.ExactMatch(), seed=3)
    assert [row["sp_variant"] for row in rows] == ["identity", "typos(edits=2)"] * 6
    assert rows[0]["input"] == "What colour is a lemon number 0?"
    assert all(one["input"] != two["input"] for one, two in zip(rows[::2], rows[1::2], strict=True))
    assert rows == perturbed_rows(source, [Typos(edits=2)], judge=sp.ExactMatch(), seed=3)
    assert rows != perturbed_rows(source, [Typos(edits=2)], judge=sp.ExactMatch(), seed=4)
    assert {row["target"] for row in rows} == {"yellow"}


def test_several_accepted_answers_are_lists_in_every_row(tmp_path: Path) -> None:
    rows = perturbed_rows(load_data(questions(tmp_path, 2, ["yellow", "gold"])), [Typos(edits=1)], judge=sp.ExactMatch())
    assert all(row["target"] == ["yellow", "gold"] for row in rows)


def test_the_command_writes_both_tasks(tmp_path: Path) -> None:
    out = tmp_path / "task"
    given = ["--data", questions(tmp_path), "--shift", "typos(edits=1)", "--to", "inspect", "--to", "lm-eval", "--out", str(out)]
    assert CliRunner().invoke(command, given, standalone_mode=False).exception is None
    assert sorted(path.name for path in out.iterdir()) == ["inspect_task.py", "perturbed.jsonl", "perturbed.yaml"]
    compile((out / "inspect_task.py").read_text(encoding="utf-8"), "inspect_task.py", "exec")
    assert str(out / "perturbed.jsonl") in (out / "perturbed.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"tools": ["harness"]}, "Unknown tool"),
        ({"judge": Within(absolute=1.0)}, "--judge"),
        ({"judge": TokenF1(), "tools": ["lm-eval"]}, "be exact_match"),
        ({"name": "my task"}, "Python name"),
        ({"shifts": [Typos(edits=1), Typos(edits=1)]}, "be different"),
    ],
)
def test_what_a_tool_cannot_run_is_refused_before_anything_is_written(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"judge": Contains(), "tools": ["inspect"], "shifts": [Typos(edits=1)], **change}
    with pytest.raises(UsageError, match=re.escape(message)):
        export_set(load_data(questions(tmp_path)), given.pop("shifts"), tmp_path / "out", **given)
    assert not (tmp_path / "out").exists()


def said(prompt: str) -> Served:
    """Sure of lemons, and of nothing else."""
    text = "yellow" if "lemon" in prompt else "no idea"
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
    usage = {"prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10}
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], "usage": usage}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def run(command: list[str], url: str, folder: Path) -> None:
    """A tool on the stub, from where it is installed: beside this Python, or elsewhere."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "OPENAI_API_KEY": "x", "STUB_API_KEY": "x", "STUB_BASE_URL": url}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | offline
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def program(package: str, name: str, variable: str) -> str:
    beside = Path(sys.executable).parent / name
    found = os.environ.get(variable) or (str(beside) if find_spec(package) and beside.exists() else "")
    if not found:
        pytest.skip(f"{package} is not installed; {variable} names its program where it is elsewhere")
    return found


def expected(rows: list[dict[str, Any]]) -> Any:
    right = {(row["sp_item"], row["sp_variant"]): float("lemon" in row["input"]) for row in rows}
    items = list(dict.fromkeys(item for item, _ in right))
    shift = rows[1]["sp_variant"]
    return paired([right[item, "identity"] for item in items], [right[item, shift] for item in items], against=shift)


@pytest.mark.slow
def test_a_log_of_the_exported_task_comes_back_from_inspect(tmp_path: Path) -> None:
    inspect = program("inspect_ai", "inspect", "INSPECT_PROGRAM")
    source, judge = load_data(questions(tmp_path, 12)), sp.ExactMatch()
    export_set(source, [Typos(edits=2)], tmp_path / "task", judge=judge, tools=["inspect"])
    with serving(said) as stub:
        task = ["task/inspect_task.py", "--model", "openai-api/stub/m", "--log-dir", "logs", "--display", "plain"]
        run([inspect, "eval", *task], stub.url, tmp_path)
    (log,) = (tmp_path / "logs").glob("*.eval")
    audit = recorded_audit(read_logs([log]))
    assert audit.natural[0].paired == expected(perturbed_rows(source, [Typos(edits=2)], judge=judge))
    assert expected(perturbed_rows(source, [Typos(edits=2)], judge=judge)).only_first > 0


@pytest.mark.slow
def test_samples_of_the_exported_task_come_back_from_lm_eval(tmp_path: Path) -> None:
    lm_eval = program("lm_eval", "lm_eval", "LM_EVAL_PROGRAM")
    source, judge = load_data(questions(tmp_path, 12)), sp.ExactMatch()
    export_set(source, [Typos(edits=2)], tmp_path / "task", judge=judge, tools=["lm-eval"])
    with serving(said) as stub:
        model = ["--model", "local-chat-completions", "--model_args", f"model=m,base_url={stub.url}/chat/completions,num_concurrent=4"]
        task = ["--tasks", "perturbed", "--include_path", "task", "--apply_chat_template", "--log_samples", "--output_path", "out"]
        run([lm_eval, *model, *task], stub.url, tmp_path)
    (samples,) = (tmp_path / "out").rglob("samples_*.jsonl")
    audit = recorded_audit(read_logs([samples]))
    assert audit.natural[0].paired == expected(perturbed_rows(source, [Typos(edits=2)], judge=judge))
