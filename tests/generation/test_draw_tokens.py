"""Tokens of a vocabulary that is too large to be sorted for every token."""

import pytest
import torch

from ss_ray.generation.torch_engine import SORTED_TOKENS, draw_tokens
from ss_ray.plans.sampling import TextSampling


@pytest.mark.parametrize("spread", [4.0, 0.1], ids=["few tokens have top_p", "nearly all tokens are needed"])
def test_the_most_likely_tokens_of_a_large_vocabulary_are_drawn_as_from_all_of_it(spread: float) -> None:
    generator = torch.Generator().manual_seed(0)
    logits = spread * torch.randn(64, 2 * SORTED_TOKENS, generator=generator)
    points = torch.rand(64, dtype=torch.float64, generator=generator)
    drawn = draw_tokens(logits, TextSampling(temperature=1.0, top_p=0.9), points)

    likely, order = torch.softmax(logits.double(), dim=-1).sort(dim=-1, descending=True)
    kept = likely.masked_fill(likely.cumsum(dim=-1) - likely >= 0.9, 0.0)
    total = kept.sum(dim=-1, keepdim=True)
    places = torch.searchsorted(kept.cumsum(dim=-1), points[:, None] * total, right=True)
    assert torch.equal(drawn, order.gather(-1, places).squeeze(-1))
