"""Columns that a request names, checked against the header of the source before Ray or a model is loaded."""

from __future__ import annotations

from pathlib import Path

from ss_ray.config.model import Config
from ss_ray.config.named_columns import named_columns
from ss_ray.config.shortcuts import setting_label
from ss_ray.errors import DataError
from ss_ray.meant_names import closest_name, did_you_mean
from ss_ray.tables.connectors.copies import first_rows_copied
from ss_ray.tables.dialect import declared_dialect
from ss_ray.tables.files import find_source
from ss_ray.tables.first_rows import first_rows

MOST_NAMES = 40
"""Columns of the table that an error lists."""


def check_names(config: Config, data: str | Path) -> None:
    """Refuse a request that names a column which the source does not have.

    Args:
        config: The whole request.
        data: The source; its header and first rows are read.

    Raises:
        DataError: A setting names a missing column, or the source is missing, damaged, or has no rows.
    """
    refuse_missing(config, read_names(config, data))


def read_names(config: Config, data: str | Path) -> list[str]:
    """Names of the columns of a source, from its header and its first row.

    Args:
        config: The whole request, which says how the source is read.
        data: Path, URI or address of the source.

    Raises:
        DataError: The source is missing, damaged, or has no rows.
    """
    with first_rows_copied(data, config.data.query, 1) as files:
        source = find_source(files, config.data.encoding, config.data.max_bytes, declared_dialect(config.data))
        return first_rows(source, 1).column_names


def refuse_missing(config: Config, names: list[str]) -> None:
    """Refuse a request that names another column than these.

    Raises:
        DataError: A setting names a missing column.
    """
    for setting, name in named_columns(config):
        if name not in names:
            hint = did_you_mean(closest_name(name, names))
            message = f"{setting_label(setting)}: there is no column {name!r}{hint} {_list_names(names)}"
            raise DataError(message, column=name)


def _list_names(names: list[str]) -> str:
    """The columns of the table in words; of a wide table the first ones."""
    more = len(names) - MOST_NAMES
    others = f" and {more:,} more" if more > 0 else ""
    return f"(the table has {', '.join(map(repr, names[:MOST_NAMES]))}{others})"
