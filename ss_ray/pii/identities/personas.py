"""Invented persons: names, addresses and homes as functions of a key and of what a row says of its person."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property, lru_cache

from ss_ray.pii import entities
from ss_ray.pii.identities.placeholders import spell_in_shape
from ss_ray.pii.stand_ins.formats import digits_of, phone_number
from ss_ray.pii.stand_ins.gazetteer import Country, Region, Town, countries
from ss_ray.pii.stand_ins.keyed import Stream
from ss_ray.pii.stand_ins.lexicon import DEFAULT_LOCALE, Sex, fold_name, lexicon
from ss_ray.pii.stand_ins.names import EMAIL_DOMAINS, MIN_DIGITS, fold_to_ascii
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.pii.stand_ins.regions import Home, area_codes_of, draw_zip_prefix, postcode_start
from ss_ray.pii.stand_ins.written_dates import read_date

UNIQUE_DIGITS = 9
"""Digits of user names that no two persons may share: one pair of a million persons meets once in 1,000 tables."""
_FIRST_BIRTH = date(1940, 1, 1)
_BIRTH_DAYS = 365 * 65
_USUAL_SHAPES: Mapping[str, str] = {
    entities.PHONE_NUMBER: "(999) 999-9999",
    entities.FAX_NUMBER: "(999) 999-9999",
    entities.US_SSN: "999-99-9999",
    entities.CREDIT_CARD: "9999 9999 9999 9999",
    entities.IP_ADDRESS: "99.99.99.99",
    entities.MAC_ADDRESS: "99:9A:99:9A:99:9A",
    entities.POSTCODE: "99999",
    entities.PASSWORD: "Aaaaaa99",
    entities.PIN: "9999",
    entities.CVV: "999",
}
_USUAL_SHAPE = "99999999"
_HANDLES: tuple[Callable[[str, str], str], ...] = (
    lambda first, last: f"{first}.{last}",
    lambda first, last: f"{first[:1]}{last}",
    lambda first, last: f"{first}_{last}",
    lambda first, last: f"{first}{last}",
)


@dataclass(frozen=True, kw_only=True)
class InventedPerson:
    """An invented person.

    Attributes:
        key: Secret of 16 to 64 bytes. Never in logs; not part of the `repr`.
        unit: Whose persona it is, such as the owner and the number of a row.
        locale: Faker locale of the names.
        sex: Sex that the row says; None where it says none, and the persona has one of its own.
        home: Country, state and town that the row says.
        born: Date of birth that the row says, as it is written; "" for none.
        given: Values of the person that the row keeps, by attribute.
        has_unique_handle: Whether no two personas may share a user name.
    """

    key: bytes = field(repr=False)
    unit: str
    locale: str = DEFAULT_LOCALE
    sex: Sex | None = None
    home: Home = field(default_factory=Home)
    born: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    has_unique_handle: bool = False

    def name(self, attribute: str) -> str:
        """A name of the person, or the initial of one."""
        base, _, kind = attribute.rpartition("_")
        if kind == "initial":
            return self.name(f"{base}_name")[:1]
        if attribute in self.given:
            return self.given[attribute]
        return self._open_stream(attribute).choice(
            _list_names(self.locale, None if "last" in base else self._any_sex, base)
        )

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.name('first_name')} {self.name('last_name')}"

    def choose_form(self, column: str, forms: Sequence[tuple[str, float]]) -> str:
        """One of the spellings of a column, as often as its share says."""
        place = self._open_stream(f"form {column}").below(1 << 30) / (1 << 30)
        for form, share in forms:
            place -= share
            if place < 0:
                return form
        return forms[-1][0]

    def choose_shape(self, column: str, shapes: Sequence[str]) -> str:
        """One of the shapes of a column; "" where there are none."""
        return self._open_stream(f"shape {column}").choice(shapes) if shapes else ""

    @cached_property
    def handle(self) -> str:
        """User name: the person's names and digits."""
        stream = self._open_stream("handle")
        first = fold_to_ascii(self.name("first_name")).lower() or "user"
        last = fold_to_ascii(self.name("last_name")).lower() or "user"
        digits = stream.digits(UNIQUE_DIGITS if self.has_unique_handle else MIN_DIGITS, first="123456789")
        return stream.choice(_HANDLES)(first, last) + digits

    @property
    def email_address(self) -> str:
        """Address of e-mail, at a domain that is nobody's."""
        return f"{self.handle}@{self._open_stream('domain').choice(EMAIL_DOMAINS)}"

    @cached_property
    def region(self) -> Region | None:
        """State of the home; None in a country without a list of its places."""
        country = countries().get(self.home.country)
        if country is None:
            return None

        named = _find_state(country, self.home.state) if self.home.state else None
        by_town = country.find_state_of_town(self.home.town) if self.home.town and named is None else None
        return named or by_town or self._open_stream("place").choice(country.places)[0]

    @cached_property
    def town(self) -> Town | None:
        """Town of the home: the one that the row says where it lies in the state, else one of the state."""
        if self.region is None:
            return None
        rank = self.region.town_ranks.get(fold_name(self.home.town)) if self.home.town else None
        return self._open_stream("town").choice(self.region.towns) if rank is None else self.region.towns[rank]

    def city(self, like: str = "") -> str:
        """Name of the town; `like` where the row says a town and no list knows its state."""
        if self.town is not None:
            return self.town.name
        return like or self._open_stream("town").choice(lexicon(self.locale).cities)

    def choose_town(self, choices: Sequence[str], town: str) -> str:
        """A town among the choices that lies in the state of the home; the town itself where it does, or none does."""
        ranks = self.region.town_ranks if self.region is not None else {}
        if fold_name(town) in ranks:
            return town
        return self._open_stream("choice").choice([name for name in choices if fold_name(name) in ranks] or [town])

    def state(self, like: str = "") -> str:
        """Name of the state, or its code where `like` is one."""
        if self.region is None:
            return like or self._open_stream("state").choice(lexicon(self.locale).states)
        is_code = like.isalpha() and like.isupper() and len(like) <= 3
        return self.region.abbreviation(len(like)) if is_code else self.region.name

    def postcode(self, like: str = "") -> str:
        """Postcode of the state, in the shape of `like`."""
        stream = self._open_stream("postcode")
        if self.region is not None and self.region.country == "US":
            code = draw_zip_prefix(self.region, stream) + stream.digits(2)
            has_extension = len(digits_of(like)) == 9
            return spell_in_shape(code + stream.digits(4), like) if has_extension else code

        shape = like or _USUAL_SHAPES[entities.POSTCODE]
        start = postcode_start(self.region) if self.region is not None else ""
        return start + _draw_in_shape(shape[len(start) :], stream)

    @property
    def street_address(self) -> str:
        """Number and street."""
        stream = self._open_stream("street")
        return f"{1 + stream.below(9_998)} {stream.choice(lexicon(self.locale).streets)}"

    @property
    def address(self) -> str:
        """Street, town and postcode in one line."""
        if self.region is not None and self.region.country == "US":
            return f"{self.street_address}, {self.city()}, {self.region.code} {self.postcode()}"
        return f"{self.street_address}, {self.postcode()} {self.city()}"

    def birth_date(self, like: str = "") -> str:
        """Date of birth in the spelling of `like`: the one that the row says, else any."""
        said = read_date(self.born) if self.born else None
        day = said.day if said is not None else _FIRST_BIRTH + timedelta(self._open_stream("born").below(_BIRTH_DAYS))
        written = read_date(like) if like else None
        return written.write(day) if written is not None else day.isoformat()

    def value(self, entity_type: str, attribute: str, like: str = "") -> str:
        """Value of an attribute that is no name.

        Args:
            entity_type: Entity type of the attribute.
            attribute: Attribute with its number, such as "phone_number2".
            like: Value, or the shape of one, whose spelling is kept; "" for the usual one.
        """
        if attribute in self.given:
            return self.given[attribute]

        match entity_type:
            case entities.EMAIL_ADDRESS:
                return self.email_address
            case entities.USERNAME:
                return self.handle
            case entities.CITY | entities.LOCATION:
                return self.city(like)
            case entities.STATE:
                return self.state(like)
            case entities.POSTCODE:
                return self.postcode(like)
            case entities.STREET_ADDRESS:
                return self.street_address
            case entities.ADDRESS:
                return self.address
            case entities.ORGANIZATION:
                return self._open_stream(attribute).choice(lexicon(self.locale).companies)
            case entities.URL:
                return f"https://www.example.com/{self.handle}"
            case entities.DATE_OF_BIRTH | entities.DATE_TIME:
                return self.birth_date(like)

        return self._draw_number(entity_type, attribute, like)

    def _draw_number(self, entity_type: str, attribute: str, like: str) -> str:
        """A number or code in the shape of `like`, which nobody has."""
        stream = self._open_stream(attribute)
        like = like or _USUAL_SHAPES.get(entity_type, _USUAL_SHAPE)
        is_shape = set(digits_of(like)) <= {"9"}
        value = _draw_in_shape(like, stream) if is_shape else like
        if entity_type in (entities.PHONE_NUMBER, entities.FAX_NUMBER):
            return phone_number(value, stream, area_codes_of(self.region) if self.region is not None else ())
        return Pseudonyms(self.key, self.locale).stand_in(entity_type, value)

    @property
    def _any_sex(self) -> Sex:
        drawn: Sex = "F" if self._open_stream("sex").below(2) else "M"
        return self.sex or drawn

    def _open_stream(self, attribute: str) -> Stream:
        return Stream(self.key, "persona", self.unit, attribute)


@lru_cache(maxsize=4096)
def _find_state(country: Country, text: str) -> Region | None:
    """The state of a name or code; codes that stand-ins made of a state's name are known, too."""
    made = (state for state in country.states if state.abbreviation(len(text)) == text) if text.isupper() else ()
    return country.find_state(text) or next(iter(made), None)


@lru_cache(maxsize=256)
def _list_names(locale: str, sex: Sex | None, base: str) -> tuple[str, ...]:
    """All first names of a sex, or all last names, of a locale."""
    words = lexicon(locale)
    return words.all_names(words.last_names if "last" in base else words.first_names(sex))


def _draw_in_shape(shape: str, stream: Stream) -> str:
    """A value with another digit for each digit, and another letter for each ASCII letter."""
    characters = []
    has_digit = False
    for character in shape:
        if character.isdecimal():
            # No number begins with a 0, and no North American one with a 1.
            characters.append(stream.choice(string.digits if has_digit else "23456789"))
            has_digit = True
        elif character.isascii() and character.isalpha():
            characters.append(stream.choice(string.ascii_uppercase if character.isupper() else string.ascii_lowercase))
        else:
            characters.append(character)

    return "".join(characters)
