"""The preview of a replacement for the command line, without Ray."""

from __future__ import annotations

from ss_ray.cli.legend import legend_line
from ss_ray.config.files import require_config
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError
from ss_ray.pii.entities import check_types
from ss_ray.pii.preview import LONG, SHORT, Preview, preview_replacement
from ss_ray.tables.connectors.copies import first_rows_copied
from ss_ray.tables.dialect import declared_dialect
from ss_ray.tables.files import find_source
from ss_ray.tables.first_rows import first_rows, type_first_rows

SAMPLE_ROWS = 200
"""First rows of the source, which type the columns."""


def preview_table(config: Config, data: str, num_rows: int) -> str:
    """The preview of a source as text for a terminal.

    Args:
        config: The whole request.
        data: CSV, Excel, JSON lines, Parquet or Arrow: a file or folder, a path or URI.
        num_rows: Number of rows to replace for the samples.

    Raises:
        SsRayError: The source cannot be read, or the request cannot be met.
    """
    require_config(config)
    if config.replace_pii is None:
        raise ConfigError("replace_pii is null: nothing is to be replaced")

    check_types(config.replace_pii)
    num_read = max(SAMPLE_ROWS, num_rows)
    with first_rows_copied(data, config.data.query, num_read) as files:
        source = find_source(files, config.data.encoding, declared=declared_dialect(config.data))
        schema, typed = type_first_rows(first_rows(source, num_read), source, config.data.columns)

    return write_preview(preview_replacement(typed, schema, config.replace_pii, config.data, num_rows))


def write_preview(preview: Preview) -> str:
    """A preview as lines: a column with its type and reason, and below it masked originals with their stand-ins."""
    typed_by = f"{preview.sample_rows:,} rows typed the columns"
    lines = [f"Preview          {preview.num_rows:,} rows; {typed_by}; nothing was written"]
    for column in preview.columns:
        sure = "" if column.confidence is None else f", {column.confidence:.0%} sure"
        lines.append(f"{column.operator:<16} {column.name}: {column.entity_type or 'no type'}{sure} ({column.reason})")
        lines += [f"                   {sample.before}  ->  {sample.after}" for sample in column.samples]

    lines.append(legend_line(column.operator for column in preview.columns))
    if any(column.samples for column in preview.columns):
        lines.append(f"Originals        first letter and length: short up to {SHORT} characters, long from {LONG} on")

    lines += [f"Not looked for   {sentence}" for sentence in preview.unsearched]
    return "\n".join(lines)
