"""Examples from arrays: what is accepted becomes exactly this, and what is not is refused with the way out."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch

from shiftproof import UsageError, examples
from shiftproof.data.arrays import ArraySource
from shiftproof.data.examples import Examples
from shiftproof.data.labels import encode_labels, text_values


def test_examples_keep_values_and_name_rows() -> None:
    x = np.arange(6, dtype=np.float64).reshape(3, 2) / 10
    made = examples(x, [0, 1, 1])
    assert made.x.dtype == torch.float64
    assert made.x.tolist() == x.tolist()
    assert made.y.dtype == torch.int64
    assert made.ids.tolist() == ["0", "1", "2"]
    assert made.space.kind == "vector"


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.uint8, torch.float32), (np.int16, torch.float32), (np.int64, torch.float64), (np.float16, torch.float32), (bool, torch.float32)],
)
def test_numbers_become_the_float_that_holds_them(dtype: type[np.generic], expected: torch.dtype) -> None:
    from_numpy = examples(np.ones((2, 3), dtype=dtype), [0, 1]).x
    assert from_numpy.dtype == expected
    assert examples(torch.from_numpy(np.ones((2, 3), dtype=dtype)), [0, 1]).x.dtype == expected
    assert (from_numpy == 1).all()


def test_foreign_byte_order_read_only_and_strided_arrays() -> None:
    x = np.arange(8, dtype=">f8").reshape(2, 4)[:, ::-1]
    x.flags.writeable = False
    assert examples(x, [0, 1]).x.tolist() == [[3, 2, 1, 0], [7, 6, 5, 4]]


def test_torch_inputs_lose_their_graph() -> None:
    made = examples(torch.ones(2, 2, requires_grad=True), torch.tensor([1.0, 0.0]))
    assert not made.x.requires_grad
    assert made.y.tolist() == [1, 0]


def test_four_dimensions_are_images_unless_said() -> None:
    x = np.zeros((2, 1, 4, 4))
    assert examples(x, [0, 1]).space.kind == "image"
    assert examples(x, [0, 1], kind="vector").space.kind == "vector"


def test_box_units_and_groups() -> None:
    made = examples(np.zeros((2, 3)), [0, 1], ids=np.array([7, 9]), groups={"pen": ["blue", "black"], "age": [3, 4]}, box=(-1, 255))
    assert (made.space.low, made.space.high, made.space.units) == (-1.0, 255.0, "[-1, 255]")
    assert made.ids.tolist() == ["7", "9"]
    assert made.groups["age"].tolist() == ["3", "4"]


@pytest.mark.parametrize(
    ("x", "y", "options", "message"),
    [
        (
            np.zeros(3),
            [0, 1, 2],
            {},
            r"The 'x' of the examples must have shape \(n, ...\).*got \(3,\). A single column: x.reshape\(-1, 1\)",
        ),
        (np.zeros((2, 3)), [0], {}, r"The 'y' of the examples must have one entry per input \(2\), got 1"),
        (np.zeros((2, 3)), [0, 1], {"ids": ["a"]}, r"The 'ids' of the examples must have one entry per input"),
        (np.zeros((2, 3)), [0, 1], {"ids": ["a", "a"]}, r"must be unique: 1 occur more than once \('a'\). Name each example once"),
        (np.zeros((2, 3)), [0, 1], {"groups": {"g": ["a"]}}, r"The 'groups\[g\]' of the examples must have one entry per input"),
        (np.zeros((2, 3)), [0, 1], {"groups": {"g": [["a"], ["b"]]}}, r"The 'groups\[g\]' of the examples must have shape \(n,\)"),
        (np.zeros((2, 3)), [0, 1], {"kind": "image"}, r"for images, got \(2, 3\). Grey images: x\[:, None\]"),
        (np.zeros((2, 3)), [0, 1], {"box": (1, 0)}, r"The 'box' of the data must have low < high"),
        (np.zeros((2, 3)), [0, 1], {"box": "0,1"}, r"The 'box' of the data must be a pair of numbers, got '0,1'. Declare it as --box 0,1"),
        (np.array([["a", "b"]]), [0], {}, r"The 'x' of the examples must hold numbers, got '<U1'"),
        (np.zeros((1, 2), dtype=complex), [0], {}, r"must hold numbers, got 'complex128'"),
        (torch.zeros(1, 2, dtype=torch.complex64), [0], {}, r"must hold real numbers, got 'torch.complex64'"),
        ([[1.0, 2.0], [3.0]], [0, 1], {}, r"its rows differ in shape. Resize or pad them first"),
        (
            np.zeros((2, 3)),
            [0.5, 1],
            {},
            r"The 'labels' of the examples must be whole numbers 0, 1, 2, ..., got 0.5. The first such is in row 0",
        ),
        (np.zeros((2, 3)), [1, -1], {}, r"got -1.0. The first such is in row 1. Add 1 and halve labels of -1 and 1"),
        (np.zeros((2, 3)), [0, np.nan], {}, r"must be whole numbers 0, 1, 2, ..., got nan"),
        (np.zeros((2, 3)), [0, 2**40], {}, r"must be whole numbers 0, 1, 2, ..., got 1099511627776"),
        (np.zeros((2, 3)), np.eye(2), {}, r"one class each, got \(2, 2\). One-hot labels: take their argmax\(1\)"),
        (np.zeros((2, 3)), [1j, 0], {}, r"must be numbers or words, got 'complex128'"),
    ],
)
def test_refusals(x: npt.ArrayLike, y: npt.ArrayLike, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        examples(x, y, **options)  # type: ignore[arg-type]  # wrong on purpose


def test_labels_of_every_sort() -> None:
    assert encode_labels(np.array([[2], [0]], dtype=np.uint8), owner="o")[0].tolist() == [2, 0]
    assert encode_labels([3.0, 1.0], owner="o")[0].tolist() == [3, 1]
    codes, names = encode_labels(np.array(["b", "a", "b"], dtype=object), owner="o")
    assert (codes.tolist(), names) == ([1, 0, 1], ("a", "b"))
    codes, names = encode_labels([True, False], owner="o")
    assert (codes.tolist(), names) == ([1, 0], ("False", "True"))
    assert encode_labels([b"\xc3\xa9"], owner="o")[1] == ("é",)
    assert encode_labels(["b"], owner="o", classes=("a", "b", "c"))[0].tolist() == [1]
    assert encode_labels([0, 0], owner="o")[0].tolist() == [0, 0]  # one class alone is fine


def test_words_and_labels_refusals() -> None:
    with pytest.raises(UsageError, match="Unknown class of o 'dogg'. Did you mean: dog?"):
        encode_labels(["dogg"], owner="o", classes=("cat", "dog"))
    with pytest.raises(UsageError, match="must be UTF-8 text"):
        text_values([b"\xff"], name="ids", owner="o")
    with pytest.raises(UsageError, match=r"The 'ids' of o must be words or numbers, got \{\}"):
        text_values(np.array([{}, "a"], dtype=object), name="ids", owner="o")


def _batch() -> Examples:
    return examples(np.linspace(0, 1, 8).reshape(4, 2), [0, 1, 1, 0], ids=list("abcd"), groups={"g": list("xxyy")})


def test_array_source_serves_what_it_got() -> None:
    source = ArraySource(_batch(), name="mine", class_names=("no", "yes"))
    assert (source.uri, len(source), source.class_names, source.named) == ("mine", 4, ("no", "yes"), True)
    assert source.take(np.array([2, 0])).ids.tolist() == ["c", "a"]
    assert source.groups["g"].tolist() == list("xxyy")
    assert not ArraySource(examples(np.zeros((2, 2)), [0, 1])).named


def test_array_source_fingerprint_sees_every_part() -> None:
    plain = _batch()
    variants = [
        Examples(plain.x + 1e-9, plain.y, plain.ids, plain.groups, plain.space),
        Examples(plain.x, 1 - plain.y, plain.ids, plain.groups, plain.space),
        Examples(plain.x, plain.y, np.array(list("abce")), plain.groups, plain.space),
        Examples(plain.x, plain.y, plain.ids, {"g": np.array(list("xxyz"))}, plain.space),
        Examples(plain.x, plain.y, plain.ids, {"h": plain.groups["g"]}, plain.space),
        examples(plain.x, plain.y, ids=plain.ids, groups=plain.groups, box=(0, 2)),
    ]
    prints = {ArraySource(batch).fingerprint() for batch in [plain, *variants]}
    assert len(prints) == 7
    assert ArraySource(_batch(), name="other").fingerprint() == ArraySource(plain).fingerprint()


def test_array_source_refusals() -> None:
    with pytest.raises(UsageError, match="The data 'none' hold no examples"):
        ArraySource(_batch()[0:0], name="none")
    twice = Examples(torch.zeros(2, 1), torch.zeros(2, dtype=torch.int64), np.array(["a", "a"]))
    with pytest.raises(UsageError, match="The ids of the data 'twice' must be unique"):
        ArraySource(twice, name="twice")
