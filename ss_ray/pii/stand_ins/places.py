"""Places: addresses, cities, states, postcodes, coordinates, and the area codes of phone numbers.

The parts of one place become parts of one other real place of the same country (`regions`): the state becomes another
state, and town, postcode, area code and coordinates follow it. A row tells which parts belong together (`Home`); a part
that stands alone tells its own state where it can, so a city in a column, in a full address and in a text agree. Where
the lists know no place, a name is drawn from the words of the locale, and a postcode keeps its shape.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from functools import cached_property, lru_cache

from ss_ray.pii import entities
from ss_ray.pii.stand_ins.countries import country_names
from ss_ray.pii.stand_ins.gazetteer import countries, find_country, find_country_of_state
from ss_ray.pii.stand_ins.keyed import Stream, cycle, permuted, permuted_number
from ss_ray.pii.stand_ins.lexicon import Lexicon, fold_name, lexicon, locale_of_script
from ss_ray.pii.stand_ins.north_america import (
    NUMBERED,
    UsState,
    state_of_zip,
    states_by_area_code,
    states_by_word,
    us_states,
)
from ss_ray.pii.stand_ins.regions import ANYWHERE, Home, Regions, area_codes_of, postcode_start

JITTER_DEGREES = Decimal("0.1")
"""Largest move of a coordinate: about 11 km of latitude."""
LONGEST_CODE = 3
"""Letters of the longest code of a state."""

_ZIP = re.compile(r"\s*(\d{5})(?:([- ]?)(\d{4}))?\s*", re.ASCII)
_SHORT_ZIP = re.compile(r"\s*[1-9]\d{2,3}\s*", re.ASCII)
_PO_BOX = re.compile(r"(?i)(\s*(?:p\.?\s*o\.?\s*)?box\s*#?\s*)(\w+)\s*")
_UNIT = re.compile(r"(?i)[,\s]*\b(apt|apartment|suite|ste|unit|floor|fl|room|rm)\b\.?\s*#?\s*(\w+)\s*$")
_NUMBER_FIRST = re.compile(r"\s*(\d\w*(?:[-/]\d\w*)?)([,\s]+)(.*?)\s*", re.DOTALL)
_NUMBER_LAST = re.compile(r"\s*(.*?)([,\s]+)(\d\w*(?:[-/]\d\w*)?)\s*", re.DOTALL)
_POSTCODE_AND_CITY = re.compile(r"(?:(.*?)[\s,]+)??((?=\w*\d)[\w-]{3,10}(?:\s\d\w\w)?)(?:[\s,]+(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Places:
    """Stand-ins of places under one key.

    Attributes:
        key: Secret key of the stand-ins.
        locale: Locale of streets in Latin letters, and of places whose country is not known.
        injective: Whether names are composed where the lists have fewer than there are originals.
    """

    key: bytes = field(repr=False)
    locale: str
    injective: bool = False

    @cached_property
    def regions(self) -> Regions:
        """Stand-ins of states and towns."""
        return Regions(self.key, self.injective)

    @property
    def country_code(self) -> str:
        """Code of the country of the locale, where places lie that tell no other."""
        return self.locale[3:5]

    def city(self, value: str, home: Home = ANYWHERE) -> str:
        """A real town of the stand-in state; a city of the locale where no list has the country."""
        if self._is_listed(value, home):
            town = self.regions.replace_town(self._complete_home(replace(home, town=value.strip())))
            if town is not None:
                return _like_case(town.name, value)

        return self._draw_from_pool("city", value, self._choose_lexicon(value).cities)

    def country(self, value: str) -> str:
        """Another country, as a code of as many letters where the value is one, else by its English name."""
        text = value.strip()
        known = find_country(text)
        if known is not None and locale_of_script(text) is None:
            codes = sorted(countries())
            new = countries()[codes[cycle(self.key, entities.COUNTRY, len(codes))[codes.index(known.code)]]]
            if text.upper() == known.code:
                return _like_case(new.code, text)
            return _like_case(new.code3 if text.upper() == known.code3 else new.name, text)

        if text.isascii() and text.isupper() and len(text) in (2, 3):
            return permuted(self.key, entities.COUNTRY, text)
        return self._draw_from_pool("country", value, self._choose_lexicon(value).countries)

    def state(self, value: str, home: Home = ANYWHERE) -> str:
        """Another state of the country, as a code of as many letters where the value is one."""
        text = value.strip()
        is_code = text.isascii() and text.isalpha() and len(text) <= LONGEST_CODE
        new = None
        if self._is_listed(text, home) and (is_code or len(text) > LONGEST_CODE):
            new = self.regions.replace_state(self._complete_home(replace(home, state=home.state or text)))

        if new is not None and is_code:
            return _like_case(new.abbreviation(len(text), text), text)
        if new is not None and fold_name(new.name) != fold_name(text):
            return _like_case(new.name, text)
        if len(text) <= LONGEST_CODE:
            return permuted(self.key, entities.STATE, text)
        return self._draw_from_pool("state", value, self._choose_lexicon(value).states)

    def postcode(self, value: str, home: Home = ANYWHERE) -> str:
        """A postcode of the same shape; where the country's postcodes tell the state, of the stand-in state."""
        if home.country == "US" and _SHORT_ZIP.fullmatch(value):
            # Numbers have lost their leading zeros.
            return self.postcode(value.strip().zfill(5), home).lstrip("0")

        zip_code = _ZIP.fullmatch(value)
        is_american = (home.country or self.country_code) == "US" and not home.new_country
        known = state_of_zip(int(zip_code[1][:3])) if zip_code and is_american else None
        if zip_code is None or known is None:
            state = self.regions.replace_state(home)
            start = postcode_start(state) if state is not None else ""
            made = permuted(self.key, entities.POSTCODE, value.strip())
            return start + made[1:] if start and made[:1].isalnum() else made

        state = self.regions.replace_state(replace(home, country="US", state=home.state or known.code))
        new = next((other for other in us_states() if state is not None and other.code == state.code), known)
        drawn = self._move_zip(zip_code[1], known, new)
        if zip_code[3]:
            return f"{drawn}{zip_code[2]}{Stream(self.key, entities.POSTCODE, zip_code[1]).digits(4)}"
        return drawn

    def _move_zip(self, digits: str, old: UsState, new: UsState) -> str:
        """A postcode of another state; different ones stay different where that state has as many."""
        size = (old.last - old.first + 1) * 100
        room = (new.last - new.first + 1) * 100
        number = permuted_number(self.key, f"{entities.POSTCODE}\0{old.code}", int(digits) - old.first * 100, size)
        moved = new.first * 100 + number * room // size
        # In a state that stays, the permutation may lead back after scaling.
        return f"{moved if moved != int(digits) else moved ^ 1:05d}"

    def area_codes(self, digits: str, home: Home = ANYWHERE) -> tuple[str, ...]:
        """Area codes for the stand-in of a North American number: of the stand-in state; () where none is known."""
        if not home.state or home.country not in NUMBERED:
            return _area_codes_of_code(self.regions, digits[-10:-7], home.keeps_state)
        return _area_codes_of_home(self.regions, home)

    def _is_listed(self, value: str, home: Home) -> bool:
        """Whether the lists of places, in Latin letters, serve better than words in the script of the value."""
        locale = locale_of_script(value)
        return locale is None or bool(home.country and locale[3:] != home.country)

    def _complete_home(self, home: Home) -> Home:
        """The home with the country that its state tells, else that of the locale."""
        if home.country:
            return home
        country = find_country_of_state(home.state, self.country_code) if home.state else ""
        return replace(home, country=country or self.country_code)

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

    def address(self, value: str, home: Home = ANYWHERE) -> str:
        """A full address: the first part a street, the others cities, states, postcodes, countries or units."""
        parts = re.split(r"(\s*[,;\n]\s*)", value.strip())
        home = self._home_of_address(parts[2::2], home)
        pieces = [
            self._replace_part(part, home, is_first=place == 0) if place % 2 == 0 else part
            for place, part in enumerate(parts)
        ]
        return "".join(pieces)

    def _home_of_address(self, parts: Sequence[str], home: Home) -> Home:
        """The place that an address names itself; of its row, where it names none."""
        words = [word for part in parts for word in _split_area(part)]
        named = (find_country(word) for word in words if kind_of_place(word) == entities.COUNTRY)
        country = next((known.code for known in named if known), home.country)
        known_country = countries().get(country)
        for word in words:
            if known_country is not None and known_country.find_state(word) is not None:
                return replace(home, country=country, state=word.strip())
            if kind_of_place(word) == entities.STATE:
                return replace(home, country="US", state=word.strip())

        return replace(home.elsewhere if country != home.country else home, country=country)

    def _replace_part(self, part: str, home: Home, *, is_first: bool) -> str:
        if not part:
            return part
        if is_first or _UNIT.fullmatch(part) or _PO_BOX.fullmatch(part):
            return self.street_address(part)
        if not any(map(str.isdecimal, part)):
            return self._replace_area(part, home)

        found = _POSTCODE_AND_CITY.fullmatch(part)
        if found is None:
            return self.street_address(part)

        words = [self._replace_area(word, home) if word else "" for word in (found[1], found[3])]
        return " ".join(piece for piece in (words[0], self.postcode(found[2], home), words[1]) if piece)

    def _replace_area(self, value: str, home: Home) -> str:
        """A city or state; countries stay, as in a column of countries."""
        kind = kind_of_place(value)
        if kind == entities.COUNTRY:
            return value
        if kind == entities.STATE:
            return self.state(value, home)
        return self.city(value, home)

    def coordinate(self, value: str, home: Home = ANYWHERE) -> str:
        """Latitude and longitude of the stand-in town, or moved by up to JITTER_DEGREES; with the same decimals."""
        numbers = iter((self.latitude, self.longitude))
        return re.sub(
            r"[-+]?\d+(?:\.\d+)?", lambda number: next(numbers, self.longitude)(number[0], home), value.strip()
        )

    def latitude(self, value: str, home: Home = ANYWHERE) -> str:
        """A latitude near the stand-in town, or moved by up to JITTER_DEGREES, within [-90, 90]."""
        town = self.regions.replace_town(home) if home.moves_coordinates else None
        return self._move_coordinate(value.strip(), limit=90, centre=town.latitude if town else "")

    def longitude(self, value: str, home: Home = ANYWHERE) -> str:
        """A longitude near the stand-in town, or moved by up to JITTER_DEGREES, within [-180, 180]."""
        town = self.regions.replace_town(home) if home.moves_coordinates else None
        return self._move_coordinate(value.strip(), limit=180, centre=town.longitude if town else "")

    def _move_coordinate(self, value: str, limit: int, centre: str) -> str:
        """A number of degrees near a centre, which is the value itself where there is no other."""
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
        start = Decimal(centre).quantize(step) if centre else degrees
        # Never by 0.
        moved = start + step * (drawn - reach if drawn < reach else drawn - reach + 1)
        if moved == degrees:
            moved += step

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

    def _choose_lexicon(self, value: str) -> Lexicon:
        return lexicon(locale_of_script(value) or self.locale)


