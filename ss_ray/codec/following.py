"""A value that is written only where the column right before it says so."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import Protocol

import numpy as np
import pyarrow as pa

from ss_ray.codec.columns import PAD, Slot, Tokens


class ColumnValue(Protocol):
    """Codec of the values that are written."""

    @property
    def first_token(self) -> int:
        """First token id."""

    @property
    def num_tokens(self) -> int:
        """Token ids of the column."""

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """Slots of a value."""

    def decode(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) values."""


class FollowingCodec(ABC):
    """What all codecs have in common that follow the column right before them.

    Attributes:
        value: Codec of the values that are written.
    """

    value: ColumnValue

    @abstractmethod
    def opening_range(self) -> tuple[int, int]:
        """Token range [low, high) of the column before that says that a value is written."""

    @property
    def first_token(self) -> int:
        """First token id."""
        return self.value.first_token

    @property
    def num_tokens(self) -> int:
        """Token ids this column takes."""
        return self.value.num_tokens

    def slots(self, first_slot: int) -> tuple[Slot, ...]:
        """Slots of the value, in use if the column before opens them."""
        lead, *rest = self.value.slots(first_slot)
        return replace(lead, after=first_slot - 1, opens=self.opening_range()), *rest

    def decode_written(self, tokens: Tokens, rng: np.random.Generator) -> pa.Array:
        """(rows,) values, and any value that the schema allows where nothing was written."""
        written = tokens[:, :1] != PAD
        decodable = np.array([slot.start for slot in self.value.slots(0)], tokens.dtype)
        return self.value.decode(np.where(written, tokens, decodable), rng)
