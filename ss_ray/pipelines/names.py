"""Columns that a request names, checked against the header of the source before Ray or a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ss_ray.config.model import Config
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
    with first_rows_copied(data, config.data.query, 1) as files:
        source = find_source(files, config.data.encoding, config.data.max_bytes, declared_dialect(config.data))
        refuse_missing(config, first_rows(source, 1).column_names)


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


def named_columns(config: Config) -> Iterator[tuple[str, str]]:
    """Settings that name a column of the source, and the column that each names."""
    data = config.data
    evaluation = config.evaluation
    lists = {
        "data.group_training_examples_by": (data.group_training_examples_by,),
        "data.order_training_examples_by": (data.order_training_examples_by,),
        "data.columns": tuple(data.columns),
        "time_series.timestamp_column": (config.time_series.timestamp_column,),
        "evaluation.target": (evaluation.target,),
        "evaluation.mia_excluded_columns": evaluation.mia_excluded_columns or (),
        "evaluation.pii_replay_columns": evaluation.pii_replay_columns or (),
        "generation.given": tuple(config.generation.given),
        "generation.shares": tuple(config.generation.shares),
    }
    if config.replace_pii is not None:
        lists["replace_pii.globals.lock_columns"] = config.replace_pii.globals.lock_columns or ()
        lists["replace_pii.person_id"] = (config.replace_pii.person_id,)

    for number, rule in enumerate(config.listed_constraints):
        lists[f"constraints[{number}]"] = rule.read_columns

    for setting, names in lists.items():
        yield from ((setting, name) for name in names if name is not None)