@lru_cache(maxsize=1 << 12)
def _area_codes_of_code(regions: Regions, code: str, keeps_state: bool) -> tuple[str, ...]:
    """Area codes of the stand-in of the state that an area code tells."""
    state = states_by_area_code().get(code, "")
    country = "US" if state.lower() in states_by_word() else "CA"
    return _area_codes_of_home(regions, Home(country=country, state=state, keeps_state=keeps_state))


@lru_cache(maxsize=1 << 12)
def _area_codes_of_home(regions: Regions, home: Home) -> tuple[str, ...]:
    state = regions.replace_state(home)
    return area_codes_of(state) if state is not None else ()


def kind_of_place(value: str) -> str:
    """Whether the name of a place is a COUNTRY or a STATE; else a CITY."""
    folded = fold_name(value.strip().strip("."))
    if folded in country_names():
        return entities.COUNTRY

    known = states_by_word().get(folded)
    if known is not None and (len(folded) > 2 or value.strip().isupper()):
        return entities.STATE

    return entities.CITY


def state_of_postcode(postcode: str) -> str:
    """Letters of the state of a postcode of the United States; "" where it is none."""
    zip_code = _ZIP.fullmatch(postcode)
    known = state_of_zip(int(zip_code[1][:3])) if zip_code else None
    return known.code if known else ""


def _split_area(part: str) -> list[str]:
    """The words of a part of an address before and behind its postcode."""
    match = _POSTCODE_AND_CITY.fullmatch(part)
    return [word for word in (match[1], match[3]) if word] if match else [part]


def _like_case(name: str, value: str) -> str:
    if len(value) > 1 and value.isupper():
        return name.upper()
    if value.islower():
        return name.lower()
    return name
