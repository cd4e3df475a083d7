"""Stand-ins of numbers and codes that keep their format: phones, cards, IBANs, addresses of machines, vehicles.

Each function draws from a keyed `Stream` and looks at the original only for its format: separators and lengths, never
a digit or a letter of it except where the docstring says so. An original without the expected format ("ask his wife
Anna") gives a stand-in in a standard format, so nothing of it stays. Numbers lie in ranges that nobody has, where the
standards name such ranges.
"""

from __future__ import annotations

import ipaddress
import re
import string
from collections.abc import Sequence

from ss_ray.pii.stand_ins.keyed import Stream
from ss_ray.tables.check_digits import luhn_digit

_ONLY_DIGITS = {code: None for code in range(128) if not chr(code).isdecimal()}
PLACE = "\0"
_DIGITS_AS_SIGNS = str.maketrans("0123456789", PLACE * 10)
_SSN_SEPARATORS = re.compile(r"\d{3}([-. ]?)\d{2}\1\d{4}", re.ASCII)
MAX_DIGITS = 19
"""Digits of the longest card number."""
MIN_ROUNDED = 6
"""Zeros at the end of a card number that a spreadsheet has rounded."""
ROUNDED_TO = 6
"""Digits of a number that a spreadsheet leaves."""
# "5.555556691467525e+15"; a letter O in place of the E is a reading error of scans.
_SCIENTIFIC = re.compile(
    r"(?P<whole>\d)(?:(?P<mark>[.,])(?P<places>\d+))?(?P<exponent>[eEoO]\+?(?P<power>\d{2}))", re.ASCII
)
_WHOLE = re.compile(r"(?<=\d)\.0+$", re.ASCII)
_SPACES = "\u00a0\u2007\u202f"
_DIGITS_AND_SEPARATORS = re.compile(
    rf"[\d\s{_SPACES}().,·:_+/#–‑-]*(?:(?:x|ext\.?)\s*\d{{1,6}})?", re.ASCII | re.IGNORECASE
)
_EXTENSION = re.compile(r"\s*(?:x|ext\.?)\s*\d+\s*$", re.ASCII | re.IGNORECASE)
_IBAN = re.compile(r"[A-Z]{2}\d{2}(?:[\s\u00a0\u2007\u202f.·:/–‑-]{0,3}[A-Z0-9]){11,30}", re.ASCII)
_MASKED = re.compile(r"(?=.*[xX*•●·#]{2})[\dxX*•●·#\s./–-]*\d")

# Some area codes of the United States, so that a stand-in passes for a phone number.
_AREA_CODES = (
    "201 202 203 205 206 207 208 209 210 212 213 214 215 216 217 218 219 224 225 228 229 231 234 239 240 248 251 252 "
    "253 254 256 260 262 267 269 270 276 281 301 302 303 304 305 307 308 309 310 312 313 314 315 316 317 318 319 320 "
    "321 323 325 330 331 334 336 337 339 351 352 360 361 386 401 402 404 405 406 407 408 409 410 412 413 414 415 417 "
    "419 423 424 425 432 434 435 440 443 469 478 479 480 484 501 502 503 504 505 507 508 509 510 512 513 515 516 517"
).split()
_TEST_CARDS = {"4": "400000", "5": "555555", "2": "222300", "3": "370000", "6": "601100"}
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.ASCII)
_MAC = re.compile(r"(?i)[0-9a-f]{2}(?:[:.-]?[0-9a-f]{2}){5}", re.ASCII)
_VIN_ALPHABET = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_VIN_VALUES = {
    **{digit: int(digit) for digit in string.digits},
    **dict(
        zip(
            "ABCDEFGHJKLMNPRSTUVWXYZ",
            (1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9),
            strict=True,
        )
    ),
}


def digits_of(text: str) -> str:
    """The decimal digits of a text of any script, as 0-9."""
    if text.isascii():
        return text.translate(_ONLY_DIGITS)
    return "".join(str(int(character)) for character in text if character.isdecimal())


def card_digits(text: str) -> str:
    """The digits of a card number as a table may write it: grouped, as a decimal, or with an exponent; "" for none."""
    if _DIGITS_AND_SEPARATORS.fullmatch(text):
        return digits_of(_WHOLE.sub("", text))

    number = _SCIENTIFIC.fullmatch(text)
    if number is None:
        return ""
    places = number["places"] or ""
    power = int(number["power"])
    # Zeros behind the last digit of the whole number say nothing.
    is_whole = power < MAX_DIGITS and not places[power:].strip("0")
    return (number["whole"] + places[:power]).ljust(power + 1, "0") if is_whole else ""


