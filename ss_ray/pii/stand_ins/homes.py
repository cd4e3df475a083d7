"""Rows -> the places that they name: the country, state and town of each, from the columns that belong together.

A table may name several places, as in "billing_city" and "shipping_city". Columns whose headers share the words that
are no words for places tell of one place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ss_ray.config.pii import Operator
from ss_ray.pii import entities
from ss_ray.pii.cells import read_texts
from ss_ray.pii.stand_ins.gazetteer import countries, find_country, find_country_of_state
from ss_ray.pii.stand_ins.places import Places, state_of_postcode
from ss_ray.pii.stand_ins.regions import ANYWHERE, Home

PLACE_TYPES = frozenset(
    {
        entities.CITY,
        entities.STATE,
        entities.POSTCODE,
        entities.COUNTRY,
        entities.LOCATION,
        entities.ADDRESS,
        entities.LATITUDE,
        entities.LONGITUDE,
        entities.COORDINATE,
        entities.PHONE_NUMBER,
        entities.FAX_NUMBER,
    }
)
"""Types whose stand-ins depend on the place that a row names."""
_TELLING = frozenset({entities.CITY, entities.STATE, entities.POSTCODE, entities.COUNTRY})
_MOVING = frozenset({entities.CITY, entities.STATE})
_PLACE_WORDS = frozenset(
    "city town village municipality state province region county country nation land zip zipcode postcode postal post "
    "code name full abbr abbreviation short long iso address addr home residence lat latitude lon lng longitude "
    "coordinate coordinates geo location phone telephone tel mobile cell fax number no nr of the".split()
)
_HEADER_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[^\W\d_]+")


@dataclass(frozen=True, kw_only=True)
class HomeColumns:
    """Columns that tell of one place; () where there is none.

    Attributes:
        country: Columns of countries.
        state: Columns of states.
        city: Columns of towns.
        postcode: Columns of postcodes.
        replaces_country: Whether the country is replaced.
        keeps_state: Whether the state stays.
        moves: Whether a town or a state is replaced.
    """

    country: tuple[str, ...] = ()
    state: tuple[str, ...] = ()
    city: tuple[str, ...] = ()
    postcode: tuple[str, ...] = ()
    replaces_country: bool = False
    keeps_state: bool = False
    moves: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All columns."""
        return (*self.country, *self.state, *self.city, *self.postcode)


def find_home_columns(types: Mapping[str, str], operators: Mapping[str, Operator]) -> dict[str, HomeColumns]:
    """The columns that tell of the place of each column, by name of the column.

    Args:
        types: Entity type by column, in table order.
        operators: Operator by column.
    """
    groups: dict[frozenset[str], dict[str, str]] = {}
    for name, type_ in types.items():
        if type_ in _TELLING:
            groups.setdefault(_other_words(name), {})[name] = type_

    # A column of a place that names nothing itself, such as a phone, is of the place without other words.
    common = groups.get(frozenset(), next(iter(groups.values()), {}))
    found = {}
    for name, type_ in types.items():
        if type_ in PLACE_TYPES:
            group = groups.get(_other_words(name), common)
            shared = {n: t for n, t in common.items() if t == entities.COUNTRY and t not in group.values()}
            found[name] = _make_columns({**shared, **group}, operators)

    return found


def _make_columns(types: Mapping[str, str], operators: Mapping[str, Operator]) -> HomeColumns:
    def of(type_: str) -> tuple[str, ...]:
        return tuple(name for name, its in types.items() if its == type_)

    replaced = {type_ for name, type_ in types.items() if operators.get(name) is Operator.PSEUDONYM}
    return HomeColumns(
        country=of(entities.COUNTRY),
        state=of(entities.STATE),
        city=of(entities.CITY),
        postcode=of(entities.POSTCODE),
        replaces_country=entities.COUNTRY in replaced,
        keeps_state=any(operators.get(name) is Operator.KEEP for name in of(entities.STATE)),
        moves=bool(replaced & _MOVING),
    )


def homes_of(table: pa.Table, columns: HomeColumns, places: Places) -> list[Home]:
    """The place of each row, (num_rows,); rows with the same cells share one object."""
    if not columns.names:
        return [ANYWHERE] * table.num_rows

    known: dict[tuple[str | None, ...], Home] = {}
    homes = []
    for cells in zip(*(read_texts(table, name) for name in columns.names), strict=True):
        home = known.get(cells)
        if home is None:
            home = known[cells] = _make_home(dict(zip(columns.names, cells, strict=True)), columns, places)
        homes.append(home)

    return homes


def _make_home(cells: Mapping[str, str | None], columns: HomeColumns, places: Places) -> Home:
    named = [text for name in columns.country if (text := cells[name])]
    country = next((known.code for text in named if (known := find_country(text))), "")
    new_country = ""
    if columns.replaces_country and country:
        replaced = find_country(places.country(country))
        new_country = replaced.code if replaced else ""

    states = [text.strip() for name in columns.state if (text := cells[name]) and text.strip()]
    if not country and not named:
        country = next((code for text in states if (code := find_country_of_state(text, places.country_code))), "")
        country = country or places.country_code

    towns = [text.strip() for name in columns.city if (text := cells[name]) and text.strip()]
    codes = [text for name in columns.postcode if (text := cells[name])]
    return Home(
        country=country,
        state=_choose_state(country, states, codes),
        town=next(iter(towns), ""),
        new_country=new_country,
        keeps_state=columns.keeps_state,
        moves_coordinates=columns.moves,
    )


def _choose_state(country: str, states: Sequence[str], postcodes: Sequence[str]) -> str:
    """The text that names the state: the longest that the country knows, else the longest; else by the postcode."""
    ordered = sorted(states, key=len, reverse=True)
    known = countries().get(country)
    own = next((text for text in ordered if known is not None and known.find_state(text) is not None), "")
    if own or ordered:
        return own or ordered[0]
    if country == "US":
        return next((code for text in postcodes if (code := state_of_postcode(text))), "")
    return ""


def _other_words(header: str) -> frozenset[str]:
    """The words of a header that are no words for places: "billing" of "billing_city"."""
    return frozenset(word.casefold() for word in _HEADER_WORD.findall(header)) - _PLACE_WORDS
