"""A look at the replacement before it runs, on the first rows, without Ray and without writing anything.

Originals are masked: the first letter and a class of length. Of texts only the types of the findings are told, and of
values whose stand-ins lie near them nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from secrets import token_bytes

import pyarrow as pa

from ss_ray.config.model import DataParameters
from ss_ray.config.pii import Operator, PiiParameters
from ss_ray.pii.cells import read_texts
from ss_ray.pii.planning import ages_that_follow, plan_replacement
from ss_ray.pii.replace import TableReplacer
from ss_ray.pii.rules import ColumnRule, PiiPlan
from ss_ray.pii.stand_ins.pseudonyms import Pseudonyms
from ss_ray.pii.statistics import MAX_EXAMPLE_LENGTH, NEAR_ORIGINAL, POLICY, Counts
from ss_ray.pii.unsearched import describe_search, list_unsearched
from ss_ray.schema import TableSchema

FOLLOWS = "follows"
MAX_SAMPLES = 3
MIN_SHOWN = 3
"""Characters of a value whose first letter is shown."""
SHORT = 6
"""Longest short value, in characters."""
LONG = 15
"""Shortest long value, in characters."""


@dataclass(frozen=True, kw_only=True)
class PreviewSample:
    """A masked original and its stand-in."""

    before: str
    after: str


@dataclass(frozen=True, kw_only=True)
class PreviewColumn:
    """What would happen to a column.

    Attributes:
        name: Name of the column.
        entity_type: Entity type of the cells; "" where there is none.
        operator: Operation on the cells; "search" where cells are searched, FOLLOWS where ages change with the dates of
            birth, "none" where nothing is done.
        confidence: Confidence of the type in [0, 1]; None without a type.
        reason: Reason for the type, or the search, in words without any value.
        samples: Up to MAX_SAMPLES masked originals with their stand-ins.
    """

    name: str
    entity_type: str
    operator: str
    confidence: float | None
    reason: str
    samples: tuple[PreviewSample, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a replacement would do, by the first rows.

    Attributes:
        num_rows: Number of rows that were replaced for the samples.
        sample_rows: Number of rows that typed the columns.
        columns: Columns of the table, in table order.
        unsearched: Sentences about what was not looked for.
    """

    num_rows: int
    sample_rows: int
    columns: tuple[PreviewColumn, ...]
    unsearched: tuple[str, ...]


def preview_replacement(
    sample: pa.Table, schema: TableSchema, asked: PiiParameters, data: DataParameters, num_rows: int
) -> Preview:
    """The preview of a table.

    Args:
        sample: First rows of the table, typed.
        schema: Schema of the sample.
        asked: Section `replace_pii` of the configuration.
        data: Section `data` of the configuration.
        num_rows: Number of rows to replace for the samples.

    Raises:
        ConfigError: The rules name what is not there.
        PrivacyError: A column looks like PII, cannot be typed, and `on_undetected` is "stop".
    """
    plan = plan_replacement(sample, schema, asked, data)
    # A key of its own: the stand-ins of a run must not be learned from a preview.
    pseudonyms = Pseudonyms(token_bytes(32), plan.locale, plan.injective)
    before = sample.slice(0, num_rows)
    ages = ages_that_follow(sample, plan)
    after, counts = TableReplacer(plan, pseudonyms, ages).replace(before)
    columns = [_preview_column(name, schema, plan, (before, after), counts) for name in schema.names]
    following = {age.name for age in ages}

    return Preview(
        num_rows=before.num_rows,
        sample_rows=sample.num_rows,
        columns=tuple(replace(c, operator=FOLLOWS) if c.name in following else c for c in columns),
        unsearched=list_unsearched(plan),
    )


def _preview_column(
    name: str, schema: TableSchema, plan: PiiPlan, tables: tuple[pa.Table, pa.Table], counts: Counts
) -> PreviewColumn:
    rule = next((rule for rule in (*plan.columns, *plan.kept) if rule.name == name), None)
    if rule is None:
        is_searched = name in (*plan.text_columns, *plan.checked_columns)
        return PreviewColumn(
            name=name,
            entity_type="",
            operator="search" if is_searched else "none",
            confidence=None,
            reason=describe_search(schema[name], plan),
            samples=_list_findings(name, counts) if is_searched else (),
        )

    return PreviewColumn(
        name=name,
        entity_type=rule.entity_type,
        operator=POLICY if plan.steps else rule.operator,
        confidence=rule.confidence,
        reason=rule.explanation,
        samples=() if plan.steps or rule.operator is Operator.KEEP else _pair_samples(rule, *tables),
    )


def _pair_samples(rule: ColumnRule, before: pa.Table, after: pa.Table) -> tuple[PreviewSample, ...]:
    """Masked originals of a column and their stand-ins; none where rows were dropped, or where stand-ins lie near."""
    if rule.name not in after.column_names or before.num_rows != after.num_rows or rule.entity_type in NEAR_ORIGINAL:
        return ()

    pairs = zip(read_texts(before, rule.name), read_texts(after, rule.name), strict=True)
    distinct = {original: new for original, new in pairs if original and new and original not in rule.formats}
    samples = list(distinct.items())[:MAX_SAMPLES]
    return tuple(PreviewSample(before=mask_value(original), after=_shorten_text(new)) for original, new in samples)


def _list_findings(name: str, counts: Counts) -> tuple[PreviewSample, ...]:
    """Findings in the texts of a column by type, with stand-ins."""
    found = [(type_, number) for (column, type_), number in sorted(counts.replaced.items()) if column == name]
    return tuple(
        PreviewSample(
            before=f"{number} x {type_}",
            after=", ".join(sorted(counts.examples.get((name, type_), ()))[:MAX_SAMPLES]),
        )
        for type_, number in found
    )


def mask_value(value: str) -> str:
    """The first letter and a class of length; no letter of a value that has fewer than three characters.

    Example:
        >>> mask_value("Maria"), mask_value("555-0147 ext. 12"), mask_value("F")
        ('M... (short)', '... (long)', '... (short)')
    """
    text = value.strip()
    first = text[0] if len(text) >= MIN_SHOWN and text[0].isalpha() else ""
    if len(text) <= SHORT:
        return f"{first}... (short)"
    return f"{first}... (long)" if len(text) >= LONG else f"{first}... (medium)"


def _shorten_text(text: str) -> str:
    return text if len(text) <= MAX_EXAMPLE_LENGTH else f"{text[:MAX_EXAMPLE_LENGTH]}..."
