"""What is given of the rows to be made: values of every row, target shares, a table with some of the columns.

All of it becomes one table of some of the columns, a row for each row (or group) to be made, in which a missing cell is
to be drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from ss_ray.config_generation import GenerationParameters
from ss_ray.errors import ConfigError, DataError
from ss_ray.schema import ColumnSchema, Scalar, TableSchema, arrow_type, count_outside
from ss_ray.tables.cells import type_table
from ss_ray.tables.files import find_source, read_blocks


def is_given(generation: GenerationParameters) -> bool:
    """Whether anything is said of the rows to be made."""
    return bool(generation.given or generation.shares or generation.seed_table)


def given_table(generation: GenerationParameters, schema: TableSchema, size: int, seed: int, encoding: str) -> pa.Table:
    """The given cells of all rows to be made.

    Args:
        generation: What is given.
        schema: Of the columns that can be given.
        size: Rows to be made, where no seed table says it.
        seed: Of the order in which shares are dealt out.
        encoding: Of the seed table, where it is text.

    Returns:
        (rows,) of the given columns, in storage types.

    Raises:
        ConfigError: A column that cannot be given, or is given twice.
        DataError: Values that the schema does not allow.
    """
    seeds = _seed_rows(generation.seed_table, schema, encoding) if generation.seed_table else None
    size = size if seeds is None else len(seeds)
    rng = np.random.default_rng([seed, size])
    columns = {name: [value] * size for name, value in generation.given.items()}
    columns |= {name: _dealt(shares, size, rng) for name, shares in generation.shares.items()}
    twice = sorted(set(columns) & set(seeds.column_names if seeds is not None else ()))
    if twice:
        raise ConfigError(f"generation.seed_table has columns that are given elsewhere: {', '.join(map(repr, twice))}")
    arrays = {name: _typed(values, _column(name, schema)) for name, values in columns.items()}
    if seeds is not None:
        arrays |= {name: seeds.column(name) for name in seeds.column_names}
    table = pa.table(arrays)
    for name in table.column_names:
        _check(table.column(name), schema[name])
    return table


def _seed_rows(uri: str, schema: TableSchema, encoding: str) -> pa.Table:
    """The seed table in storage types."""
    source = find_source(uri, encoding)
    wanted = TableSchema(columns=tuple(_column(name, schema) for name in source.names))
    return pa.concat_tables([type_table(block, wanted) for file in source.files for block in read_blocks(source, file)])


def _column(name: str, schema: TableSchema) -> ColumnSchema:
    if name not in schema.names:
        raise ConfigError(
            f"column {name!r} cannot be given; what can is {', '.join(map(repr, schema.names)) or 'nothing'}"
        )
    return schema[name]


def _dealt(shares: Mapping[Scalar, float], size: int, rng: np.random.Generator) -> list[Scalar]:
    """`size` values of which each has its share, the largest remainders rounded up, in random order."""
    values = list(shares)
    exact = np.array([shares[value] for value in values]) / sum(shares.values()) * size
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: size - counts.sum()]] += 1
    return [values[i] for i in rng.permutation(np.repeat(np.arange(len(values)), counts)).tolist()]


def _typed(values: Sequence[Scalar], column: ColumnSchema) -> pa.Array:
    """Values in the storage type."""
    type_ = arrow_type(column)
    target = type_.value_type if pa.types.is_dictionary(type_) else type_
    is_text = pa.types.is_temporal(target) or pa.types.is_string(target) or pa.types.is_large_string(target)
    try:
        return pa.array([str(v) for v in values] if is_text else list(values)).cast(target)
    except pa.ArrowException:
        raise DataError(
            f"column {column.name!r}: generation gives it values that are no {column.kind.value}", column=column.name
        ) from None


def _check(array: pa.ChunkedArray, column: ColumnSchema) -> None:
    outside = count_outside(column, array)
    if outside:
        raise DataError(
            f"column {column.name!r}: {outside} given values are not among those, or within the bounds, that the model "
            "knows",
            column=column.name,
        )
