"""Attention of one new token, for models whose heads share keys and values: these are read as they are.

The usual way copies keys and values for every head that shares them, which takes half of the time of a decoding step on
a CPU.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import functional as F
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, sdpa_mask
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

GROUPED = "ss_ray_grouped"
"""Name of this attention in transformers."""
_USUAL = ALL_ATTENTION_FUNCTIONS["sdpa"]


def attend_grouped(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **settings: Any
) -> tuple[Tensor, None]:
    """Attention in the signature of transformers.

    Args:
        module: Layer that calls.
        query: (rows, heads, length, width).
        key: (rows, shared heads, tokens, width).
        value: (rows, shared heads, tokens, width).
        attention_mask: (rows, 1, length, tokens); None where every token before is seen.
        settings: Further settings of transformers, of which the scale is used.

    Returns:
        (rows, length, heads, width) and None.
    """
    rows, heads, length, width = query.shape
    shared = key.shape[1]
    if length != 1:
        usual: tuple[Tensor, None] = _USUAL(module, query, key, value, attention_mask, **settings)
        return usual

    # The heads that share a key are the rows of one product: with one new token, all see the same tokens.
    grouped = query.view(rows, shared, heads // shared, width)
    mask = None if attention_mask is None else attention_mask[..., : key.shape[-2]]
    found = F.scaled_dot_product_attention(grouped, key, value, attn_mask=mask, scale=settings.get("scaling"))
    return found.reshape(rows, 1, heads, width), None


ALL_ATTENTION_FUNCTIONS.register(GROUPED, attend_grouped)
ALL_MASK_ATTENTION_FUNCTIONS.register(GROUPED, sdpa_mask)
