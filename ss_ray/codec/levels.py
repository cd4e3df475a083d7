"""Which tokens of a codec stand for numbers or times, and in which order: what a model may take for near together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass

import numpy as np
import numpy.typing as npt

from ss_ray.codec.columns import BinnedCodec, ValueCodec
from ss_ray.schema import ORDERED_KINDS

MIN_LEVELS = 3


@dataclass(frozen=True, kw_only=True)
class Levels:
    """Neighbouring tokens of one column that have an order.

    Attributes:
        first_token: Id of the first of them; the others follow.
        places: (tokens,) float64 in (0, 1): where the value of each stands in the order of all of them.
    """

    first_token: int
    places: npt.NDArray[np.float64]


def token_levels(columns: Iterable[object]) -> tuple[Levels, ...]:
    """The ordered tokens of column codecs, also of those inside of others.

    Example:
        >>> from ss_ray.schema import ColumnSchema, Kind
        >>> grade = ColumnSchema(name="grade", kind=Kind.INTEGER, arrow_type="int64", values=(1, 2, 3, 5))
        >>> token_levels([ValueCodec(column=grade, first_token=7)])
        (Levels(first_token=7, places=array([0.125, 0.375, 0.625, 0.875])),)
    """
    found = (levels for column in columns for codec in _number_codecs(column) if (levels := _levels_of(codec)))
    return tuple(found)


def _number_codecs(codec: object) -> Iterator[ValueCodec | BinnedCodec]:
    if isinstance(codec, ValueCodec | BinnedCodec):
        yield codec
        return

    parts = fields(codec) if is_dataclass(codec) and not isinstance(codec, type) else ()
    for part in parts:
        inner = getattr(codec, part.name)
        if hasattr(inner, "first_token"):
            yield from _number_codecs(inner)


def _levels_of(codec: ValueCodec | BinnedCodec) -> Levels | None:
    """The levels of one codec; None where its tokens have no order, or are too few to have one."""
    if codec.column.kind not in ORDERED_KINDS:
        return None

    if isinstance(codec, BinnedCodec):
        middles = (np.array(codec.lows, np.float64) + np.array(codec.highs, np.float64)) / 2
        values = np.concatenate([np.array(codec.atoms, np.float64), middles])
    else:
        # Listed values are sorted.
        values = np.arange(codec.num_tokens - codec.column.nullable, dtype=np.float64)

    if len(values) < MIN_LEVELS:
        return None
    places = (values.argsort(kind="stable").argsort() + 0.5) / len(values)
    return Levels(first_token=codec.first_token + codec.column.nullable, places=places)
