"""Invented personal data for synthetic tables: values of nobody, one for each number."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from ss_ray.pii import entities
from ss_ray.pii.stand_ins.keyed import Stream
from ss_ray.pii.stand_ins.lexicon import DEFAULT_LOCALE, Lexicon, lexicon
from ss_ray.pii.stand_ins.names import EMAIL_DOMAINS
from ss_ray.pii.stand_ins.places import us_states


@dataclass(frozen=True)
class Inventions:
    """Invented values under one key.

    Attributes:
        key: 16 to 64 bytes.
        locale: Of Faker.
    """

    key: bytes = field(repr=False)
    locale: str = DEFAULT_LOCALE

    def value(self, entity_type: str, number: int) -> str:
        """The value of a number, of one of INVENTED_TYPES."""
        return _MAKERS[entity_type](Stream(self.key, "invented", entity_type, str(number)), lexicon(self.locale))


def _first(stream: Stream, words: Lexicon) -> str:
    return stream.choice(words.all_names(words.first_names(None)))


def _last(stream: Stream, words: Lexicon) -> str:
    return stream.choice(words.all_names(words.last_names))


def _handle(stream: Stream, words: Lexicon) -> str:
    last = unicodedata.normalize("NFKD", _last(stream, words)).encode("ascii", "ignore").decode().lower()
    return f"{last or 'user'}{_digits(stream, 5)}"


def _digits(stream: Stream, count: int) -> str:
    """Digits above 0: a synthetic table gives each row others in their places."""
    return "".join(stream.choice("123456789") for _ in range(count))


def _email(stream: Stream, words: Lexicon) -> str:
    return f"{_handle(stream, words)}@{stream.choice(EMAIL_DOMAINS)}"


def _street(stream: Stream, words: Lexicon) -> str:
    return f"{_digits(stream, 1 + stream.below(4))} {stream.choice(words.streets)}"


def _address(stream: Stream, words: Lexicon) -> str:
    state = stream.choice(us_states())
    prefix = state.first + stream.below(state.last - state.first + 1)
    return f"{_street(stream, words)}, {stream.choice(words.cities)}, {state.code} {prefix:03d}{_digits(stream, 2)}"


_MAKERS: dict[str, Callable[[Stream, Lexicon], str]] = {
    entities.FIRST_NAME: _first,
    entities.LAST_NAME: _last,
    entities.PERSON: lambda stream, words: f"{_first(stream, words)} {_last(stream, words)}",
    entities.USERNAME: _handle,
    entities.EMAIL_ADDRESS: _email,
    entities.URL: lambda stream, words: f"https://{_handle(stream, words)}.example.com",
    entities.STREET_ADDRESS: _street,
    entities.ADDRESS: _address,
    entities.CITY: lambda stream, words: stream.choice(words.cities),
    entities.LOCATION: lambda stream, words: stream.choice(words.cities),
    entities.STATE: lambda stream, words: stream.choice(words.states),
    entities.COUNTRY: lambda stream, words: stream.choice(words.countries),
    entities.ORGANIZATION: lambda stream, words: stream.choice(words.companies),
    entities.JOB_TITLE: lambda stream, words: stream.choice(words.jobs),
}
INVENTED_TYPES = frozenset(_MAKERS)
"""Types that need no example of their format."""
