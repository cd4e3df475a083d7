"""Fresh identifiers: values of the right shape that were never learned from the data.

A value depends on the run's seed, the column and the number of the row only. Patterned identifiers and whole numbers
do not repeat within as many rows as the pattern has combinations.
"""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pyarrow as pa

from ss_ray.codec.ordinals import Units
from ss_ray.pii.pseudonyms import Pseudonyms
from ss_ray.schema import ColumnSchema, arrow_type


def fresh_values(column: ColumnSchema, first_row: int, num_rows: int, seed: int) -> pa.Array:
    """Identifiers of rows first_row, first_row + 1, ...: stand-ins of the PII type, or strings of the pattern."""
    rows = np.arange(first_row, first_row + num_rows, dtype=np.int64)
    if column.entity_type is not None:
        values = _stand_ins(column.entity_type, rows, seed)
    elif column.pattern is not None:
        values = _patterned(column.pattern, rows, _column_key(column.name, seed))
    else:
        return pa.array(rows + int(column.minimum or 0)).cast(arrow_type(column))
    return pa.array(values, pa.string()).cast(arrow_type(column))


def _stand_ins(entity_type: str, rows: Units, seed: int) -> list[str]:
    pseudonyms = Pseudonyms(key=hashlib.blake2b(str(seed).encode()).digest()[:32])
    return [pseudonyms.stand_in(entity_type, str(row)) for row in rows.tolist()]


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
