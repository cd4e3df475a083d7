"""The columns and texts of a table that hold identities, found by the plan of the replacement and a sample."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa

from ss_ray.config.pii import Operator
from ss_ray.pii import entities
from ss_ray.pii.cells import read_texts
from ss_ray.pii.identities.placeholders import PERSON, shape_of
from ss_ray.pii.identities.plan import PLACES, SHAPED_TYPES, IdentityColumn, IdentityPlan
from ss_ray.pii.identities.templates import write_name
from ss_ray.pii.rules import ColumnRule, PiiPlan
from ss_ray.pii.stand_ins.formats import split_exponent
from ss_ray.pii.stand_ins.gazetteer import code_of_country
from ss_ray.pii.stand_ins.homes import HomeColumns
from ss_ray.pii.stand_ins.people import other_owner
from ss_ray.pii.stand_ins.pseudonyms import FRESH_TYPES, PERMUTED_TYPES

MIN_FORM_CELLS = 10
"""Cells that are written alike before their form is used: a rarer form may be that of one person."""
MAX_FORMS = 8
_MOVED = (entities.DATE_OF_BIRTH, entities.DATE_TIME)
_ATTRIBUTES = {entities.PERSON: "full_name"}


def find_identities(plan: PiiPlan, sample: pa.Table) -> IdentityPlan | None:
    """The columns and texts of a replacement whose persons can be made; None where a policy replaces them.

    Args:
        plan: Plan of the replacement.
        sample: Rows of the table, which tell how names are written.
    """
    if plan.steps:
        return None

    counts: Counter[tuple[str, str]] = Counter()
    columns: list[IdentityColumn] = []
    for rule in plan.columns:
        if not _is_part(rule):
            continue

        owner = other_owner(rule.name) or PERSON
        attribute = _ATTRIBUTES.get(rule.entity_type, rule.entity_type.lower())
        counts[owner, attribute] += 1
        number = counts[owner, attribute]
        if attribute == "first_name" and number == 2:
            attribute = "middle_name"
        elif number > 1:
            attribute = f"{attribute}{number}"

        columns.append(
            IdentityColumn(
                name=rule.name,
                entity_type=rule.entity_type,
                owner=owner,
                attribute=attribute,
                home=plan.homes.get(rule.name, _common_home(plan)),
                forms=_find_forms(rule, owner, attribute, sample),
                shapes=_find_shapes(rule, plan.person.country, sample),
            )
        )

    person = plan.person
    return IdentityPlan(
        columns=tuple(columns),
        texts=plan.text_columns,
        identity=person.identity,
        sex=person.sex,
        country=person.country,
        common_home=_common_home(plan),
        locale=plan.locale,
    )


def _is_part(rule: ColumnRule) -> bool:
    """Whether a column holds stand-ins, or dates that were moved."""
    if rule.entity_type in _MOVED:
        return rule.operator in (Operator.DATE_SHIFT, Operator.PSEUDONYM)
    return rule.operator is Operator.PSEUDONYM and rule.entity_type in FRESH_TYPES | PERMUTED_TYPES | PLACES


def _common_home(plan: PiiPlan) -> HomeColumns:
    """The place of a table without other words in its headers."""
    return next(iter(plan.homes.values()), HomeColumns())


def _find_forms(rule: ColumnRule, owner: str, attribute: str, sample: pa.Table) -> tuple[tuple[str, float], ...]:
    """The usual spellings of a column of names, with the shares of the cells that have them."""
    if rule.entity_type not in entities.NAME_TYPES or rule.name not in sample.column_names:
        return ()

    role = {entities.FIRST_NAME: "first", entities.LAST_NAME: "last"}.get(rule.entity_type)
    written = Counter(write_name(text, owner, role, first=attribute) for text in read_texts(sample, rule.name) if text)
    usual = [(form, count) for form, count in written.most_common(MAX_FORMS) if count >= MIN_FORM_CELLS]
    total = sum(count for _, count in usual)
    return tuple((form, count / total) for form, count in usual)


def _find_shapes(rule: ColumnRule, country: str | None, sample: pa.Table) -> tuple[tuple[str, str], ...]:
    """The usual shapes of a column of numbers or codes, and those in each country."""
    is_number = rule.entity_type in SHAPED_TYPES and rule.name in sample.column_names
    if not is_number:
        return ()

    texts = read_texts(sample, rule.name)
    countries: list[str | None] = [None] * len(texts)
    if country is not None and country in sample.column_names:
        countries = read_texts(sample, country)

    # A number that a spreadsheet wrote with an exponent has no shape.
    whole = (
        (text, place) for text, place in zip(texts, countries, strict=True) if text and not split_exponent(text)[1]
    )
    found = [(code_of_country(place or ""), shape) for text, place in whole if (shape := shape_of(text))]
    counts = Counter(("", shape) for _, shape in found) + Counter(pair for pair in found if pair[0])
    return tuple(sorted(pair for pair, count in counts.items() if count >= MIN_FORM_CELLS))
