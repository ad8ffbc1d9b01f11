"""Smoothing on MNIST: what it spends beside the procedure of Cohen et al. 2019 in the same run, and its own work beside the bare forwards.

`python -m benchmarks.smoothing_mnist DATA_URI TRAIN_URI` with, for example, idx:DIR?split=test and idx:DIR?split=train. Trains a small
network with Gaussian noise of sigma 0.5 first, two epochs over 20,000 images.
"""

from __future__ import annotations

import argparse
import json
import platform
import time

import numpy as np
import torch
from torch import Tensor, nn

import shiftproof as sp
from benchmarks.__main__ import RESULTS
from shiftproof.certificates.abstract import Certificate, Proof
from shiftproof.certificates.smoothing.cohen import Cohen
from shiftproof.certificates.smoothing.smoothing import Smoothing
from shiftproof.data.examples import Examples
from shiftproof.models.abstract import Labels
from shiftproof.models.torch_module import TorchModule
from shiftproof.randomness import Rng
from shiftproof.shifts.norms.l2 import L2

SIGMA, EXAMPLES, DRAWS, DELTA, TRAIN = 0.5, 500, 1000, 0.05, 20_000
RADII = (0.25, 0.5, 0.75, 1.0, 1.25)


class Timed(Labels):
    """A model that sums up the CPU time and the inputs of its own forwards."""

    def __init__(self, model: TorchModule) -> None:
        self._model, self.seconds, self.forwards = model, 0.0, 0

    @property
    def name(self) -> str:
        return self._model.name

    def fingerprint(self) -> str:
        return self._model.fingerprint()

    def labels(self, x: Tensor) -> Tensor:
        began = time.process_time()
        answer = self._model.labels(x)
        self.seconds += time.process_time() - began
        self.forwards += len(x)
        return answer


def trained(train: Examples, epochs: int = 2) -> TorchModule:
    """A small convolutional network, trained on noisy inputs."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(32 * 49, 100),
        nn.ReLU(),
        nn.Linear(100, 10),
    )
    optimiser = torch.optim.Adam(net.parameters(), 2e-3)
    for _ in range(epochs):
        order = torch.randperm(len(train))
        for start in range(0, len(train), 128):
            rows = order[start : start + 128]
            optimiser.zero_grad()
            x = train.x[rows]
            loss = nn.functional.cross_entropy(net(x + SIGMA * torch.randn_like(x)), train.y[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    return TorchModule(net.eval(), name="mnist")


def measured(model: TorchModule, certificate: Certificate, examples: Examples) -> tuple[Proof, dict[str, object]]:
    """What a certificate proves of all examples in calls of 256, and its cost."""
    timed = Timed(model)
    shift = L2(1.0).within(examples.space)
    rng = Rng.for_ids(0, examples.ids)
    certificate.certify(model, shift, examples.x[:2], rng[[0, 1]])  # plans the tests, once a process
    began = time.process_time()
    with torch.no_grad():
        parts = [certificate.certify(timed, shift, examples.x[i : i + 256], rng[i : i + 256]) for i in range(0, len(examples), 256)]
    total = time.process_time() - began
    proof = Proof(
        torch.cat([part.prediction for part in parts]),
        torch.cat([part.radius for part in parts]),
        torch.cat([part.abstained for part in parts]),
        torch.cat([part.forwards for part in parts]),
    )
    spent = proof.forwards.numpy()
    right = (proof.prediction == examples.y) & ~proof.abstained
    return proof, {
        "certificate": certificate.spec(),
        "forwards": int(spent.sum()),
        "forwards_quantiles": {f"{q:g}": float(np.quantile(spent, q)) for q in (0.1, 0.5, 0.9, 1.0)},
        "cpu_seconds": total,
        "cpu_over_bare_forwards": total / timed.seconds,
        "microseconds_a_forward": 1e6 * timed.seconds / timed.forwards,
        "average_certified_radius": float((proof.radius * right).mean()),
        "certified_accuracy": {f"{r:g}": float(((proof.radius >= r) & right).double().mean()) for r in RADII},
        "abstained": int(proof.abstained.sum()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("train")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = trained(sp.load_data(options.train, limit=TRAIN).take(slice(None)))
    examples = sp.load_data(options.data, limit=EXAMPLES).take(slice(None))
    asked = (
        Smoothing(sigma=SIGMA, draws=DRAWS, delta=DELTA),
        Smoothing(sigma=SIGMA, draws=DRAWS, points=4),
        Cohen(sigma=SIGMA, draws=DRAWS),
    )
    figures: list[dict[str, object]] = []
    for certificate in asked:
        figures.append(measured(model, certificate, examples)[1])
        print(json.dumps(figures[-1], indent=1), flush=True)
    record = {
        "shiftproof": sp.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "sigma": SIGMA,
        "examples": len(examples),
        "note": f"Draws are at most {DRAWS} for each procedure, not the 100,000 of the paper, so that both can run on one core.",
        "figures": figures,
    }
    target = RESULTS / sp.__version__ / "smoothing_mnist.json"
    target.write_text(json.dumps(record, indent=2) + "\n")
    print(target)


if __name__ == "__main__":
    main()
