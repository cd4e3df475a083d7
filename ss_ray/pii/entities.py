"""The entity types of this package, in one list, and the names that NeMo configurations use for them.

Types that Presidio knows keep Presidio's spelling; the others (FIRST_NAME, STREET_ADDRESS, ...) follow it.
"""

from __future__ import annotations

from collections.abc import Iterable

from ss_ray.errors import ConfigError

FIRST_NAME = "FIRST_NAME"
LAST_NAME = "LAST_NAME"
PERSON = "PERSON"
STREET_ADDRESS = "STREET_ADDRESS"
ADDRESS = "ADDRESS"
CITY = "CITY"
STATE = "STATE"
POSTCODE = "POSTCODE"
EMAIL_ADDRESS = "EMAIL_ADDRESS"
PHONE_NUMBER = "PHONE_NUMBER"
US_SSN = "US_SSN"
NATIONAL_ID = "NATIONAL_ID"
TAX_ID = "TAX_ID"
CREDIT_CARD = "CREDIT_CARD"
IBAN_CODE = "IBAN_CODE"
IP_ADDRESS = "IP_ADDRESS"
UNKNOWN = "UNKNOWN"
"""Personal by its header, unconfirmed by its values: hidden entirely instead of imitated."""
FREE_TEXT = "FREE_TEXT"
"""Not a type of a whole cell: some values contain findings, so the column is searched as text."""

NAME_TYPES = frozenset({FIRST_NAME, LAST_NAME, PERSON})
PATTERN_TYPES = frozenset({EMAIL_ADDRESS, PHONE_NUMBER, US_SSN, CREDIT_CARD, IBAN_CODE, IP_ADDRESS})
"""Types that the detector finds in text."""
ENTITY_TYPES = (
    NAME_TYPES
    | PATTERN_TYPES
    | frozenset({STREET_ADDRESS, ADDRESS, CITY, STATE, POSTCODE, NATIONAL_ID, TAX_ID, UNKNOWN})
)
"""Types that a whole column may have and that a stand-in exists for."""

NEMO_NAMES = {
    "first_name": FIRST_NAME,
    "last_name": LAST_NAME,
    "name": PERSON,
    "street_address": STREET_ADDRESS,
    "address": ADDRESS,
    "city": CITY,
    "state": STATE,
    "postcode": POSTCODE,
    "email": EMAIL_ADDRESS,
    "phone_number": PHONE_NUMBER,
    "fax_number": PHONE_NUMBER,
    "ssn": US_SSN,
    "national_id": NATIONAL_ID,
    "tax_id": TAX_ID,
    "credit_debit_card": CREDIT_CARD,
    "iban": IBAN_CODE,
    "ipv4": IP_ADDRESS,
    "ipv6": IP_ADDRESS,
}


def parse_entity_type(name: str) -> str:
    """The entity type that a person wrote, as a NeMo name ("email") or as our own ("EMAIL_ADDRESS").

    Raises:
        ConfigError: Neither.
    """
    if name in NEMO_NAMES:
        return NEMO_NAMES[name]
    if name in ENTITY_TYPES:
        return name
    raise ConfigError(
        f"the entity type {name!r} is not supported; use one of {', '.join((*NEMO_NAMES, *sorted(ENTITY_TYPES)))}"
    )


def parse_entity_types(names: Iterable[str] | None) -> tuple[str, ...]:
    """Entity types that may be replaced, in ascending order; None allows all of them."""
    return tuple(sorted(ENTITY_TYPES if names is None else {parse_entity_type(name) for name in names}))
