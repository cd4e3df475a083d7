"""What an operator makes of one value."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from ss_ray.config.pii import Operator
from ss_ray.pii import entities
from ss_ray.pii.entities import BY_NAME
from ss_ray.pii.stand_ins.dates import MAX_SHIFT_DAYS, generalised_date, shift_days, shifted_date
from ss_ray.pii.stand_ins.homes import PLACE_TYPES
from ss_ray.pii.stand_ins.person import NOBODY, Person
from ss_ray.pii.stand_ins.pseudonyms import MASK, PERSONAL_TYPES, Pseudonyms, normalise
from ss_ray.pii.stand_ins.regions import ANYWHERE, Home

HASH_BYTES = 8
OLD_AGE = 90
"""Ages from here on are one group (45 CFR 164.514(b)(2)(i)(C))."""
BAND_YEARS = 10
POSTCODE_KEPT = 3
CACHE_SIZE = 100_000
_DEGREES = re.compile(r"[-+]?\d{1,3}(?:\.\d+)?(?:[ ,;]+[-+]?\d{1,3}(?:\.\d+)?)?", re.ASCII)


@dataclass(frozen=True)
class Replacement:
    """Applies operators under one key. Values it has seen stay in its memory, so it lives as long as a worker.

    Attributes:
        pseudonyms: Stand-ins under the key.
        operators: By entity type; types without one get the default of `entities.BY_NAME`.
        max_shift_days: Largest move of dates of nobody in particular.
    """

    pseudonyms: Pseudonyms
    operators: Mapping[str, Operator] = field(default_factory=dict)
    max_shift_days: int = MAX_SHIFT_DAYS

    def operator(self, entity_type: str) -> Operator:
        """What is done with an entity type; types that nobody knows are labelled."""
        known = BY_NAME.get(entity_type)
        return self.operators.get(entity_type, known.operator if known else Operator.LABEL)

    def replace(
        self, entity_type: str, value: str, person: Person = NOBODY, days: int = 0, home: Home = ANYWHERE
    ) -> str:
        """Replacement of a value; the value itself for KEEP, DROP_ROW and DROP_COLUMN.

        Args:
            entity_type: Known, or of the configuration.
            value: Original value of the cell.
            person: Facts of the row about its person.
            days: Number of days by which the person's dates move; 0 for dates of everybody.
            home: Place that the row names.
        """
        if not value or value.isspace():
            return value

        # Facts that do not matter would fill the memory with one value many times.
        person = person if entity_type in PERSONAL_TYPES else NOBODY
        home = home if entity_type in PLACE_TYPES else ANYWHERE
        return self._replace_cached(entity_type, value, person, days, home)

    @cached_property
    def _replace_cached(self):  # type: ignore[no-untyped-def]
        return lru_cache(maxsize=CACHE_SIZE)(self._replace_safely)

    def replace_new(self, entity_type: str, value: str) -> str:
        """The same for a value that nobody has asked for and that no person matters to: nothing is remembered."""
        if not value or value.isspace():
            return value
        return self._replace_safely(entity_type, value, NOBODY, 0, ANYWHERE)

    def _replace_safely(self, entity_type: str, value: str, person: Person, days: int, home: Home) -> str:
        try:
            return self._apply_operator(entity_type, value, person, days, home)
        except Exception:  # noqa: BLE001 - no odd cell may pass, or end the job; the message may quote it
            return MASK

    def _apply_operator(self, entity_type: str, value: str, person: Person, days: int, home: Home) -> str:
        operator = self.operator(entity_type)
        if operator is Operator.PSEUDONYM and entity_type in (entities.DATE_OF_BIRTH, entities.DATE_TIME):
            operator = Operator.DATE_SHIFT

        match operator:
            case Operator.PSEUDONYM:
                if entity_type in BY_NAME:
                    return self.pseudonyms.stand_in(entity_type, value, person, home)
                return MASK
            case Operator.DATE_SHIFT:
                return shifted_date(value, days or shift_days(self.pseudonyms.key, "", self.max_shift_days)) or MASK
            case Operator.GENERALISE:
                return generalise(entity_type, value)
            case Operator.LABEL:
                return f"<{entity_type}>"
            case Operator.HASH:
                return self._hash_value(entity_type, value)
            case Operator.MASK:
                return re.sub(r"[^\W_]", "*", value)
            case Operator.REDACT:
                return MASK

        return value

    def _hash_value(self, entity_type: str, value: str) -> str:
        message = f"hash\0{entity_type}\0{normalise(entity_type, value)}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(message, key=self.pseudonyms.key, digest_size=HASH_BYTES).hexdigest()


def generalise(entity_type: str, value: str) -> str:
    """A coarser value; `MASK` where the type has none or the value cannot be read.

    Ages become bands of ten years and "90+", dates their year, postcodes their first characters, coordinates one
    decimal, full addresses nothing.
    """
    text = value.strip()
    if entity_type == entities.AGE:
        return _age_band(text)
    if entity_type in (entities.DATE_OF_BIRTH, entities.DATE_TIME):
        return generalised_date(text) or MASK

    if entity_type == entities.POSTCODE:
        # A short postcode loses at least two characters.
        kept = max(0, min(POSTCODE_KEPT, len(text) - 2))
        return text[:kept] + re.sub(r"[^\W_]", "*", text[kept:])

    if entity_type in (entities.LATITUDE, entities.LONGITUDE, entities.COORDINATE) and _DEGREES.fullmatch(text):
        return re.sub(r"(\d\.\d)\d+", r"\1", text)

    return MASK


def _age_band(text: str) -> str:
    number = re.search(r"\d{1,3}", text, re.ASCII)
    if number is None:
        return MASK

    age = int(number[0])
    if age >= OLD_AGE:
        return f"{OLD_AGE}+"

    return f"{age - age % BAND_YEARS}-{age - age % BAND_YEARS + BAND_YEARS - 1}"
