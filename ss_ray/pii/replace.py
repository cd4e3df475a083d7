"""A table and a plan -> the same table without personal data: typed columns by their distinct values, texts by spans.

In a text two things are replaced: what the detector finds, and what the row's own typed columns hold. So a note
that mentions the patient's name and phone agrees with the columns after the replacement. What cannot be analysed
is hidden, never let through.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from ss_ray.pii import entities
from ss_ray.pii.cells import as_texts, encode, from_texts, is_textual
from ss_ray.pii.detect import Detector, Finding, without_overlaps
from ss_ray.pii.mentions import Mention, mentions_of, spans
from ss_ray.pii.pseudonyms import MASK, Pseudonyms
from ss_ray.pii.rules import ColumnRule, PiiPlan

MASKED_TEXTS = "masked_texts"

StandIn = Callable[[str, str], str]  # entity type, value -> stand-in


@dataclass(frozen=True)
class _Replaced:
    """A typed column after the replacement, and what the texts of each row may mention of it."""

    name: str
    entity_type: str
    count: int  # cells replaced
    array: pa.Array  # (num_rows,), of the column's own type
    mentions: list[tuple[Mention, ...]]  # (num_rows,)


def replace_table(
    table: pa.Table, plan: PiiPlan, detector: Detector, pseudonyms: Pseudonyms
) -> tuple[pa.Table, dict[str, int]]:
    """A new table of the same Arrow schema in which personal data is replaced by stand-ins.

    A text agrees with the typed columns of its own row: every value of theirs that occurs in it as a whole word,
    in any case and with any separators inside numbers, gets the stand-in that the column got. Missing cells stay
    missing. A column of type UNKNOWN is hidden: strings become `MASK`, other types missing.

    Args:
        table: The table or any part of it; the result does not depend on how a table is cut.
        plan: From `make_pii_plan`; each of its columns must be in the table.
        detector: Finds the spans in text columns.
        pseudonyms: Makes the stand-ins.

    Returns:
        The table, and how many cells and spans were replaced by entity type. "masked_texts" counts texts that could
        not be analysed and became `MASK`.

    Raises:
        PrivacyError: The type of a typed column cannot hold its stand-ins.
    """
    counts: Counter[str] = Counter()
    arrays: dict[str, pa.Array] = {}
    stand_in = cache(pseudonyms.stand_in)  # for this call only: it holds originals
    replaced = [_replace_column(table.column(rule.name), rule, stand_in) for rule in plan.columns]
    for column in replaced:
        arrays[column.name] = column.array
        counts[column.entity_type] += column.count
    mentions = _by_row([column.mentions for column in replaced], table.num_rows)
    for name in plan.text_columns:
        texts, found = _replace_texts(table.column(name), mentions, plan, detector, stand_in)
        arrays[name] = from_texts(texts, table.schema.field(name).type, column=name)
        counts += found
    for name, array in arrays.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(place), array)
    return table, {name: count for name, count in sorted(counts.items()) if count}


def _replace_column(column: pa.ChunkedArray, rule: ColumnRule, stand_in: StandIn) -> _Replaced:
    indices, values = encode(column)
    texts = as_texts(values)
    stand_ins = [None if text is None else stand_in(rule.entity_type, text) for text in texts]
    mentions = [
        () if text is None or new is None else mentions_of(rule.entity_type, text, new)
        for text, new in zip(texts, stand_ins, strict=True)
    ]
    places = [None if place is None or texts[place] is None else place for place in indices.to_pylist()]
    hidden = rule.entity_type == entities.UNKNOWN and not is_textual(column.type)
    new_values = from_texts([None] * len(texts) if hidden else stand_ins, column.type, column=rule.name)
    return _Replaced(
        name=rule.name,
        entity_type=rule.entity_type,
        count=sum(place is not None for place in places),
        array=new_values.take(indices),
        mentions=[() if place is None else mentions[place] for place in places],
    )


def _by_row(columns: list[list[tuple[Mention, ...]]], num_rows: int) -> list[tuple[Mention, ...]]:
    """Mentions of all columns, (num_rows,); rows with the same values share one tuple."""
    shared: dict[tuple[tuple[Mention, ...], ...], tuple[Mention, ...]] = {}
    rows = zip(*columns, strict=True) if columns else iter([()] * num_rows)
    return [shared.setdefault(row, sum(row, ())) for row in rows]


def _replace_texts(
    column: pa.ChunkedArray,
    mentions: Sequence[tuple[Mention, ...]],  # (num_rows,)
    plan: PiiPlan,
    detector: Detector,
    stand_in: StandIn,
) -> tuple[list[str | None], Counter[str]]:
    """The texts of a column with stand-ins, (num_rows,), and the number of spans replaced by entity type."""
    texts: list[str | None] = column.to_pylist()
    findings = detector.find_each(text for text in texts if text is not None)
    done: dict[tuple[str, tuple[Mention, ...]], tuple[str, Counter[str]]] = {}
    counts: Counter[str] = Counter()
    new_texts: list[str | None] = []
    for text, row_mentions in zip(texts, mentions, strict=True):
        if text is None:
            new_texts.append(None)
            continue
        key = text, row_mentions
        if key not in done:
            done[key] = _replace_text(text, findings[text], row_mentions, plan, stand_in)
        new_text, found = done[key]
        new_texts.append(new_text)
        counts.update(found)
    return new_texts, counts


def _replace_text(
    text: str,
    findings: tuple[Finding, ...] | None,
    mentions: tuple[Mention, ...],
    plan: PiiPlan,
    stand_in: StandIn,
) -> tuple[str, Counter[str]]:
    """One text with stand-ins; `MASK` where its analysis failed."""
    if findings is None:
        return MASK, Counter({MASKED_TEXTS: 1})
    chosen = [f for f in findings if f.entity_type in plan.entities and f.score >= plan.threshold]
    mentioned = list(spans(text, mentions))
    # Parts of a full name have stand-ins of their own; other values are drawn again from the words found.
    parts = {(f.start, f.end, f.entity_type): mention.stand_in for f, mention in mentioned}
    pieces, end = [], 0
    counts: Counter[str] = Counter()
    for f in without_overlaps([*(f for f, _ in mentioned), *chosen]):
        part = parts.get((f.start, f.end, f.entity_type))
        pieces += [text[end : f.start], part or stand_in(f.entity_type, text[f.start : f.end])]
        counts[f.entity_type] += 1
        end = f.end
    return "".join([*pieces, text[end:]]), counts
