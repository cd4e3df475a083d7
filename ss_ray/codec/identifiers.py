"""Fresh identifiers: values of the right shape that were never learned from the data.

A value depends on the run's seed, the column and the number of the row only. Patterned identifiers and whole numbers
do not repeat within as many rows as the pattern has combinations, or the storage type has numbers.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from ss_ray.codec.ordinals import Units
from ss_ray.errors import DataError
from ss_ray.pii.entities import ADDRESS, EMAIL_ADDRESS, STREET_ADDRESS, URL, USERNAME
from ss_ray.pii.stand_ins.inventions import INVENTED_TYPES, Inventions
from ss_ray.pii.stand_ins.pseudonyms import PERMUTED_TYPES, Pseudonyms
from ss_ray.schema import ColumnSchema, arrow_type
from ss_ray.tables.check_digits import CHECKS, Check

POOL = 1024
"""Names and places repeat in any real table, and making one takes a tenth of a millisecond."""
POOLED_WITH_DIGITS = frozenset({EMAIL_ADDRESS, USERNAME, URL, ADDRESS, STREET_ADDRESS})
"""Pooled, too, but each row gets digits of its own: "lewis24137@example.org"."""
_NO_DIGITS = re.compile(r"[^0-9]+")

Hashes = npt.NDArray[np.uint64]


def fresh_values(column: ColumnSchema, first_row: int, num_rows: int, seed: int) -> pa.Array:
    """Identifiers of rows first_row, first_row + 1, ...: stand-ins of the PII type, or strings of the pattern.

    Raises:
        DataError: The column's type can hold neither strings nor numbers.
    """
    rows = np.arange(first_row, first_row + num_rows, dtype=np.int64)
    target = arrow_type(column)
    if pa.types.is_integer(target) and column.entity_type is None:
        return pa.array(_number_rows(rows.tolist(), column, target), target)

    key = _column_key(column.name, seed)
    if column.pattern:
        values = _spell_checked(column.pattern, CHECKS.get(column.format or ""), rows, key)
    else:
        values = None

    if column.entity_type is not None:
        values = _stand_ins(column.entity_type, values, rows, key)

    return _store_strings(values or [str(row) for row in rows.tolist()], column)


def _number_rows(rows: Sequence[int], column: ColumnSchema, type_: pa.DataType) -> list[int]:
    """Numbers after the largest real one, up to the end of the type; beyond it, numbers downwards below it."""
    lowest, highest = _integer_limits(type_)
    first = min(highest, int(column.maximum or 0) + 1)
    room = highest - first + 1
    # More rows than numbers of the type must repeat.
    offsets = (row % (highest - lowest + 1) for row in rows)
    return [first + offset if offset < room else first - 1 - (offset - room) for offset in offsets]


def _integer_limits(type_: pa.DataType) -> tuple[int, int]:
    is_signed = pa.types.is_signed_integer(type_)
    if is_signed:
        return (-(2 ** (type_.bit_width - 1)), 2 ** (type_.bit_width - 1) - 1)
    return (0, 2**type_.bit_width - 1)


def _store_strings(values: list[str], column: ColumnSchema) -> pa.Array:
    """Strings in the column's type; in a column of numbers, the numbers that their digits spell."""
    target = arrow_type(column)
    if pa.types.is_integer(target):
        _, highest = _integer_limits(target)
        return pa.array([int(_NO_DIGITS.sub("", value) or 0) % (highest + 1) for value in values], target)

    if pa.types.is_floating(target):
        return pa.array([float(_NO_DIGITS.sub("", value) or 0) for value in values], target)

    try:
        return pa.array(values, pa.string()).cast(target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise DataError(
            f"column {column.name!r} of type {column.arrow_type} cannot hold fresh identifiers; convert it to strings",
            column=column.name,
        ) from None


def _stand_ins(entity_type: str, templates: Sequence[str] | None, rows: Units, key: int) -> list[str]:
    """A stand-in for each row. Stand-ins of numbers keep the template's format, the others come from a pool."""
    if entity_type in INVENTED_TYPES:
        # Names and places repeat in any real table, so a pool is enough.
        pool = _make_pool(entity_type, key)
        hashes = _hash_rows(rows, key)
        chosen = [pool[i] for i in (hashes % np.uint64(POOL)).tolist()]
        if entity_type not in POOLED_WITH_DIGITS:
            return chosen

        numbers = (hashes // np.uint64(POOL)).tolist()
        return [_with_digits(value, number) for value, number in zip(chosen, numbers, strict=True)]

    # Keep the template's shape, so it needs one.
    if templates is None and entity_type in PERMUTED_TYPES:
        templates = [f"{row % 10**9:09d}" for row in rows.tolist()]

    stand_in = _make_pseudonyms(key).stand_in
    return [stand_in(entity_type, template) for template in templates or [str(row) for row in rows.tolist()]]


@lru_cache(maxsize=16)
def _make_pool(entity_type: str, key: int) -> tuple[str, ...]:
    inventions = Inventions(_derive_secret(key))
    return tuple(inventions.value(entity_type, number) for number in range(POOL))


@lru_cache(maxsize=16)
def _make_pseudonyms(key: int) -> Pseudonyms:
    return Pseudonyms(key=_derive_secret(key))


def _derive_secret(key: int) -> bytes:
    return hashlib.blake2b(str(key).encode(), digest_size=32).digest()


def _with_digits(value: str, number: int) -> str:
    """The value with its digits replaced by those of a number; digits above 0 stay above 0."""
    characters = []
    for character in value:
        if character in "123456789":
            # Digits above 0 stay above 0, so that a number does not become shorter.
            number, digit = divmod(number, 9)
            character = "123456789"[digit]
        characters.append(character)

    return "".join(characters)


def _hash_rows(rows: Units, key: int) -> Hashes:
    """(rows,) 64 well mixed bits of each row number."""
    hashes: Hashes = pd.util.hash_array(rows.view(np.uint64) ^ np.uint64(key))
    return hashes


def _spell_checked(pattern: tuple[str, ...], check: Check | None, rows: Units, key: int) -> list[str]:
    """Strings of the pattern, with the characters that a check decides."""
    if check is None:
        return _spell_pattern(pattern, rows, key)

    # The walk must not spend its steps on characters that are replaced, or codes would repeat.
    decided = {place % len(pattern) for place in check.places}
    free = tuple(alphabet[0] if place in decided else alphabet for place, alphabet in enumerate(pattern))
    return [check.repair(text) for text in _spell_pattern(free, rows, key)]


def _spell_pattern(pattern: tuple[str, ...], rows: Units, key: int) -> list[str]:
    """Row i gets the i-th string of a keyed walk (multiply and add modulo the size) through the whole pattern."""
    size = math.prod(len(alphabet) for alphabet in pattern)
    stride = _find_coprime(key, size)
    # Python integers: the size of a pattern may pass 64 bits.
    offset = int.from_bytes(hashlib.blake2b(str(key).encode()).digest(), "big") if size > 2**64 else key
    numbers = [(row * stride + offset) % size for row in rows.tolist()]
    places = [(alphabet, len(alphabet)) for alphabet in reversed(pattern)]
    return [_spell_number(number, places) for number in numbers]


def _spell_number(number: int, places: Sequence[tuple[str, int]]) -> str:
    """The string of a number, the last position first in `places`."""
    characters = []
    for alphabet, base in places:
        if base > 1:
            number, index = divmod(number, base)
            characters.append(alphabet[index])
        else:
            characters.append(alphabet)

    return "".join(reversed(characters))


def _find_coprime(key: int, size: int) -> int:
    """A stride near the golden section of `size` that visits every number before it repeats."""
    # Steps of the golden section spread consecutive rows evenly over the pattern.
    stride = max(1, size * 618_033_989 // 10**9 ^ (key % max(1, size // 8)))
    while math.gcd(stride, size) != 1:
        stride += 1
    return stride


def _column_key(name: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest(), "big")
