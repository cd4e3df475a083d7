"""Stand-ins of ids that are valid codes: a UUID stays a UUID, hexadecimal digits stay such, check digits stay right.

Each kind of code is mapped onto itself by a permutation, and so is the rest: where a permutation leaves the kind it is
applied again until it comes back (cycle walking). So different codes keep different stand-ins, across the kinds, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from enum import StrEnum

from ss_ray.pii.stand_ins.keyed import permuted, permuted_number
from ss_ray.tables.check_digits import ean_digit, isbn10_digit, luhn_digit


class CodeKind(StrEnum):
    """Kind of a code, by its form and check digit."""

    UUID = "uuid"
    HEX = "hex"
    GTIN = "gtin"
    ISBN_10 = "isbn10"
    ISBN_10_X = "isbn10 with the check digit X"
    IMEI = "imei"
    OTHER = "other"


_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}", re.IGNORECASE)
# Places of the version and of the variant, which say how the UUID was made.
_UUID_KEPT = frozenset({14, 19})
_HEX = re.compile(r"(?=[^0-9]*[0-9])(?=.*[a-fA-F])(?:[0-9a-f:-]{8,}|[0-9A-F:-]{8,})")
_DIGITS = re.compile(r"[0-9](?:[ -]?[0-9]){6,13}[ -]?[0-9X]")
_GTIN_LENGTHS = frozenset({8, 12, 13, 14})
_ISBN_PREFIXES = ("978", "979")


def permuted_code(key: bytes, domain: str, value: str) -> str:
    """Another code of the same shape and kind; of one key and domain different values keep different stand-ins.

    Args:
        key: Secret key of the permutation.
        domain: Name of the permutation, for example the entity type.
        value: Any text, see `keyed.permuted`.
    """
    kind = code_kind(value)
    permute = _PERMUTATIONS[kind]
    drawn = permute(key, domain, value)
    while code_kind(drawn) is not kind:
        drawn = permute(key, domain, drawn)

    return drawn


def code_kind(value: str) -> CodeKind:
    """Kind of a code."""
    if _UUID.fullmatch(value) and value in (value.lower(), value.upper()):
        return CodeKind.UUID
    if _DIGITS.fullmatch(value):
        return _kind_of_digits(re.sub("[ -]", "", value))
    if _HEX.fullmatch(value):
        return CodeKind.HEX
    return CodeKind.OTHER


def _kind_of_digits(digits: str) -> CodeKind:
    body, check = digits[:-1], digits[-1]
    if len(digits) in _GTIN_LENGTHS and check == ean_digit(body):
        return CodeKind.GTIN
    if len(digits) == 10 and check == isbn10_digit(body):
        return CodeKind.ISBN_10_X if check == "X" else CodeKind.ISBN_10
    if len(digits) == 15 and check == luhn_digit(body):
        return CodeKind.IMEI
    return CodeKind.OTHER


def _permute_hex(key: bytes, domain: str, value: str) -> str:
    """Hexadecimal digits for hexadecimal digits in the case of the value, but for the version of a UUID."""
    kept = _UUID_KEPT if _UUID.fullmatch(value) else frozenset[int]()
    places = [place for place, character in enumerate(value) if character.isalnum() and place not in kept]
    frame = "".join("" if place in places else character for place, character in enumerate(value))
    number = int("".join(value[place] for place in places), 16)
    drawn = permuted_number(key, f"{domain}\0hex\0{frame.lower()}", number, 16 ** len(places))

    characters = list(value)
    digits = f"{drawn:0{len(places)}x}"
    for place, digit in zip(places, digits.upper() if value.isupper() else digits, strict=True):
        characters[place] = digit

    return "".join(characters)


def _with_check_digit(check_digit: Callable[[str], str]) -> Callable[[bytes, str, str], str]:
    """A permutation of the digits before the check digit; the prefix of an ISBN stays."""

    def permute(key: bytes, domain: str, value: str) -> str:
        digits = re.sub("[ -]", "", value)
        prefix = digits[:3] if len(digits) == 13 and digits.startswith(_ISBN_PREFIXES) else ""
        body = prefix + permuted(key, f"{domain}\0check {len(digits)}{prefix}", digits[len(prefix) : -1])
        drawn = iter(body + check_digit(body))
        return "".join(next(drawn) if character.isalnum() else character for character in value)

    return permute


_PERMUTATIONS: Mapping[CodeKind, Callable[[bytes, str, str], str]] = {
    CodeKind.UUID: _permute_hex,
    CodeKind.HEX: _permute_hex,
    CodeKind.GTIN: _with_check_digit(ean_digit),
    CodeKind.ISBN_10: _with_check_digit(isbn10_digit),
    CodeKind.ISBN_10_X: _with_check_digit(isbn10_digit),
    CodeKind.IMEI: _with_check_digit(luhn_digit),
    CodeKind.OTHER: permuted,
}
