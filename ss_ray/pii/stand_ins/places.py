"""Places: addresses, cities, states, postcodes, coordinates.

Each part of an address is a function of that part alone, so a city in a column, in a full address and in a text agree.
States of the United States are permuted, and the postcode of a state becomes one of its stand-in; the cities are
invented, so they lie in any state. Elsewhere a postcode keeps its shape.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from ss_ray.pii import entities
from ss_ray.pii.stand_ins.keyed import Stream, cycle, permuted
from ss_ray.pii.stand_ins.lexicon import Lexicon, country_names, fold_name, lexicon, locale_of_script

JITTER_DEGREES = Decimal("0.1")
"""Largest move of a coordinate: about 11 km of latitude."""

# Postal code, name, and the range of the first three digits of its postcodes (USPS, publication 65).
_STATES = """AL Alabama 350-369|AK Alaska 995-999|AZ Arizona 850-865|AR Arkansas 716-729|CA California 900-961
CO Colorado 800-816|CT Connecticut 060-069|DE Delaware 197-199|DC District of Columbia 200-205|FL Florida 320-349
GA Georgia 300-319|HI Hawaii 967-968|ID Idaho 832-838|IL Illinois 600-629|IN Indiana 460-479|IA Iowa 500-528
KS Kansas 660-679|KY Kentucky 400-427|LA Louisiana 700-714|ME Maine 039-049|MD Maryland 206-219
MA Massachusetts 010-027|MI Michigan 480-499|MN Minnesota 550-567|MS Mississippi 386-397|MO Missouri 630-658
MT Montana 590-599|NE Nebraska 680-693|NV Nevada 889-898|NH New Hampshire 030-038|NJ New Jersey 070-089
NM New Mexico 870-884|NY New York 100-149|NC North Carolina 270-289|ND North Dakota 580-588|OH Ohio 430-459
OK Oklahoma 730-749|OR Oregon 970-979|PA Pennsylvania 150-196|RI Rhode Island 028-029|SC South Carolina 290-299
SD South Dakota 570-577|TN Tennessee 370-385|TX Texas 750-799|UT Utah 840-847|VT Vermont 050-059
VA Virginia 220-246|WA Washington 980-994|WV West Virginia 247-268|WI Wisconsin 530-549|WY Wyoming 820-831"""
_ZIP = re.compile(r"\s*(\d{5})(?:([- ]?)(\d{4}))?\s*", re.ASCII)
_PO_BOX = re.compile(r"(?i)(\s*(?:p\.?\s*o\.?\s*)?box\s*#?\s*)(\w+)\s*")
_UNIT = re.compile(r"(?i)[,\s]*\b(apt|apartment|suite|ste|unit|floor|fl|room|rm)\b\.?\s*#?\s*(\w+)\s*$")
_NUMBER_FIRST = re.compile(r"\s*(\d\w*(?:[-/]\d\w*)?)([,\s]+)(.*?)\s*", re.DOTALL)
_NUMBER_LAST = re.compile(r"\s*(.*?)([,\s]+)(\d\w*(?:[-/]\d\w*)?)\s*", re.DOTALL)
_POSTCODE_AND_CITY = re.compile(r"(?:(.*?)[\s,]+)??((?=\w*\d)[\w-]{3,10}(?:\s\d\w\w)?)(?:[\s,]+(.*))?", re.DOTALL)


@dataclass(frozen=True)
class UsState:
    """A state of the United States: postal code, name, first and last prefix of three digits of its postcodes."""

    code: str
    name: str
    first: int
    last: int


@dataclass(frozen=True)
class Places:
    """Stand-ins of places under one key.

    Attributes:
        key: Secret key of the stand-ins.
        locale: Locale of cities and streets in Latin letters.
    """

    key: bytes = field(repr=False)
    locale: str

    def city(self, value: str) -> str:
        """An invented city, or a city of the locale."""
        return self._draw_from_pool("city", value, self._choose_lexicon(value).cities)

    def country(self, value: str) -> str:
        """A country; a code in capitals if the value is one."""
        text = value.strip()
        if text.isascii() and text.isupper() and len(text) in (2, 3):
            return permuted(self.key, entities.COUNTRY, text)
        return self._draw_from_pool("country", value, self._choose_lexicon(value).countries)

    def state(self, value: str) -> str:
        """Another state: in the United States by a permutation, elsewhere a state of the locale."""
        folded = fold_name(value.strip())
        text = value.strip()
        known = states_by_word().get(folded)
        if known is not None:
            new = self._other_state(known)
            if len(text) == 2:
                return new.code
            return _like_case(new.name, text)

        if len(text) <= 3:
            return permuted(self.key, entities.STATE, text)

        return self._draw_from_pool("state", value, self._choose_lexicon(value).states)

    def postcode(self, value: str) -> str:
        """A postcode of the same shape; in the United States, of the stand-in state."""
        zip_code = _ZIP.fullmatch(value)
        if zip_code:
            state = _state_of_zip(int(zip_code[1][:3]))
        else:
            state = None

        if zip_code is None or state is None:
            return permuted(self.key, entities.POSTCODE, value.strip())

        other = self._other_state(state)
        stream = Stream(self.key, entities.POSTCODE, zip_code[1])
        prefix = other.first + stream.below(other.last - other.first + 1)
        drawn = f"{prefix:03d}{stream.digits(2)}"
        if zip_code[3]:
            return f"{drawn}{zip_code[2]}{stream.digits(4)}"

        return drawn

    def street_address(self, value: str) -> str:
        """House number, street and unit in the places of the original's: digits for digits, another street."""
        box = _PO_BOX.fullmatch(value)
        if box is not None:
            return f"{box[1].lstrip()}{permuted(self.key, 'BOX', box[2])}"

        unit = _UNIT.search(value)
        rest = value[: unit.start()] if unit else value
        if unit:
            tail = f"{value[unit.start() : unit.start(2)]}{permuted(self.key, 'UNIT', unit[2])}"
        else:
            tail = ""

        if not rest.strip():
            return tail

        first = _NUMBER_FIRST.fullmatch(rest)
        last = _NUMBER_LAST.fullmatch(rest)
        if first is not None and first[3]:
            street = f"{permuted(self.key, 'HOUSE', first[1])}{first[2]}{self._replace_street(first[3])}"
        elif last is not None and last[1]:
            street = f"{self._replace_street(last[1])}{last[2]}{permuted(self.key, 'HOUSE', last[3])}"
        else:
            street = self._replace_street(rest)

        return street + tail

    def address(self, value: str) -> str:
        """A full address: the first part a street, the others cities, states, postcodes, countries or units."""
        parts = re.split(r"(\s*[,;\n]\s*)", value.strip())
        pieces = [
            self._replace_part(part, is_first=place == 0) if place % 2 == 0 else part
            for place, part in enumerate(parts)
        ]
        return "".join(pieces)

    def _replace_part(self, part: str, *, is_first: bool) -> str:
        if not part:
            return part
        if is_first or _UNIT.fullmatch(part) or _PO_BOX.fullmatch(part):
            return self.street_address(part)
        if not any(map(str.isdecimal, part)):
            return self._replace_area(part)

        found = _POSTCODE_AND_CITY.fullmatch(part)
        if found is None:
            return self.street_address(part)

        words = [self._replace_area(word) if word else "" for word in (found[1], found[3])]
        return " ".join(piece for piece in (words[0], self.postcode(found[2]), words[1]) if piece)

    def _replace_area(self, value: str) -> str:
        """A city or state; countries stay, as in a column of countries."""
        kind = kind_of_place(value)
        if kind == entities.COUNTRY:
            return value
        if kind == entities.STATE:
            return self.state(value)
        return self.city(value)

    def coordinate(self, value: str) -> str:
        """Every number of a coordinate moved by up to JITTER_DEGREES, with as many decimals as before."""
        return re.sub(r"[-+]?\d+(?:\.\d+)?", lambda number: self._move_coordinate(number[0], limit=180), value.strip())

    def latitude(self, value: str) -> str:
        """A latitude moved by up to JITTER_DEGREES, within [-90, 90]."""
        return self._move_coordinate(value.strip(), limit=90)

    def longitude(self, value: str) -> str:
        """A longitude moved by up to JITTER_DEGREES, within [-180, 180]."""
        return self._move_coordinate(value.strip(), limit=180)

    def _move_coordinate(self, value: str, limit: int) -> str:
        try:
            degrees = Decimal(value)
        except InvalidOperation:
            return permuted(self.key, entities.COORDINATE, value)

        if not degrees.is_finite() or abs(degrees) > limit:
            return permuted(self.key, entities.COORDINATE, value)

        exponent = min(-1, int(degrees.as_tuple().exponent))
        step = Decimal(1).scaleb(exponent)
        reach = int(JITTER_DEGREES / step)
        drawn = Stream(self.key, entities.COORDINATE, value).below(2 * reach)
        # Never by 0.
        moved = degrees + step * (drawn - reach if drawn < reach else drawn - reach + 1)

        # A coordinate beyond the pole or the date line is mirrored back into the range.
        if moved > limit:
            return str(2 * limit - moved)
        if moved < -limit:
            return str(-2 * limit - moved)
        return str(moved)

    def _replace_street(self, value: str) -> str:
        return self._draw_from_pool("street", value, self._choose_lexicon(value).streets)

    def _draw_from_pool(self, kind: str, value: str, pool: Sequence[str]) -> str:
        folded = " ".join(fold_name(value).split())
        stream = Stream(self.key, kind, folded)
        drawn = stream.choice(pool)
        while fold_name(drawn) == folded and len(pool) > 1:
            drawn = stream.choice(pool)

        return _like_case(drawn, value)

    def _other_state(self, state: UsState) -> UsState:
        states = us_states()
        return states[cycle(self.key, entities.STATE, len(states))[states.index(state)]]

    def _choose_lexicon(self, value: str) -> Lexicon:
        return lexicon(locale_of_script(value) or self.locale)


