"""The places of the world: countries, their states, and the largest towns of each state with their coordinates.

`recipes/places.py` builds the file from GeoNames (https://www.geonames.org, CC BY 4.0) and ISO 3166. Each line of it is
a country (code, three-letter code, name), a state of the country above (one tab, its letters or "-", its names) or a
town of the state above (two tabs, name, latitude, longitude); the largest towns of a state come first.
"""

from __future__ import annotations

import lzma
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path

from ss_ray.pii.stand_ins.countries import country_code
from ss_ray.pii.stand_ins.lexicon import fold_name

PLACES_FILE = "places.txt.xz"
NO_CODE = "-"
_KINDS = re.compile(
    r"\b(?:county|province|provincia|provincie|region|governorate|voivodeship|oblast|kraj|maa|district|municipality|"
    r"kommunia?|kommune|kommuneqarfik|prefecture|state|city|metropolitan|land|freistaat|departement|department|du|de|"
    r"di|of|the|del|da|do)\b"
)


@dataclass(frozen=True)
class Town:
    """A town: its name, and its coordinates in degrees with two decimals."""

    name: str
    latitude: str
    longitude: str


@dataclass(frozen=True, eq=False)
class Region:
    """A state, province or region.

    Attributes:
        country: Code of the country (ISO 3166).
        code: Letters of its code (ISO 3166-2); "" where the code has digits.
        names: Its names, the usual one first.
        lines: Lines of its towns in the file.
    """

    country: str
    code: str
    names: tuple[str, ...]
    lines: tuple[str, ...] = field(repr=False)

    @property
    def name(self) -> str:
        """The usual name."""
        return self.names[0]

    @cached_property
    def towns(self) -> tuple[Town, ...]:
        """Its towns, the largest first; at least one."""
        return tuple(Town(*line.split("\t")) for line in self.lines)

    @cached_property
    def town_ranks(self) -> Mapping[str, int]:
        """Index in `towns` by folded name."""
        return {fold_name(town.name): rank for rank, town in reversed(list(enumerate(self.towns)))}

    def abbreviation(self, length: int, other_than: str = "") -> str:
        """A code of so many capital letters, its own or made of its name; not `other_than`, if there is another."""
        words = re.findall(r"[a-z]+", fold_name(self.name)) or ["x"]
        initials = "".join(word[0] for word in words)
        letters = "".join(words)
        made = (initials, letters, letters[0] + letters[::-1], letters[::-1])
        codes = [self.code] if len(self.code) == length else []
        codes += [word[:length].upper().ljust(length, "X") for word in made if len(word) >= length]
        return next((code for code in codes if code != other_than.upper()), "X" * length)


@dataclass(frozen=True, eq=False)
class Country:
    """A country: its codes of two and three letters (ISO 3166), its English name, and its states."""

    code: str
    code3: str
    name: str
    states: tuple[Region, ...] = field(repr=False)

    def find_state(self, text: str) -> Region | None:
        """The state of a name or code; None for no state of the country."""
        return self._states_by_name.get(fold_place(text)) or self._states_by_code.get(text.strip().upper())

    def find_state_of_town(self, text: str) -> Region | None:
        """The state in which a town of this name is among the largest; None for an unknown town."""
        folded = fold_name(text.strip())
        states = [state for state in self.states if folded in state.town_ranks]
        return min(states, key=lambda state: state.town_ranks[folded], default=None)

    @cached_property
    def places(self) -> tuple[tuple[Region, Town], ...]:
        """All towns with their states."""
        return tuple((state, town) for state in self.states for town in state.towns)

    @cached_property
    def states_by_size(self) -> tuple[Region, ...]:
        """States by their numbers of towns, the largest first."""
        return tuple(sorted(self.states, key=lambda state: -len(state.lines)))

    @cached_property
    def size_ranks(self) -> Mapping[Region, int]:
        """Index in `states_by_size` of each state."""
        return {state: rank for rank, state in enumerate(self.states_by_size)}

    @cached_property
    def _states_by_name(self) -> Mapping[str, Region]:
        return {fold_place(name): state for state in self.states for name in state.names}

    @cached_property
    def _states_by_code(self) -> Mapping[str, Region]:
        return {state.code: state for state in self.states if state.code}


def find_country(text: str) -> Country | None:
    """The country of a code of two or three letters, or of a name in any language."""
    code = country_code(text) or _codes_by_code3().get(text.strip().upper().replace(".", ""), "")
    return countries().get(code)


@lru_cache(maxsize=1 << 12)
def code_of_country(text: str) -> str:
    """Code of two letters of a country, by any of its codes or names; "" for none."""
    known = find_country(text) if text else None
    return known.code if known is not None else ""


def find_country_of_state(text: str, first: str) -> str:
    """Code of the country that has a state of this name or code: `first` if it has, else the only one; "" for none."""
    own = countries().get(first)
    if own is not None and own.find_state(text) is not None:
        return first

    codes = {country.code for country in countries().values() if country.find_state(text) is not None}
    if len(codes) == 1:
        return codes.pop()
    return ""


@lru_cache(maxsize=1)
def countries() -> Mapping[str, Country]:
    """Countries by code of two letters."""
    text = lzma.decompress((Path(__file__).parent / PLACES_FILE).read_bytes()).decode()
    blocks = re.split(r"\n(?=\w)", text)
    return {block[:2]: _parse_country(block) for block in blocks}


@lru_cache(maxsize=1 << 14)
def fold_place(text: str) -> str:
    """A name of a state without case, accents, spaces and the word for its kind: "Provincia di Pisa" becomes "pisa"."""
    folded = fold_name(text)
    return re.sub(r"[\W_]+", "", _KINDS.sub(" ", folded)) or re.sub(r"[\W_]+", "", folded)


def _parse_country(block: str) -> Country:
    head, *states = re.split(r"\n\t(?!\t)", block)
    code, code3, name = head.split("\t")
    return Country(code, code3, name, tuple(_parse_state(code, state) for state in states))


def _parse_state(country: str, block: str) -> Region:
    head, *towns = block.split("\n\t\t")
    code, names = head.split("\t")
    return Region(country, code.replace(NO_CODE, ""), tuple(names.split("|")), tuple(towns))


@lru_cache(maxsize=1)
def _codes_by_code3() -> Mapping[str, str]:
    return {country.code3: country.code for country in countries().values()}
