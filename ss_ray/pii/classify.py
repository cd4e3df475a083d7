"""A column's values and header -> the entity type of its cells, with the reason in words.

The order of the evidence:

    1. values   at least 90 % of the sample are, as a whole cell, one finding of one type: that type
    2. header   a plain header of `_HEADERS`, and at least 90 % of the sample look like the type (names without
                digits, e-mails with "@", ...): that type
    3. header   the same, but the values do not look like it: UNKNOWN, which policy hides or stops at
    4. values   some hold findings: FREE_TEXT, to be searched cell by cell
    otherwise   None

Headers of places (city, state, postcode) and dates of birth are not in the list: replacing them costs the table
its statistics, so a person has to ask for it.
"""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ss_ray.pii import entities
from ss_ray.pii.cells import distinct_texts, is_textual
from ss_ray.pii.detect import Detector, Finding
from ss_ray.pii.formats import digits_of

SAMPLE_SIZE = 500
MIN_SHARE = 0.9

_HEADERS = {
    entities.FIRST_NAME: "firstname fname givenname forename middlename preferredname nickname",
    entities.LAST_NAME: "lastname lname surname familyname maidenname mothersmaiden mothersmaidenname",
    entities.PERSON: "name fullname personname displayname legalname namefirstlast",
    entities.STREET_ADDRESS: "streetaddress street addressline homestreet streetname",
    entities.ADDRESS: "address fulladdress homeaddress mailingaddress postaladdress billingaddress shippingaddress",
    entities.EMAIL_ADDRESS: "email emailaddress mail emailid workemail personalemail",
    entities.PHONE_NUMBER: "phone phonenumber phoneno telephone telephonenumber tel mobile mobilenumber mobilephone"
    " cell cellphone homephone workphone contactnumber fax faxnumber",
    entities.US_SSN: "ssn socialsecuritynumber socialsecurity ssnumber",
    entities.CREDIT_CARD: "creditcard creditcardnumber creditcardno cardnumber ccnumber ccnum debitcardnumber",
    entities.IBAN_CODE: "iban ibancode ibannumber",
    entities.IP_ADDRESS: "ip ipaddress clientip ipv4 ipv6",
    entities.NATIONAL_ID: "nationalid nationalidnumber passport passportnumber",
    entities.TAX_ID: "taxid taxnumber taxpayerid tin itin",
}
_TYPE_OF_HEADER = {header: entity_type for entity_type, headers in _HEADERS.items() for header in headers.split()}
_ROLES = (
    "patient customer client employee person doctor physician provider contact guest cardholder accountholder owner"
    " applicant member student beneficiary insured emergencycontact subscriber borrower tenant buyer seller user"
)

_EMAIL = re.compile(r"\S+@\S+\.\S+")
_PHONE = re.compile(r"[\d\s().+/-]+(?:(?:x|ext\.?)\s*\d+)?", re.IGNORECASE)
_NUMBER = re.compile(r"[\d\s.-]+")
_IBAN = re.compile(r"[A-Za-z]{2}\d{2}[A-Za-z0-9 -]{10,}")


@dataclass(frozen=True, kw_only=True)
class ColumnTyping:
    """What a column holds.

    Attributes:
        entity_type: Of `entities.ENTITY_TYPES`, or FREE_TEXT.
        suspected: The type that the header names; equal to entity_type unless that is UNKNOWN.
        confidence: Evidence in [0, 1]: the share of the sample for a type found in the values, 0.8 for a header that
            the values agree with, 0.5 for UNKNOWN.
        explanation: The reason in words, without any value of the column.
    """

    entity_type: str
    suspected: str
    confidence: float
    explanation: str


def classify_table(table: pa.Table, detector: Detector) -> dict[str, ColumnTyping]:
    """Typings of the columns that hold personal data, by column name; the table may be a sample of rows."""
    typings: dict[str, ColumnTyping] = {}
    for name in table.column_names:
        column = table.column(name)
        typing = classify_column(name, distinct_texts(column), detector)
        # A number that looks like a card by chance is no text with a card in it.
        if typing is not None and (typing.entity_type != entities.FREE_TEXT or is_textual(column.type)):
            typings[name] = typing
    return typings


def classify_column(
    name: str,
    values: Sequence[str],
    detector: Detector,
    *,
    sample_size: int = SAMPLE_SIZE,
    min_share: float = MIN_SHARE,
) -> ColumnTyping | None:
    """What a column holds, or None where nothing speaks for personal data.

    Args:
        name: Header of the column.
        values: Its values as text, without missing ones; repeated values count once.
        detector: Finds the pattern types.
        sample_size: Number of distinct values to look at, spread evenly over `values`.
        min_share: Share of the sample in (0, 1] that has to agree.
    """
    sample = _sample(values, sample_size)
    findings = detector.find_each(sample)
    return (
        _typed_by_values(findings, min_share)
        or _typed_by_header(name, sample, min_share)
        or _text_with_findings(findings)
    )


