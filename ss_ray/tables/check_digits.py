"""Codes with check digits, and how fresh ones get theirs: ISBN, EAN, IBAN, numbers with Luhn's digit, and UUIDs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_VARIANTS = "89ab"
_VARIANT_PLACE = 19


@dataclass(frozen=True)
class Check:
    """A rule that the characters of a code obey.

    Attributes:
        shape: Regular expression of the codes.
        holds: Whether a code of the shape obeys the rule.
        repair: The code with the characters that the rule decides.
        places: Places of these characters in a code; negative ones count from the end.
    """

    shape: re.Pattern[str]
    holds: Callable[[str], bool]
    repair: Callable[[str], str]
    places: tuple[int, ...]


def _digits_of(text: str) -> list[int]:
    return [int(character) for character in text if character.isdecimal()]


def ean_digit(body: str) -> str:
    """Check digit of EAN, UPC, GTIN and ISBN-13: the last digit of the body counts three times, and so on in turns."""
    return str(-sum(d * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(_digits_of(body)))) % 10)


def luhn_digit(body: str) -> str:
    """The check digit that makes body + digit pass the Luhn test (ISO/IEC 7812-1)."""
    doubled = [d if i % 2 else 2 * d - 9 * (d > 4) for i, d in enumerate(reversed(_digits_of(body)))]
    return str(-sum(doubled) % 10)


def isbn10_digit(body: str) -> str:
    """Check digit of an ISBN of ten digits, which may be X."""
    rest = -sum((10 - i) * digit for i, digit in enumerate(_digits_of(body))) % 11
    return "X" if rest == 10 else str(rest)


def _iban_digits(text: str) -> str:
    compact = text.replace(" ", "").upper()
    number = int("".join(str(int(c, 36)) for c in compact[4:] + compact[:2] + "00"))
    return f"{98 - number % 97:02d}"


def _by_last(digit: Callable[[str], str]) -> tuple[Callable[[str], bool], Callable[[str], str]]:
    return (lambda text: text[-1] == digit(text[:-1])), (lambda text: text[:-1] + digit(text[:-1]))


def _repair_uuid(text: str) -> str:
    variant = text[_VARIANT_PLACE].lower()
    chosen = variant if variant in _VARIANTS else _VARIANTS[int(variant, 16) % 4]
    return text[:_VARIANT_PLACE] + (chosen.upper() if text.isupper() else chosen) + text[_VARIANT_PLACE + 1 :]


CHECKS: dict[str, Check] = {
    "uuid": Check(
        re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"),
        lambda text: text[_VARIANT_PLACE].lower() in _VARIANTS,
        _repair_uuid,
        (),
    ),
    "iban": Check(
        re.compile(r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}[A-Z0-9 ]{7,30}"),
        lambda text: text[2:4] == _iban_digits(text),
        lambda text: text[:2] + _iban_digits(text) + text[4:],
        (2, 3),
    ),
    "ean": Check(re.compile(r"(?=(?:[- ]?[0-9]){8}$|(?:[- ]?[0-9]){12,14}$).*"), *_by_last(ean_digit), (-1,)),
    "isbn10": Check(re.compile(r"(?:[0-9][- ]?){9}[0-9X]"), *_by_last(isbn10_digit), (-1,)),
    "luhn": Check(re.compile(r"(?:[0-9][- ]?){7,18}[0-9]"), *_by_last(luhn_digit), (-1,)),
}
"""By name; the first that holds in all codes of a column is taken."""


def find_check(codes: Iterable[str]) -> str | None:
    """The check that all codes pass; None where there is none.

    Example:
        >>> find_check(["978-3-16-148410-0", "978-0-306-40615-7"]), find_check(["978-3-16-148410-1"])
        ('ean', None)
    """
    names = list(CHECKS)
    for code in codes:
        names = [name for name in names if CHECKS[name].shape.fullmatch(code) and CHECKS[name].holds(code)]
        if not names:
            return None

    return names[0] if names else None
