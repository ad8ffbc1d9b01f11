"""A denoiser before a model, so that smoothing can certify models that were not trained on noise."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from shiftproof._errors import must
from shiftproof._identity.fingerprinted import fingerprint_of
from shiftproof._identity.table import identify
from shiftproof.models.abstract import Labels, Scores, WrappedModel
from shiftproof.models.query_count import uncounted
from shiftproof.models.torch_module import TorchModule

Denoiser = Callable[[Tensor], Tensor]


def denoised(model: Labels, denoiser: Denoiser) -> Labels:
    """The model on what `denoiser` makes of its inputs: what gives labels gives labels, what gives scores gives scores.

    Args:
        model: any model.
        denoiser: maps inputs of shape (n, ...) to inputs of the same shape; a torch module or a function.

    Guarantees: smoothing then proves its radii of denoiser and model together, whatever the denoiser does, as long as it does the same to
    the same input.

    Example:
        >>> import shiftproof as sp
        >>> model = sp.as_model(nn.Linear(4, 2), name="linear")
        >>> denoised(model, lambda x: x.round()).name
        'linear, denoised'

    Reference: Salman et al. 2020 [salman2020denoised], "Denoised smoothing: a provable defense for pretrained classifiers".
    """
    return _DenoisedScores(model, denoiser) if isinstance(model, Scores) else _DenoisedLabels(model, denoiser)


class _DenoisedModel(WrappedModel):
    """What both kinds share: the denoiser and the identity."""

    def __init__(self, model: Labels, denoiser: Denoiser) -> None:
        name = f"{model.name}, denoised"
        known = fingerprint_of("denoised", identify({"": model, ".denoiser": denoiser}, name))
        super().__init__(name=name, fingerprint=known, notes=model.notes)
        self._base, self._denoiser = model, denoiser
        # A module goes through the same wrapper as models do: evaluation mode for the call, and to the device.
        self._module = TorchModule(denoiser, name="the denoiser", device=model.device) if isinstance(denoiser, nn.Module) else None

    @property
    def device(self) -> torch.device:
        return self._base.device

    def clean(self, x: Tensor) -> Tensor:
        """The denoised inputs."""
        with uncounted():  # the rows are counted where they reach the model behind
            out = self._module.scores(x) if self._module else self._denoiser(x)
        if out.shape != x.shape:
            raise must("denoiser", self.name, f"keep the inputs' shape {tuple(x.shape)}", tuple(out.shape))
        return out


class _DenoisedLabels(_DenoisedModel, Labels):
    def labels(self, x: Tensor) -> Tensor:
        return self._base.labels(self.clean(x))


class _DenoisedScores(_DenoisedModel, Scores):
    def scores(self, x: Tensor) -> Tensor:
        assert isinstance(self._base, Scores)  # `denoised` has looked
        return self._base.scores(self.clean(x))
