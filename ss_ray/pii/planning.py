"""The plan of the replacement from a sample of the rows: types of the columns, languages, ages that follow dates."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ss_ray.config.model import DataParameters
from ss_ray.config.pii import Operator, PiiParameters
from ss_ray.pii.cells import distinct_texts, is_textual
from ss_ray.pii.columns.classify import ColumnTyping, classify_column, classify_table
from ss_ray.pii.columns.codes import judge_codes
from ss_ray.pii.columns.endpoint import ask_endpoint
from ss_ray.pii.columns.headers import header_words
from ss_ray.pii.entities import AGE, DATE_OF_BIRTH, FREE_TEXT
from ss_ray.pii.rules import PiiPlan, make_pii_plan
from ss_ray.pii.stand_ins.ages import AgeColumn, find_ages
from ss_ray.pii.text.detect import PATTERN_TYPES, Detector
from ss_ray.pii.text.language import language_of_column
from ss_ray.schema import Kind, TableSchema, arrow_type

SAMPLE_ROWS = 5_000
"""Rows that are read to type the columns."""
LANGUAGE_SAMPLE = 500
"""Distinct texts of a column whose language is looked at."""


def plan_replacement(sample: pa.Table, schema: TableSchema, asked: PiiParameters, data: DataParameters) -> PiiPlan:
    """The plan of the replacement of a table, by a sample of its typed rows.

    Raises:
        ConfigError: The rules name what is not there.
        PrivacyError: A column looks like PII, cannot be typed, and `on_undetected` is "stop".
        ResourceError: An endpoint that was asked for cannot be reached.
    """
    settings = asked.globals.classify
    typings: Mapping[str, ColumnTyping] = {}
    languages = column_languages(sample)
    if settings.enable_classify is not False:
        typings = type_columns(sample, schema)
        if settings.endpoint is not None:
            typings = ask_endpoint(settings.endpoint, sample, typings)

    declared = {name: column.entity for name, column in data.columns.items() if column.entity}
    return make_pii_plan(typings, schema, asked, declared=declared, languages=languages)


def ages_that_follow(sample: pa.Table, plan: PiiPlan) -> tuple[AgeColumn, ...]:
    """Ages that stay, and agree with dates of birth that move.

    They are no part of the plan, which holds nothing that depends on the rows.
    """
    moving = [rule for rule in plan.columns if rule.operator in (Operator.DATE_SHIFT, Operator.PSEUDONYM)]
    types = {rule.name: rule.entity_type for rule in moving if rule.entity_type == DATE_OF_BIRTH}
    types |= {rule.name: rule.entity_type for rule in plan.kept if rule.entity_type == AGE}
    return find_ages(sample, types)


def type_columns(sample: pa.Table, schema: TableSchema) -> dict[str, ColumnTyping]:
    """Types of the columns by a sample; of categories every value is checked, however rare."""
    # Patterns are enough to type a column, and take a fraction of the model's time.
    detector = Detector(entities=tuple(sorted(PATTERN_TYPES)), ner_model=None)
    # A header tells what its column holds, and nothing about codes that stand in place of its values.
    spelled = [column.name for column in schema.columns if column.spelling_of is not None]
    typings = classify_table(sample.drop_columns(spelled), detector)
    for column in schema.of_kind(Kind.CATEGORY):
        if column.values and is_textual(arrow_type(column)) and column.name not in typings:
            values = [str(value) for value in column.values if value not in column.formats]
            # A sample may miss a personal value that one row alone has.
            header = column.name if column.spelling_of is None else "code"
            typing = classify_column(header, values, detector, sample_size=len(values)) if values else None
            typings |= {column.name: typing} if typing else {}

    return typings | _type_codes(sample, schema, typings, detector)


def column_languages(sample: pa.Table) -> dict[str, str]:
    """Language of the string columns whose texts are mostly not English, by name of the column."""
    columns = (name for name in sample.column_names if is_textual(sample.schema.field(name).type))
    found = {name: language_of_column(distinct_texts(sample.column(name))[:LANGUAGE_SAMPLE]) for name in columns}
    return {name: language for name, language in found.items() if language is not None}


def _type_codes(
    sample: pa.Table, schema: TableSchema, typings: Mapping[str, ColumnTyping], detector: Detector
) -> dict[str, ColumnTyping]:
    """Typings of the columns of codes among those that have no type, or only findings in a few values."""
    found: dict[str, ColumnTyping] = {}
    for column in schema.columns:
        known = typings.get(column.name)
        if column.name not in sample.column_names or not is_textual(sample.schema.field(column.name).type):
            continue
        if known is not None and known.entity_type != FREE_TEXT:
            continue

        values = distinct_texts(sample.column(column.name))
        if codes := judge_codes(values, detector.find_each(values, header_words(column.name))):
            found[column.name] = codes

    return found
