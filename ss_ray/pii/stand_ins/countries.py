"""Codes and names of countries: ISO 3166, names in the languages of phonenumbers' list, and usual short names."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import MappingProxyType

from faker.config import AVAILABLE_LOCALES

from ss_ray.pii.stand_ins.lexicon import fold_name

_SHORT_NAMES = {
    **dict.fromkeys(("us", "usa", "america", "united states of america", "the united states", "estados unidos"), "US"),
    **dict.fromkeys(("uk", "great britain", "britain", "england", "scotland", "wales", "northern ireland"), "GB"),
    "south korea": "KR",
    "korea": "KR",
    "holland": "NL",
    "the netherlands": "NL",
    "czechia": "CZ",
    "uae": "AE",
}
"""Codes of countries by names that are in no list of names."""


def country_code(country: str) -> str | None:
    """The two-letter code of a country (ISO 3166) by its code or its name in any language; None for no country.

    Example:
        >>> country_code("Deutschland"), country_code("U.S.A."), country_code("Atlantis")
        ('DE', 'US', None)
    """
    text = country.strip()
    if text.upper() in _load_names():
        return text.upper()

    folded = fold_name(text)
    return _SHORT_NAMES.get(folded.replace(".", "")) or _codes_by_name().get(folded)


def locales_of_country(country: str) -> list[str]:
    """Locales of a country by its code or name, with its main language first; [] if there is none."""
    code = country_code(country)
    found = sorted(name for name in AVAILABLE_LOCALES if code and name[3:] == code and name[:2] != "dk")
    first = {"US": "en_US", "GB": "en_GB", "IN": "en_IN", "CA": "en_CA", "CH": "de_CH", "BE": "nl_BE"}.get(code or "")
    return sorted(found, key=lambda name: (name != first, name[:2].upper() != name[3:], name))


@lru_cache(maxsize=1)
def country_names() -> frozenset[str]:
    """Folded names of countries in any language, and short names in English."""
    return frozenset(_codes_by_name()) | frozenset(_SHORT_NAMES) | {"u.s", "u.k", "u.s.a", "u.a.e"}


@lru_cache(maxsize=1)
def _codes_by_name() -> Mapping[str, str]:
    named = _load_names().items()
    return {fold_name(name): code for code, names in named for name in reversed(list(names.values()))}


@lru_cache(maxsize=1)
def _load_names() -> Mapping[str, Mapping[str, str]]:
    """Country code -> language -> name, from the file alone."""
    # The package of the file loads the names of all telephone exchanges, which takes a second.
    package = find_spec("phonenumbers")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "geodata" / "locale.py"
    spec = spec_from_file_location("phonenumbers.geodata.locale", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)

    return MappingProxyType(module.LOCALE_DATA)
