"""The person that a row is about, as far as its columns tell."""

from __future__ import annotations

from dataclasses import dataclass

from ss_ray.pii.stand_ins.lexicon import Sex


@dataclass(frozen=True)
class Person:
    """What a row says about the person it is about.

    Attributes:
        given: Folded words of their first names.
        family: Folded words of their last names.
        given_names: First names as the row has them.
        family_names: Last names as the row has them, with their particles.
        sex: Sex that a column gives; it matters to names that are of both sexes or unknown, so that a name whose sex is
            known has one stand-in everywhere.
        locale: Locale of Faker, from the country that a column gives.
        identity: Value of `person_id`, which all rows of the person share; "" leaves their names to themselves.
    """

    given: frozenset[str] = frozenset()
    family: frozenset[str] = frozenset()
    sex: Sex | None = None
    locale: str | None = None
    identity: str = ""
    given_names: tuple[str, ...] = ()
    family_names: tuple[str, ...] = ()


NOBODY = Person()
