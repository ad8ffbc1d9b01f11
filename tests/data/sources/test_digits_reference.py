"""scikit-learn's digits against scikit-learn itself and the counts that its documentation gives."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from shiftproof import load_data


def test_digits_are_those_of_scikit_learn() -> None:
    bunch = load_digits()
    whole = load_data("digits:?split=all")
    batch = whole.take(slice(None))
    assert (len(whole), tuple(batch.x.shape)) == (1797, (1797, 1, 8, 8))  # "1797 samples, 8x8 images": its documentation
    assert np.array_equal(batch.x[:, 0].numpy(), (bunch.images / 16).astype(np.float32))
    assert np.array_equal(whole.y, bunch.target)
    # load_digits().images[0][2]: the third row of the first picture
    assert (batch.x[0, 0, 2] * 16).tolist() == [0, 3, 15, 2, 0, 11, 8, 0]


def test_splits_part_the_whole_and_keep_ids() -> None:
    train, test, whole = (load_data(f"digits:?split={split}") for split in ("train", "test", "all"))
    assert sorted([*train.ids.tolist(), *test.ids.tolist()], key=int) == whole.ids.tolist()
    for part in (train, test):
        assert np.array_equal(whole.take(part.ids.astype(np.intp)).x.numpy(), part.take(slice(None)).x.numpy())
    share = np.bincount(test.y) / np.bincount(whole.y)
    assert ((share > 0.32) & (share <= 1 / 3)).all()  # every third of each class, the rest of the division left to train
    assert load_data("digits:").ids.tolist() == test.ids.tolist()
    assert load_data("digits:").fingerprint() == test.fingerprint() != train.fingerprint()


def test_a_version_that_keeps_its_file_elsewhere_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    read = load_data("digits:?split=all")
    monkeypatch.setattr("shiftproof.data.sources.digits.find_spec", lambda name: None)
    loaded = load_data("digits:?split=all")
    assert loaded.fingerprint() == read.fingerprint()
    assert np.array_equal(loaded.take(slice(None)).x, read.take(slice(None)).x)


def test_digits_on_another_box() -> None:
    unit, levels = load_data("digits:", limit=20), load_data("digits:", limit=20, box=(0, 16))
    assert levels.space.units == "[0, 16]"
    assert np.array_equal(levels.take(slice(None)).x.numpy(), unit.take(slice(None)).x.numpy() * 16)
    assert levels.notes[0] == "Levels 0 to 16 are mapped onto the box [0, 16]."
