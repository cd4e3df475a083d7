"""The entity types of this package in one table: their NeMo names, their operators, and their HIPAA letters.

Types that Presidio knows keep Presidio's spelling; the others (FIRST_NAME, STREET_ADDRESS, ...) follow it. NeMo's 64
column types are folded onto them: "customer_id" and "unique_identifier" differ for a reader, not for a stand-in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ss_ray.config.pii import Operator, PiiParameters
from ss_ray.errors import ConfigError


@dataclass(frozen=True)
class EntityType:
    """An entity type with its names and its default operator.

    Attributes:
        name: For example "EMAIL_ADDRESS".
        nemo: The names that NeMo configurations use for it.
        operator: Default operator of the type.
        safe_harbor: Letter of the HIPAA Safe Harbor identifier it belongs to, A to R (45 CFR 164.514(b)(2)(i));
            None where it is not one.
    """

    name: str
    nemo: tuple[str, ...]
    operator: Operator = Operator.PSEUDONYM
    safe_harbor: str | None = None


FIRST_NAME = "FIRST_NAME"
LAST_NAME = "LAST_NAME"
PERSON = "PERSON"
TITLE = "TITLE"
USERNAME = "USERNAME"
PASSWORD = "PASSWORD"
EMAIL_ADDRESS = "EMAIL_ADDRESS"
PHONE_NUMBER = "PHONE_NUMBER"
FAX_NUMBER = "FAX_NUMBER"
URL = "URL"
IP_ADDRESS = "IP_ADDRESS"
MAC_ADDRESS = "MAC_ADDRESS"
STREET_ADDRESS = "STREET_ADDRESS"
ADDRESS = "ADDRESS"
CITY = "CITY"
STATE = "STATE"
POSTCODE = "POSTCODE"
COUNTRY = "COUNTRY"
LOCATION = "LOCATION"
LATITUDE = "LATITUDE"
LONGITUDE = "LONGITUDE"
COORDINATE = "COORDINATE"
US_SSN = "US_SSN"
NATIONAL_ID = "NATIONAL_ID"
TAX_ID = "TAX_ID"
PASSPORT = "PASSPORT"
LICENSE = "LICENSE"
CREDIT_CARD = "CREDIT_CARD"
CVV = "CVV"
PIN = "PIN"
IBAN_CODE = "IBAN_CODE"
ACCOUNT_NUMBER = "ACCOUNT_NUMBER"
ROUTING_NUMBER = "ROUTING_NUMBER"
SWIFT_BIC = "SWIFT_BIC"
MEDICAL_RECORD = "MEDICAL_RECORD"
HEALTH_PLAN = "HEALTH_PLAN"
UNIQUE_ID = "UNIQUE_ID"
DEVICE_ID = "DEVICE_ID"
BIOMETRIC = "BIOMETRIC"
VEHICLE_ID = "VEHICLE_ID"
LICENSE_PLATE = "LICENSE_PLATE"
API_KEY = "API_KEY"
DATE_OF_BIRTH = "DATE_OF_BIRTH"
DATE_TIME = "DATE_TIME"
AGE = "AGE"
ORGANIZATION = "ORGANIZATION"
JOB_TITLE = "JOB_TITLE"
GENDER = "GENDER"
NRP = "NRP"
SENSITIVE = "SENSITIVE"
UNKNOWN = "UNKNOWN"
"""Personal by all signs, but of no type that can be imitated: hidden entirely."""
FREE_TEXT = "FREE_TEXT"
"""Not a type of a whole cell: the column is searched as text."""
CODES = "CODES"
"""No personal type: the cells are codes, and the column is searched by patterns only."""

_KEEP = Operator.KEEP
_TABLE = (
    EntityType(FIRST_NAME, ("first_name",), safe_harbor="A"),
    EntityType(LAST_NAME, ("last_name",), safe_harbor="A"),
    EntityType(PERSON, ("name",), safe_harbor="A"),
    EntityType(TITLE, ("title",), _KEEP),
    EntityType(USERNAME, ("user_name",), safe_harbor="R"),
    EntityType(PASSWORD, ("password",), Operator.REDACT, safe_harbor="R"),
    EntityType(EMAIL_ADDRESS, ("email",), safe_harbor="F"),
    EntityType(PHONE_NUMBER, ("phone_number",), safe_harbor="D"),
    EntityType(FAX_NUMBER, ("fax_number",), safe_harbor="E"),
    EntityType(URL, ("url",), safe_harbor="N"),
    EntityType(IP_ADDRESS, ("ipv4", "ipv6"), safe_harbor="O"),
    EntityType(MAC_ADDRESS, ("mac_address",), safe_harbor="M"),
    EntityType(STREET_ADDRESS, ("street_address",), safe_harbor="B"),
    EntityType(ADDRESS, ("address",), safe_harbor="B"),
    EntityType(CITY, ("city", "county"), safe_harbor="B"),
    EntityType(STATE, ("state",)),
    EntityType(POSTCODE, ("postcode",), safe_harbor="B"),
    EntityType(COUNTRY, ("country",), _KEEP),
    EntityType(LOCATION, ("location",), safe_harbor="B"),
    EntityType(LATITUDE, ("latitude",), safe_harbor="B"),
    EntityType(LONGITUDE, ("longitude",), safe_harbor="B"),
    EntityType(COORDINATE, ("coordinate",), safe_harbor="B"),
    EntityType(US_SSN, ("ssn",), safe_harbor="G"),
    EntityType(NATIONAL_ID, ("national_id",), safe_harbor="R"),
    EntityType(TAX_ID, ("tax_id",), safe_harbor="R"),
    EntityType(PASSPORT, ("passport_number",), safe_harbor="K"),
    EntityType(LICENSE, ("certificate_license_number",), safe_harbor="K"),
    EntityType(CREDIT_CARD, ("credit_debit_card",), safe_harbor="J"),
    EntityType(CVV, ("cvv",), safe_harbor="J"),
    EntityType(PIN, ("pin",), safe_harbor="R"),
    EntityType(IBAN_CODE, ("iban",), safe_harbor="J"),
    EntityType(ACCOUNT_NUMBER, ("account_number",), safe_harbor="J"),
    EntityType(ROUTING_NUMBER, ("bank_routing_number",), safe_harbor="J"),
    EntityType(SWIFT_BIC, ("swift_bic",), safe_harbor="J"),
    EntityType(MEDICAL_RECORD, ("medical_record_number",), safe_harbor="H"),
    EntityType(HEALTH_PLAN, ("health_plan_beneficiary_number",), safe_harbor="I"),
    EntityType(UNIQUE_ID, ("unique_identifier", "customer_id", "employee_id"), safe_harbor="R"),
    EntityType(DEVICE_ID, ("device_identifier",), safe_harbor="M"),
    EntityType(BIOMETRIC, ("biometric_identifier",), safe_harbor="P"),
    EntityType(VEHICLE_ID, ("vehicle_identifier",), safe_harbor="L"),
    EntityType(LICENSE_PLATE, ("license_plate",), safe_harbor="L"),
    EntityType(API_KEY, ("api_key", "http_cookie"), safe_harbor="R"),
    EntityType(DATE_OF_BIRTH, ("date_of_birth",), Operator.DATE_SHIFT, safe_harbor="C"),
    EntityType(DATE_TIME, ("date", "date_time", "time"), _KEEP, safe_harbor="C"),
    EntityType(AGE, ("age",), _KEEP, safe_harbor="C"),
    EntityType(ORGANIZATION, ("company_name", "company"), _KEEP),
    EntityType(JOB_TITLE, ("job_title", "occupation"), _KEEP),
    EntityType(GENDER, ("gender",), _KEEP),
    EntityType(
        NRP, ("race", "ethnicity", "race_ethnicity", "religious_belief", "political_view", "nationality"), _KEEP
    ),
    EntityType(
        SENSITIVE, ("sexuality", "blood_type", "language", "education", "education_level", "employment_status"), _KEEP
    ),
    EntityType(UNKNOWN, (), Operator.REDACT),
)
BY_NAME: Mapping[str, EntityType] = {entity.name: entity for entity in _TABLE}
NEMO_NAMES: Mapping[str, str] = {nemo: entity.name for entity in _TABLE for nemo in entity.nemo}

NAME_TYPES = frozenset({FIRST_NAME, LAST_NAME, PERSON})
ENTITY_TYPES = frozenset(BY_NAME)
"""Types that a whole column may have."""


@dataclass(frozen=True, kw_only=True)
class CustomEntity:
    """An entity type that the configuration adds.

    Attributes:
        name: In capitals, "TICKET_ID".
        regexes: Patterns of its spans.
        deny_list: Words that are always of this type, in any case.
        context: Words near a span that make it more certain.
        score: Score of a match without context, in (0, 1].
        validator: Checksum that a match has to pass: "luhn", "iban" or "mod97"; None for none.
        operator: Operator that is applied to its matches.
    """

    name: str
    regexes: tuple[str, ...] = ()
    deny_list: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    score: float = 0.6
    validator: str | None = None
    operator: Operator = Operator.LABEL


def parse_entity_type(name: str, custom: Iterable[str] = ()) -> str:
    """The entity type that a person wrote, as a NeMo name ("email") or as our own ("EMAIL_ADDRESS").

    Raises:
        ConfigError: Neither, nor one of `custom`.

    Example:
        >>> parse_entity_type("email"), parse_entity_type("US_SSN")
        ('EMAIL_ADDRESS', 'US_SSN')
        >>> parse_entity_type("TICKET_ID", custom=["TICKET_ID"])
        'TICKET_ID'
    """
    if name in NEMO_NAMES:
        return NEMO_NAMES[name]
    if name in ENTITY_TYPES or name in custom:
        return name

    raise ConfigError(
        f"the entity type {name!r} is not supported; use one of {', '.join((*NEMO_NAMES, *sorted(ENTITY_TYPES)))}"
    )


def parse_entity_types(names: Iterable[str] | None, custom: Iterable[str] = ()) -> tuple[str, ...]:
    """Entity types that may be replaced, in ascending order; None allows all of them."""
    own = tuple(custom)
    chosen: set[str] | frozenset[str]
    if names is None:
        chosen = ENTITY_TYPES
    else:
        chosen = {parse_entity_type(name, own) for name in names}

    return tuple(sorted(chosen | set(own)))


def nemo_name(entity_type: str) -> str:
    """The name that NeMo's rules use for a type: "email" for EMAIL_ADDRESS; other names in lower case.

    Example:
        >>> nemo_name("EMAIL_ADDRESS"), nemo_name("TICKET_ID")
        ('email', 'ticket_id')
    """
    entity = BY_NAME.get(entity_type)
    if entity and entity.nemo:
        return entity.nemo[0]
    return re.sub(r"\W+", "_", entity_type).lower()


def check_types(asked: PiiParameters) -> None:
    """Refuse unknown entity types before any work.

    Raises:
        ConfigError: See `parse_entity_type`.
    """
    own = [entity.name for entity in custom_entities(asked)]
    classify = asked.globals.classify
    ner = asked.globals.ner
    for name in (*asked.operators, *asked.thresholds, *(classify.entities or ()), *(ner.ner_entities or ())):
        parse_entity_type(name, own)


def custom_entities(asked: PiiParameters) -> tuple[CustomEntity, ...]:
    """The entity types that the configuration adds.

    Raises:
        ConfigError: One is named as a known type.
    """
    for entity in asked.custom_entities:
        if entity.name in ENTITY_TYPES:
            raise ConfigError(f"replace_pii.custom_entities: {entity.name} is a known entity type; choose another name")
    return tuple(CustomEntity(**entity.model_dump()) for entity in asked.custom_entities)
