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
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

MAX_DECIMALS = 9
GENERAL = "e"
"""Exponent of the format that writes a number as Python does: scientific for very large and very small numbers."""
PARENTHESES = ";(…)"
PLAIN_ZERO = ";0"


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
