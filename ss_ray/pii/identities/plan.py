"""Which columns and texts hold identities: whose each part is, what it is, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pyarrow as pa

from ss_ray.pii import entities
from ss_ray.pii.identities.placeholders import PERSON
from ss_ray.pii.stand_ins.homes import HomeColumns
from ss_ray.pii.stand_ins.lexicon import DEFAULT_LOCALE
from ss_ray.pii.stand_ins.pseudonyms import PERMUTED_TYPES
from ss_ray.schema import ColumnSchema, Kind, TableSchema, arrow_type

PLACES = frozenset({entities.CITY, entities.LOCATION, entities.STATE, entities.POSTCODE})
"""Types of the columns whose cells have to agree with each other on a place."""
_NAMING = frozenset({*entities.NAME_TYPES, entities.EMAIL_ADDRESS, entities.USERNAME})
_MADE = frozenset(
    {
        *entities.NAME_TYPES,
        entities.EMAIL_ADDRESS,
        entities.USERNAME,
        entities.PHONE_NUMBER,
        entities.FAX_NUMBER,
        entities.STREET_ADDRESS,
        entities.ADDRESS,
        *PLACES,
    }
)
"""Types of the columns that a persona fills."""
SHAPED_TYPES = frozenset({entities.PHONE_NUMBER, entities.FAX_NUMBER, entities.POSTCODE, entities.US_SSN}) | (
    PERMUTED_TYPES | {entities.CREDIT_CARD, entities.ROUTING_NUMBER}
)
"""Types of numbers and codes that are made in the shapes of the column."""


@dataclass(frozen=True, kw_only=True)
class IdentityColumn:
    """A column with a part of an identity.

    Attributes:
        name: Name of the column.
        entity_type: Entity type of its cells.
        owner: Owner of its cells, as placeholders name it.
        attribute: Attribute of the owner, as placeholders name it.
        home: Columns that tell the place of the owner.
        forms: Spellings of names with placeholders for their words, each with its share of the cells; () where the
            usual one is to be taken.
        shapes: Usual shapes of numbers or codes, each with the code of a country; "" for all countries.
        is_filled: Whether a persona fills the column. The cells of other columns are learned, or numbers of any shape.
        is_fresh: Whether no model learns the column, so that its cells say nothing before a persona fills them.
        choices: Values that the column may hold; () where it may hold any.
    """

    name: str
    entity_type: str
    owner: str
    attribute: str
    home: HomeColumns = field(default_factory=HomeColumns)
    forms: tuple[tuple[str, float], ...] = ()
    shapes: tuple[tuple[str, str], ...] = ()
    is_filled: bool = False
    is_fresh: bool = False
    choices: tuple[str, ...] = ()

    def shapes_in(self, country: str) -> tuple[str, ...]:
        """The shapes of the column in a country; all shapes where there are none."""
        by_country = tuple(shape for code, shape in self.shapes if code == country)
        return by_country or tuple(shape for code, shape in self.shapes if not code)

    @property
    def keeps_identity(self) -> bool:
        """Whether the cells name the person of the row and stay as they are."""
        return self.owner == PERSON and not self.is_filled and self.entity_type in _NAMING


@dataclass(frozen=True, kw_only=True)
class IdentityPlan:
    """Columns and texts whose persons are made. Publishable: forms hold titles and signs, and no name.

    Attributes:
        columns: Columns with parts of identities, in table order.
        texts: Text columns in which placeholders stand.
        identity: Column with one value per person, on all their rows; None where every row is somebody else's.
        sex: Column of the sex of the row's person; None where there is none.
        country: Column of the country of the row's person, which chooses the language of the name; None for none.
        common_home: Columns that tell the place of the row's person.
        locale: Faker locale of names where no column tells a country.
        has_unique_handles: Whether no two persons may share an address of e-mail or a user name.
    """

    columns: tuple[IdentityColumn, ...] = ()
    texts: tuple[str, ...] = ()
    identity: str | None = None
    sex: str | None = None
    country: str | None = None
    common_home: HomeColumns = field(default_factory=HomeColumns)
    locale: str = DEFAULT_LOCALE
    has_unique_handles: bool = False

    @cached_property
    def by_name(self) -> Mapping[str, IdentityColumn]:
        """Columns by their names."""
        return {column.name: column for column in self.columns}

    @cached_property
    def by_attribute(self) -> Mapping[tuple[str, str], IdentityColumn]:
        """Columns by owner and attribute."""
        return {(column.owner, column.attribute): column for column in self.columns}

    @property
    def without_forms(self) -> IdentityPlan:
        """The plan without what was counted in cells, for models with differential privacy."""
        return replace(self, columns=tuple(replace(column, forms=(), shapes=()) for column in self.columns))

    def without(self, names: frozenset[str]) -> IdentityPlan:
        """The plan that leaves the cells of some columns as they are."""
        kept = (replace(c, is_filled=c.is_filled and c.name not in names) for c in self.columns)
        return replace(self, columns=tuple(kept), texts=tuple(name for name in self.texts if name not in names))

    def for_schema(self, schema: TableSchema) -> IdentityPlan:
        """The plan with the columns to fill: those whose values no model learns, and places that have to agree."""
        by_name = {column.name: column for column in schema.columns}
        columns = (
            replace(
                column,
                is_filled=_is_filled(column, by_name[column.name]),
                is_fresh=by_name[column.name].kind is Kind.IDENTIFIER,
                choices=tuple(map(str, by_name[column.name].values or ())),
            )
            for column in self.columns
            if column.name in by_name
        )
        texts = tuple(name for name in self.texts if name in by_name and is_templated(by_name[name]))
        return replace(self, columns=tuple(columns), texts=texts)


def is_templated(column: ColumnSchema) -> bool:
    """Whether a text column is learned with placeholders: codes of one length are learned character by character."""
    return column.kind is Kind.TEXT and column.pattern is None


def _is_filled(column: IdentityColumn, schema: ColumnSchema) -> bool:
    """Whether a persona fills a column, given its schema after the replacement."""
    # Codes with a pattern, and whole numbers, are made without repetition elsewhere.
    if column.entity_type not in _MADE:
        is_numbered = schema.pattern is not None or pa.types.is_integer(arrow_type(schema))
        return schema.kind is Kind.IDENTIFIER and not is_numbered and bool(column.shapes)
    if column.entity_type not in PLACES:
        return schema.kind is Kind.IDENTIFIER

    # Towns of a list are changed where they contradict the state; other values of a list are learned as they are.
    if schema.values is not None and column.entity_type not in (entities.CITY, entities.LOCATION):
        return False

    # A postcode or a town without a state or town beside it tells nothing that it could contradict.
    others: Sequence[str] = (*column.home.state, *column.home.city)
    return schema.kind is Kind.IDENTIFIER or any(name != column.name for name in others)
