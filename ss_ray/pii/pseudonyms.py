"""Keyed stand-ins: the same value of the same entity type gets the same stand-in, on any worker, in any order.

A stand-in is a function of HMAC-SHA256(key, entity type, normalised value) and of the original's format. Nothing
is stored, so there is no table of pseudonyms to protect, and nothing to share between workers but the key. Without
the key a stand-in cannot be linked to its original; with another key all stand-ins change. They also change with
the version of Faker, whose lists of names they are drawn from.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from faker import Faker
from faker.config import AVAILABLE_LOCALES

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.pii import entities, formats

MASK = "[REDACTED]"
"""Takes the place of what is hidden entirely. The same for all values: a shape or a length would tell them apart."""
MIN_KEY_BYTES = 16
MAX_DRAWS = 100

_FORMATS: dict[str, Callable[[str, Random], str]] = {
    entities.PHONE_NUMBER: formats.phone_number,
    entities.US_SSN: formats.us_ssn,
    entities.CREDIT_CARD: formats.credit_card,
    entities.IBAN_CODE: formats.iban_code,
    entities.IP_ADDRESS: formats.ip_address,
    entities.NATIONAL_ID: formats.same_shape,
    entities.TAX_ID: formats.same_shape,
}
_DIGIT_TYPES = frozenset({entities.PHONE_NUMBER, entities.US_SSN, entities.CREDIT_CARD})
_EMAIL_DOMAINS = ("example.com", "example.org", "example.net")  # RFC 2606: nobody's


@dataclass(frozen=True)
class Pseudonyms:
    """Stand-ins under one key.

    Not for several threads at once: a call seeds the Faker instance, then draws from it.

    Attributes:
        key: Secret, at least 16 bytes. Never in logs; not part of the `repr`.
        locale: A locale of Faker ("en_US"), which decides the names and addresses.
    """

    key: bytes = field(repr=False)
    locale: str = "en_US"
    _faker: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if len(self.key) < MIN_KEY_BYTES:
            raise PrivacyError(f"the key of the stand-ins has {len(self.key)} bytes; it needs {MIN_KEY_BYTES} or more")
        if self.locale not in AVAILABLE_LOCALES:
            raise ConfigError(f"Faker has no locale {self.locale!r}; use one such as 'en_US' or 'de_DE'")
        object.__setattr__(self, "_faker", Faker(self.locale))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.key, self.locale)

    def stand_in(self, entity_type: str, value: str) -> str:
        """What takes the place of a value.

        Args:
            entity_type: One of `entities.ENTITY_TYPES`. UNKNOWN gives `MASK`.
            value: The original; white space alone is returned as it is.

        Returns:
            A value of the same type that differs from the original, also after normalisation. Numbers keep their
            format (`formats`), names their upper or lower case. `MASK` where no draw differs, as for the ID "-".

        Raises:
            ConfigError: There is no such entity type.
        """
        if entity_type not in entities.ENTITY_TYPES:
            raise ConfigError(f"there are no stand-ins for the entity type {entity_type!r}")
        if not value or value.isspace():
            return value
        if entity_type == entities.UNKNOWN:
            return MASK
        original = normalise(entity_type, value)
        for draw in range(MAX_DRAWS):
            candidate = self._draw(entity_type, value, self._seed(entity_type, original, draw))
            if normalise(entity_type, candidate) != original:
                return candidate
        return MASK

    def _seed(self, entity_type: str, original: str, draw: int) -> int:
        message = "\0".join((entity_type, original, str(draw))).encode("utf-8", "surrogatepass")
        return int.from_bytes(hmac.digest(self.key, message, hashlib.sha256), "big")

    def _draw(self, entity_type: str, value: str, seed: int) -> str:
        if entity_type in _FORMATS:
            return _FORMATS[entity_type](value, Random(seed))
        self._faker.seed_instance(seed)
        return _fake(self._faker, entity_type, value)


def normalise(entity_type: str, value: str) -> str:
    """The form in which two spellings of one value agree: digits of a phone, letters of a name without case."""
    if entity_type in _DIGIT_TYPES:
        number = formats.split_extension(value)[0] if entity_type == entities.PHONE_NUMBER else value
        digits = formats.digits_of(number)
        if entity_type == entities.PHONE_NUMBER and len(digits) == 11 and digits[0] == "1":
            digits = digits[1:]
        if digits:
            return digits
    folded = " ".join(unicodedata.normalize("NFKC", value).casefold().split())
    return re.sub(r"[\s-]", "", folded) if entity_type == entities.IBAN_CODE else folded


def _fake(faker: Any, entity_type: str, value: str) -> str:
    """A name or an address from a Faker that was seeded for this value."""
    if entity_type == entities.EMAIL_ADDRESS:
        return _email_address(faker)
    if entity_type == entities.PERSON:
        return _like_case(f"{faker.first_name()} {faker.last_name()}", value)
    if entity_type == entities.ADDRESS:
        return " ".join(str(faker.address()).split())
    methods = {entities.FIRST_NAME: "first_name", entities.LAST_NAME: "last_name"}
    places = {entities.STREET_ADDRESS: "street_address", entities.CITY: "city", entities.POSTCODE: "postcode"}
    if entity_type in places:
        return " ".join(str(getattr(faker, places[entity_type])()).split())
    if entity_type == entities.STATE:
        return _state(faker, value)
    return _like_case(str(getattr(faker, methods[entity_type])()), value)


def _email_address(faker: Any) -> str:
    name = unicodedata.normalize("NFKD", str(faker.last_name())).encode("ascii", "ignore").decode().lower()
    local = re.sub(r"[^a-z]", "", name) or "user"
    return f"{local}{faker.random_int(1000, 99_999)}@{faker.random_element(_EMAIL_DOMAINS)}"


def _state(faker: Any, value: str) -> str:
    """A state, abbreviated where the original is; a city where the locale has no states."""
    if len(value.strip()) == 2 and hasattr(faker, "state_abbr"):
        return str(faker.state_abbr())
    return str(faker.state() if hasattr(faker, "state") else faker.city())


def _like_case(name: str, value: str) -> str:
    if len(value) > 1 and value.isupper():
        return name.upper()
    return name.lower() if value.islower() else name
