"""What a replacement looks for in each column, and what it does not look for, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ss_ray.config.pii import Operator
from ss_ray.pii.entities import (
    AGE,
    BY_NAME,
    CREDIT_CARD,
    DATE_TIME,
    EMAIL_ADDRESS,
    LOCATION,
    NRP,
    ORGANIZATION,
    PERSON,
    PHONE_NUMBER,
    POSTCODE,
    STREET_ADDRESS,
    UNKNOWN,
)
from ss_ray.pii.rules import PiiPlan
from ss_ray.pii.text.ner_engines import BUILTIN
from ss_ray.schema import ColumnSchema

MEASURED_ON = (
    "English sentences of presidio-research whose templates nobody had looked at, by patterns and the packaged model "
    "(benchmarks/bench_ner.py)"
)
MEASURED_RECALL: Mapping[str, float] = MappingProxyType(
    {
        AGE: 0.88,
        CREDIT_CARD: 0.98,
        DATE_TIME: 1.0,
        EMAIL_ADDRESS: 1.0,
        LOCATION: 0.81,
        NRP: 0.77,
        ORGANIZATION: 0.61,
        PERSON: 0.92,
        PHONE_NUMBER: 0.92,
        POSTCODE: 0.96,
        STREET_ADDRESS: 0.99,
    }
)
"""Share of the labelled spans that were found, in [0, 1], by entity type."""


def describe_search(column: ColumnSchema, plan: PiiPlan) -> str:
    """Search of a column."""
    name = column.name
    rule = next((rule for rule in plan.columns if rule.name == name), None)
    if name in plan.locked:
        return "not searched: it is locked"
    if rule is not None:
        return f"every cell is treated as {rule.entity_type} ({rule.operator})"
    codes = next((codes for codes in plan.code_columns if codes.name == name), None)
    if codes is not None:
        return f"every cell is searched by patterns only: {codes.reason}"
    if name in plan.text_columns:
        return "every cell is searched by patterns and, unless it is off, by the model of names"

    if name in plan.checked_columns:
        own = plan.own_type(name)
        if own:
            kept = f"; its own values ({own}) are kept"
        else:
            kept = ""
        return f"every cell is searched by patterns; cells with findings and sentences are read for names{kept}"

    return f"no text to search: its cells are of the kind {column.kind.value}"


def list_unsearched(plan: PiiPlan) -> tuple[str, ...]:
    """Sentences about what is not looked for by a plan."""
    off = sorted(BY_NAME.keys() - {UNKNOWN} - set(plan.entities))
    kept = sorted(type_ for type_ in plan.entities if plan.operator(type_) is Operator.KEEP)
    codes = [codes.name for codes in plan.code_columns]
    patterns = [name for name in plan.checked_columns if name not in codes]
    facts: list[tuple[Sequence[str], str]] = [
        (off, "Types that are switched off, and stay where they stand"),
        (kept, "Types that are known and kept"),
        (plan.locked, "Columns that are locked and were not searched"),
        (codes, "Columns of codes, searched by patterns only and not for names"),
        (patterns, "Columns in which names are looked for only beside findings and in sentences"),
        (
            [f"{name} ({language})" for name, language in sorted(plan.languages.items())],
            "Columns of texts in languages that the packaged model of names does not read",
        ),
        (plan.number_columns, "Columns of numbers, searched for card numbers only"),
    ]
    sentences = [f"{sentence}: {', '.join(names)}." for names, sentence in facts if names]
    if plan.ner_model is None:
        sentences.append(
            "No model looked for names and places in texts: only patterns, and what the row's columns hold."
        )

    return (*sentences, *_describe_recall(plan))


def _describe_recall(plan: PiiPlan) -> tuple[str, ...]:
    """The share of spans that the packaged model is known to find; nothing for other models."""
    figures = [f"{type_} {MEASURED_RECALL[type_]:.0%}" for type_ in sorted(MEASURED_RECALL) if type_ in plan.searched]
    if plan.ner_model != BUILTIN or not plan.text_columns or not figures:
        return ()
    return (f"Found in {MEASURED_ON}: {', '.join(figures)}. Texts of another kind may hold more that is missed.",)
