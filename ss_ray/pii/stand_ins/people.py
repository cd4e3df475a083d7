"""Rows -> the persons they are about: their names, sex, locale and identity, from the columns that tell them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from ss_ray.pii import entities
from ss_ray.pii.cells import read_texts
from ss_ray.pii.stand_ins.countries import locales_of_country
from ss_ray.pii.stand_ins.lexicon import Sex, fold_name
from ss_ray.pii.stand_ins.names import name_words, split_full_name
from ss_ray.pii.stand_ins.person import NOBODY, Person

_OTHERS = frozenset(
    "doctor physician provider nurse surgeon clinician contact guardian parent mother father spouse partner emergency "
    "agent manager supervisor employer sender recipient referrer relative kin mothers maiden witness author".split()
)
_SINGULAR = {"mothers": "mother"}
SEXES: Mapping[str, Sex] = {
    **dict.fromkeys(("f", "female", "woman", "girl", "w", "weiblich", "femme", "mujer", "femenino", "feminino"), "F"),
    **dict.fromkeys(("m", "male", "man", "boy", "männlich", "homme", "hombre", "masculino"), "M"),
}
"""Sexes by the words of a column of sexes, in small letters."""
_HEADER_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[^\W\d_]+")


@dataclass(frozen=True, kw_only=True)
class PersonColumns:
    """Columns that tell of the person a row is about; () or None where there is none.

    Attributes:
        identity: Column with one value per person, on all their rows.
        given: Columns of first names.
        family: Columns of last names.
        full: Columns of full names.
        contact: E-mail addresses, by which a person without a name is known.
        sex: Column of the person's sex.
        country: Code or name, which chooses the locale of their stand-in.
    """

    identity: str | None = None
    given: tuple[str, ...] = ()
    family: tuple[str, ...] = ()
    full: tuple[str, ...] = ()
    contact: tuple[str, ...] = ()
    sex: str | None = None
    country: str | None = None

    @property
    def chooses_names(self) -> bool:
        """Whether a row changes what its names become."""
        return bool(self.identity or self.sex or self.country)


def find_person_columns(types: Mapping[str, str], identity: str | None, *, use_country: bool) -> PersonColumns:
    """The columns of the person that a table is about, from the entity types of its columns.

    Columns of others, by their headers ("provider_name", "mothers_maiden"), are left out.

    Args:
        types: Entity type by column, in table order.
        identity: Column that the configuration names.
        use_country: Whether a country may choose the locale.
    """
    # Headers such as "provider_name" or "mothers_maiden" name another person than the row's.
    own = [(name, type_) for name, type_ in types.items() if not other_owner(name)]

    def of(entity_type: str) -> tuple[str, ...]:
        return tuple(name for name, type_ in own if type_ == entity_type)

    return PersonColumns(
        identity=identity,
        given=of(entities.FIRST_NAME),
        family=of(entities.LAST_NAME),
        full=of(entities.PERSON),
        contact=of(entities.EMAIL_ADDRESS),
        sex=next(iter(of(entities.GENDER)), None),
        country=next(iter(of(entities.COUNTRY)), None) if use_country else None,
    )


def people_of(table: pa.Table, columns: PersonColumns) -> list[Person]:
    """The person of each row, (num_rows,); rows with the same cells share one object."""
    names = [*columns.given, *columns.family, *columns.full]
    names += [name for name in (columns.sex, columns.country, columns.identity) if name]
    if not names:
        return [NOBODY] * table.num_rows

    known: dict[tuple[str | None, ...], Person] = {}
    people = []
    for cells in zip(*(read_texts(table, name) for name in names), strict=True):
        person = known.get(cells)
        if person is None:
            person = known[cells] = _make_person(dict(zip(names, cells, strict=True)), columns)
        people.append(person)

    return people


def identities_of(table: pa.Table, columns: PersonColumns) -> list[str]:
    """Common value of all rows of a person, (num_rows,): the identity, else the names, else the e-mail, else ""."""
    if columns.identity:
        chosen = [columns.identity]
    else:
        chosen = [*columns.given, *columns.family, *columns.full]

    chosen = chosen or list(columns.contact)
    if not chosen:
        return [""] * table.num_rows

    is_name = chosen[0] not in (columns.identity, *columns.contact)
    texts = (read_texts(table, name) for name in chosen)
    return [_normalise_identity([text or "" for text in cells], is_name=is_name) for cells in zip(*texts, strict=True)]


def _normalise_identity(cells: Sequence[str], *, is_name: bool) -> str:
    """One text for all spellings of a person: "José Li" and "LI, JOSE"."""
    if is_name:
        cells = sorted(fold_name(word) for cell in cells for word, _ in name_words(cell)) or cells
    return "\0".join(" ".join(cell.casefold().split()) for cell in cells).strip("\0")


def _make_person(cells: Mapping[str, str | None], columns: PersonColumns) -> Person:
    given = _collect_words(cells, columns.given, "first")
    family = _collect_words(cells, columns.family, "last")
    given_names = [text for name in columns.given if (text := cells[name])]
    family_names = [text for name in columns.family if (text := cells[name])]
    for name in columns.full:
        first, last = split_full_name(cells[name] or "")
        given_names += [first] if first else []
        family_names += [last] if last else []
        for word, role in name_words(cells[name] or ""):
            (given if role == "first" else family).add(fold_name(word))

    sex = cells[columns.sex] if columns.sex else None
    if columns.country:
        country = cells[columns.country]
    else:
        country = None

    return Person(
        given=frozenset(given),
        family=frozenset(family),
        sex=SEXES.get(sex.strip().casefold()) if sex else None,
        locale=next(iter(locales_of_country(country)), None) if country else None,
        identity=(cells[columns.identity] or "").strip() if columns.identity else "",
        given_names=tuple(given_names),
        family_names=tuple(family_names),
    )


def _collect_words(cells: Mapping[str, str | None], names: Iterable[str], role: str) -> set[str]:
    return {fold_name(word) for name in names for word, _ in name_words(cells[name] or "", role)}


def other_owner(header: str) -> str:
    """Word of a header that names another person than the row's, in the singular; "" where there is none.

    Example:
        >>> other_owner("provider_name"), other_owner("MothersMaiden"), other_owner("last_name")
        ('provider', 'mother', '')
    """
    words = (word.casefold() for word in _HEADER_WORD.findall(header))
    return next((_SINGULAR.get(word, word) for word in words if word in _OTHERS), "")
