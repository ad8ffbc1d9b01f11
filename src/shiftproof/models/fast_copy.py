"""A faster copy of a torch module for searches to ask: what it decides narrowly, the module itself decides."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize
from torch.nn.utils.fusion import fuse_conv_bn_eval

from shiftproof._errors import UsageError
from shiftproof.models._input_slopes import quicken
from shiftproof.models.abstract import Answers, Gradients, WrappedModel
from shiftproof.models.copy_precisions import CopyPrecision
from shiftproof.models.query_count import uncounted
from shiftproof.models.torch_module import TorchModule

_NARROW: dict[CopyPrecision, float] = {"float32": 1e-4, "bfloat16": 0.04}
"""Below which gap between its two best scores, as a share of the range of all, a decision of the copy is narrow.

On seven nets of MNIST and CIFAR-10 rounding moved a gap by at most 2e-6 and 0.032 of the range."""


_CLASSES = 3
"""So many are needed for a range of scores that is not their gap."""


class FastCopy(WrappedModel, Gradients, copies=True):
    """A copy of a module with batch norm folded into its convolutions, in `precision`, whose narrow decisions are the module's own.

    Strided convolutions of at most four channels, which first layers often are, get a faster input gradient.

    Args:
        model: what is copied; it is left as it was found.
        precision: "float32", or "bfloat16" for all layers but the first, which sees inputs in full: near 1 bfloat16 has steps of 1/256.

    Guarantees:
        Where the gap between the two best scores is below 1e-4 (float32) or 4 % (bfloat16) of their range, the scores are those of the
        model. Elsewhere they are the copy's, and so are all gradients. A row's scores do not depend on its batch, but for rounding. What a
        search finds is judged by the model itself, so that no verdict of a failure is the copy's. Of two classes the gap is the range, so
        that nothing but a tie would be narrow: bfloat16 refuses them. Rows that the copy answers are not counted as sent to the model.

    Raises:
        UsageError: the weights are not in float32, or under "float32" there is no such convolution and nothing to fold: torch must be able
            to trace the module, and it has no hooks and no weights that are computed (weight norm). Asked for scores in bfloat16: there
            are fewer than 3 classes.

    Cost: a forward of the copy, and one of the model for each narrow decision. On one core with AMX, forward and input gradient took 0.78
    (float32) and 0.38 (bfloat16) of the time of ResNet-20, and 0.91 (bfloat16) of that of a net of two convolutions.

    Example:
        >>> layers = torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.Linear(144, 3)
        >>> FastCopy(TorchModule(torch.nn.Sequential(*layers).eval(), name="net"), "float32").scores(torch.rand(2, 1, 8, 8)).shape
        torch.Size([2, 3])
    """

    def __init__(self, model: TorchModule, precision: CopyPrecision) -> None:
        super().__init__(name=model.name, fingerprint=f"{model.fingerprint()}+{precision}")
        module = _frozen(model)
        folded, why = _folded(module)
        module = module if folded is None else folded
        quick = quicken(module)
        if precision == "float32" and folded is None and not quick:
            what = f"has no faster copy in float32: {why}, and no strided convolution of few channels"
            raise UsageError(f"The model '{model.name}' {what}. Use bfloat16, or leave the copy out.")
        if precision == "bfloat16":
            module = _Rounded(module)
        self._model, self._precision, self._narrow = model, precision, _NARROW[precision]
        self._copy = TorchModule(module, name=model.name, device=model.device, memory_format=model.memory_format)

    @property
    def device(self) -> torch.device:
        return self._model.device

    def check(self, x: Tensor) -> None:
        """Raises `UsageError` where the copy decides otherwise than the model, and not narrowly. Cost: two forwards each."""
        with torch.no_grad():
            differs = self.scores(x).argmax(1) != self._model.scores(x).argmax(1)
        if bool(differs.any()):
            what = f"decides otherwise on {int(differs.sum())} of {len(x)} inputs, and by far"
            raise UsageError(f"The faster copy of the model '{self.name}' {what}. Leave the copy out.")

    def scores(self, x: Tensor) -> Tensor:
        with uncounted():
            said = self._copy.scores(x).to(torch.float32)
        if self._precision == "bfloat16" and said.shape[1] < _CLASSES:
            what = f"has no faster copy in bfloat16: it has {said.shape[1]} classes, and which of their decisions are narrow cannot be told"
            raise UsageError(f"The model '{self.name}' {what}. Use float32, or leave the copy out.")
        seen = said.detach()
        best = seen.topk(2, dim=1).values
        narrow = ~(best[:, 0] - best[:, 1] > self._narrow * (best[:, 0] - seen.amin(1)))  # one that is not finite is narrow too
        if not bool(narrow.any()):
            return said
        exact = torch.zeros_like(seen)
        with torch.no_grad():
            exact[narrow] = self._model.scores(x[narrow].detach())
        return torch.where(narrow[:, None], exact + (said - seen), said)  # the zero has the copy's gradient


def fast_copy(model: Answers, precision: CopyPrecision) -> FastCopy:
    """The faster copy of a model; raises `UsageError` where there is none."""
    if not isinstance(model, TorchModule):
        raise UsageError(f"The model '{model.name}' has no faster copy: it is no torch module whose scores have a gradient. Leave it out.")
    return FastCopy(model, precision)


def _frozen(model: TorchModule) -> nn.Module:
    """A copy in evaluation mode, whose weights need no gradient."""
    weights = list(model.module.parameters())
    if not weights or any(weight.dtype is not torch.float32 for weight in weights):
        raise UsageError(f"The model '{model.name}' has no faster copy: it must be a torch module with weights in float32.")
    try:
        return copy.deepcopy(model.module).eval().requires_grad_(False)
    except Exception as error:  # whatever the user's code raises, or torch where a weight is computed
        raise UsageError(
            f"The model '{model.name}' has no faster copy: it cannot be copied ({type(error).__name__}). Leave it out."
        ) from error


def _folded(module: nn.Module) -> tuple[nn.Module | None, str]:
    """The module with each batch norm that alone follows a convolution folded into it; None and why where there is none."""
    if not any(isinstance(part, nn.BatchNorm2d) for part in module.modules()):
        return None, "it has no batch norm to fold into a convolution"
    if any(_altered(part) for part in module.modules()):
        return None, "it has hooks, or weights that are computed from others"
    try:
        traced = fx.symbolic_trace(module)
    except Exception as error:  # whatever the user's code raises where it is traced
        return None, f"torch cannot trace it ({type(error).__name__})"
    parts = dict(traced.named_modules())
    calls = Counter(str(node.target) for node in traced.graph.nodes if node.op == "call_module")
    folds = 0
    for norm in list(traced.graph.nodes):
        before = norm.args[0] if norm.op == "call_module" and norm.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or len(before.users) > 1 or calls[str(before.target)] > 1:
            continue
        first, second = parts[str(before.target)], parts[str(norm.target)]
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d) and second.track_running_stats:
            traced.set_submodule(str(before.target), fuse_conv_bn_eval(first, second))
            norm.replace_all_uses_with(before)
            traced.graph.erase_node(norm)
            folds += 1
    traced.recompile()
    return (traced, "") if folds else (None, "no batch norm of it alone follows a convolution")


def _altered(part: nn.Module) -> bool:
    """Whether a module does more than its class says: a fold would lose it, or undo it."""
    return bool(part._forward_hooks or part._forward_pre_hooks) or parametrize.is_parametrized(part)


class _Rounded(nn.Module):
    """A module whose layers compute in bfloat16, but for the first, which sees the inputs in full precision."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        layers = [part for part in module.modules() if isinstance(part, nn.Conv2d | nn.Linear)]
        if layers:
            own = set(layers[0].parameters())
            for part in layers[1:]:
                if own.isdisjoint(part.parameters()):  # a weight that both have stays as it is
                    part.to(torch.bfloat16)
            vars(layers[0])["forward"] = _InFull(layers[0].forward)  # before that of its class
        self.module = module

    def forward(self, x: Tensor) -> Any:
        with torch.autocast(x.device.type, dtype=torch.bfloat16):
            return self.module(x)


class _InFull:
    """What a layer computes, in full precision; the layer stays what it is, as code may read its weights."""

    def __init__(self, forward: Callable[[Tensor], Tensor]) -> None:
        self._forward = forward

    def __call__(self, input: Tensor) -> Tensor:  # noqa: A002  # as torch calls it, for calls by name
        with torch.autocast(input.device.type, enabled=False):
            return self._forward(input.float()).to(torch.bfloat16)
