"""Numbers as people write them: "1,234.50", "$1,234", "1.234,50 €", "(12.5)", "+3", "1.5e-3", "3.4 mg".

A number format is written as spreadsheets write it, with the marks that the file has:

    0           whole numbers                    #,##0.00    groups of three digits, two decimals
    0.00        exactly two decimals             #.##0,00 €  decimal comma, a sign after the number
    0.0##       one to three decimals            +0.0        a plus before positive numbers
    0.###       up to three decimals             0.00E+00    scientific notation, two digits of exponent
    #.00        no zero before the point         $0.00;(…)   negative numbers in parentheses
    0.*         the shortest decimals            0.*e        the same, scientific where Python writes it so

Reading and writing are inverse: a cell is read only if the format writes the same cell again.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

MAX_DIGITS = 15
"""Digits that a float64 holds exactly."""
MAX_DECIMALS = 9
LARGEST_INTEGER = str(2**63 - 1)
MAX_CELL_DECIMALS = 20
GENERAL = "e"
"""Exponent of the format that writes a number as Python does: scientific for very large and very small numbers."""
GROUP_FROM = 1000
_SPACES = " \u00a0\u202f"
GROUP_MARKS = {".": ",'\u2019" + _SPACES, ",": ".'\u2019" + _SPACES}
"""Marks between groups of three digits, by decimal mark."""
PARENTHESES = ";(…)"
PLAIN_ZERO = ";0"
_CURRENCY_WORDS = frozenset(
    "USD EUR GBP CHF JPY CNY INR BRL CAD AUD NZD SEK NOK DKK PLN CZK HUF MXN ZAR KRW TRY RUB SGD HKD "
    "Rs Rs. kr kr. zł Kč Ft Fr Fr. R$ US$ C$ A$ NZ$ HK$ S$ MX$ RM Rp R L".split()
)
_UNIT = re.compile(r"^(?:[%‰°]|[^\W\d_])(?:[^\W\d_]|[%°²³/·. ^µ-](?=.))*$")
"""A percent sign, or letters with the signs inside of units: "km/h", "°C", "mg/m²"."""


@dataclass(frozen=True, kw_only=True)
class NumberFormat:
    """One way of writing numbers.

    Attributes:
        prefix: Characters before the number, "$" or "USD ".
        suffix: Characters after it, "%" or " mg".
        mark: Decimal mark, "." or ",".
        group: Mark between groups of three digits; empty for none.
        least: Fewest digits after the mark.
        most: Most digits after the mark; None for the shortest spelling of a float64.
        exponent: Format of the exponent, such as "E+00"; empty for none.
        parentheses: Whether a negative number stands in parentheses.
        plus: Whether a positive number has a plus.
        plain_zero: Whether zero has no plus where positive numbers have one.
        sign_first: Whether the sign stands before the prefix.
        bare: Whether the zero before the mark is left out.
    """

    prefix: str = ""
    suffix: str = ""
    mark: str = "."
    group: str = ""
    least: int = 0
    most: int | None = 0
    exponent: str = ""
    parentheses: bool = False
    plus: bool = False
    plain_zero: bool = False
    sign_first: bool = True
    bare: bool = False

    def __str__(self) -> str:
        small = "#" if self.bare else "0"
        whole = f"#{self.group}##0" if self.group else small
        if self.most is None:
            places = "0" * self.least + "*"
        else:
            places = "0" * self.least + "#" * (self.most - self.least)

        number = whole + (self.mark + places if places else "") + self.exponent
        plus = "+" if self.plus else ""
        head = plus + self.prefix if self.sign_first else self.prefix + (plus or "-")
        sections = (PARENTHESES if self.parentheses else "") + (PLAIN_ZERO if self.plain_zero else "")
        return head + number + self.suffix + sections


_FORMAT = re.compile(
    r"^(?P<first>\+?)(?P<prefix>[^-+#0]*)(?P<second>[-+]?)(?P<whole>#(?P<group>[^#0])##0|#|0)"
    r"(?:(?P<mark>[.,])(?P<least>0*)(?P<free>\*|#*))?(?P<exponent>[eE]\+?0*)?(?P<suffix>.*?)(?P<negative>;\(…\))?(?P<zero>;0)?$"
)


@lru_cache(maxsize=1024)
def number_format(text: str) -> NumberFormat | None:
    """The format that a text names; None where it names no format of numbers.

    Example:
        >>> number_format("$#,##0.00").group, number_format("%Y-%m-%d")
        (',', None)
    """
    found = _FORMAT.match(text)
    if found is None:
        return None

    least = len(found["least"] or "")
    group = found["group"] or ""
    if found["free"] == "*":
        most = None
    else:
        most = least + len(found["free"] or "")

    return NumberFormat(
        prefix=found["prefix"],
        suffix=found["suffix"],
        mark=found["mark"] or ("," if group == "." else "."),
        group=group,
        least=least,
        most=most,
        exponent=found["exponent"] or "",
        parentheses=bool(found["negative"]),
        plain_zero=bool(found["zero"]),
        plus="+" in (found["first"], found["second"]),
        sign_first=not found["second"],
        bare=found["whole"] == "#",
    )


# Reading.


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
        whole: (cells,) the numbers as integers; None where some number has decimals or an exponent.
        decimals: (cells,) digits after the mark.
        needed: (cells,) digits after the mark, the zeros at the end left out.
    """

    form: npt.NDArray[np.int64]
    forms: tuple[NumberForm, ...]
    values: npt.NDArray[np.float64]
    whole: npt.NDArray[np.int64] | None
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

    is_whole = bool((needed[is_read] == 0).all()) and not _to_mask(pc.not_equal(part["exponent"], ""))[is_read].any()
    form, forms = _find_forms(part, is_read, np.abs(values))
    return NumberCells(
        form=form,
        forms=forms,
        values=np.where(is_read, values, 0.0),
        whole=_signed_integers(pc.if_else(pa.array(is_read), whole, "0"), minus) if is_whole else None,
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
    is_mixed = is_grouped & _to_mask(pc.not_equal(pc.utf8_rtrim(marks, ""), marks))
    is_mixed = np.array([len(set(text)) > 1 for text in marks.to_pylist()], bool) if is_grouped.any() else is_mixed
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
    return word in _CURRENCY_WORDS or (len(word) == 1 and unicodedata.category(word) == "Sc")


def is_unit(suffix: str) -> bool:
    """Whether characters after a number are a unit, a currency or a percent sign.

    Example:
        >>> is_unit(" mg"), is_unit("%"), is_unit("-B")
        (True, True, False)
    """
    word = suffix.strip(_SPACES)
    if len(suffix) - len(word) > 1 or not word:
        return False
    return is_currency(word) or bool(_UNIT.match(word))


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


# Formats.


@dataclass(frozen=True, kw_only=True)
class FormFacts:
    """Facts of all cells of one form.

    Attributes:
        cells: Number of cells.
        low: Smallest number of these cells.
        high: Largest number of these cells.
        least: Fewest digits after the mark.
        most: Most digits after the mark.
        needed: Most digits after the mark, the zeros at the end left out.
    """

    cells: int
    low: float | int
    high: float | int
    least: int
    most: int
    needed: int


def merge_form_facts(a: FormFacts, b: FormFacts) -> FormFacts:
    """Facts of the cells of two blocks together."""
    return FormFacts(
        cells=a.cells + b.cells,
        low=min(a.low, b.low),
        high=max(a.high, b.high),
        least=min(a.least, b.least),
        most=max(a.most, b.most),
        needed=max(a.needed, b.needed),
    )


def settle_formats(forms: Mapping[NumberForm, FormFacts], mark: str) -> tuple[tuple[NumberFormat, FormFacts], ...]:
    """The formats that write all these forms, the most frequent first, each with the facts of its cells.

    Example:
        >>> facts = FormFacts(cells=3, low=1, high=5, least=2, most=2, needed=2)
        >>> forms = {NumberForm(prefix="$"): facts, NumberForm(prefix="$", group=","): facts}
        >>> [str(format_) for format_, _ in settle_formats(forms, ".")]
        ['$#,##0.00']
    """
    families: dict[tuple[str, ...], list[NumberForm]] = {}
    forms = _join_scientific(forms)
    for form in forms:
        families.setdefault((form.prefix, form.suffix, form.exponent), []).append(form)

    found: list[tuple[NumberFormat, FormFacts]] = []
    for family in families.values():
        left = sorted(family, key=lambda form: -forms[form].cells)
        while left:
            told = _told_traits(left, forms)
            own = [form for form in left if _is_written(form, forms[form], told)]
            facts = reduce(merge_form_facts, (forms[form] for form in own))
            found.append((_format_of(told, facts, mark), facts))
            left = [form for form in left if form not in own]

    return tuple(sorted(found, key=lambda item: -item[1].cells))


def _join_scientific(forms: Mapping[NumberForm, FormFacts]) -> dict[NumberForm, FormFacts]:
    """The forms with one exponent for each prefix and suffix, where one writes all of them.

    Scientific forms beside plain ones become GENERAL: so Python, R and pandas write floats.
    """
    joined: dict[NumberForm, FormFacts] = {}
    for form, facts in forms.items():
        alike = [other.exponent for other in forms if (other.prefix, other.suffix) == (form.prefix, form.suffix)]
        common = _common_exponent([exponent for exponent in alike if exponent])
        if common == "e+00" and "" in alike:
            form = form._replace(exponent=GENERAL)
        elif form.exponent and common:
            form = form._replace(exponent=common)
        joined[form] = merge_form_facts(joined[form], facts) if form in joined else facts

    return joined


def _common_exponent(exponents: Sequence[str]) -> str:
    """The exponent that writes all of these; empty where none does."""
    letters = {exponent[0] for exponent in exponents}
    signs = {exponent[1] for exponent in exponents if exponent[1:2] in ("+", "0")}
    widths = {exponent.count("0") for exponent in exponents} - {0}
    if len(letters) != 1 or len(signs) > 1 or len(widths) > 1:
        return ""
    sign = "" if signs == {"0"} else "+"
    return letters.pop() + sign + "0" * (widths.pop() if widths else 2)


def _has_exponent(form: NumberForm, exponent: str) -> bool:
    """Whether the exponent of a format writes that of a form."""
    if exponent == GENERAL:
        return form.exponent == "" or _has_exponent(form, "e+00")
    if not form.exponent or not exponent:
        return form.exponent == exponent

    same_letter = form.exponent[0] == exponent[0]
    same_sign = form.exponent[1:2] == "-" or ("+" in form.exponent) == ("+" in exponent)
    return same_letter and same_sign and form.exponent.count("0") in (0, exponent.count("0"))


def _told_traits(forms: Sequence[NumberForm], facts: Mapping[NumberForm, FormFacts]) -> NumberForm:
    """The traits of a format that writes most of these forms."""
    first = forms[0]
    groups = [form.group for form in forms if form.group]
    positive = [form for form in forms if form.sign in ("", "+") and facts[form].high > 0]
    negative = [form.sign for form in forms if form.sign in ("-", "(")]
    plus = "+" if positive and positive[0].sign == "+" else ""
    zeros = [form.sign for form in forms if facts[form].low == facts[form].high == 0]
    if plus and "" in zeros:
        plus += "0"
    return NumberForm(
        prefix=first.prefix,
        suffix=first.suffix,
        exponent=first.exponent,
        group=groups[0] if groups else "no",
        sign=plus + (negative[0] if negative else "-"),
        place=next((form.place for form in forms if form.place), "first"),
        zero=next((form.zero for form in forms if form.zero), "full"),
    )


def _is_written(form: NumberForm, facts: FormFacts, told: NumberForm) -> bool:
    """Whether a format of these traits writes a cell of this form."""
    is_zero = facts.low == facts.high == 0
    if form.sign in ("-", "("):
        is_signed_so = form.sign in told.sign
    elif is_zero:
        is_signed_so = (form.sign == "+") == ("+" in told.sign and "0" not in told.sign)
    else:
        is_signed_so = (form.sign == "+") == ("+" in told.sign)

    return (
        form.group in ("", told.group)
        and is_signed_so
        and form.place in ("", told.place)
        and form.zero in ("", told.zero)
    )


def _format_of(told: NumberForm, facts: FormFacts, mark: str) -> NumberFormat:
    is_free = told.exponent == GENERAL or (facts.most > MAX_DECIMALS and facts.least < facts.most)
    return NumberFormat(
        prefix=told.prefix,
        suffix=told.suffix,
        mark=mark,
        group="" if told.group == "no" else told.group,
        least=0 if told.exponent == GENERAL else facts.least,
        most=None if is_free else facts.most,
        exponent=told.exponent,
        parentheses="(" in told.sign,
        plus="+" in told.sign,
        plain_zero="0" in told.sign,
        sign_first=told.place == "first",
        bare=told.zero == "bare",
    )


def matches(format_: NumberFormat, form: NumberForm, is_zero: bool) -> bool:
    """Whether the format writes cells of this form.

    Args:
        format_: Format of the column.
        form: NumberForm of a cell.
        is_zero: Whether the number is zero, which has no sign.
    """
    told = NumberForm(
        group=format_.group or "no",
        sign=("+" if format_.plus else "")
        + ("0" if format_.plain_zero else "")
        + ("(" if format_.parentheses else "-"),
        place="first" if format_.sign_first else "second",
        zero="bare" if format_.bare else "full",
    )
    same = (form.prefix, form.suffix) == (format_.prefix, format_.suffix) and _has_exponent(form, format_.exponent)
    end = 0 if is_zero else 1
    facts = FormFacts(cells=1, low=0, high=end, least=0, most=0, needed=0)
    return same and _is_written(form, facts, told)


# Writing.


def write_numbers(values: Iterable[float | int | None], format_: NumberFormat) -> list[str | None]:
    """(cells,) spellings of numbers; None stays None.

    Example:
        >>> write_numbers([1234.5, -7], NumberFormat(prefix="$", group=",", least=2, most=2, parentheses=True))
        ['$1,234.50', '($7.00)']
    """
    return [None if value is None else _write_number(value, format_) for value in values]


def _write_number(value: float | int, format_: NumberFormat) -> str:
    size = abs(value)
    if format_.exponent == GENERAL:
        number = repr(float(size)).removesuffix(".0").replace(".", format_.mark)
    elif format_.exponent:
        number = _write_scientific(size, format_)
    else:
        number = _write_plain(size, format_)

    if value < 0 and format_.parentheses:
        return f"({format_.prefix}{number}{format_.suffix})"

    # A number that is rounded to zero has no sign.
    is_zero = not number.strip("0.,")
    has_plus = format_.plus and not (is_zero and format_.plain_zero)
    sign = "+" if has_plus else ""
    if value < 0 and not is_zero:
        sign = "-"
    head = sign + format_.prefix if format_.sign_first else format_.prefix + sign
    return head + number + format_.suffix


def _write_plain(size: float | int, format_: NumberFormat) -> str:
    if format_.most is None:
        text = np.format_float_positional(size, trim="-")
    else:
        text = f"{size:.{format_.most}f}"

    whole, _, tail = text.partition(".")
    tail = tail.rstrip("0").ljust(format_.least, "0")
    if format_.group:
        whole = f"{int(whole):,}".replace(",", format_.group)
    if format_.bare and whole == "0" and tail:
        whole = ""

    return whole + (format_.mark + tail if tail else "")


def _write_scientific(size: float | int, format_: NumberFormat) -> str:
    if format_.most is None or format_.least < format_.most:
        text = np.format_float_scientific(size, trim="-", exp_digits=1)
    else:
        text = f"{size:.{format_.most}e}"

    mantissa, _, exponent = text.partition("e")
    power = int(exponent)
    sign = "+" if "+" in format_.exponent else ""
    if power < 0:
        sign = "-"
    width = format_.exponent.count("0")
    return mantissa.replace(".", format_.mark) + format_.exponent[0] + sign + str(abs(power)).zfill(width)
