"""Cells as numbers, and what each cell tells of its format."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MAX_DIGITS = 15
"""Digits that a float64 holds exactly."""
LARGEST_INTEGER = str(2**63 - 1)
MAX_CELL_DECIMALS = 20
GROUP_FROM = 1000
_SPACES = " \u00a0\u202f"
GROUP_MARKS = {".": ",'\u2019" + _SPACES, ",": ".'\u2019" + _SPACES}
"""Marks between groups of three digits, by decimal mark."""
_CURRENCY_WORDS = frozenset(
    "USD EUR GBP CHF JPY CNY INR BRL CAD AUD NZD SEK NOK DKK PLN CZK HUF MXN ZAR KRW TRY RUB SGD HKD "
    "Rs Rs. kr kr. zł Kč Ft Fr Fr. R$ US$ C$ A$ NZ$ HK$ S$ MX$ RM Rp".split()
)
_UNIT = re.compile(r"^(?:[%‰°]|[^\W\d_])(?:[^\W\d_]|[%°²³/·. ^µ-](?=.))*$")
"""A percent sign, or letters with the signs inside of units: "km/h", "°C", "mg/m²"."""


class NumberForm(NamedTuple):
    """What one cell tells of its format; an empty string is not told.

    Attributes:
        prefix: Characters before the number.
        suffix: Characters after it.
        group: Mark between groups of three digits; "no" for a number of 1,000 or more without marks.
        exponent: Format of the exponent, with a minus where it is negative, and without digits where it has no zero in
            front.
        sign: "-", "+" or "(".
        place: "first" for a sign before the prefix, "second" for a sign after it.
        zero: "bare" or "full": whether a number below 1 has no zero before the mark.
    """

    prefix: str = ""
    suffix: str = ""
    group: str = ""
    exponent: str = ""
    sign: str = ""
    place: str = ""
    zero: str = ""


@dataclass(frozen=True, kw_only=True)
class NumberCells:
    """Cells of one column, read as numbers under one decimal mark.

    Attributes:
        form: (cells,) place of the cell's form in `forms`; -1 where the cell is no number.
        forms: Distinct forms of the cells that are numbers.
        values: (cells,) the numbers; 0 where a cell is none.
        is_whole: (cells,) whether the number has no decimals and no exponent.
        whole: (cells,) the whole numbers as integers; the digits before the mark of all others.
        decimals: (cells,) digits after the mark.
        needed: (cells,) digits after the mark, the zeros at the end left out.
    """

    form: npt.NDArray[np.int64]
    forms: tuple[NumberForm, ...]
    values: npt.NDArray[np.float64]
    is_whole: npt.NDArray[np.bool_]
    whole: npt.NDArray[np.int64]
    decimals: npt.NDArray[np.int64]
    needed: npt.NDArray[np.int64]


@lru_cache(maxsize=2)
def _pattern_with(mark: str) -> str:
    groups = "".join(re.escape(group) for group in GROUP_MARKS[mark])
    return (
        r"^(?P<open>\(?)(?P<sign>[-+]?)(?P<prefix>[^-+0-9.,()'\"]{0,12}?)(?P<second>[-+]?)"
        rf"(?P<whole>0|[1-9][0-9]*|[1-9][0-9]{{0,2}}(?:[{groups}][0-9]{{3}})+|)"
        rf"(?P<tail>(?:\{mark}[0-9]*)?)(?P<exponent>(?:[eE][-+]?[0-9]{{1,3}})?)"
        r"(?P<suffix>(?:[^0-9.,()'\"][^0-9()'\"]{0,11})?)(?P<close>\)?)$"
    )


def read_numbers(cells: pa.Array, mark: str) -> NumberCells:
    """Read cells as numbers with one decimal mark.

    Args:
        cells: (cells,) strings without surrounding space, none missing.
        mark: Decimal mark, "." or ",".

    Example:
        >>> read = read_numbers(pa.array(["$1,200.50", "$7.00", "n/a"]), ".")
        >>> read.form.tolist(), read.values.tolist()
        ([0, 1, -1], [1200.5, 7.0, 0.0])
    """
    parts = pc.extract_regex(cells, _pattern_with(mark))
    part = {field.name: pc.fill_null(parts.field(field.name), "") for field in parts.type}
    digits = pc.replace_substring_regex(part["whole"], "[^0-9]", "")
    tails = pc.utf8_slice_codeunits(part["tail"], 1)
    decimals = _text_lengths(tails)
    needed = _text_lengths(pc.utf8_rtrim(tails, "0"))

    is_read = _to_mask(parts.is_valid()) & _is_consistent(part) & _has_known_affixes(part)
    minus = pc.or_(pc.or_(pc.equal(part["sign"], "-"), pc.equal(part["second"], "-")), pc.equal(part["open"], "("))
    is_read &= _fits_integer(digits, minus) & (decimals <= MAX_CELL_DECIMALS)
    # A float64 would round more digits than it holds.
    is_read &= (needed == 0) | (_text_lengths(digits) + needed <= MAX_DIGITS + 2)

    whole = pc.if_else(pc.equal(digits, ""), "0", digits)
    tail = pc.if_else(pc.equal(tails, ""), "", pc.binary_join_element_wise(".", tails, ""))
    text = pc.binary_join_element_wise(pc.if_else(minus, "-", ""), whole, tail, part["exponent"], "")
    # Adding 0.0 turns -0.0 into 0.0.
    values = np.asarray(pc.if_else(pa.array(is_read), text, "0").cast(pa.float64())) + 0.0
    is_read &= np.isfinite(values)

    form, forms = _find_forms(part, is_read, np.abs(values))
    return NumberCells(
        form=form,
        forms=forms,
        values=np.where(is_read, values, 0.0),
        is_whole=(needed == 0) & _to_mask(pc.equal(part["exponent"], "")),
        whole=_signed_integers(pc.if_else(pa.array(is_read), whole, "0"), minus),
        decimals=decimals,
        needed=needed,
    )


def _to_mask(array: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(array.to_numpy(zero_copy_only=False), dtype=bool)


def _text_lengths(texts: pa.Array) -> npt.NDArray[np.int64]:
    return np.asarray(pc.utf8_length(texts)).astype(np.int64)


def _is_consistent(part: Mapping[str, pa.Array]) -> npt.NDArray[np.bool_]:
    """(cells,) whether parentheses are closed, one sign at most is there, and some digit is."""
    has_open = _to_mask(pc.equal(part["open"], "("))
    signs = [_to_mask(pc.not_equal(part[name], "")) for name in ("sign", "second")]
    has_digit = _to_mask(
        pc.match_substring_regex(pc.binary_join_element_wise(part["whole"], part["tail"], ""), "[0-9]")
    )
    is_grouped = _to_mask(pc.match_substring_regex(part["whole"], "[^0-9]"))
    # All groups of a number have one mark.
    marks = pc.replace_substring_regex(part["whole"], "[0-9]", "")
    is_mixed = ~_test_distinct(marks, lambda text: len(set(text)) == 1)
    has_exponent = _to_mask(pc.not_equal(part["exponent"], ""))
    is_odd = (has_open & signs[0]) | (signs[0] & signs[1]) | (has_exponent & is_grouped) | is_mixed
    return (has_open == _to_mask(pc.equal(part["close"], ")"))) & has_digit & ~is_odd


def _has_known_affixes(part: Mapping[str, pa.Array]) -> npt.NDArray[np.bool_]:
    """(cells,) whether what stands around the number is nothing, a currency or a unit; a part of a code is none."""
    before = _test_distinct(part["prefix"], is_currency)
    after = _test_distinct(part["suffix"], is_unit)
    has_both = _to_mask(pc.and_(pc.not_equal(part["prefix"], ""), pc.not_equal(part["suffix"], "")))
    return before & after & ~has_both


def _test_distinct(texts: pa.Array, test: Callable[[str], bool]) -> npt.NDArray[np.bool_]:
    encoded = texts.dictionary_encode()
    good = np.array([not text or test(text) for text in encoded.dictionary.to_pylist()], bool)
    return good[encoded.indices.to_numpy(zero_copy_only=False)]


def is_currency(prefix: str) -> bool:
    """Whether characters before a number are a currency, "$" or "USD ".

    Example:
        >>> is_currency("R$ "), is_currency("ORD")
        (True, False)
    """
    word = prefix.strip(_SPACES)
    if len(word) == 1:
        return unicodedata.category(word) == "Sc"
    # Letters right before digits are those of a code: "CAD12".
    return word in _CURRENCY_WORDS and (prefix != word or not word.isalpha())


def is_unit(suffix: str) -> bool:
    """Whether characters after a number are a unit, a currency or a percent sign.

    Example:
        >>> is_unit(" mg"), is_unit("%"), is_unit("-B")
        (True, True, False)
    """
    word = suffix.strip(_SPACES)
    if len(suffix) - len(word) > 1 or not word:
        return False
    return is_currency(suffix) or bool(_UNIT.match(word))


def _signed_integers(digits: pa.Array, minus: pa.Array) -> npt.NDArray[np.int64]:
    signed = pc.binary_join_element_wise(pc.if_else(minus, "-", ""), digits, "")
    numbers: npt.NDArray[np.int64] = signed.cast(pa.int64()).to_numpy()
    return numbers


def _fits_integer(digits: pa.Array, minus: pa.Array) -> npt.NDArray[np.bool_]:
    """(cells,) whether digits are a whole number of 64 bits."""
    lengths = _text_lengths(digits)
    longest = len(LARGEST_INTEGER)
    end = pc.if_else(minus, str(int(LARGEST_INTEGER) + 1), LARGEST_INTEGER)
    return (lengths < longest) | ((lengths == longest) & _to_mask(pc.less_equal(digits, end)))


def _find_forms(
    part: Mapping[str, pa.Array], is_read: npt.NDArray[np.bool_], sizes: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], tuple[NumberForm, ...]]:
    """(cells,) place of each cell's form, and the distinct forms."""
    marks = pc.utf8_slice_codeunits(pc.replace_substring_regex(part["whole"], "[0-9]", ""), 0, 1)
    is_plain = pc.and_(pc.equal(marks, ""), pa.array(sizes >= GROUP_FROM))
    # "e-07" has two digits for sure, "e-308" no certain number of them.
    exponents = pc.replace_substring_regex(part["exponent"], "[1-9][0-9]+$", "")
    exponents = pc.replace_substring_regex(exponents, "[0-9]", "0")
    signed = pc.binary_join_element_wise(part["open"], part["sign"], part["second"], "")
    place = pc.if_else(
        pc.not_equal(part["second"], ""), "second", pc.if_else(pc.not_equal(part["sign"], ""), "first", "")
    )
    is_bare = pc.and_(pc.equal(part["whole"], ""), pc.not_equal(part["tail"], ""))
    is_full = pc.and_(pc.equal(part["whole"], "0"), pc.not_equal(part["tail"], ""))
    zero = pc.if_else(is_bare, "bare", pc.if_else(is_full, "full", ""))
    group = pc.if_else(is_plain, "no", marks)
    traits = (part["prefix"], part["suffix"], group, exponents, signed, place, zero)

    keys = pc.binary_join_element_wise(*traits, "\x00").dictionary_encode()
    codes = keys.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    forms = tuple(NumberForm(*key.split("\x00")) for key in keys.dictionary.to_pylist())
    return np.where(is_read, codes, -1), forms
