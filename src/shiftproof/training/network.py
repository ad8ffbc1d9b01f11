"""The network to train: a copy, or a new one from a factory, checked against the examples."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from shiftproof._errors import UsageError, must
from shiftproof.data.examples import Examples
from shiftproof.models.torch_module import TorchModule
from shiftproof.outcomes import Flag
from shiftproof.preflight import check_examples, inspect_model
from shiftproof.training.inner_search import evaluating


def device_named(device: str) -> torch.device:
    """The device that torch knows by this name."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError):  # torch raises any of these for what it does not know or see
        raise must("device", "train", "be a device that torch finds here, such as cpu, cuda or cuda:0", device) from None


_GLOBAL = threading.Lock()
"""Torch's generator is one for all threads: trainings in several must not seed it for each other."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's global generator begins at `seed` meanwhile, for this thread alone, and then is as it was."""
    with _GLOBAL, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def fresh_network(model: nn.Module | Callable[[], nn.Module], seed: int) -> nn.Module:
    """A copy of the network, or a new one from what makes it, with weights by the seed."""
    if isinstance(model, nn.Module):
        return copy.deepcopy(model)
    if not callable(model):
        raise must("model", "train", "be a torch module, or a function that makes one", type(model).__name__)
    with seeded(seed):
        made = model()
        again = model()
    if not isinstance(made, nn.Module):
        raise must("model", "train", "make a torch module", type(made).__name__)
    shared = {id(p) for p in made.parameters()} & {id(p) for p in again.parameters()}
    if made is again or shared:
        raise UsageError(
            "The factory returned the same network twice, so one training would start from the weights of another. Return a new network "
            "at every call."
        )
    return made


def check_network(net: nn.Module, examples: Examples) -> list[Flag]:
    """Warnings about the network's answers; raises `UsageError` where it cannot be trained on these examples."""
    check_examples(examples)
    first = next(net.parameters())
    noticed = inspect_model(TorchModule(net, name="net", device=first.device), examples)
    with torch.no_grad(), evaluating(net):
        answer = net(examples.x[:1].to(first.device, first.dtype, copy=True))  # which it may write into
    if not isinstance(answer, torch.Tensor):
        hint = "Wrap it in a module whose forward returns the scores only."
        raise must("answer", "a network that is trained", "be a tensor of scores (n, classes)", type(answer).__name__, hint)
    return noticed


def network_of(spec: str, weights: str | None = None) -> nn.Module | Callable[[], nn.Module]:
    """What is trained: the network of a spec, or what makes it; with a file of weights the network that starts from these."""
    from shiftproof.models.weights import load_weights

    found = factory_of(spec)
    if weights is None:
        return found
    module = found if isinstance(found, nn.Module) else found()
    load_weights(module, weights, name=spec)
    return module


def factory_of(spec: str) -> nn.Module | Callable[[], nn.Module]:
    """The network that FILE.py:NAME or package.module:NAME is, or what makes it anew at every call."""
    from shiftproof._imports import load_object
    from shiftproof.models.spec import load_from_spec, neighbours

    def make() -> nn.Module:
        found = load_from_spec(spec)
        if not isinstance(found, nn.Module):
            raise must("model", "train", "be a torch module, or a function that makes one", type(found).__name__)
        return found

    made = make()
    with neighbours(spec):
        return made if load_object(spec) is made else make
