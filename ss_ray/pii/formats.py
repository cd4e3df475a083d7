"""Stand-ins of numbers that keep their format: phones, social security numbers, cards, IBANs, IP addresses.

Each function draws from a seeded `random.Random` and looks at the original only for its format: separators and
lengths, never a digit or a letter of it except where the docstring says so. An original without the expected
format ("ask his wife Anna") gives a stand-in in a standard format, so nothing of it stays.
"""

from __future__ import annotations

import ipaddress
import re
from random import Random

_SSN_SEPARATORS = re.compile(r"\d{3}([-. ]?)\d{2}\1\d{4}", re.ASCII)
_DIGITS_AND_SEPARATORS = re.compile(r"[\d\s().+/#-]*(?:(?:x|ext\.?)\s*\d{1,6})?", re.ASCII | re.IGNORECASE)
_EXTENSION = re.compile(r"\s*(?:x|ext\.?)\s*\d+\s*$", re.ASCII | re.IGNORECASE)
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]){11,30}", re.ASCII)

# Some area codes of the United States, so that a stand-in passes for a phone number.
_AREA_CODES = (
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 "
    "253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 "
    "321 323 325 330 331 334 336 337 339 351 352 360 361 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 "
    "419 423 424 425 432 434 435 440 443 469 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517"
)


def digits_of(text: str) -> str:
    """The decimal digits of a text of any script, as 0-9."""
    return "".join(str(int(character)) for character in text if character.isdecimal())


def phone_number(value: str, random: Random) -> str:
    """A phone number of the same format.

    North American numbers (10 digits, 11 with the country code 1) get an area code and the exchange 555, which has
    no subscribers. Of other numbers the sign "+" and the country code's first two digits stay, or one leading zero.
    """
    if not _DIGITS_AND_SEPARATORS.fullmatch(value) or not 6 <= len(digits_of(value)) <= 20:
        return fill("(###) ###-####", _nanp_digits(random))
    number, extension = split_extension(value)
    digits = digits_of(number)
    if len(digits) == 10 and digits[0] in "23456789":
        drawn = _nanp_digits(random)
    elif len(digits) == 11 and digits[0] == "1":
        drawn = "1" + _nanp_digits(random)
    else:
        kept = digits[:2] if number.lstrip().startswith("+") else digits[0] if digits[0] == "0" else ""
        drawn = kept + random_digits(random, len(digits) - len(kept), first="123456789")
    return fill(_shape(number), drawn) + fill(_shape(extension), random_digits(random, len(digits_of(extension))))


def split_extension(value: str) -> tuple[str, str]:
    """A phone number and its extension, " x123", which may be empty."""
    match = _EXTENSION.search(value)
    return (value[: match.start()], match[0]) if match else (value, "")


def us_ssn(value: str, random: Random) -> str:
    """A social security number of the same format, in area 9xx, which is never issued.

    Groups 01 to 49 only: 9xx with a higher group can be a taxpayer number (ITIN).
    """
    separators = _SSN_SEPARATORS.fullmatch(value.strip())
    separator = separators[1] if separators else "" if digits_of(value) == value.strip() else "-"
    return separator.join(
        (f"9{random.randrange(100):02}", f"{random.randrange(1, 50):02}", f"{random.randrange(1, 10_000):04}")
    )


def credit_card(value: str, random: Random) -> str:
    """A card number of the same length, separators and first digit (the network), with a valid Luhn digit."""
    digits = digits_of(value)
    if not _DIGITS_AND_SEPARATORS.fullmatch(value) or not 12 <= len(digits) <= 19:
        value, digits = "4### #### #### ####", "4" * 16
    second = {"2": "34567", "5": "12345"}.get(digits[0], "0123456789")
    body = digits[0] + random_digits(random, len(digits) - 2, first=second)
    return fill(_shape(value), body + luhn_digit(body))


def luhn_digit(body: str) -> str:
    """The check digit that makes body + digit pass the Luhn test (ISO/IEC 7812-1)."""
    doubled = (int(digit) * (2 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(body)))
    return str(-sum(number // 10 + number % 10 for number in doubled) % 10)


def iban_code(value: str, random: Random) -> str:
    """An IBAN of the same country, length and separators, with valid check digits (ISO 13616)."""
    value = value.strip().upper()
    if not _IBAN.fullmatch(value):
        value = "GB00 AAAA 0000 0000 0000 00"
    letters = [character for character in value if character.isalnum()]
    country, account = "".join(letters[:2]), "".join(_same_class(character, random) for character in letters[4:])
    number = "".join(str(int(character, 36)) for character in account + country + "00")
    drawn = iter(country + f"{98 - int(number) % 97:02}" + account)
    return "".join(next(drawn) if character.isalnum() else character for character in value)


def ip_address(value: str, random: Random) -> str:
    """An address of the same version, in 10.0.0.0/8 (RFC 1918) or 2001:db8::/32 (RFC 3849); a /prefix stays."""
    address, _, prefix = value.strip().partition("/")
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        version, prefix = 4, ""
    if version == 6:
        drawn: object = ipaddress.IPv6Address((0x20010DB8 << 96) + random.getrandbits(96))
    else:
        drawn = ipaddress.IPv4Address((10 << 24) + random.randrange(1, 2**24 - 1))
    return f"{drawn}/{prefix}" if prefix.isdecimal() else str(drawn)


def same_shape(value: str, random: Random) -> str:
    """Random digits for digits and random letters for letters, upper and lower case kept; the rest stays."""
    drawn = "".join(_same_class(character, random) for character in value)
    return f"{random.choice('123456789')}{drawn[1:]}" if value[:1].isdecimal() and value[0] != "0" else drawn


def fill(shape: str, digits: str) -> str:
    """The shape with its "#" replaced by the digits in order; needs at least as many digits."""
    drawn = iter(digits)
    return "".join(next(drawn) if character == "#" else character for character in shape)


def random_digits(random: Random, length: int, first: str = "0123456789") -> str:
    """Random decimal digits, the first of them one of `first`."""
    return "".join(random.choice(first if place == 0 else "0123456789") for place in range(length))


def _nanp_digits(random: Random) -> str:
    return random.choice(_AREA_CODES.split()) + "555" + random_digits(random, 4)


def _shape(text: str) -> str:
    return "".join("#" if character.isdecimal() else character for character in text)


def _same_class(character: str, random: Random) -> str:
    if character.isdecimal():
        return random.choice("0123456789")
    if character.isalpha():
        return random.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ" if character.isupper() else "abcdefghijklmnopqrstuvwxyz")
    return character
