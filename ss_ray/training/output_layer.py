"""The output layer of a language model that may write some tokens only.

Training and generation share them. Nothing here loads transformers or PEFT, which generation would wait for.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn


def prune_head(head: Any, vocabulary: Tensor) -> nn.Linear:
    """The output layer with the rows of some tokens only."""
    rows = vocabulary.to(head.weight.device)
    pruned = nn.Linear(head.in_features, len(rows), bias=head.bias is not None, dtype=head.weight.dtype)
    pruned = pruned.to(head.weight.device).requires_grad_(False)
    pruned.weight.copy_(head.weight.detach()[rows])
    if head.bias is not None:
        pruned.bias.copy_(head.bias.detach()[rows])
    return pruned
