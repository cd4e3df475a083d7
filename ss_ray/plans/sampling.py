"""How tokens are drawn, apart from torch, so that plans can carry it."""

from __future__ import annotations

from dataclasses import dataclass

TEXT_TOP_P = 0.95
"""Largest `top_p` of free text: the least likely pieces are seldom what anybody would write."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How a token is drawn from its slot's distribution.

    Attributes:
        temperature: Above 0; below 1 sharpens the distribution.
        top_p: In (0, 1]; only the smallest set of tokens with at least this probability is drawn from.
    """

    temperature: float = 1.0
    top_p: float = 1.0


@dataclass(frozen=True, kw_only=True)
class TextSampling:
    """How a language model's token is drawn.

    Attributes:
        temperature: 0 takes the most likely token; below 1 sharpens the distribution.
        top_p: In (0, 1]; only the smallest set of tokens with at least this probability is drawn from.
        repetition_penalty: Above 0; above 1 makes tokens that have occurred, in the prompt too, less likely.
    """

    temperature: float = 0.9
    top_p: float = 1.0
    repetition_penalty: float = 1.0
