"""Synthetic rows with placeholders -> the same rows with an invented person in each.

A persona is a function of a key and of its unit: a row, or all rows of a group or of one value of `person_id`. It
agrees with what was learned in the row: sex, country, state, town and date of birth.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

import pyarrow as pa

from ss_ray.errors import PrivacyError
from ss_ray.pii import entities
from ss_ray.pii.cells import from_texts, is_textual, read_texts, with_cells
from ss_ray.pii.identities.personas import InventedPerson
from ss_ray.pii.identities.placeholders import (
    LOWER,
    NAME_ATTRIBUTE,
    PERSON,
    PLACEHOLDER,
    UPPER,
    Placeholder,
    placeholder_of,
    spell_in_shape,
)
from ss_ray.pii.identities.plan import IdentityColumn, IdentityPlan
from ss_ray.pii.stand_ins.countries import locales_of_country
from ss_ray.pii.stand_ins.gazetteer import find_country, find_country_of_state
from ss_ray.pii.stand_ins.homes import HomeColumns
from ss_ray.pii.stand_ins.lexicon import Sex, lexicon
from ss_ray.pii.stand_ins.names import split_full_name
from ss_ray.pii.stand_ins.people import SEXES
from ss_ray.pii.stand_ins.regions import Home
from ss_ray.pii.stand_ins.written_dates import read_date

_TITLED = re.compile(
    r"\b(mr|mister|sir|herr|monsieur|señor|sr|signor|mrs|ms|miss|madam|mme|frau|señora|sra|signora)\.?\s*$",
    re.IGNORECASE,
)
_MALE_TITLES = frozenset("mr mister sir herr monsieur señor sr signor".split())
_LAST_TITLE = 12
"""Characters before a name in which its title stands."""
_DATES = (entities.DATE_OF_BIRTH, entities.DATE_TIME)


def fill_identities(table: pa.Table, plan: IdentityPlan, key: bytes, units: Sequence[Mapping[str, str]]) -> pa.Table:
    """The table with a persona in each row: its columns are filled, and the placeholders of its texts.

    Args:
        table: (num_rows,) generated rows; missing cells stay missing.
        plan: Columns and texts to fill.
        key: Secret of 16 to 64 bytes.
        units: (num_rows,) unit of each row by owner; "" is the key of all other owners.
    """
    rows = _PersonRows(table=table, plan=plan, key=key, units=units)
    for column in plan.columns:
        if column.is_filled:
            table = _set_texts(table, column.name, rows.filled(column))

    filled = replace(rows, table=table, _cells_by_name={})
    for name in plan.texts:
        texts = read_texts(table, name)
        table = _set_texts(table, name, [text and filled.fill_text(text, row) for row, text in enumerate(texts)])

    return table


def units_of(
    table: pa.Table, plan: IdentityPlan, prefix: str, group: str | None, shared: frozenset[str]
) -> list[dict[str, str]]:
    """(num_rows,) unit of each row by owner.

    Args:
        table: Rows as they were generated.
        plan: Columns and texts that are filled.
        prefix: Name of this part of the table, which no other part has.
        group: Column that the rows of a group share; None where there are no groups.
        shared: Columns with one value per group.
    """
    numbers = [f"{prefix} {row}" for row in range(table.num_rows)]
    identity = plan.identity or group
    if identity is None or identity not in table.column_names:
        return [{"": number} for number in numbers]

    owned: dict[str, set[str]] = {PERSON: set()}
    for column in plan.columns:
        if column.is_filled:
            owned.setdefault(column.owner, set()).add(column.name)

    # A name that differs within a group is not that of the group.
    own = [PERSON] if plan.identity else [owner for owner, names in owned.items() if names <= shared]
    values = read_texts(table, identity)
    return [
        {"": number} | {owner: f"id {value}" for owner in own if value is not None}
        for number, value in zip(numbers, values, strict=True)
    ]


@dataclass(frozen=True, kw_only=True)
class _PersonRows:
    """Rows and their personas."""

    table: pa.Table
    plan: IdentityPlan
    key: bytes = field(repr=False)
    units: Sequence[Mapping[str, str]]
    _known_people: dict[tuple[str, int], InventedPerson] = field(default_factory=dict)
    _cells_by_name: dict[str, list[str | None]] = field(default_factory=dict)

    def filled(self, column: IdentityColumn) -> list[str | None]:
        """(num_rows,) cells of a column."""
        cells = read_texts(self.table, column.name)
        made = [cell if cell is None else self._fill_cell(column, cell, row) for row, cell in enumerate(cells)]
        if is_textual(self.table.schema.field(column.name).type):
            return made
        # A column of numbers holds no postcode with letters, and no telephone number with signs.
        return [new if new and new.isdecimal() else cell for new, cell in zip(made, cells, strict=True)]

    def _fill_cell(self, column: IdentityColumn, cell: str, row: int) -> str:
        persona = self._find_person(column.owner, row, column.home)
        if column.entity_type not in entities.NAME_TYPES:
            if column.choices:
                return persona.choose_town(column.choices, cell)
            like = persona.choose_shape(column.name, column.shapes_in(persona.home.country)) or cell
            return persona.value(column.entity_type, column.attribute, like)
        if not column.forms:
            return persona.full_name if column.entity_type == entities.PERSON else persona.name(_name_of(column))

        form = persona.choose_form(column.name, column.forms)
        return PLACEHOLDER.sub(lambda match: _in_case(persona.name(match[2]), match[3] or ""), form)

    def fill_text(self, text: str, row: int) -> str:
        """A text with a value for each placeholder."""
        if "[[" not in text:
            return text

        sexes = _titled_sexes(text)
        return PLACEHOLDER.sub(lambda match: self._value_of(placeholder_of(match), row, sexes), text)

    def _value_of(self, placeholder: Placeholder, row: int, sexes: Mapping[str, Sex]) -> str:
        owner, attribute, form = placeholder.owner, placeholder.attribute, placeholder.form
        column = self.plan.by_attribute.get((owner, attribute))
        persona = self._find_person(owner, row, column.home if column is not None else None, sexes.get(owner))
        if NAME_ATTRIBUTE.fullmatch(attribute):
            return _in_case(persona.name(attribute), form)
        if attribute == "full_name":
            return _in_case(persona.full_name, form)

        cell = self._read_cells(column.name)[row] if column is not None else None
        entity_type = column.entity_type if column is not None else attribute.rstrip("0123456789").upper()
        if cell is None:
            return persona.value(entity_type, attribute, form) if entity_type in entities.ENTITY_TYPES else ""
        if entity_type in _DATES:
            return _write_like(cell, form)
        return spell_in_shape(cell, form) if form else cell

    def _find_person(
        self, owner: str, row: int, home: HomeColumns | None = None, sex: Sex | None = None
    ) -> InventedPerson:
        """The persona of an owner in a row."""
        known = self._known_people.get((owner, row))
        if known is None:
            unit = self.units[row].get(owner, self.units[row][""])
            known = self._known_people[owner, row] = self._make_persona(owner, unit, row, sex)
        if home is None or home == self.plan.common_home:
            return known
        return replace(known, home=self._find_home(home, row))

    def _make_persona(self, owner: str, unit: str, row: int, sex: Sex | None) -> InventedPerson:
        plan = self.plan
        locale = self._row_locales[row]
        if owner != PERSON:
            return InventedPerson(
                key=self.key, unit=f"{owner} {unit}", locale=locale, sex=sex, home=Home(country=locale[3:5])
            )

        said = self._read_cells(plan.sex)[row] if plan.sex else None
        born = plan.by_attribute.get((PERSON, "date_of_birth"))
        return InventedPerson(
            key=self.key,
            unit=f"{owner} {unit}",
            locale=locale,
            sex=SEXES.get(said.strip().casefold()) if said else None,
            home=self._find_home(plan.common_home, row),
            born=(self._read_cells(born.name)[row] or "") if born else "",
            given=self._find_given(row),
            has_unique_handle=plan.has_unique_handles,
        )

    def _find_home(self, columns: HomeColumns, row: int) -> Home:
        """What the cells of a row say of a place; the country of the locale where they say none."""

        def first(names: Sequence[str]) -> str:
            return next((text.strip() for name in names if (text := self._read_cells(name)[row])), "")

        state = first([name for name in columns.state if not self._is_fresh(name)])
        town = first([name for name in columns.city if not self._is_fresh(name)])
        known = find_country(first(columns.country)) if columns.country else None
        country = self.plan.locale[3:5]
        if known is not None:
            country = known.code
        elif state:
            country = find_country_of_state(state, country)

        return Home(country=country, state=state, town=town)

    def _is_fresh(self, name: str) -> bool:
        """Whether the cells of a column are filled whatever they hold, so that they say nothing."""
        column = self.plan.by_name.get(name)
        return column is not None and column.is_fresh

    def _find_given(self, row: int) -> dict[str, str]:
        """Names, addresses of e-mail and user names that the row keeps, by attribute."""
        given: dict[str, str] = {}
        for column in self.plan.columns:
            cell = self._read_cells(column.name)[row] if column.keeps_identity else None
            if cell is None:
                continue
            if column.entity_type == entities.PERSON:
                first, last = split_full_name(cell)
                given |= {name: text for name, text in (("first_name", first), ("last_name", last)) if text}
            else:
                given[column.attribute] = cell

        return given

    @cached_property
    def _row_locales(self) -> list[str]:
        """(num_rows,) locale of each row: of its country, where a column tells one whose names are Latin letters."""
        usual = self.plan.locale
        if self.plan.country is None:
            return [usual] * self.table.num_rows
        return [_latin_locale(text, usual) if text else usual for text in self._read_cells(self.plan.country)]

    def _read_cells(self, name: str) -> list[str | None]:
        """(num_rows,) cells of a column as text; all missing where the table has no such column."""
        if name not in self._cells_by_name:
            there = name in self.table.column_names
            self._cells_by_name[name] = read_texts(self.table, name) if there else [None] * self.table.num_rows
        return self._cells_by_name[name]


@lru_cache(maxsize=1024)
def _latin_locale(country: str, usual: str) -> str:
    found = next(iter(locales_of_country(country)), usual)
    return found if lexicon(found).is_latin else usual


def _name_of(column: IdentityColumn) -> str:
    """The attribute of a column of names without its number: of a second last name, the second."""
    return (
        "second_last_name"
        if column.attribute.startswith("last_name") and column.attribute != "last_name"
        else column.attribute
    )


def _titled_sexes(text: str) -> dict[str, Sex]:
    """The sexes that titles before names tell, by owner."""
    found: dict[str, Sex] = {}
    for match in PLACEHOLDER.finditer(text):
        title = _TITLED.search(text[max(0, match.start() - _LAST_TITLE) : match.start()])
        if title is not None:
            found.setdefault(match[1], "M" if title[1].lower() in _MALE_TITLES else "F")

    return found


def _in_case(name: str, form: str) -> str:
    if form == UPPER:
        return name.upper()
    return name.lower() if form == LOWER else name


def _write_like(cell: str, form: str) -> str:
    """A date of a cell in the spelling of a form."""
    written = read_date(form) if form else None
    said = read_date(cell)
    return written.write(said.day) if written is not None and said is not None else cell


def _set_texts(table: pa.Table, name: str, texts: Sequence[str | None]) -> pa.Table:
    try:
        return with_cells(table, name, from_texts(texts, table.schema.field(name).type, column=name))
    except PrivacyError:
        # The type is too narrow: what was generated stays.
        return table
