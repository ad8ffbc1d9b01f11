"""A perturbed set for other evaluation tools: every item as it is and under each shift, as a Task of inspect or a task of lm-eval."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shiftproof._errors import UsageError, must, unknown
from shiftproof._writing import write_atomic
from shiftproof.data.chats import is_chat
from shiftproof.data.rows import Items
from shiftproof.data.source import Source
from shiftproof.judges.abstract import Judge
from shiftproof.randomness import Rng
from shiftproof.shifts.abstract import Shift

SET, INSPECT = "perturbed.jsonl", "inspect_task.py"
TOOLS = ("inspect", "lm-eval")
BASE = "identity"
_INSPECT_SCORERS = {"exact_match": "exact", "contains": "includes", "token_f1": "f1"}
_LM_EVAL = ("exact_match",)
_TASK = '''"""Items as they are and under shifts, exported by shiftproof: inspect eval {file} --model PROVIDER/MODEL"""

from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, json_dataset
from inspect_ai.scorer import {scorer}
from inspect_ai.solver import generate


@task
def {name}() -> Task:
    fields = FieldSpec(input="input", target="target", id="id", metadata=["sp_item", "sp_variant"])
    return Task(dataset=json_dataset(str(Path(__file__).parent / "{set}"), fields), solver=generate(), scorer={scorer}())
'''


def export_set(
    source: Source, shifts: Sequence[Shift], out: Path, *, judge: Judge, tools: Sequence[str], name: str = "perturbed", seed: int = 0
) -> list[Path]:
    """Writes the set and what each tool needs to run it; what they log comes back with `shiftproof report LOG`.

    Args:
        source: texts, prompts or chats, with accepted texts as truth.
        shifts: each gives one draw of every item, the same for the same seed.
        out: a folder.
        judge: exact_match, contains or token_f1 for inspect; exact_match for lm-eval.
        tools: inspect, lm-eval or both.
        name: of the task.
        seed: of the draws.

    Returns:
        The files. The lm-eval task names the set by its absolute path, as lm-eval reads paths from where it runs.

    Raises:
        UsageError: a tool cannot run such a set.
    """
    for tool in tools:
        if tool not in TOOLS:
            raise unknown("tool", tool, TOOLS)
        can = _INSPECT_SCORERS if tool == "inspect" else _LM_EVAL
        if judge.name not in can:
            raise must("--judge", f"a set for {tool}", f"be {' or '.join(can)}", judge.spec())
    if not name.isidentifier():
        raise must("--name", "the task", "be a Python name, such as perturbed", name)
    rows = perturbed_rows(source, shifts, judge=judge, seed=seed)
    if "lm-eval" in tools and any(not isinstance(row["input"], str) for row in rows):
        raise UsageError("lm-eval tasks are texts, and these inputs are chats. Export them for inspect.")
    texts = {SET: "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)}
    if "inspect" in tools:
        scorer = _INSPECT_SCORERS[judge.name]
        texts[INSPECT] = _TASK.format(file=INSPECT, scorer=scorer, name=name, set=SET)
    if "lm-eval" in tools:
        texts[f"{name}.yaml"] = _lm_eval_yaml(name, (out / SET).absolute())
    out.mkdir(parents=True, exist_ok=True)
    for file, text in texts.items():
        write_atomic(out / file, text.encode())
    return [out / file for file in texts]


def perturbed_rows(source: Source, shifts: Sequence[Shift], *, judge: Judge, seed: int = 0) -> list[dict[str, Any]]:
    """Each item as it is and under each shift, as rows with id, sp_item, sp_variant, input and target.

    The target is the accepted text, or in every row the list of them where an item has several.
    """
    specs = [BASE, *(shift.spec() for shift in shifts)]
    if len(set(specs)) < len(specs):
        raise must("--shift", "the exported set", "be different, and not identity", ", ".join(specs[1:]))
    placed = [shift.within(source.space) for shift in shifts]
    rows: list[dict[str, Any]] = []
    for batch in source.batches(1024):
        if not isinstance(batch.x, Items):
            raise UsageError(f"Texts, prompts and chats are exported, and the inputs of '{source.uri}' are of kind '{source.space.kind}'.")
        truth = [list(accepted) for accepted in judge.truth(batch)]
        variants = [batch.x, *(shift.apply(batch.x, shift.sample(batch.x, Rng.for_ids(seed, batch.ids))) for shift in placed)]
        for place, item in enumerate(batch.ids.tolist()):
            for spec, inputs in zip(specs, variants, strict=True):
                one = inputs[place : place + 1]
                given = next(iter(one))
                rows.append(
                    {
                        "id": f"{item}/{spec}",
                        "sp_item": str(item),
                        "sp_variant": spec,
                        "input": [dict(message) for message in given] if is_chat(given) else str(given),
                        "target": truth[place],
                    }
                )
    if all(len(row["target"]) == 1 for row in rows):  # a column of one type, as readers of JSONL want it
        rows = [{**row, "target": row["target"][0]} for row in rows]
    return rows


def _lm_eval_yaml(name: str, path: Path) -> str:
    """The task's YAML. Paths are written as JSON, whose strings YAML reads too."""
    return (
        f"task: {name}\n"
        "dataset_path: json\n"
        "dataset_kwargs:\n"
        "  data_files:\n"
        f"    test: {json.dumps(str(path))}\n"
        "test_split: test\n"
        "output_type: generate_until\n"
        'doc_to_text: "{{input}}"\n'
        "doc_to_target: target\n"
        "generation_kwargs:\n"
        "  until: []\n"
        "  do_sample: false\n"
        "metric_list:\n"
        "  - metric: exact_match\n"
        "    aggregation: mean\n"
        "    higher_is_better: true\n"
        "    ignore_case: true\n"
        "    ignore_punctuation: true\n"
        "metadata:\n"
        "  version: 1\n"
    )
