"""The size of the compact model, apart from torch, so that plans can carry it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CompactShape:
    """Size of the compact model.

    Attributes:
        hidden_size: Width of the residual stream, a multiple of 2 * num_heads.
        num_layers: Number of decoder blocks.
        num_heads: Number of attention heads.
        intermediate_size: Width of the gated feed-forward layer.
    """

    hidden_size: int
    num_layers: int
    num_heads: int
    intermediate_size: int
