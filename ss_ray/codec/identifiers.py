"""Fresh identifiers: values of the right shape that were never learned from the data.

A value depends on the run's seed, the column and the number of the row only. Patterned identifiers and whole numbers
do not repeat within as many rows as the pattern has combinations.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pandas as pd
import pyarrow as pa

from ss_ray.codec.ordinals import Units
from ss_ray.pii.entities import FIRST_NAME, LAST_NAME, PERSON
from ss_ray.pii.pseudonyms import Pseudonyms
from ss_ray.schema import ColumnSchema, arrow_type

NAME_TYPES = frozenset({FIRST_NAME, LAST_NAME, PERSON})
NAME_POOL = 2048


def fresh_values(column: ColumnSchema, first_row: int, num_rows: int, seed: int) -> pa.Array:
    """Identifiers of rows first_row, first_row + 1, ...: stand-ins of the PII type, or strings of the pattern."""
    rows = np.arange(first_row, first_row + num_rows, dtype=np.int64)
    if column.entity_type is None and column.pattern is None:
        return pa.array(rows + int(column.minimum or 0)).cast(arrow_type(column))
    values = _patterned(column.pattern, rows, _column_key(column.name, seed)) if column.pattern else None
    if column.entity_type is not None:
        values = _stand_ins(column.entity_type, values or rows.tolist(), seed)
    return pa.array(values, pa.string()).cast(arrow_type(column))


def _stand_ins(entity_type: str, templates: Sequence[object], seed: int) -> list[str]:
    """A stand-in for each template; stand-ins of numbers keep the template's format, names come from a pool."""
    if entity_type in NAME_TYPES:
        pool = _name_pool(entity_type, seed)
        hashes = pd.util.hash_array(np.array(templates, dtype=np.str_).astype(object), hash_key=f"{seed % 10**16:016d}")
        return [pool[i] for i in (hashes % np.uint64(len(pool))).tolist()]
    pseudonyms = _pseudonyms(seed)
    return [pseudonyms.stand_in(entity_type, str(template)) for template in templates]


@lru_cache(maxsize=8)
def _name_pool(entity_type: str, seed: int) -> tuple[str, ...]:
    """Names repeat in any real table, and making one takes a tenth of a millisecond."""
    pseudonyms = _pseudonyms(seed)
    return tuple(pseudonyms.stand_in(entity_type, f"name {i}") for i in range(NAME_POOL))


def _pseudonyms(seed: int) -> Pseudonyms:
    return Pseudonyms(key=hashlib.blake2b(str(seed).encode(), digest_size=32).digest())


def _patterned(pattern: tuple[str, ...], rows: Units, key: int) -> list[str]:
    """Row i gets the i-th string of a keyed walk (multiply and add modulo the size) through the whole pattern."""
    size = math.prod(len(alphabet) for alphabet in pattern)
    stride = _coprime(key, size)
    numbers = [(row * stride + key) % size for row in rows.tolist()]
    return [_spell(number, pattern) for number in numbers]


def _spell(number: int, pattern: tuple[str, ...]) -> str:
    characters = []
    for alphabet in reversed(pattern):
        number, index = divmod(number, len(alphabet))
        characters.append(alphabet[index])
    return "".join(reversed(characters))


def _coprime(key: int, size: int) -> int:
    """A stride near the golden section of `size` that visits every number before it repeats."""
    stride = max(1, int(size * 0.6180339887) ^ (key % max(1, size // 8)))
    while math.gcd(stride, size) != 1:
        stride += 1
    return stride


def _column_key(name: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "big")
