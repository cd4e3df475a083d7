"""Forms that values of an entity type can have; a header that names the type is checked against them.

Lenient on purpose. A value that fails cannot be imitated by stand-ins of the type; one that passes may still be
something else, which is for the header, the checksums and the column model to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from ss_ray.pii import entities as e
from ss_ray.pii.columns import checksums
from ss_ray.pii.columns.features import date_year
from ss_ray.pii.stand_ins.formats import MAX_DIGITS, card_digits, digits_of

EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^\W\d_]{2,}")
DOMAIN = re.compile(r"(?:[^\W_](?:[\w-]*[^\W_])?\.)+(?:[^\W\d_]{2,24})(?::\d+)?(?:/\S*)?")
URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
MAC = re.compile(r"[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}", re.IGNORECASE)
SSN = re.compile(r"(?!000|666)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}", re.ASCII)
COORDINATE = re.compile(
    r"[\[(]?\s*-?\d{1,2}\.\d{3,}\s*[,;/ ]\s*-?\d{1,3}\.\d{3,}\s*[\])]?"
    r"|\d{1,2}°\s*\d{1,2}['′]\s*[\d.]*[\"″]?\s*[NS],?\s*\d{1,3}°\s*\d{1,2}['′]\s*[\d.]*[\"″]?\s*[EWO]",
)
_PHONE = re.compile(r"[\d\s().+/-]+(?:(?:x|ext\.?|poste|int\.?)\s*\d+)?", re.IGNORECASE)
_NUMBER = re.compile(r"[\d\s.-]+")
_PLAIN_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:[eE]\+?\d+)?", re.ASCII)
# The exponents of 12 to 19 digits; a letter O in place of the E is a reading error.
_SCIENTIFIC_CARD = re.compile(r"\d(?:[.,]\d+)?[eEoO]\+?1[1-8]|\d(?:[.,]\d+)?O\+?\d{2}", re.ASCII)
_IBAN = re.compile(r"[A-Za-z]{2}\d{2}[A-Za-z0-9 -]{10,}")
_BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?", re.IGNORECASE)
_AGE = re.compile(r"[<>]?=?\s*\d{1,3}(?:\.\d+)?\s*(?:[-–]\s*\d{1,3}|\+)?\s*(?:[^\W\d]{1,12}\.?)?")
_FINE = re.compile(r"-?\d{1,3}\.\d{4,}", re.ASCII)


def is_number(value: str) -> bool:
    """Whether a value is a plain number, without separators or units."""
    return bool(_PLAIN_NUMBER.fullmatch(value))


def _is_name(value: str) -> bool:
    return (
        len(value.split()) <= 6
        and any(map(str.isalpha, value))
        and not any(map(str.isdecimal, value))
        and not _has_odd_character(value)
    )


def _has_odd_character(value: str) -> bool:
    return any(c in "@:;=<>{}[]|#%*/\\" for c in value)


def _is_words(value: str) -> bool:
    return any(map(str.isalpha, value)) and not EMAIL.fullmatch(value) and not URL.fullmatch(value) and len(value) <= 80


def _is_street(value: str) -> bool:
    return len(value) >= 3 and _is_words(value)


def _is_phone(value: str) -> bool:
    return bool(_PHONE.fullmatch(value)) and 5 <= len(digits_of(value)) <= 20


def _is_ssn(value: str) -> bool:
    # Stored as an integer, a number loses up to two leading zeros.
    return bool(_NUMBER.fullmatch(value)) and 7 <= len(digits_of(value)) <= 9


def _is_card(value: str) -> bool:
    return bool(_SCIENTIFIC_CARD.fullmatch(value)) or (
        bool(_NUMBER.fullmatch(value)) and 12 <= len(card_digits(value)) <= MAX_DIGITS
    )


def _is_id(value: str) -> bool:
    return (
        4 <= len(value) <= 40 and any(map(str.isdecimal, value)) and len(value.split()) <= 6 and not _is_fraction(value)
    )


def _is_key(value: str) -> bool:
    return (
        len(value) <= 64
        and len(value.split()) <= 2
        and (any(map(str.isdecimal, value)) or len(value) >= 6)
        and not _is_fraction(value)
    )


def _is_fraction(value: str) -> bool:
    return bool(re.fullmatch(r"[-+]?\d*\.\d+", value))


def _is_handle(value: str) -> bool:
    return 2 <= len(value) <= 64 and len(value.split()) <= 2 and not is_number(value)


def _is_secret(value: str) -> bool:
    return 4 <= len(value) <= 200 and len(value.split()) <= 4


def _is_birth(value: str) -> bool:
    year = date_year(value)
    if year is not None:
        return 1880 <= year <= 2035
    return bool(re.fullmatch(r"(?:18|19|20)\d\d", value)) or (is_number(value) and abs(float(value)) >= 10_000)


def _is_date(value: str) -> bool:
    return date_year(value) is not None or bool(re.fullmatch(r"\d{1,2}:\d\d.*|\d{4}-\d\d|\d{9,13}", value))


def _is_age(value: str) -> bool:
    return bool(_AGE.fullmatch(value)) and float(re.findall(r"\d+", value)[0]) <= 125


def _is_region(value: str) -> bool:
    return 2 <= len(value) <= 60 and not _has_odd_character(value) and not _is_fraction(value)


def _is_postcode(value: str) -> bool:
    return (
        len(value) <= 12
        and 1 <= len(digits_of(value)) <= 10
        and not _is_fraction(value)
        and not _has_odd_character(value)
    )


def _is_category(value: str) -> bool:
    return len(value) <= 60


def _is_url(value: str) -> bool:
    return bool(URL.fullmatch(value) or DOMAIN.fullmatch(value))


LOOKS: Mapping[str, Callable[[str], bool]] = {
    e.FIRST_NAME: _is_name, e.LAST_NAME: _is_name, e.PERSON: _is_name,
    e.TITLE: lambda value: len(value) <= 20 and _is_name(value),
    e.USERNAME: _is_handle,
    e.PASSWORD: _is_secret,
    e.EMAIL_ADDRESS: lambda value: bool(EMAIL.fullmatch(value)),
    e.PHONE_NUMBER: _is_phone, e.FAX_NUMBER: _is_phone,
    e.URL: _is_url,
    e.IP_ADDRESS: checksums.is_ip,
    e.MAC_ADDRESS: lambda value: bool(MAC.fullmatch(value)) or bool(re.fullmatch(r"[0-9A-Fa-f]{12}", value)),
    e.STREET_ADDRESS: _is_street, e.ADDRESS: _is_street,
    e.CITY: _is_words, e.LOCATION: _is_words,
    e.STATE: _is_region, e.COUNTRY: _is_region,
    e.POSTCODE: _is_postcode,
    # Three decimals are 110 m and two are 1.1 km: a block or a grid cell, no person's address.
    e.LATITUDE: lambda value: bool(_FINE.fullmatch(value)) and abs(float(value)) <= 90,
    e.LONGITUDE: lambda value: bool(_FINE.fullmatch(value)) and abs(float(value)) <= 180,
    e.COORDINATE: lambda value: bool(COORDINATE.fullmatch(value)),
    e.US_SSN: _is_ssn,
    e.NATIONAL_ID: _is_id, e.TAX_ID: _is_id, e.PASSPORT: _is_id, e.LICENSE: _is_id,
    e.CREDIT_CARD: _is_card,
    e.CVV: lambda value: bool(re.fullmatch(r"\d{1,4}", value)),
    e.PIN: lambda value: bool(re.fullmatch(r"\d{1,8}", value)),
    e.IBAN_CODE: lambda value: bool(_IBAN.fullmatch(value)),
    e.ACCOUNT_NUMBER: _is_id,
    e.ROUTING_NUMBER: lambda value: bool(re.fullmatch(r"[\d -]{5,12}|[A-Z]{4}0\w{6}", value)),
    e.SWIFT_BIC: lambda value: bool(_BIC.fullmatch(value)),
    e.MEDICAL_RECORD: _is_key, e.HEALTH_PLAN: _is_id, e.UNIQUE_ID: _is_key, e.DEVICE_ID: _is_id,
    e.BIOMETRIC: _is_secret,
    e.VEHICLE_ID: lambda value: bool(re.fullmatch(r"[A-Za-z0-9]{11,17}", value)),
    e.LICENSE_PLATE: lambda value: 2 <= len(value) <= 14 and not is_number(value),
    e.API_KEY: _is_secret,
    e.DATE_OF_BIRTH: _is_birth, e.DATE_TIME: _is_date,
    e.AGE: _is_age,
    e.ORGANIZATION: lambda value: any(map(str.isalpha, value)) and len(value) <= 80,
    e.JOB_TITLE: lambda value: any(map(str.isalpha, value)) and len(value) <= 80,
    e.GENDER: _is_category, e.NRP: _is_category, e.SENSITIVE: _is_category,
}  # fmt: skip
"""Without UNKNOWN, which looks like nothing."""
