"""Invented personal data for synthetic tables: one fictional value for each number."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from ss_ray.pii import entities
from ss_ray.pii.stand_ins.keyed import Stream
from ss_ray.pii.stand_ins.lexicon import DEFAULT_LOCALE, Lexicon, lexicon
from ss_ray.pii.stand_ins.names import EMAIL_DOMAINS
from ss_ray.pii.stand_ins.north_america import us_states


@dataclass(frozen=True)
class Inventions:
    """Invented values under one key.

    Attributes:
        key: 16 to 64 bytes.
        locale: Locale of Faker, such as "de_DE".
    """

    key: bytes = field(repr=False)
    locale: str = DEFAULT_LOCALE

    def value(self, entity_type: str, number: int) -> str:
        """Invented value of a number, for one of INVENTED_TYPES."""
        return _MAKERS[entity_type](Stream(self.key, "invented", entity_type, str(number)), lexicon(self.locale))


def _invent_first_name(stream: Stream, words: Lexicon) -> str:
    return stream.choice(words.all_names(words.first_names(None)))


def _invent_last_name(stream: Stream, words: Lexicon) -> str:
    return stream.choice(words.all_names(words.last_names))


def _invent_handle(stream: Stream, words: Lexicon) -> str:
    last = unicodedata.normalize("NFKD", _invent_last_name(stream, words)).encode("ascii", "ignore").decode().lower()
    return f"{last or 'user'}{_invent_digits(stream, 5)}"


def _invent_digits(stream: Stream, count: int) -> str:
    """Digits above 0: a synthetic table replaces them with the digits of its row numbers."""
    return "".join(stream.choice("123456789") for _ in range(count))


def _invent_email(stream: Stream, words: Lexicon) -> str:
    return f"{_invent_handle(stream, words)}@{stream.choice(EMAIL_DOMAINS)}"


def _invent_street(stream: Stream, words: Lexicon) -> str:
    return f"{_invent_digits(stream, 1 + stream.below(4))} {stream.choice(words.streets)}"


def _invent_address(stream: Stream, words: Lexicon) -> str:
    state = stream.choice(us_states())
    prefix = state.first + stream.below(state.last - state.first + 1)
    street = _invent_street(stream, words)
    city = stream.choice(words.cities)

    return f"{street}, {city}, {state.code} {prefix:03d}{_invent_digits(stream, 2)}"


_MAKERS: dict[str, Callable[[Stream, Lexicon], str]] = {
    entities.FIRST_NAME: _invent_first_name,
    entities.LAST_NAME: _invent_last_name,
    entities.PERSON: lambda stream, words: f"{_invent_first_name(stream, words)} {_invent_last_name(stream, words)}",
    entities.USERNAME: _invent_handle,
    entities.EMAIL_ADDRESS: _invent_email,
    entities.URL: lambda stream, words: f"https://{_invent_handle(stream, words)}.example.com",
    entities.STREET_ADDRESS: _invent_street,
    entities.ADDRESS: _invent_address,
    entities.CITY: lambda stream, words: stream.choice(words.cities),
    entities.LOCATION: lambda stream, words: stream.choice(words.cities),
    entities.STATE: lambda stream, words: stream.choice(words.states),
    entities.COUNTRY: lambda stream, words: stream.choice(words.countries),
    entities.ORGANIZATION: lambda stream, words: stream.choice(words.companies),
    entities.JOB_TITLE: lambda stream, words: stream.choice(words.jobs),
}
INVENTED_TYPES = frozenset(_MAKERS)
"""Types that need no example of their format."""
