"""What was found in a source, as lines for a terminal and as a commented configuration file."""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from ss_ray.cli.legend import legend_line
from ss_ray.constraints.suggest import to_yaml
from ss_ray.pipelines.survey import Survey, SurveyedColumn
from ss_ray.printed_tables import align_cells

FAST_MINUTE = 90.0
"""Seconds up to which a time is told in seconds."""


def survey_text(survey: Survey) -> str:
    """A survey as lines: rows, columns with their kind and what happens to them, group, constraints, time."""
    rows = [("column", "kind", "missing", "personal data", "why"), *(_column_cells(c) for c in survey.columns)]
    lines = [
        f"Read             {survey.reading}",
        f"Rows             {_describe_rows(survey)}, {len(survey.columns)} columns",
        *(f"  {line}" for line in align_cells(rows)),
        legend_line(_mark_of(column) for column in survey.columns),
        f"Group            {_describe_group(survey)}",
        f"Constraints      {len(survey.constraints)} hold in the first rows" + (":" if survey.constraints else ""),
        *(f"  {suggestion.reason}" for suggestion in survey.constraints),
        f"Estimate         {_describe_costs(survey)}",
    ]
    return "\n".join([*lines, "Nothing was trained and nothing was written"])


def survey_yaml(survey: Survey, target: str) -> str:
    """A configuration file of what was found: the defaults are set, each finding is a comment to uncomment.

    Args:
        survey: Findings in the source.
        target: Path of the file, for the command that uses it.
    """
    name = survey.data.rstrip("/").rpartition("/")[2].partition(".")[0] or "first"
    head = [
        f"# {survey.reading}",
        f"# {_describe_rows(survey)}, {len(survey.columns)} columns. {_describe_costs(survey)}.",
        f"# ss-ray run --data {survey.data} --config {target} --out runs/{name} --csv",
        "",
        "generation:",
        "  num_records: 1000",
        "training:",
        "  effort: balanced # or fast, best",
        "privacy:",
        "  dp_enabled: false # true: differential privacy for the whole release",
        "  epsilon: 8 # smaller is more private: 1 is strict",
    ]
    return "\n".join([*(_one_line(line) for line in head), *_data_lines(survey), *_constraint_lines(survey)]) + "\n"


def _data_lines(survey: Survey) -> Iterator[str]:
    yield from ("", "# data:")
    if survey.repeated is not None:
        yield f"#   # {_one_line(_describe_group(survey))}"
        yield f"#   group_training_examples_by: {_quote_name(survey.repeated.column)}"
        if survey.order is not None:
            yield f"#   order_training_examples_by: {_quote_name(survey.order)}"

    yield f"#   # {legend_line(_mark_of(column) for column in survey.columns)}"
    yield "#   columns:"
    for column in survey.columns:
        _, kind, missing, personal, why = _column_cells(column)
        entity = f", entity: {column.entity_type.lower()}" if column.entity_type else ""
        facts = f"{missing} missing; {personal}; {why}"
        yield f"#     {_quote_name(column.name)}: {{kind: {kind}{entity}}} # {_one_line(facts)}"


def _constraint_lines(survey: Survey) -> Iterator[str]:
    yield from ("", "# # Rules that the first rows keep. No synthetic row breaks a rule that stands here.")
    for line in to_yaml(survey.constraints).splitlines():
        yield f"# {line}"


def _mark_of(column: SurveyedColumn) -> str:
    return column.operator or "-"


def _column_cells(column: SurveyedColumn) -> tuple[str, ...]:
    personal = " ".join(part for part in (column.operator, column.entity_type) if part) or "-"
    return column.name, column.kind.value, f"{column.missing:.0%}", personal, column.reason


def _describe_rows(survey: Survey) -> str:
    if survey.rows is None:
        return "more rows than were looked at"
    return f"{survey.rows:,} rows" if survey.is_exact else f"about {survey.rows:,} rows"


def _describe_group(survey: Survey) -> str:
    if survey.repeated is None:
        return "no column of identifiers repeats; each row is taken by itself"
    order = f" and order {survey.order!r}" if survey.order else ""
    return f"{survey.repeated.describe()}; suggested is group {survey.repeated.column!r}{order}"


def _describe_costs(survey: Survey) -> str:
    if survey.seconds is None or survey.memory_bytes is None:
        return "Time and memory are not known"
    if survey.seconds < FAST_MINUTE:
        time = f"{survey.seconds:.0f} seconds"
    else:
        time = f"{survey.seconds / 60:.0f} minutes"
    return f"About {time} on two cores, and {survey.memory_bytes / 1e9:.1f} GB in the largest process"


def _quote_name(name: str) -> str:
    """A name as YAML in one line."""
    text = yaml.safe_dump(name, allow_unicode=True, width=10**6).splitlines()[0]
    return text if name.isprintable() else json.dumps(name)


def _one_line(text: str) -> str:
    """Text that ends no comment, whatever the names of columns hold."""
    return "".join(character if character.isprintable() else " " for character in text)
