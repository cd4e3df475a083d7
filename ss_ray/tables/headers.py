"""Words of a column's header that say whether it holds identifiers, and whose."""

from __future__ import annotations

import re

_IDENTIFIERS = frozenset("id ids uuid guid identifier pid mrn ssn ean isbn upc sku imei vin iban".split())
_COUNTERS = _IDENTIFIERS | frozenset("no nr num number index idx key row seq sequence serial code order record".split())
_PERSONS = frozenset(
    "patient customer client user person member employee student subject participant resident account policy citizen "
    "voter taxpayer insured donor guest visitor household staff contact applicant borrower subscriber driver teacher "
    "owner tenant caller viewer player case claim invoice order transaction record row encounter visit stay admission "
    "passenger respondent beneficiary physician doctor nurse provider".split()
)
"""What an identifier in rows of its own names, even where it repeats: persons, and things that persons have."""
_THINGS = frozenset(
    "product item shop store branch department dept region country city site device sensor session group team vendor "
    "supplier company category location station vehicle hospital school event message post article game film movie "
    "book ticket track song job task project".split()
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def header_words(name: str) -> tuple[str, ...]:
    """Words of a header in lower case: "patient_id", "PatientID" and "patientid" are all patient and id.

    Example:
        >>> header_words("PatientID"), header_words("customerid"), header_words("PAID")
        (('patient', 'id'), ('customer', 'id'), ('paid',))
    """
    words: list[str] = []
    for word in (found.lower() for found in _WORD.findall(name)):
        for ending in ("id", "uuid", "guid"):
            if word.endswith(ending) and word.removesuffix(ending) in _PERSONS | _THINGS:
                words += [word.removesuffix(ending), ending]
                break
        else:
            words.append(word)

    return tuple(words)


def names_things(name: str) -> bool:
    """Whether a header ends in a word for identifiers: "patient_id" does, "paid" and "covid" do not."""
    words = header_words(name)
    return bool(words) and words[-1] in _IDENTIFIERS


def counts_rows(name: str) -> bool:
    """Whether a header may name a number that counts the rows: "order_no" does, "age" does not."""
    words = header_words(name)
    return bool(words) and words[-1] in _COUNTERS


def names_person(name: str) -> bool:
    """Whether a header names the identifier of a person, of a record, or of nothing that it says."""
    return not set(header_words(name)) & _THINGS
