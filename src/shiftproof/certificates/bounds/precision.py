"""Torch settings under which a module computes with less precision than its weights have."""

from __future__ import annotations

from typing import Any

import torch

_FULL = ("none", "ieee")


def reduced_precision(device: torch.device, operation: str) -> str | None:
    """The setting under which this operation rounds float32 to TF32 or bfloat16 on this device, as half a sentence; None without.

    Such kernels round what they multiply to 8 to 11 bits, and nothing that can be seen from outside says so.
    """
    for name, value in _settings(device):
        if value not in _FULL and ("conv" in operation or "conv" not in name):
            return f"{name} is '{value}', so that products of float32 values are rounded to fewer bits (set it to 'ieee')"
    return None


def _settings(device: torch.device) -> list[tuple[str, str]]:
    backends = torch.backends
    cudnn: Any = backends.cudnn  # torch's stubs do not know what it added in 2.9
    mkldnn: Any = backends.mkldnn
    try:
        if device.type == "cuda":
            found = [("cuda.matmul", backends.cuda.matmul.fp32_precision), ("cudnn.conv", cudnn.conv.fp32_precision)]
        else:
            found = [("mkldnn.matmul", mkldnn.matmul.fp32_precision), ("mkldnn.conv", mkldnn.conv.fp32_precision)]
        return [(f"torch.backends.{name}.fp32_precision", value) for name, value in found]
    except AttributeError:  # before torch 2.9
        legacy = {"highest": "ieee"}.get(torch.get_float32_matmul_precision(), torch.get_float32_matmul_precision())
        convolutions = "tf32" if device.type == "cuda" and backends.cudnn.allow_tf32 else "ieee"
        return [("torch.get_float32_matmul_precision()", legacy), ("torch.backends.cudnn.allow_tf32 for conv", convolutions)]
