"""Suggestions for a source table, without Ray: what `ss-ray` prints when it is asked for constraints."""

from __future__ import annotations

from pathlib import Path

from ss_ray.constraints.suggest import suggest, to_yaml
from ss_ray.tables.cells import type_table
from ss_ray.tables.connectors.copies import first_rows_copied
from ss_ray.tables.dialect import describe_reading
from ss_ray.tables.facts import table_facts
from ss_ray.tables.files import find_source
from ss_ray.tables.first_rows import first_rows
from ss_ray.tables.infer import infer_schema

MAX_ROWS = 200_000
"""Rows that are read, the first ones of the source."""


def suggest_constraints(data: str | Path, encoding: str = "auto", out: Path | None = None) -> str:
    """Constraints that the rows of a source obey, as a `constraints:` section in YAML.

    Args:
        data: CSV, Excel, JSON lines, Parquet or Arrow: a file or folder, a path or URI.
        encoding: Character encoding of text files.
        out: File to write, too.

    Raises:
        DataError: The source is missing, damaged, or too small.
    """
    with first_rows_copied(data, None, MAX_ROWS) as files:
        source = find_source(files, encoding)
        rows = first_rows(source, MAX_ROWS)

    schema = infer_schema(table_facts(rows), {}, is_text=source.is_text, decimal=source.dialect.decimal)
    reading = describe_reading(str(data), source.format, source.dialect)
    text = f"# Read {reading}\n{to_yaml(suggest(schema, type_table(rows, schema)))}"
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf8")

    return text
