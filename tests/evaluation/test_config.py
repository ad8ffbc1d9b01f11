"""A field of a config takes what it says and no other: `limit = true` is not 1, `seed = "3"` is not 3."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from shiftproof import UsageError
from shiftproof.evaluation.config import make_config, read_config

WRONG = [
    "limit = true",
    "limit = 3.0",
    'limit = "3"',
    "seed = true",
    'seed = "3"',
    'batch_size = "8"',
    "workers = 2.5",
    "pictures = false",
    'confidence = "0.95"',
    "confidence = true",
    "diagnose = 1",
    'diagnose = "yes"',
    "out = 3",
    "suite = true",
    'box = ["0", "1"]',
    "box = [true, 1]",
    "box = [0, 1, 2]",
    "fail_on = [1]",
    "weights = 1",
]


@pytest.mark.parametrize("line", WRONG)
def test_a_value_of_another_type_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "run.toml").write_text(f'model = "m.py:make"\ndata = "digits:"\n{line}\n')
    name = line.partition(" ")[0]
    with pytest.raises(UsageError, match=f"^The '{name}' of the audit must be [a-z ,01]+( or [a-z ]+)?, got "):
        make_config(read_config(tmp_path / "run.toml"))


def test_what_is_of_its_type_is_taken() -> None:
    given = {"limit": np.int64(3), "box": [0, np.float32(1)], "confidence": np.float64(0.9), "fail_on": ["accuracy < 0.5"], "seed": 2}
    config = make_config({"model": "m.py:make", "data": "digits:", **given})
    assert (config.limit, config.box, config.confidence, config.fail_on, config.seed) == (3, (0.0, 1.0), 0.9, ("accuracy < 0.5",), 2)
    assert type(config.limit) is int


def test_a_nested_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "deep.toml").write_text("limit = " + "[" * 100_000)
    with pytest.raises(UsageError, match="The config file '.*deep.toml' cannot be read as TOML"):
        read_config(tmp_path / "deep.toml")
