"""Words for stand-ins, from Faker's lists: names by sex and first letter, places, companies, jobs.

Lists are drawn once per locale with a fixed seed, so every process has the same; they change with Faker's version.
"""

from __future__ import annotations

import lzma
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from faker import Faker
from faker.config import AVAILABLE_LOCALES

from ss_ray.errors import ConfigError

Sex = Literal["F", "M"]
DEFAULT_LOCALE = "en_US"
POOL_DRAWS = 6_000
SURNAMES_FILE = "surnames.txt.xz"
"""Frequent surnames of the United States, one a line; `recipes/surnames.py` builds it."""
MIN_NAMES = 8
"""A first letter with fewer names is nobody's stand-in: its names would be given too often."""
MIN_LETTERS = 5
NAME_LOCALES = (
    "en_US en_GB de_DE fr_FR es_ES es_MX it_IT pt_BR pt_PT nl_NL sv_SE da_DK no_NO fi_FI pl_PL cs_CZ hu_HU ro_RO hr_HR "
    "tr_TR id_ID en_IN vi_VN"
).split()
"""Whose first names are known as such, with their sex."""

_LOCALE_OF_SCRIPT = {
    "HIRAGANA": "ja_JP",
    "KATAKANA": "ja_JP",
    "CJK": "zh_CN",
    "HANGUL": "ko_KR",
    "CYRILLIC": "ru_RU",
    "GREEK": "el_GR",
    "ARABIC": "ar_SA",
    "HEBREW": "he_IL",
    "THAI": "th_TH",
    "DEVANAGARI": "hi_IN",
    "GEORGIAN": "ka_GE",
    "ARMENIAN": "hy_AM",
    "BENGALI": "bn_BD",
}