def phone_number(value: str, stream: Stream, area_codes: Sequence[str] = ()) -> str:
    """A phone number of the same format.

    North American numbers (10 digits, 11 with the country code 1) get an area code and the exchange 555, which has
    no subscribers. Of other numbers the sign "+" and the country code's first two digits stay, or one leading zero.

    Args:
        value: Phone number as the table has it.
        stream: Source of the digits.
        area_codes: North American area codes to choose from; () for some of the United States.
    """
    if not _DIGITS_AND_SEPARATORS.fullmatch(value) or not 6 <= len(digits_of(value)) <= 20:
        return fill(_make_shape("(000) 000-0000"), _nanp_digits(stream, area_codes))

    number, extension = split_extension(value)
    digits = digits_of(number)
    # North American numbers get the exchange 555, which has no subscribers.
    if len(digits) == 10 and digits[0] in "23456789":
        drawn = _nanp_digits(stream, area_codes)
    elif len(digits) == 11 and digits[0] == "1":
        drawn = "1" + _nanp_digits(stream, area_codes)
    else:
        if number.lstrip().startswith("+"):
            kept = digits[:2]
        else:
            kept = digits[0] if digits[0] == "0" else ""
        drawn = kept + stream.digits(len(digits) - len(kept), first="123456789")

    return fill(_make_shape(number), drawn) + fill(_make_shape(extension), stream.digits(len(digits_of(extension))))


def is_masked(value: str) -> bool:
    """Whether most of a number is masked: "XXX-XX-2409"."""
    return _MASKED.fullmatch(value) is not None


def masked_number(value: str, stream: Stream) -> str:
    """A masked number with other digits behind the same mask."""
    return fill(_make_shape(value), stream.digits(len(digits_of(value))))


def split_extension(value: str) -> tuple[str, str]:
    """A phone number and its extension, " x123", which may be empty."""
    if "x" in value or "X" in value:
        match = _EXTENSION.search(value)
    else:
        match = None

    if match:
        return (value[: match.start()], match[0])

    return (value, "")


def us_ssn(value: str, stream: Stream) -> str:
    """A social security number of the same format, in area 9xx, which is never issued."""
    separators = _SSN_SEPARATORS.fullmatch(value.strip())
    if separators:
        separator = separators[1]
    else:
        if digits_of(value) == value.strip():
            separator = ""
        else:
            separator = "-"

    # Groups 01 to 49 only: 9xx with a higher group can be a taxpayer number (ITIN).
    return separator.join((f"9{stream.below(100):02}", f"{1 + stream.below(49):02}", f"{1 + stream.below(9_999):04}"))


def credit_card(value: str, stream: Stream) -> str:
    """A card number of the same length, separators and first digit, with a valid Luhn digit.

    It begins as the test numbers of its network do (4000 00, 5555 55, 3700 00, 6011 00), which no bank issues; under
    another first digit with the industry digit 9, which is no bank's.
    """
    number = _SCIENTIFIC.fullmatch(value)
    digits = card_digits(value)
    if not 12 <= len(digits) <= MAX_DIGITS:
        value = "4000 0000 0000 0000"
        digits = "4" * 16

    # The test numbers of a network are issued by no bank, and neither are numbers of the industry digit 9.
    prefix = _TEST_CARDS.get(digits[0], "999999")
    body = prefix + stream.digits(len(digits) - len(prefix) - 1)
    drawn = body + luhn_digit(body)
    if number is not None:
        return _fill_scientific(number, drawn)

    whole = _WHOLE.sub("", value)
    return fill(_make_shape(whole), drawn) + value[len(whole) :]


def split_exponent(value: str) -> tuple[str, str]:
    """A number and its exponent, "E+12", which is empty for a number without one."""
    number = _SCIENTIFIC.fullmatch(value)
    return (value[: number.start("exponent")], number["exponent"]) if number else (value, "")


def rounded_digits(value: str) -> str:
    """The digits that a spreadsheet has left of a card number; "" for a number with all its digits."""
    number = _SCIENTIFIC.fullmatch(value)
    digits = card_digits(value)
    if number is not None:
        written = number["whole"] + (number["places"] or "")
        return "" if digits and len(written) >= len(digits) else written
    if not 12 <= len(digits) <= MAX_DIGITS or not digits.endswith("0" * MIN_ROUNDED):
        return ""
    return digits[: max(ROUNDED_TO, len(digits.rstrip("0")))]


def fill_rounded(value: str, digits: str) -> str:
    """A rounded card number with other digits, of the number of `rounded_digits`."""
    number = _SCIENTIFIC.fullmatch(value)
    if number is not None:
        return _fill_scientific(number, digits)

    whole = _WHOLE.sub("", value)
    return fill(_make_shape(whole), digits.ljust(len(card_digits(value)), "0")) + value[len(whole) :]


def _fill_scientific(number: re.Match[str], digits: str) -> str:
    """A number with an exponent and other digits."""
    places = digits[1:].ljust(len(number["places"] or ""), "0")
    return f"{digits[0]}{number['mark'] or ''}{places}{number['exponent']}"


