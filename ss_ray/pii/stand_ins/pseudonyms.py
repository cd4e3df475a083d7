"""Keyed stand-ins: the same value of the same entity type gets the same stand-in, on any worker, in any order.

A stand-in is a function of a keyed hash of entity type and normalised value (`keyed.Stream`), of the original's format,
and of what the row says about its person. Nothing is stored, so there is no table of pseudonyms to protect, and nothing
to share between workers but the key. Without the key a stand-in cannot be linked to its original; with another key all
stand-ins change. They also change with the version of Faker, whose lists of words they are drawn from.

How many originals may meet in one stand-in, by type:

    ids, accounts, licences, plates    none: a permutation of the strings of one format (`keyed.permuted`)
    cards, IBANs, SSNs, phones, IPs    by chance, in ranges of 10^6 and more that nobody has
    e-mails, user names                by chance: as their names, times the digits they carry (at least 3)
    names, cities, streets, companies  often: lists of hundreds to thousands of words
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.pii import entities
from ss_ray.pii.stand_ins import formats
from ss_ray.pii.stand_ins.codes import permuted_code
from ss_ray.pii.stand_ins.keyed import MAX_KEY_BYTES, MIN_KEY_BYTES, Stream, permuted
from ss_ray.pii.stand_ins.lexicon import fold_name, lexicon
from ss_ray.pii.stand_ins.names import Names
from ss_ray.pii.stand_ins.person import NOBODY, Person
from ss_ray.pii.stand_ins.places import Places, kind_of_place
from ss_ray.pii.stand_ins.regions import ANYWHERE, Home

MASK = "[REDACTED]"
"""Takes the place of what is hidden entirely. The same for all values: a shape or a length would tell them apart."""
MAX_DRAWS = 100

_PHONES = (entities.PHONE_NUMBER, entities.FAX_NUMBER)
_FORMATS: dict[str, Callable[[str, Stream], str]] = {
    **dict.fromkeys(_PHONES, formats.phone_number),
    entities.US_SSN: formats.us_ssn,
    entities.CREDIT_CARD: formats.credit_card,
    entities.IBAN_CODE: formats.iban_code,
    entities.ROUTING_NUMBER: formats.routing_number,
    entities.SWIFT_BIC: formats.swift_bic,
    entities.IP_ADDRESS: formats.ip_address,
    entities.MAC_ADDRESS: formats.mac_address,
    entities.VEHICLE_ID: formats.vehicle_id,
    entities.URL: formats.url,
}
PERMUTED_TYPES = frozenset(
    {
        entities.NATIONAL_ID,
        entities.TAX_ID,
        entities.PASSPORT,
        entities.LICENSE,
        entities.CVV,
        entities.PIN,
        entities.ACCOUNT_NUMBER,
        entities.MEDICAL_RECORD,
        entities.HEALTH_PLAN,
        entities.UNIQUE_ID,
        entities.DEVICE_ID,
        entities.BIOMETRIC,
        entities.LICENSE_PLATE,
        entities.API_KEY,
        entities.PASSWORD,
    }
)
"""Ids of any format: a permutation of the strings of their shape."""
PERSONAL_TYPES = frozenset(
    {entities.FIRST_NAME, entities.LAST_NAME, entities.PERSON, entities.EMAIL_ADDRESS, entities.USERNAME}
)
"""Types whose stand-ins depend on what a row says about its person."""
FRESH_TYPES = frozenset(_FORMATS) | PERSONAL_TYPES | frozenset({entities.STREET_ADDRESS, entities.ADDRESS})
"""Types that a synthetic table fills with stand-ins of its own: nothing can be learned from them."""
_DIGIT_TYPES = frozenset({entities.PHONE_NUMBER, entities.FAX_NUMBER, entities.US_SSN, entities.CREDIT_CARD})
_COMPACT_TYPES = frozenset({entities.IBAN_CODE, entities.POSTCODE, entities.MAC_ADDRESS})
OLD_AGE = 90
_AGE = re.compile(r"\s*(\d{1,3})(\s*(?:y|yo|y/o|yrs?|years?|years? old)?\.?\s*)", re.ASCII | re.IGNORECASE)
_AGE_STEPS = (-2, -1, 1, 2)


@dataclass(frozen=True)
class Pseudonyms:
    """Stand-ins under one key.

    Attributes:
        key: Secret, 16 to 64 bytes. Never in logs; not part of the `repr`.
        locale: A locale of Faker ("en_US"), which decides the names and addresses.
        injective: Whether names of people and places are composed, so that hardly any two originals share one.

    Example:
        >>> pseudonyms = Pseudonyms(b"a secret of 16 to 64 bytes")
        >>> stand_in = pseudonyms.stand_in("UNIQUE_ID", "AB-1042")
        >>> stand_in == pseudonyms.stand_in("UNIQUE_ID", "AB-1042")
        True
        >>> stand_in != "AB-1042", len(stand_in), stand_in[2]
        (True, 7, '-')
        >>> pseudonyms
        Pseudonyms(locale='en_US', injective=False)
    """

    key: bytes = field(repr=False)
    locale: str = "en_US"
    injective: bool = False

    def __post_init__(self) -> None:
        if not MIN_KEY_BYTES <= len(self.key) <= MAX_KEY_BYTES:
            raise PrivacyError(
                f"the key of the stand-ins has {len(self.key)} bytes; it needs {MIN_KEY_BYTES} to {MAX_KEY_BYTES}"
            )
        lexicon(self.locale)

    @cached_property
    def names(self) -> Names:
        """Stand-ins of names."""
        return Names(self.key, self.locale, self.injective)

    @cached_property
    def places(self) -> Places:
        """Stand-ins of places."""
        return Places(self.key, self.locale, self.injective)

    def stand_in(self, entity_type: str, value: str, person: Person = NOBODY, home: Home = ANYWHERE) -> str:
        """Stand-in of a value.

        Args:
            entity_type: One of `entities.ENTITY_TYPES`. UNKNOWN, and types without a format, give `MASK`.
            value: The original; white space alone is returned as it is.
            person: Facts of the row about its person; they matter to PERSONAL_TYPES only.
            home: Place that the row names; it matters to places and phone numbers only.

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

        original = normalise(entity_type, value)
        for draw in range(MAX_DRAWS):
            candidate = self._draw_stand_in(entity_type, value, draw, person, home)
            if normalise(entity_type, candidate) != original or candidate == MASK:
                return candidate
            # What is drawn once would be drawn again.
            if entity_type not in _FORMATS:
                break

        return MASK

    def _draw_stand_in(self, entity_type: str, value: str, draw: int, person: Person, home: Home) -> str:
        if entity_type in _FORMATS:
            stream = Stream(self.key, entity_type, normalise(entity_type, value), str(draw))
            if formats.is_masked(value):
                return formats.masked_number(value, stream)
            if entity_type == entities.CREDIT_CARD and (rounded := formats.rounded_digits(value)):
                # Too few digits are left for the numbers that no bank issues; a permutation keeps them apart.
                return formats.fill_rounded(value, rounded[0] + permuted(self.key, f"CARD{rounded[0]}", rounded[1:]))
            if entity_type in _PHONES:
                area_codes = self.places.area_codes(formats.digits_of(formats.split_extension(value)[0]), home)
                return formats.phone_number(value, stream, area_codes)
            return _FORMATS[entity_type](value, stream)

        if entity_type in PERMUTED_TYPES:
            # A spreadsheet wrote the id as a number: the exponent says how long it is.
            number, exponent = formats.split_exponent(value)
            return permuted_code(self.key, entity_type, number) + exponent
        if entity_type in PERSONAL_TYPES:
            return self._replace_personal(entity_type, value, person)

        return self._replace_thing(entity_type, value, home)

    def _replace_personal(self, entity_type: str, value: str, person: Person) -> str:
        match entity_type:
            case entities.FIRST_NAME:
                return self.names.first_name(value, person)
            case entities.LAST_NAME:
                return self.names.last_name(value, person)
            case entities.EMAIL_ADDRESS:
                return self.names.email_address(value, person)
            case entities.USERNAME:
                return self.names.user_name(value, person)

        return self.names.full_name(value, person)

    def _replace_thing(self, entity_type: str, value: str, home: Home) -> str:
        places = self.places
        if entity_type == entities.LOCATION:
            entity_type = kind_of_place(value)

        located: dict[str, Callable[[str, Home], str]] = {
            entities.ADDRESS: places.address,
            entities.CITY: places.city,
            entities.STATE: places.state,
            entities.POSTCODE: places.postcode,
            entities.LATITUDE: places.latitude,
            entities.LONGITUDE: places.longitude,
            entities.COORDINATE: places.coordinate,
        }
        if entity_type in located:
            return located[entity_type](value, home)

        functions: dict[str, Callable[[str], str]] = {
            entities.STREET_ADDRESS: places.street_address,
            entities.COUNTRY: places.country,
            entities.ORGANIZATION: lambda text: self._replace_word("company", text, lexicon(self.locale).companies),
            entities.JOB_TITLE: lambda text: self._replace_word("job", text, lexicon(self.locale).jobs),
            entities.AGE: self._move_age,
        }
        if entity_type in functions:
            return functions[entity_type](value)

        return MASK

    def _replace_word(self, kind: str, value: str, words: tuple[str, ...]) -> str:
        folded = fold_name(value.strip())
        stream = Stream(self.key, kind, folded)
        return next((word for _ in range(MAX_DRAWS) if fold_name(word := stream.choice(words)) != folded), MASK)

    def _move_age(self, value: str) -> str:
        """An age up to two years off; over 90 it is 90 (45 CFR 164.514(b)(2)(i)(C))."""
        found = _AGE.fullmatch(value)
        if found is None:
            return MASK

        age = int(found[1]) + Stream(self.key, entities.AGE, found[1]).choice(_AGE_STEPS)
        if int(found[1]) > OLD_AGE:
            age = OLD_AGE
        else:
            age = min(OLD_AGE, abs(age) or 1)

        if age != int(found[1]):
            return f"{age}{found[2]}"

        return f"{age - 1}{found[2]}"


def normalise(entity_type: str, value: str) -> str:
    """Common form of the spellings of one value: digits of a phone, letters of a name without case."""
    if entity_type == entities.CREDIT_CARD and (digits := formats.card_digits(value)):
        return digits
    if entity_type in _DIGIT_TYPES:
        is_phone = entity_type == entities.PHONE_NUMBER
        digits = formats.digits_of(formats.split_extension(value)[0] if is_phone else value)
        if is_phone and len(digits) == 11 and digits[0] == "1":
            digits = digits[1:]
        if digits:
            return digits

    if value.isascii():
        folded = " ".join(value.lower().split())
    else:
        folded = " ".join(unicodedata.normalize("NFKC", value).casefold().split())

    if entity_type in _COMPACT_TYPES:
        return re.sub(r"[\W_]", "", folded)

    return folded