@dataclass(frozen=True)
class Lexicon:
    """The words of one locale.

    Attributes:
        locale: Locale of Faker, such as "de_DE".
    """

    locale: str = DEFAULT_LOCALE

    def first_names(self, sex: Sex | None) -> Mapping[str, tuple[str, ...]]:
        """First names by their first letter; of both sexes for None."""
        lists = {"F": ("first_names_female",), "M": ("first_names_male",), None: ("first_names",)}[sex]
        return _by_letter(self.locale, (*lists, "first_names"))

    @property
    def last_names(self) -> Mapping[str, tuple[str, ...]]:
        """Last names by their first letter."""
        if self.locale == DEFAULT_LOCALE:
            return _surnames_by_letter()
        return _by_letter(self.locale, ("last_names",))

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """First letters with enough names of each kind, as often as they have last names; () for too few letters."""
        tables = (self.first_names("F"), self.first_names("M"), _by_letter(self.locale, ("last_names",)))
        shared = [letter for letter in tables[2] if all(len(table.get(letter, ())) >= MIN_NAMES for table in tables)]
        if len(shared) >= MIN_LETTERS:
            return tuple(letter for letter in shared for _ in tables[2][letter])
        return ()

    def all_names(self, table: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
        """The names of a table for all first letters."""
        return tuple(name for names in table.values() for name in names)

    @property
    def is_latin(self) -> bool:
        """Whether its names are written in Latin letters."""
        return is_latin("".join(self.last_names))

    @cached_property
    def cities(self) -> tuple[str, ...]:
        """City names."""
        return _collect_pool(self.locale, "city")

    @cached_property
    def streets(self) -> tuple[str, ...]:
        """Street names, without numbers."""
        return _collect_pool(self.locale, "street_name")

    @cached_property
    def companies(self) -> tuple[str, ...]:
        """Companies."""
        return _collect_pool(self.locale, "company")

    @cached_property
    def jobs(self) -> tuple[str, ...]:
        """Job titles."""
        return _collect_pool(self.locale, "job")

    @cached_property
    def countries(self) -> tuple[str, ...]:
        """Names of countries."""
        return _collect_pool(self.locale, "country")

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of states or regions; cities where the locale has none."""
        return _collect_pool(self.locale, "state", "administrative_unit", "region", "province", "city")


@lru_cache(maxsize=32)
def lexicon(locale: str) -> Lexicon:
    """The words of a locale.

    Raises:
        ConfigError: Faker has no such locale.
    """
    if locale not in AVAILABLE_LOCALES:
        raise ConfigError(f"Faker has no locale {locale!r}; use one such as 'en_US' or 'de_DE'")
    return Lexicon(locale)


@lru_cache(maxsize=1)
def sexes() -> Mapping[str, Sex | None]:
    """First names of many countries, folded, with their sex; None for names of both."""
    found: dict[str, Sex | None] = {}
    for locale in NAME_LOCALES:
        for sex, attribute in (("F", "first_names_female"), ("M", "first_names_male")):
            for name in _list_words(locale, attribute):
                folded = fold_name(name)
                found[folded] = sex if found.get(folded, sex) == sex else None  # type: ignore[assignment]

    return MappingProxyType(found)


@lru_cache(maxsize=1)
def family_names() -> frozenset[str]:
    """Last names of many countries, folded."""
    return frozenset(fold_name(name) for locale in NAME_LOCALES for name in _list_words(locale, "last_names"))


def fold_name(text: str) -> str:
    """A name without case, accents and composed characters: "José" and "JOSE" fold to the same text."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if not unicodedata.combining(c)))


def locale_of_script(text: str) -> str | None:
    """A locale whose names are written as the text is; None for Latin letters and for scripts without names."""
    if text.isascii():
        return None
    scripts = {unicodedata.name(character, "").partition(" ")[0] for character in text if character.isalpha()}
    return next((locale for script, locale in _LOCALE_OF_SCRIPT.items() if script in scripts), None)


def is_latin(text: str) -> bool:
    """Whether all letters of a text are Latin."""
    return text.isascii() or all(not c.isalpha() or unicodedata.name(c, "").startswith("LATIN") for c in text)


@lru_cache(maxsize=64)
def _by_letter(locale: str, attributes: tuple[str, ...]) -> Mapping[str, tuple[str, ...]]:
    """The words of the first list that exists, by their first letter; those of the default locale where none does."""
    words = next((words for attribute in attributes if (words := _list_words(locale, attribute))), ())
    if not words:
        return _by_letter(DEFAULT_LOCALE, attributes)
    return _group_by_letter(words)


@lru_cache(maxsize=1)
def _surnames_by_letter() -> Mapping[str, tuple[str, ...]]:
    """Surnames of the United States by their first letter: of Faker's list and of the census."""
    listed = lzma.decompress((Path(__file__).parent / SURNAMES_FILE).read_bytes()).decode().split("\n")
    return _group_by_letter(_sort_unique([*listed, *_list_words(DEFAULT_LOCALE, "last_names")]))


def _group_by_letter(words: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    table: dict[str, list[str]] = {}
    for word in words:
        table.setdefault(fold_name(word)[0], []).append(word)

    return {letter: tuple(table[letter]) for letter in sorted(table)}


@lru_cache(maxsize=128)
def _list_words(locale: str, attribute: str) -> tuple[str, ...]:
    """A provider's list of names, without names of several words or of one letter."""
    words = getattr(_find_provider(locale, "person"), attribute, ())
    return tuple(
        word
        for word in _sort_unique(words)
        if word.replace("'", "").isalpha() and (len(word) > 1 or not word.isascii())
    )


def _find_provider(locale: str, name: str) -> Any:
    modules = {provider.__class__.__module__: provider for provider in _make_faker(locale).get_providers()}
    return next(provider for module, provider in modules.items() if f".{name}" in module)


def _collect_pool(locale: str, *methods: str) -> tuple[str, ...]:
    """Distinct results of many calls of the first method that the locale has."""
    faker = _make_faker(locale)
    method: Callable[[], str] = next(getattr(faker, name) for name in methods if hasattr(faker, name))
    faker.seed_instance(0)
    return _sort_unique(" ".join(str(method()).split()) for _ in range(POOL_DRAWS))


@lru_cache(maxsize=32)
def _make_faker(locale: str) -> Any:
    return Faker(locale)


def _sort_unique(words: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(words)))