def iban_code(value: str, stream: Stream) -> str:
    """An IBAN of the same country, length and separators, with valid check digits (ISO 13616)."""
    value = value.strip().upper()
    if not _IBAN.fullmatch(value):
        value = "GB00 AAAA 0000 0000 0000 00"

    letters = [character for character in value if character.isalnum()]
    country = "".join(letters[:2])
    account = "".join(_same_class(character, stream) for character in letters[4:])
    number = "".join(str(int(character, 36)) for character in account + country + "00")
    drawn = iter(country + f"{98 - int(number) % 97:02}" + account)

    return "".join(next(drawn) if character.isalnum() else character for character in value)


def routing_number(value: str, stream: Stream) -> str:
    """A bank routing number (ABA) with a valid check digit, of the prefix 99, which the Federal Reserve never gave.

    A number of another length, such as a British sort code or a German Bankleitzahl, keeps its form.
    """
    digits = digits_of(value)
    if len(digits) != 9 and 4 <= len(digits) <= 12 and _DIGITS_AND_SEPARATORS.fullmatch(value):
        return fill(_make_shape(value), stream.digits(len(digits)))

    body = "99" + stream.digits(6)
    check = -sum(weight * int(digit) for weight, digit in zip((3, 7, 1) * 3, body, strict=False)) % 10
    return f"{body}{check}"


def swift_bic(value: str, stream: Stream) -> str:
    """A bank's code (ISO 9362) of the same country and length; the fourth to last letters of the bank are XX."""
    value = value.strip().upper()
    if not _BIC.fullmatch(value):
        value = "AAAAGBAA"
    letters = "".join(stream.choice(string.ascii_uppercase) for _ in range(len(value) - 4))
    return f"{letters[:2]}XX{value[4:6]}{letters[2:]}"


def ip_address(value: str, stream: Stream) -> str:
    """An address of the same version, in 10.0.0.0/8 (RFC 1918) or 2001:db8::/32 (RFC 3849); a /prefix stays."""
    address, _, prefix = value.strip().partition("/")
    try:
        version = ipaddress.ip_address(address).version
    except ValueError:
        version = 4
        prefix = ""

    if version == 6:
        drawn: object = ipaddress.IPv6Address((0x20010DB8 << 96) + stream.below(2**96))
    else:
        drawn = ipaddress.IPv4Address((10 << 24) + 1 + stream.below(2**24 - 2))

    if prefix.isdecimal() and int(prefix) <= 128:
        return f"{drawn}/{prefix}"

    return str(drawn)


def mac_address(value: str, stream: Stream) -> str:
    """An address of the same separators, locally administered (IEEE 802: no maker's)."""
    value = value.strip()
    if _MAC.fullmatch(value):
        shape = value
    else:
        shape = "00:00:00:00:00:00"

    drawn = iter(f"02{stream.below(2**40):010x}")
    text = "".join(next(drawn) if character.isalnum() else character for character in shape)
    if shape.isupper():
        return text.upper()

    return text


def vehicle_id(value: str, stream: Stream) -> str:
    """A vehicle identification number of 17 characters with a valid check digit (ISO 3779, 49 CFR 565)."""
    drawn = "".join(stream.choice(_VIN_ALPHABET) for _ in range(17))
    check = vin_check_digit(drawn)
    text = f"{drawn[:8]}{check}{drawn[9:]}"
    if value.islower():
        return text.lower()
    return text


def vin_check_digit(text: str) -> str:
    """The ninth character that a vehicle identification number of 17 characters has to have (49 CFR 565.15)."""
    total = sum(weight * _VIN_VALUES[character] for weight, character in zip(_VIN_WEIGHTS, text, strict=True))
    return "0123456789X"[total % 11]


def url(value: str, stream: Stream) -> str:
    """An address at a reserved domain (RFC 2606), with as many path segments as before; no query."""
    scheme, separator, rest = value.strip().rpartition("://")
    www = "www." if rest.lower().startswith("www.") else ""
    parts = [part for part in rest.partition("?")[0].split("/")[1:] if part]
    path = "".join(f"/{_invent_word(stream)}" for _ in parts)
    if scheme.lower() not in ("http", "https", "ftp"):
        scheme = "http" if separator else ""

    return f"{scheme}{separator}{www}{_invent_word(stream)}{stream.digits(3)}.example.com{path}"


def fill(shape: str, digits: str) -> str:
    """The shape with its places (PLACE) replaced by the digits in order; needs at least as many digits."""
    count = shape.count(PLACE)
    return shape.replace("%", "%%").replace(PLACE, "%s") % tuple(digits[:count])


def _invent_word(stream: Stream) -> str:
    return "".join(stream.choice("bcdfghklmnprstvw") + stream.choice("aeiou") for _ in range(3))


def _nanp_digits(stream: Stream, area_codes: Sequence[str]) -> str:
    return stream.choice(area_codes or _AREA_CODES) + "555" + stream.digits(4)


def _make_shape(text: str) -> str:
    if text.isascii():
        return text.translate(_DIGITS_AS_SIGNS)
    return "".join(PLACE if character.isdecimal() else character for character in text)


def _same_class(character: str, stream: Stream) -> str:
    if character.isdecimal():
        return stream.choice(string.digits)
    if character.isalpha():
        return stream.choice(string.ascii_uppercase)
    return character
