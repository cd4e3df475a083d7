"""The filters of a policy's expressions: `this | hash`, `column.entity | fake`, `this | fake_entities`."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from dateutil import parser as dates

from ss_ray.config.pii import Operator
from ss_ray.pii import entities
from ss_ray.pii.entities import parse_entity_type
from ss_ray.pii.rules import PiiPlan
from ss_ray.pii.stand_ins.countries import country_code, locales_of_country
from ss_ray.pii.stand_ins.dates import shift_days
from ss_ray.pii.stand_ins.keyed import Stream
from ss_ray.pii.stand_ins.pseudonyms import MASK, Pseudonyms
from ss_ray.pii.texts import TextReplacer

_OFFSET = re.compile(r"([-+]?\d+)\s*([ymwd])", re.IGNORECASE)
_DAYS = {"y": 365, "m": 30, "w": 7, "d": 1}
PERSONA = {
    "first_name": entities.FIRST_NAME,
    "last_name": entities.LAST_NAME,
    "name": entities.PERSON,
    "email": entities.EMAIL_ADDRESS,
    "user_name": entities.USERNAME,
    "phone": entities.PHONE_NUMBER,
    "phone_number": entities.PHONE_NUMBER,
    "street_address": entities.STREET_ADDRESS,
    "address": entities.ADDRESS,
    "city": entities.CITY,
    "state": entities.STATE,
    "postcode": entities.POSTCODE,
    "ssn": entities.US_SSN,
}


class Filters:
    """Filters under one key. Their results depend on the cell that `start` names.

    Args:
        pseudonyms: Makes the stand-ins.
        plan: Plan whose entity types are searched for in texts.
    """

    def __init__(self, pseudonyms: Pseudonyms, plan: PiiPlan) -> None:
        self._pseudonyms = pseudonyms
        self._plan = plan
        self._this: Any = None

    def start(self, this: Any) -> None:
        """Say which cell is evaluated next."""
        self._this = this

    def by_name(self) -> Mapping[str, Callable[..., Any]]:
        """Every filter of the language."""
        texts = {
            "fake_entities": Operator.PSEUDONYM,
            "redact_entities": Operator.REDACT,
            "label_entities": Operator.LABEL,
            "hash_entities": Operator.HASH,
        }
        return {
            "hash": self.hash,
            "isna": isna,
            "fake": self.fake,
            "normalize": normalize,
            "partial_mask": partial_mask,
            "tld": lambda value: str(value).rpartition(".")[2],
            "lookup_country": lambda value: country_code(str(value)),
            "lookup_locales": lambda value: locales_of_country(country_code(str(value)) or str(value)),
            "date_parse": lambda value: dates.parse(str(value)),
            "date_shift": lambda value, low=None, high=None: self.shifted(value, low, high).date(),
            "date_time_shift": self.shifted,
            "date_format": lambda value, format_="%Y-%m-%d": _parse_date(value).strftime(format_),
            "date_time_format": lambda value, format_="%Y-%m-%d %H:%M:%S": _parse_date(value).strftime(format_),
            "detect_entities": self.detect_entities,
            **{name: self._text_filter(operator) for name, operator in texts.items()},
        }

    def hash(self, value: Any, salt: Any = "") -> str:
        """A keyed hash of 64 hexadecimal digits."""
        message = f"{salt}\0{value}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(message, key=self._pseudonyms.key, digest_size=32).hexdigest()

    def fake(self, entity: Any) -> str | None:
        """The stand-in of the cell as a value of an entity type."""
        if isna(self._this):
            return None

        type_ = parse_entity_type(str(entity))
        if type_ == entities.UNKNOWN:
            return MASK

        return self._pseudonyms.stand_in(type_, str(self._this))

    def persona(self, part: str) -> str:
        """Part of the stand-in persona of the cell's person, the same as in texts and columns."""
        return self._pseudonyms.stand_in(PERSONA[part], "" if isna(self._this) else str(self._this))

    def shifted(self, value: Any, low: str | None = None, high: str | None = None) -> datetime:
        """A date moved by days between two offsets such as "-30d" and "+2y"; without offsets it moves like a column."""
        moved = _parse_date(value)
        if low is None and high is None:
            return moved + timedelta(days=shift_days(self._pseudonyms.key, "", self._plan.max_shift_days))

        first, last = sorted((_parse_offset(low or "0d"), _parse_offset(high or "0d")))
        drawn = Stream(self._pseudonyms.key, "date_shift", str(value)).below(last - first + 1)
        return moved + timedelta(days=first + drawn)

    def detect_entities(self, text: Any) -> list[dict[str, Any]]:
        """Findings of a text: type, start, end and score."""
        found = self._text_replacer(Operator.PSEUDONYM).find(str(text))
        return [{"entity": f.entity_type, "start": f.start, "end": f.end, "score": f.score} for f in found]

    def _text_filter(self, operator: Operator) -> Callable[..., Any]:
        def apply(text: Any, on_error: str = "redact") -> str | None:
            if isna(text):
                return None

            made = self._text_replacer(operator).replace(str(text))
            if made is None and on_error == "raise":
                raise ValueError("a text could not be analysed")
            if made is None:
                return MASK

            return made

        return apply

    def _text_replacer(self, operator: Operator) -> TextReplacer:
        if operator not in self._replacer_cache:
            plan = self._plan
            if operator is not Operator.PSEUDONYM:
                chosen = dict.fromkeys(plan.searched, operator)
                plan = replace(plan, operators={**plan.operators, **chosen})
            self._replacer_cache[operator] = TextReplacer(plan, self._pseudonyms)

        return self._replacer_cache[operator]

    @cached_property
    def _replacer_cache(self) -> dict[Operator, TextReplacer]:
        return {}


def isna(value: Any) -> bool:
    """Whether a cell is missing: none, not a number, or empty."""
    return value is None or value != value or value == ""


def normalize(value: Any) -> str:
    """A text without accents and surplus white space."""
    decomposed = unicodedata.normalize("NFKD", str(value))
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def partial_mask(value: Any, prefix: int = 0, padding: str = "X", suffix: int = 0) -> str:
    """The first and last characters of a text with padding for those between; all padding where it is too short."""
    text = str(value)
    shown = max(0, int(prefix)) + max(0, int(suffix))
    if shown >= len(text):
        return padding
    return f"{text[: max(0, int(prefix))]}{padding}{text[len(text) - max(0, int(suffix)) :] if suffix else ''}"


def _parse_date(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    return dates.parse(str(value))


def _parse_offset(text: str) -> int:
    parts = _OFFSET.findall(str(text))
    if not parts:
        raise ValueError("an offset is a number with y, m, w or d")
    return sum(int(number) * _DAYS[unit.lower()] for number, unit in parts)
