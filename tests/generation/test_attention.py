import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ss_ray.generation.attention import attend_grouped


@pytest.mark.parametrize("length", [1, 5])
@pytest.mark.parametrize("masked", [False, True])
def test_heads_that_share_a_key_attend_as_with_a_copy_each(length: int, masked: bool):
    torch.manual_seed(1)
    rows, heads, shared, tokens, width = 3, 6, 2, 9, 4
    query = torch.randn(rows, heads, length, width)
    key, value = torch.randn(2, rows, shared, tokens, width)
    mask = None
    if masked:
        mask = torch.ones(rows, 1, length, tokens, dtype=torch.bool)
        mask[0, :, :, :4] = False

    module = nn.Module()
    module.num_key_value_groups = heads // shared
    module.is_causal = False
    found, _ = attend_grouped(module, query, key, value, mask, scaling=0.3)

    copied = [states.repeat_interleave(heads // shared, dim=1) for states in (key, value)]
    expected = F.scaled_dot_product_attention(query, *copied, attn_mask=mask, scale=0.3)
    assert torch.allclose(found, expected.transpose(1, 2), atol=1e-6)
