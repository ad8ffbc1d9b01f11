"""Weights: every form that training scripts write, and nothing that could run code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from shiftproof import UsageError, as_model, load_model

State = dict[str, Tensor]


def net() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))


def state() -> State:
    torch.manual_seed(1)
    return {key: torch.randn_like(value) if value.is_floating_point() else value for key, value in net().state_dict().items()}


FORMS: dict[str, Callable[[State], object]] = {
    "bare": lambda s: s,
    "state_dict": lambda s: {"state_dict": s, "epoch": 3},
    "model": lambda s: {"model": s, "optimizer": {}},
    "nested": lambda s: {"state_dict": {"model": s}},
    "a list of one": lambda s: {"state_dict": [s], "acc": 0.9},
    "parallel": lambda s: {f"module.{key}": value for key, value in s.items()},
    "compiled and parallel": lambda s: {f"module._orig_mod.{key}": value for key, value in s.items()},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(tmp_path: Path, form: str) -> None:
    torch.save(FORMS[form](state()), tmp_path / "w.pt")
    expected = net()
    expected.load_state_dict(state())
    x = torch.rand(5, 4)
    assert torch.equal(load_model(net(), weights=str(tmp_path / "w.pt")).labels(x), as_model(expected).labels(x))
    assert load_model(net(), weights=str(tmp_path / "w.pt")).fingerprint() == as_model(expected).fingerprint()


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "w.safetensors")
    expected = net()
    expected.load_state_dict(state())
    assert load_model(net(), weights=str(tmp_path / "w.safetensors")).fingerprint() == as_model(expected).fingerprint()


def test_the_module_that_was_given_stays_as_it_is(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "w.pt")
    mine = net()
    before = as_model(mine).fingerprint()
    wrapped = load_model(as_model(mine), weights=str(tmp_path / "w.pt"))
    assert as_model(mine).fingerprint() == before != wrapped.fingerprint()


def test_a_misfit_is_one_message(tmp_path: Path) -> None:
    wrong = state()
    wrong["0.weight"] = torch.zeros(7, 4)
    wrong["head.bias"] = wrong.pop("1.bias")
    torch.save(wrong, tmp_path / "w.pt")
    with pytest.raises(UsageError) as caught:
        load_model(net(), weights=str(tmp_path / "w.pt"), name="net")
    assert str(caught.value).endswith(
        "do not fit the model 'net'. 1 of other shape: 0.weight is (7, 4) in the file and (3, 4) in the model. "
        "1 missing in the file: 1.bias. 1 unknown to the model: head.bias. Are they those of another architecture?"
    )


def test_long_lists_are_cut(tmp_path: Path) -> None:
    torch.save({f"layer{i}": torch.zeros(1) for i in range(9)}, tmp_path / "w.pt")
    with pytest.raises(UsageError, match=r"7 missing in the file: .* and 2 more. 9 unknown to the model: .*layer4 and 4 more\."):
        load_model(net(), weights=str(tmp_path / "w.pt"))


class Hostile:
    """What a pickle could do."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, ("ran",)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": state(), "extra": Hostile()}, "w.pt")
    with pytest.raises(
        UsageError, match=r"The weights 'w.pt' are refused: beside tensors they hold an object of 'posix.mkdir', .*save the weights alone"
    ):
        load_model(net(), weights="w.pt")
    assert not Path("ran").exists()


def test_a_whole_module_is_refused_with_the_way_out(tmp_path: Path) -> None:
    torch.save(net(), tmp_path / "w.pt")
    with pytest.raises(
        UsageError, match=r"hold an object of 'torch.nn.modules.container.Sequential'.*torch.save\(model.state_dict\(\), 'weights.pt'\)"
    ):
        load_model(net(), weights=str(tmp_path / "w.pt"))


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_a_damaged_file_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"version https://git-lfs")
    with pytest.raises(UsageError, match=r"The weights '.*' (cannot be read|are not a readable safetensors file): \w+.*\.( Expected| Was)"):
        load_model(net(), weights=str(tmp_path / name))


@pytest.mark.parametrize(
    ("stored", "got"),
    [
        ([torch.zeros(1)], "a list"),
        (torch.zeros(1), "a Tensor"),
        ({}, "a mapping with the keys "),
        ({"epoch": 1}, "a mapping with the keys epoch"),
    ],
)
def test_what_is_no_state_dict_is_told(tmp_path: Path, stored: object, got: str) -> None:
    torch.save(stored, tmp_path / "w.pt")
    with pytest.raises(UsageError, match=rf"must be a state dict \(names to tensors\), got {got}.*Save model.state_dict\(\)"):
        load_model(net(), weights=str(tmp_path / "w.pt"))


def test_several_networks_are_told(tmp_path: Path) -> None:
    torch.save({"state_dict": [state(), state()]}, tmp_path / "w.pt")
    with pytest.raises(UsageError, match="hold 2 networks under 'state_dict'. Save the state dict of one of them"):
        load_model(net(), weights=str(tmp_path / "w.pt"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no file of weights '.*none.pt'. Paths are relative to"):
        load_model(net(), weights=str(tmp_path / "none.pt"))


def test_weights_for_what_is_no_module_are_refused() -> None:
    with pytest.raises(UsageError, match="The weights 'w.pt' were given for 'function', which is not a torch module. Leave them out"):
        load_model(lambda x: x, weights="w.pt")


def test_the_name_has_the_stem_of_the_weights(tmp_path: Path) -> None:
    (tmp_path / "nets.py").write_text("import torch\n\n\ndef make():\n    return torch.nn.Linear(2, 2)\n")
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "epoch-12.pt")
    spec, weights = f"{tmp_path / 'nets.py'}:make", str(tmp_path / "epoch-12.pt")
    assert load_model(spec, weights=weights).name == "nets.py:make, epoch-12"
    assert load_model(spec).name == "nets.py:make"
    assert load_model(spec, weights=weights, name="mine").name == "mine"
