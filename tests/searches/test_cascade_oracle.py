"""The cascade: closed forms, its account of what each part did, and the published versions on small inputs."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import shiftproof as sp
from shiftproof._errors import UsageError
from shiftproof.finding import Finding
from shiftproof.models.abstract import Labels
from shiftproof.searches.cascade import PUBLISHED, Cascade

N = 24


def linear(classes: int, *, images: bool = False) -> tuple[nn.Linear, Labels, sp.Examples]:
    torch.manual_seed(classes)
    layer = nn.Linear(16, classes)
    net = nn.Sequential(nn.Flatten(), layer) if images else layer
    x = torch.rand(N, 16, generator=torch.Generator().manual_seed(3)) * 0.4 + 0.3
    x = x.reshape(N, 1, 4, 4) if images else x
    model = sp.as_model(net, name="linear")
    return layer, model, sp.examples(x, model.labels(x))


def exact(layer: nn.Linear, examples: sp.Examples, eps: float) -> torch.Tensor:
    """Which examples hold in linf(eps), away from the box: every margin outlasts eps times the 1-norm of its weight difference."""
    scores = layer(examples.x.flatten(1)).detach()
    weight = layer.weight.detach()
    rows = torch.arange(N)
    gap = scores[rows, examples.y][:, None] - scores
    reach = eps * (weight[examples.y][:, None] - weight[None]).abs().sum(2)
    held = gap > reach
    held[rows, examples.y] = True
    verdict: torch.Tensor = held.all(1)
    return verdict


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("images", [False, True])
def test_economy_reaches_the_closed_form(classes: int, images: bool) -> None:
    layer, model, examples = linear(classes, images=images)
    finding = sp.confront(model, sp.Linf(0.1), search=Cascade(), examples=examples)
    truth = exact(layer, examples, 0.1)
    assert 0 < int(truth.sum()) < N
    assert finding.correct.tolist() == truth.tolist()


def test_every_pass_is_booked_to_a_stage() -> None:
    _, model, examples = linear(3, images=True)
    finding = sp.confront(model, sp.Linf(0.08), search=Cascade(), examples=examples, batch_size=10)
    searched = sum(stage.forwards for stage in finding.stages)
    # Beside the stages: the door's clean look and last word, and the cascade's own look at the unmoved input.
    assert int(finding.forwards.sum()) == searched + 3 * N
    assert int(finding.backwards.sum()) == sum(stage.backwards for stage in finding.stages)
    names = [stage.name for stage in finding.stages]
    assert len(names) == len(set(names))
    broken = sum(stage.broken for stage in finding.stages if stage.name != "audited sample")
    assert broken == int((finding.outcome == "broken").sum())


def stage_specs(finding: Finding) -> list[str]:
    return [stage.name.partition("(")[0] for stage in finding.stages]


def test_standard_runs_the_published_parts_in_their_order_on_vectors_of_two_classes() -> None:
    layer, model, examples = linear(2)
    few = examples[:4]
    finding = sp.confront(model, sp.Linf(0.02), search=Cascade("standard"), examples=few)
    assert finding.correct.tolist() == exact(layer, examples, 0.02)[:4].tolist()
    assert stage_specs(finding) == [part.partition("(")[0] for part in PUBLISHED["standard"]]


def test_rand_averages_its_questions() -> None:
    _, model, examples = linear(2)
    finding = sp.confront(model, sp.Linf(0.01), search=Cascade("rand"), examples=examples[:2])
    assert all(stage.forwards % 20 == 0 for stage in finding.stages)


def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(UsageError, match=r"The 'version' of cascade must be one of economy, standard, plus, rand, got 'best'"):
        Cascade("best")
