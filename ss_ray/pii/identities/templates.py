"""A text with placeholders in the places of the names, numbers and addresses that were found in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ss_ray.pii import entities
from ss_ray.pii.identities.placeholders import EXAMPLE_DAY, PERSON, Placeholder, case_of, shape_of
from ss_ray.pii.identities.plan import IdentityColumn
from ss_ray.pii.stand_ins.lexicon import fold_name, is_latin
from ss_ray.pii.stand_ins.names import assign_roles, composed, name_words
from ss_ray.pii.stand_ins.pseudonyms import FRESH_TYPES, PERMUTED_TYPES
from ss_ray.pii.stand_ins.written_dates import read_date

WRITTEN_TYPES = (
    FRESH_TYPES
    | PERMUTED_TYPES
    | frozenset({entities.CITY, entities.STATE, entities.POSTCODE, entities.LOCATION, entities.ORGANIZATION})
)
"""Types with placeholders, beside dates of birth."""
_WITHOUT_SHAPE = frozenset(
    {
        entities.EMAIL_ADDRESS,
        entities.USERNAME,
        entities.URL,
        entities.STREET_ADDRESS,
        entities.ADDRESS,
        entities.CITY,
        entities.STATE,
        entities.LOCATION,
        entities.ORGANIZATION,
        entities.PASSWORD,
        entities.API_KEY,
    }
)
"""Types whose values are made as a whole."""
_ROLES = {entities.FIRST_NAME: "first", entities.LAST_NAME: "last"}


@dataclass
class TemplateWriter:
    """Writes the placeholders of one text, and remembers the persons whom the text names.

    Attributes:
        columns: Columns with parts of identities, by name.
    """

    columns: Mapping[str, IdentityColumn]
    _others: list[set[str]] = field(default_factory=list)

    def write(self, entity_type: str, value: str, column: str, role: str) -> str | None:
        """What stands in the place of a finding; None where its stand-in is learned as any other word.

        Args:
            entity_type: Entity type of the finding.
            value: Words of the finding.
            column: Column of the row that holds the value; "" for none.
            role: "first" or "last" for one word of a name of that column; "" otherwise.
        """
        known = self.columns.get(column)
        if column and known is None:
            return None
        if entity_type in entities.NAME_TYPES:
            owner = known.owner if known else self._find_other(value)
            return write_name(value, owner, role or _ROLES.get(entity_type))
        if known is not None and known.entity_type in (entities.DATE_OF_BIRTH, entities.DATE_TIME):
            return _write_date(value, known.owner, known.attribute)
        if entity_type == entities.DATE_OF_BIRTH:
            return _write_date(value, self._find_owner(entity_type), "date_of_birth")
        if entity_type not in WRITTEN_TYPES:
            return None

        owner = known.owner if known else self._find_owner(entity_type)
        attribute = known.attribute if known else entity_type.lower()
        form = "" if entity_type in _WITHOUT_SHAPE else shape_of(value)
        return str(Placeholder(owner, attribute, form))

    def _find_other(self, name: str) -> str:
        """The other person of a name: one who shares a word of it, else a new one."""
        words = {fold_name(word) for word, _ in name_words(name)} or {fold_name(name)}
        for number, known in enumerate(self._others, 1):
            if words & known:
                known |= words
                return f"other{number}"

        self._others.append(words)
        return f"other{len(self._others)}"

    def _find_owner(self, entity_type: str) -> str:
        """The owner of a number or an address that no column holds: the person named last, else the row's."""
        if not self._others and all(column.entity_type != entity_type for column in self.columns.values()):
            return PERSON
        return f"other{max(1, len(self._others))}"


def write_name(value: str, owner: str, role: str | None = None, *, first: str = "first_name") -> str:
    """A name with a placeholder for each of its words; titles and signs stay.

    Args:
        value: A name, or a word of one.
        owner: Owner of the name.
        role: "first" or "last" where all its words are of that role; None for a full name.
        first: Attribute of its first first name, "middle_name" for a column of middle names.

    Example:
        >>> write_name("KELLER, Maria J.", "person")
        '[[person.last_name|upper]], [[person.first_name]] [[person.middle_initial]].'
    """
    value = composed(value).strip()
    if role is None and " " not in value and not is_latin(value):
        names = ("last_name", "first_name") if len(value) > 1 else ("first_name",)
        return "".join(str(Placeholder(owner, name)) for name in names)

    pieces: list[str] = []
    counts = {"first": int(first == "middle_name"), "last": 0}
    end = 0
    for place, word, found in _with_initials(list(assign_roles(value, role))):
        before = value[end : place.start()]
        end = place.end()
        if found == "keep":
            pieces += [before, word]
        elif found in counts:
            pieces += [before, str(Placeholder(owner, _name_attribute(word, found, counts), case_of(word)))]
            counts[found] += 1
        else:
            pieces.append(before.rstrip())

    return "".join([*pieces, value[end:]]).strip()


Words = Iterable[tuple[re.Match[str], str, str]]


def _with_initials(words: Sequence[tuple[re.Match[str], str, str]]) -> Words:
    """The words of a name; initials are those of first names where a last name stands beside them."""
    has_last = any(role == "last" and not _is_initial(word) for _, word, role in words)
    for place, word, role in words:
        if _is_initial(word) and role in ("first", "last"):
            yield place, word, "first" if has_last else "last"
        else:
            yield place, word, role


def _is_initial(word: str) -> bool:
    return len(word) == 1 and word.isascii()


def _name_attribute(word: str, role: str, counts: Mapping[str, int]) -> str:
    """The attribute of a word of a name, given how many words of each role stand before it."""
    if role == "first":
        attribute = "middle" if counts["first"] else "first"
    else:
        attribute = "second_last" if counts["last"] else "last"
    return f"{attribute}_{'initial' if _is_initial(word) else 'name'}"


def _write_date(value: str, owner: str, attribute: str) -> str:
    written = read_date(value)
    form = written.write(EXAMPLE_DAY) if written else ""
    return str(Placeholder(owner, attribute, form if shape_of(form) else ""))