def header_type(name: str) -> str | None:
    """The entity type that a header plainly names, as "patient_first_name", "EmailAddress" or "phone 2" do."""
    plain = re.sub(r"[\W_]|\d+$", "", name.strip().casefold())
    if plain in _TYPE_OF_HEADER:
        return _TYPE_OF_HEADER[plain]
    rests = (plain.removeprefix(role) for role in _ROLES.split() if plain.startswith(role))
    # A user's name is a login more often than the name of a person.
    return next((_TYPE_OF_HEADER[rest] for rest in rests if rest in _TYPE_OF_HEADER and plain != "username"), None)


def _sample(values: Sequence[str], size: int) -> list[str]:
    distinct = list(dict.fromkeys(value.strip() for value in values if value.strip()))
    return [distinct[place * len(distinct) // size] for place in range(size)] if len(distinct) > size else distinct


def _typed_by_values(findings: dict[str, tuple[Finding, ...] | None], min_share: float) -> ColumnTyping | None:
    types = Counter(found[0].entity_type for text, found in findings.items() if found and _is_whole(text, found))
    for entity_type, count in types.most_common(1):
        share = count / len(findings)
        if share >= min_share:
            reason = f"{share:.0%} of {len(findings)} distinct values are, as a whole, of type {entity_type}"
            return ColumnTyping(entity_type=entity_type, suspected=entity_type, confidence=share, explanation=reason)
    return None


def _is_whole(text: str, findings: tuple[Finding, ...]) -> bool:
    """Whether one finding covers the text but for punctuation."""
    rest = text[: findings[0].start] + text[findings[0].end :]
    return len(findings) == 1 and not any(character.isalnum() for character in rest)


def _typed_by_header(name: str, sample: list[str], min_share: float) -> ColumnTyping | None:
    suspected = header_type(name)
    if suspected is None:
        return None
    share = sum(map(_LOOKS[suspected], sample)) / len(sample) if sample else 1.0
    reason = f"the header names {suspected}, and {share:.0%} of {len(sample)} distinct values look like it"
    if share >= min_share:
        return ColumnTyping(entity_type=suspected, suspected=suspected, confidence=0.8, explanation=reason)
    reason += f"; too few to imitate them (at least {min_share:.0%} are needed)"
    return ColumnTyping(entity_type=entities.UNKNOWN, suspected=suspected, confidence=0.5, explanation=reason)


def _text_with_findings(findings: dict[str, tuple[Finding, ...] | None]) -> ColumnTyping | None:
    count = sum(found is None or bool(found) for found in findings.values())
    if not count:
        return None
    found_types = sorted({f.entity_type for found in findings.values() for f in found or ()})
    return ColumnTyping(
        entity_type=entities.FREE_TEXT,
        suspected=entities.FREE_TEXT,
        confidence=count / len(findings),
        explanation=f"{count} of {len(findings)} distinct values contain {', '.join(found_types) or 'unreadable text'}",
    )


def _looks_like_name(value: str) -> bool:
    return len(value.split()) <= 6 and any(map(str.isalpha, value)) and not any(map(str.isdecimal, value))


def _looks_like_address(value: str) -> bool:
    return len(value) >= 4 and any(map(str.isalpha, value))


def _looks_like_phone(value: str) -> bool:
    return bool(_PHONE.fullmatch(value)) and 6 <= len(digits_of(value)) <= 20


def _looks_like_ssn(value: str) -> bool:
    # Stored as an integer, a number loses up to two leading zeros.
    return bool(_NUMBER.fullmatch(value)) and 7 <= len(digits_of(value)) <= 9


def _looks_like_card(value: str) -> bool:
    return bool(_NUMBER.fullmatch(value)) and 12 <= len(digits_of(value)) <= 19


def _looks_like_ip(value: str) -> bool:
    try:
        return bool(ipaddress.ip_interface(value))
    except ValueError:
        return False


def _looks_like_id(value: str) -> bool:
    return 4 <= len(value) <= 30 and any(map(str.isdecimal, value))


_LOOKS: dict[str, Callable[[str], bool]] = {
    entities.FIRST_NAME: _looks_like_name,
    entities.LAST_NAME: _looks_like_name,
    entities.PERSON: _looks_like_name,
    entities.STREET_ADDRESS: _looks_like_address,
    entities.ADDRESS: _looks_like_address,
    entities.EMAIL_ADDRESS: lambda value: bool(_EMAIL.fullmatch(value)),
    entities.PHONE_NUMBER: _looks_like_phone,
    entities.US_SSN: _looks_like_ssn,
    entities.CREDIT_CARD: _looks_like_card,
    entities.IBAN_CODE: lambda value: bool(_IBAN.fullmatch(value)),
    entities.IP_ADDRESS: _looks_like_ip,
    entities.NATIONAL_ID: _looks_like_id,
    entities.TAX_ID: _looks_like_id,
}
