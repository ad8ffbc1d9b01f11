"""Trains and wraps a small net for 8x8 digits with one defence of each family, attacks each, and writes runs/defend/ with its page.

Some minutes on one core. The masking control must collapse under the attack that knows it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
from digit_nets import small
from shiftproof._memory import keep_freed_memory
from shiftproof.evaluation.defend.defend import DefendConfig, run_defend
from shiftproof.reports.defend import summary

DEFENCES = (
    "jpeg(quality=75)",
    "bit_depth(bits=2)",
    "spatial_smoothing(window=2)",
    "random_resize_pad(smallest=0.8, draws=5)",
    "gaussian_noise(sigma=0.1, draws=5)",
    "test_time_augmentation",
    "ensemble(members=2)",
    "squeezing_distance(bits=2, window=1)",
    "mahalanobis(of=features)",
    "learned_detector(eps=0.15)",
    "randomized_smoothing(sigma=0.15, votes=8, draws=3)",
    "gradient_masking",
)


def main() -> None:
    """Runs the comparison."""
    torch.set_num_threads(1)
    keep_freed_memory()  # else large batches are timed with the system's memory, not with the model
    config = DefendConfig(
        model=small,
        data="digits:",
        train_data="digits:?split=train",
        limit=100,
        threat="linf(eps=0.15)",
        unseen="l2(eps=1)",
        defences=DEFENCES,
        train=("adversarial", "distillation(temperature=5)", "diverse_ensemble(members=2)"),
        epochs=20,
        out=sys.argv[1] if len(sys.argv) > 1 else "runs/defend",
    )
    record = run_defend(config, say=lambda line: print(line, file=sys.stderr))
    print(summary(record))
    print(f"\nPage:   {config.out}/index.html\nRecord: {config.out}/defend.json")


if __name__ == "__main__":
    main()
