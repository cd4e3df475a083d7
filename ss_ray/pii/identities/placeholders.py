"""Placeholders: what a model reads and writes in the place of a name, a number or an address.

    [[person.first_name]]    [[person.phone_number|(999) 999-9999]]    [[other1.last_name|upper]]

The part before the dot is the owner: the person of the row, a person whom a column names ("provider"), or the first,
second, ... other person whom a text names. The part behind it is the attribute. The form says how the value is written:
"upper" or "lower" for names, the shape of a number, or a date of 2001 in its spelling.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date

from ss_ray.pii.entities import ENTITY_TYPES

PERSON = "person"
"""Owner of what belongs to the person of the row."""
UPPER = "upper"
LOWER = "lower"
EXAMPLE_DAY = date(2001, 2, 23)
"""Date that the form of a date writes: no two of its parts can be mistaken for each other."""
MAX_FORM = 24
"""Characters of the longest form: the shape of a longer value would be as rare as the value."""

NAME_ATTRIBUTE = re.compile(r"(?:first|middle|last|second_last)_(?:name|initial)")
PLACEHOLDER = re.compile(r"\[\[([a-z]+\d*)\.([a-z_]+\d*)(?:\|([^\[\]|\n]{1,24}))?\]\]")
_USUAL_OWNERS = (PERSON, "other1", "other2", "other3")
_USUAL_ATTRIBUTES = (
    "first_name middle_name last_name first_initial middle_initial last_initial date_of_birth phone_number "
    "email_address username street_address city state postcode medical_record unique_id account_number"
).split()
USUAL_PLACEHOLDERS = tuple(f"[[{owner}.{attribute}]]" for owner in _USUAL_OWNERS for attribute in _USUAL_ATTRIBUTES)
"""Placeholders that a model knows without having seen a text."""
_UNFIT = re.compile(r"[\[\]|\n]")


@dataclass(frozen=True)
class Placeholder:
    """A placeholder in a text.

    Attributes:
        owner: Owner of the value, such as "person", "provider" or "other1".
        attribute: Attribute of the owner, such as "first_name".
        form: Spelling of the value; "" for the usual one.

    Example:
        >>> str(Placeholder("person", "phone_number", "999-9999"))
        '[[person.phone_number|999-9999]]'
    """

    owner: str
    attribute: str
    form: str = ""

    def __str__(self) -> str:
        return f"[[{self.owner}.{self.attribute}{f'|{self.form}' if self.form else ''}]]"

    @property
    def plain(self) -> Placeholder:
        """The placeholder without its form."""
        return replace(self, form="")

    @property
    def has_value(self) -> bool:
        """Whether a person has the attribute: a model may write one that nobody has."""
        attribute = self.attribute
        is_name = attribute == "full_name" or NAME_ATTRIBUTE.fullmatch(attribute) is not None
        return is_name or attribute.rstrip("0123456789").upper() in ENTITY_TYPES


def placeholder_of(match: re.Match[str]) -> Placeholder:
    """The placeholder that a match of PLACEHOLDER spells."""
    return Placeholder(match[1], match[2], match[3] or "")


def case_of(word: str) -> str:
    """The form of a word: "upper" or "lower" where all its letters are, else "".

    Example:
        >>> case_of("KELLER"), case_of("keller"), case_of("Keller"), case_of("K")
        ('upper', 'lower', '', '')
    """
    if word.isupper() and len(word) > 1:
        return UPPER
    return LOWER if word.islower() else ""


def shape_of(value: str) -> str:
    """The shape of a number or code: 9 for each digit, A and a for letters; "" where it is too long or has no digit.

    Example:
        >>> shape_of("(301) 555-0147"), shape_of("MRN-84a"), shape_of("no digits")
        ('(999) 999-9999', 'AAA-99a', '')
    """
    value = value.strip()
    if len(value) > MAX_FORM or _UNFIT.search(value) or not any(map(str.isdecimal, value)):
        return ""
    return "".join(map(_shape_character, value))


def _shape_character(character: str) -> str:
    if character.isdecimal():
        return "9"
    if character.isalpha():
        return "A" if character.isupper() else "a"
    return character


def spell_in_shape(value: str, shape: str) -> str:
    """A value with the separators of a shape; the value as it is where their letters and digits differ in number.

    Example:
        >>> spell_in_shape("3015550147", "(999) 999-9999"), spell_in_shape("5550147", "(999) 999-9999")
        ('(301) 555-0147', '5550147')
    """
    characters = [character for character in value if character.isalnum()]
    places = [place for place, character in enumerate(shape) if character.isalnum()]
    if len(characters) != len(places):
        return value

    spelled = list(shape)
    for place, character in zip(places, characters, strict=True):
        spelled[place] = character
    return "".join(spelled)
