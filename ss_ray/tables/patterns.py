"""The shape of strings: which characters occur at each position, for each length of string.

Enough to make fresh identifiers of the same shape without having learned a single one.
"""

from __future__ import annotations

from itertools import groupby, zip_longest

import numpy as np
import pyarrow as pa

MAX_PATTERN_LENGTH = 64
MAX_LENGTHS = 8
MAX_FEW_LETTERS = 6

Pattern = tuple[frozenset[str], ...]
Patterns = dict[int, Pattern]

_DIGITS = "0123456789"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LETTERS = (_LOWER, _UPPER)
_ALPHABETS = (
    _DIGITS,
    _DIGITS + "abcdef",
    _DIGITS + "ABCDEF",
    _LOWER,
    _UPPER,
    _DIGITS + _LOWER,
    _DIGITS + _UPPER,
    _DIGITS + _LOWER + _UPPER,
)


def string_patterns(values: pa.Array) -> Patterns | None:
    """Characters at each position by length of string; None for too many lengths or too long strings."""
    by_length: dict[int, list[str]] = {}
    for length, strings in groupby(sorted(values.to_pylist(), key=len), key=len):
        if length > MAX_PATTERN_LENGTH or len(by_length) == MAX_LENGTHS:
            return None
        by_length[length] = list(strings)

    return {length: _find_pattern(strings, length) for length, strings in by_length.items()}


def merge_patterns(a: Patterns | None, b: Patterns | None) -> Patterns | None:
    """Patterns of two sets of strings together."""
    if a is None or b is None or len(a.keys() | b.keys()) > MAX_LENGTHS:
        return None
    lengths = sorted(a.keys() | b.keys())
    return {length: _unite_patterns(a.get(length, ()), b.get(length, ())) for length in lengths}


def alphabets(pattern: Pattern) -> tuple[str, ...]:
    """Characters of each position: a literal letter or sign, or the smallest usual alphabet of all seen.

    A digit that never changes stands for any digit where the digits beside it change: counters do not fill their
    leading digits. Letters without digits keep to those that the whole pattern has, if these are few: bases, answers.
    """
    fixed = _fixed_digits(pattern)
    letters = {character for seen in pattern for character in seen if character.isalpha()}
    has_digits = any(set(seen) & set(_DIGITS) for seen, is_fixed in zip(pattern, fixed, strict=True) if not is_fixed)
    own: tuple[str, ...] = ()
    if not has_digits:
        own = ("".join(sorted(letters)),) if len(letters) <= MAX_FEW_LETTERS else _LETTERS

    return tuple(
        next(iter(seen)) if is_fixed else _widen_alphabet(seen, own)
        for seen, is_fixed in zip(pattern, fixed, strict=True)
    )


def _fixed_digits(pattern: Pattern) -> tuple[bool, ...]:
    """Whether each position is in a run of digits none of which changes, such as the year in every order number."""
    fixed: list[bool] = []
    for is_digit, run in groupby(pattern, key=lambda seen: all(c in _DIGITS for c in seen)):
        places = list(run)
        fixed += [is_digit and all(len(seen) == 1 for seen in places)] * len(places)

    # A code that never changes anywhere is no code with a fixed part.
    return tuple(fixed) if not all(fixed) else (False,) * len(fixed)


def _find_pattern(strings: list[str], length: int) -> Pattern:
    codes = np.frombuffer("".join(strings).encode("utf-32-le"), np.uint32).reshape(len(strings), length)
    return tuple(frozenset(map(chr, np.unique(codes[:, i]).tolist())) for i in range(length))


def _unite_patterns(a: Pattern, b: Pattern) -> Pattern:
    nothing: frozenset[str] = frozenset()
    return tuple(x | y for x, y in zip_longest(a, b, fillvalue=nothing))


def _widen_alphabet(seen: frozenset[str], own: tuple[str, ...]) -> str:
    """The smallest alphabet of all that was seen, those of the pattern itself first."""
    if len(seen) == 1 and not next(iter(seen)).isdecimal():
        return next(iter(seen))
    return next((alphabet for alphabet in (*own, *_ALPHABETS) if seen <= set(alphabet)), "".join(sorted(seen)))