def kind_of_place(value: str) -> str:
    """Whether the name of a place is a COUNTRY or a STATE; else a CITY."""
    folded = fold_name(value.strip().strip("."))
    if folded in country_names():
        return entities.COUNTRY

    known = states_by_word().get(folded)
    if known is not None and (len(folded) > 2 or value.strip().isupper()):
        return entities.STATE

    return entities.CITY


@lru_cache(maxsize=1)
def us_states() -> tuple[UsState, ...]:
    """The states of the United States and its capital, by code."""
    rows = [row.strip() for row in _STATES.replace("\n", "|").split("|")]
    parts = [(row[:2], *row[3:].rsplit(" ", 1)) for row in rows]
    states = [UsState(code, name, *(int(number) for number in span.split("-"))) for code, name, span in parts]
    return tuple(sorted(states, key=lambda state: state.code))


@lru_cache(maxsize=1)
def states_by_word() -> dict[str, UsState]:
    """States by their folded names and codes."""
    return {word.casefold(): state for state in us_states() for word in (state.code, state.name)}


def _state_of_zip(prefix: int) -> UsState | None:
    return next((state for state in us_states() if state.first <= prefix <= state.last), None)


def _like_case(name: str, value: str) -> str:
    if len(value) > 1 and value.isupper():
        return name.upper()
    if value.islower():
        return name.lower()
    return name
