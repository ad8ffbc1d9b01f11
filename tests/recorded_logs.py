"""Logs as inspect, lm-eval and promptfoo write them, of answers that a test plans."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa


@dataclass(frozen=True)
class Planned:
    """One answer: to which item, in which variant, and how right (None where none came)."""

    item: str
    variant: str
    score: float | None
    prompt: str = "What is it?"
    said: str = "that"
    metadata: dict[str, Any] = field(default_factory=dict)


def table(base: Sequence[float | None], **variants: Sequence[float | None]) -> list[Planned]:
    """Answers by variant, an item for each place; the prompt of a variant names it."""
    return [
        Planned(str(item), name, score, f"What is {item}?" if name == "identity" else f"What is {item} {name}?", f"said {item}")
        for name, scores in {"identity": base, **variants}.items()
        for item, score in enumerate(scores)
    ]


def inspect_log(planned: Sequence[Planned], *, scorers: Sequence[str] = ("includes",), epoch: int = 1) -> dict[str, Any]:
    """The content of a `.json` log."""
    samples = [
        {
            "id": f"{one.item}/{one.variant}",
            "epoch": epoch,
            "input": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": one.prompt}],
            "target": ["that", "it"],
            "output": {"completion": one.said},
            "scores": {} if one.score is None else {name: {"value": {1.0: "C", 0.0: "I"}.get(one.score, one.score)} for name in scorers},
            "metadata": {"sp_item": one.item, "sp_variant": one.variant, **one.metadata},
            **({"error": {"message": "timed out"}} if one.score is None else {}),
        }
        for one in planned
    ]
    return {"version": 2, "status": "success", "eval": {"task": "t", "model": "openai/m"}, "samples": samples}


def write_inspect(path: Path, planned: Sequence[Planned], *, zstd: bool = False, epochs: int = 1) -> Path:
    """A `.eval` log: an archive, compressed by deflate or, as newer inspect does, by Zstandard."""
    files: dict[str, object] = {}
    for epoch in range(1, epochs + 1):
        content = inspect_log(planned, epoch=epoch)
        files |= {f"samples/{one['id']}_epoch_{epoch}.json": one for one in content.pop("samples")}
    files["header.json"] = content
    if not zstd:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, one in files.items():
                archive.writestr(name, json.dumps(one))
        return path
    path.write_bytes(_zstd_archive({name: json.dumps(one).encode() for name, one in files.items()}))
    return path


def _zstd_archive(files: dict[str, bytes]) -> bytes:
    """A zip archive of method 93, put together by hand: zipfile writes none before Python 3.14."""
    out, directory = io.BytesIO(), io.BytesIO()
    for name, content in files.items():
        packed = pa.Codec("zstd").compress(content, asbytes=True)
        sizes = struct.pack("<HHHIIIHH", 93, 0, 33, zlib.crc32(content), len(packed), len(content), len(name.encode()), 0)
        place = out.tell()
        out.write(b"PK\x03\x04" + struct.pack("<HH", 63, 0) + sizes + name.encode() + packed)
        directory.write(b"PK\x01\x02" + struct.pack("<HHH", 63, 63, 0) + sizes + struct.pack("<HHHII", 0, 0, 0, 0, place) + name.encode())
    start, size, n = out.tell(), len(directory.getvalue()), len(files)
    out.write(directory.getvalue() + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, n, n, size, start, 0))
    return out.getvalue()


def write_lm_eval(path: Path, planned: Sequence[Planned], *, filters: Sequence[str] = ("none",)) -> Path:
    """Samples of lm-eval."""
    lines = [
        {
            "doc_id": place,
            "doc": {"sp_item": one.item, "sp_variant": one.variant, "input": one.prompt, **one.metadata},
            "target": "that",
            "arguments": {"gen_args_0": {"arg_0": [json.dumps([{"role": "user", "content": one.prompt}])], "arg_1": {"until": []}}},
            "resps": [[one.said]],
            "filtered_resps": [one.said],
            "filter": name,
            "metrics": ["exact_match"],
            "exact_match": one.score,
        }
        for name in filters
        for place, one in enumerate(planned)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return path


def write_promptfoo(path: Path, planned: Sequence[Planned], *, providers: Sequence[str] = ("openai:m",)) -> Path:
    """Results of promptfoo in which each variant is a prompt, and each item a test."""
    variants = list(dict.fromkeys(one.variant for one in planned))
    rows = [
        {
            "promptIdx": variants.index(one.variant),
            "testIdx": int(one.item),
            "testCase": {"vars": {"n": one.item}, "assert": [{"type": "contains", "value": "that"}]},
            "provider": {"id": provider, "label": ""},
            "prompt": {"raw": one.prompt, "label": one.variant},
            "vars": {"n": one.item},
            "response": {} if one.score is None else {"output": one.said},
            "success": one.score == 1.0,
            "score": one.score or 0.0,
            "namedScores": {"kind": one.score or 0.0},
            "failureReason": 2 if one.score is None else int(one.score != 1.0),
            **({"error": "API error: 500"} if one.score is None else {}),
        }
        for provider in providers
        for one in planned
    ]
    path.write_text(json.dumps({"evalId": "x", "results": {"version": 3, "results": rows}, "config": {}}), encoding="utf-8")
    return path
