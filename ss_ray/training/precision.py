"""The type of numbers that a device multiplies fastest."""

from __future__ import annotations

import torch


def usual_dtype(device: torch.device) -> torch.dtype:
    """Type of weights: bfloat16 on GPUs and on CPUs with instructions for it, else float32."""
    if device.type == "cuda" or torch.cpu.get_capabilities().get("avx512_bf16", False):
        return torch.bfloat16
    return torch.float32
