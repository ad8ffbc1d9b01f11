"""Methods that train for groups: each does what its paper says, and says what it lacks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from shiftproof._errors import UsageError
from shiftproof.training.pieces.deep_feature_reweighting import dfr_layer
from shiftproof.training.pieces.group_dro_loss import GroupDROLoss, balanced_sampler
from shiftproof.training.pieces.importance import importance_weights
from shiftproof.training.pieces.lisa_mixing import lisa_mix
from shiftproof.training.pieces.repeated_rows import jtt_rows
from shiftproof.training.pieces.selection import Scored, select
from shiftproof.training.pieces.temperatures import Indexed, InstanceTemperatures
from shiftproof.training.pieces.tokens import token_cvar, token_entropy


def test_group_dro_moves_weight_to_the_worst_group_and_its_gradient_is_that_weight() -> None:
    dro = GroupDROLoss([50, 50, 50], step_size=0.5)
    groups = torch.tensor([0, 0, 1, 1])
    for _ in range(30):
        losses = torch.tensor([0.1, 0.3, 1.0, 2.0], requires_grad=True)
        value = dro(losses, groups)
    assert dro.q.sum().item() == pytest.approx(1)
    assert dro.q[1] > 0.99
    assert value.item() == pytest.approx(1.5, abs=0.02)
    value.backward()
    assert losses.grad is not None
    assert losses.grad.tolist() == pytest.approx(dro.q[[0, 0, 1, 1]].div(2).tolist())


def test_an_absent_group_keeps_its_share_against_others() -> None:
    dro = GroupDROLoss([1, 1, 1], step_size=1.0)
    dro(torch.tensor([0.0, 0.0]), torch.tensor([0, 1]))
    assert dro.q.tolist() == pytest.approx([1 / 3] * 3)


def test_small_groups_count_as_worse_with_an_adjustment() -> None:
    dro = GroupDROLoss([100, 4], step_size=1.0, adjustment=2.0)
    value = dro(torch.zeros(2), torch.tensor([0, 1]))
    q = torch.softmax(torch.tensor([0.2, 1.0]), 0)
    assert dro.q.tolist() == pytest.approx(q.tolist())
    assert value.item() == pytest.approx(float(q @ torch.tensor([0.2, 1.0])))


def test_the_adjustment_reaches_groups_that_a_batch_lacks() -> None:
    """As kohpangwei/group_DRO, loss.py: adjusted_loss += adj / sqrt(group_counts) for every group, and their sum is what is trained on."""
    dro = GroupDROLoss([100, 4, 25], step_size=0.5, adjustment=3.0)
    value = dro(torch.tensor([1.0, 3.0]), torch.tensor([0, 0]))
    adjusted = torch.tensor([2.0, 0.0, 0.0]) + 3.0 / torch.tensor([100.0, 4.0, 25.0]).sqrt()
    q = torch.softmax(0.5 * adjusted, 0)
    assert dro.q.tolist() == pytest.approx(q.tolist())
    assert value.item() == pytest.approx(float(q @ adjusted))
    before = dro.q.clone()
    dro(torch.tensor([0.0]), torch.tensor([0]))
    assert dro.q[1] > before[1]


def test_the_sampler_balances_groups_and_repeats_by_its_seed() -> None:
    groups = [0] * 90 + [1] * 10
    drawn = list(balanced_sampler(groups, seed=3, n=4000))
    assert np.mean([groups[row] for row in drawn]) == pytest.approx(0.5, abs=0.04)
    assert drawn == list(balanced_sampler(groups, seed=3, n=4000))


def test_importance_weights_are_unbiased_and_say_what_they_cost() -> None:
    found = importance_weights(["a"] * 3 + ["b"], target={"a": 1, "b": 3, "c": 0})
    assert found.weights.tolist() == pytest.approx([1 / 3] * 3 + [3])
    assert found.effective_n == pytest.approx(16 / (3 / 9 + 9))
    assert importance_weights(["a"] * 9 + ["b"], most=1.0).weights.max() < 2


def test_jtt_repeats_what_was_wrong() -> None:
    assert jtt_rows([0, 1, 0, 1], times=2).tolist() == [0, 1, 1, 2, 3, 3]


def test_lisa_mixes_within_labels_across_domains_or_the_other_way_round() -> None:
    rng = np.random.default_rng(0)
    y, domains = torch.from_numpy(rng.integers(0, 3, 40)), torch.from_numpy(rng.integers(0, 2, 40))
    x = torch.eye(40)
    for same_label in (1.0, 0.0):
        mixed = lisa_mix(x, y, domains=domains, classes=3, seed=1, same_label=same_label)
        keep, change = (y, domains) if same_label else (domains, y)
        assert (keep[mixed.partner] == keep).all()
        assert (change[mixed.partner] != change).all()
        assert mixed.x.diagonal().numpy() == pytest.approx(mixed.share)
        assert mixed.y.sum(1).tolist() == pytest.approx([1.0] * 40)
    alone = lisa_mix(x[:2], torch.tensor([0, 0]), domains=torch.tensor([1, 1]), classes=2, seed=0)
    assert torch.equal(alone.x, x[:2])


@pytest.mark.parametrize("classes", [2, 3])
def test_dfr_takes_the_spurious_feature_out(classes: int) -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, 1500)
    spurious = np.where(rng.random(1500) < 0.95, y, rng.integers(0, classes, 1500))
    core = np.eye(classes)[y] + rng.normal(size=(1500, classes)) * 0.6
    features = np.concatenate([core, np.eye(classes)[spurious] * 5 + 2], axis=1)
    layer = dfr_layer(features, y, groups=y * classes + spurious, seed=0, penalty=5.0)
    odd = spurious != y
    answers = layer(torch.from_numpy(features).float()).argmax(1).numpy()
    assert (answers == y)[odd].mean() > 0.7
    again = dfr_layer(features, y, groups=y * classes + spurious, seed=0, penalty=5.0)
    assert torch.equal(layer.weight, again.weight)


def test_token_cvar_trains_on_the_hardest_tokens_that_count() -> None:
    losses = torch.tensor([[1.0, 5.0, 2.0], [9.0, 3.0, 4.0]], requires_grad=True)
    mask = torch.tensor([[1, 1, 1], [0, 1, 1]])
    value = token_cvar(losses, mask=mask, alpha=0.4)
    assert value.item() == pytest.approx(4.5)
    value.backward()  # type: ignore[no-untyped-call]
    assert losses.grad is not None
    assert losses.grad.flatten().tolist() == pytest.approx([0, 0.5, 0, 0, 0, 0.5])


def test_tokens_are_chosen_by_other_scores() -> None:
    losses = torch.tensor([[1.0, 5.0, 2.0]], requires_grad=True)
    value = token_cvar(
        losses, mask=torch.ones(1, 3), alpha=1 / 3, scores=token_entropy(torch.tensor([[[0.0, 0.0], [3.0, 0.0], [9.0, 0.0]]]))
    )
    assert value.item() == pytest.approx(1.0)
    value.backward()  # type: ignore[no-untyped-call]
    assert losses.grad is not None
    assert losses.grad.tolist() == [pytest.approx([1.0, 0.0, 0.0])]


def test_examples_bring_their_place_however_they_are_drawn() -> None:
    data = Indexed(torch.utils.data.TensorDataset(torch.arange(6.0)))
    sampler = balanced_sampler([0, 0, 0, 0, 0, 1], seed=0, n=24)
    for x, index in torch.utils.data.DataLoader(data, batch_size=8, sampler=sampler):
        assert x.tolist() == index.tolist()
    assert Indexed(["a", "b"])[1] == ("b", 1)
    assert len(Indexed(["a", "b"])) == 2


def test_instance_temperatures_stay_in_range_and_remember() -> None:
    loss, index = InstanceTemperatures(3, radius=0.3, start=0.5, least=0.4, most=0.6, average=0.5), torch.tensor([0, 2])
    with torch.no_grad():
        loss.temperature[0], loss.temperature[2] = 9.0, -1.0
    similarity = torch.tensor([[1.0, 0.2], [0.4, 0.8]])
    loss(similarity, index).backward()
    assert loss.temperature.tolist() == pytest.approx([0.6, 0.5, 0.4])
    assert loss.temperature.grad is not None
    assert loss.temperature.grad[1] == 0
    assert loss.log_mean[index].tolist() == pytest.approx([-0.8 / 0.6, -0.4 / 0.4])
    assert torch.isnan(loss.log_mean[1])
    loss.eval()
    loss(similarity + 1 - torch.eye(2), index)
    assert loss.log_mean[index].tolist() == pytest.approx([-0.8 / 0.6, -0.4 / 0.4])


def test_instance_temperatures_at_their_best_are_the_kl_ball() -> None:
    from shiftproof.risks.worst_weights import kl

    similarity = torch.tensor([[1.0, 0.2, 0.9, -0.5], [0.1, 1.0, 0.3, 0.2], [0.0, 0.5, 0.7, 0.6], [0.3, 0.3, 0.2, 0.9]])
    loss = InstanceTemperatures(10, radius=0.3)
    index = torch.tensor([7, 1, 3, 5])
    optimiser = torch.optim.Adam(loss.parameters(), lr=0.02)
    for _ in range(400):
        optimiser.zero_grad()
        value = loss(similarity, index)
        value.backward()
        optimiser.step()
    off = [[(similarity[i, j] - similarity[i, i]).item() for j in range(4) if j != i] for i in range(4)]
    assert value.item() == pytest.approx(np.mean([kl(row, radius=0.3).value for row in off]), abs=2e-3)
    assert loss.temperature[0].item() == 0.5


VERDICTS = {"erm": [1, 1, 1, 0], "dro": [1, 0, 1, 1]}
IDS, GROUPS = ["1", "2", "3", "4"], ["a", "a", "a", "b"]


def test_rules_choose_what_they_say() -> None:
    assert select(Scored(VERDICTS, IDS), rule="average").candidate == "erm"  # the first of equals
    found = select(Scored(VERDICTS, IDS, GROUPS), rule="worst_group", test_ids=["9"])
    assert (found.candidate, found.oracle, found.scores["erm"]) == ("dro", False, 0.0)
    assert select(Scored({"even": [0.8] * 4, "uneven": [1.0, 1.0, 1.0, 0.4]}, IDS), rule="cvar").candidate == "even"
    oracle = select(Scored(VERDICTS, IDS, GROUPS, role="test"), rule="oracle", test_ids=IDS)
    assert (oracle.candidate, oracle.oracle) == ("dro", True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: GroupDROLoss([]), "Leave empty groups out"),
        (lambda: GroupDROLoss([1], step_size=0), "The 'step_size' of group_dro"),
        (lambda: GroupDROLoss([1], adjustment=-1), "The 'adjustment' of group_dro"),
        (lambda: GroupDROLoss([1])(torch.zeros(2), None), "group_dro needs each example's group number"),
        (lambda: GroupDROLoss([1])(torch.zeros(2), torch.tensor([0])), "have one number per loss"),
        (lambda: GroupDROLoss([1])(torch.zeros(1), torch.tensor([1])), "lie in 0..0"),
        (lambda: balanced_sampler([], seed=0), "have one number per example"),
        (lambda: importance_weights([]), "have one name per example"),
        (lambda: importance_weights(["a", "b"], target={"a": 1}), "Unknown group of the target mix 'b'"),
        (lambda: importance_weights(["a"], target={"a": -1}), "be shares >= 0"),
        (lambda: importance_weights(["a"], most=0), "The 'most' of importance_weights"),
        (lambda: jtt_rows(None, times=2), "needs the training examples"),
        (lambda: jtt_rows([0.5], times=2), "be true or false"),
        (lambda: jtt_rows([1], times=0), "The 'times' of jtt_rows"),
        (lambda: jtt_rows([0, 0], times=2), "Stop its training earlier"),
        (lambda: lisa_mix(torch.zeros(1, 1), torch.tensor([0]), domains=None, classes=2, seed=0), "lisa needs each example's domain"),
        (lambda: lisa_mix(torch.zeros(1, 1), torch.tensor([0]), domains=torch.tensor([0, 1]), classes=2, seed=0), "one number per example"),
        (
            lambda: lisa_mix(torch.zeros(1, 1), torch.tensor([0]), domains=torch.tensor([0]), classes=2, seed=0, same_label=2),
            "The 'same_label' of lisa_mix",
        ),
        (lambda: lisa_mix(torch.zeros(1, 1), torch.tensor([0]), domains=torch.tensor([0]), classes=2, seed=0, shape=0), "The 'shape' of"),
        (lambda: dfr_layer([[1.0]], [0, 1], groups=[0, 1], seed=0), "have shape \\(n, d\\)"),
        (lambda: dfr_layer([[1.0]], [0], groups=[0], seed=0), "hold every label"),
        (lambda: dfr_layer([[1.0]], [0], groups=[0], seed=0, penalty=0), "The 'penalty' of dfr_layer"),
        (lambda: dfr_layer([[1.0]], [0], groups=[0], seed=0, subsets=0), "The 'subsets' of dfr_layer"),
        (lambda: token_cvar(torch.zeros(2), mask=torch.ones(3), alpha=0.5), "have the shape of the losses"),
        (lambda: token_cvar(torch.zeros(2), mask=torch.zeros(2), alpha=0.5), "keep at least one token"),
        (lambda: InstanceTemperatures(0, radius=1), "The 'n' of InstanceTemperatures"),
        (lambda: InstanceTemperatures(1, radius=0), "The 'radius' of InstanceTemperatures"),
        (lambda: token_cvar(torch.zeros(2), mask=torch.ones(2), alpha=0.5, scores=torch.ones(3)), "The 'scores' of token_cvar"),
        (lambda: InstanceTemperatures(1, radius=1, most=0.1), "The 'most' of InstanceTemperatures"),
        (lambda: InstanceTemperatures(1, radius=1, average=0), "The 'average' of InstanceTemperatures"),
        (lambda: InstanceTemperatures(1, radius=1)(torch.zeros(2, 2), torch.tensor([0, 1])), "lie in 0..0"),
        (lambda: InstanceTemperatures(1, radius=1, least=2), "The 'least' of InstanceTemperatures"),
        (lambda: InstanceTemperatures(1, radius=1)(torch.zeros(2, 2), None), "Wrap the data set: Indexed\\(data\\)"),
        (lambda: InstanceTemperatures(1, radius=1)(torch.zeros(2, 3), torch.tensor([0, 0])), "have shape \\(m, m\\)"),
        (lambda: select(Scored(VERDICTS, IDS), rule="best"), "Unknown rule of selection 'best'"),  # type: ignore[arg-type]
        (lambda: select(Scored({}, IDS), rule="average"), "hold at least one candidate"),
        (lambda: select(Scored({"a": [1]}, IDS), rule="average"), "have one verdict per example"),
        (lambda: select(Scored(VERDICTS, IDS), rule="worst_group"), "Use average or cvar"),
        (lambda: select(Scored(VERDICTS, IDS, role="test"), rule="average"), "would use the test set. Pass validation data"),
        (
            lambda: select(Scored(VERDICTS, IDS), rule="average", test_ids=["4", "5"]),
            "1 validation examples are also test examples",
        ),
    ],
)
def test_what_methods_refuse(call: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def test_a_sum_of_groups_is_finite_when_a_batch_lacks_some() -> None:
    value = GroupDROLoss([3, 3])(torch.tensor([1.0]), torch.tensor([1]))
    assert math.isfinite(value.item())
