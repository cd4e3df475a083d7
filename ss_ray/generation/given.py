"""What is given of the rows to be made: values of every row, target shares, a table with some of the columns.

All of it becomes one table of some of the columns, a row for each row (or group) to be made, in which a missing cell is
to be drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pyarrow as pa

from ss_ray.config.generation import GenerationParameters
from ss_ray.errors import ConfigError, DataError, PrivacyError
from ss_ray.meant_names import closest_name, did_you_mean
from ss_ray.schema import ColumnSchema, Kind, Scalar, TableSchema, arrow_type, count_outside, is_dated
from ss_ray.tables.cells import type_table
from ss_ray.tables.files import file_digest, find_source, read_blocks

_NOUNS = {
    Kind.INTEGER: "whole numbers",
    Kind.FLOAT: "numbers",
    Kind.DATE: "dates, such as 2024-05-31",
    Kind.DATETIME: "points in time, such as 2024-05-31 09:30:00",
    Kind.TIME: "clock times, as whole numbers of the column's units",
    Kind.DURATION: "durations, as whole numbers of the column's units",
    Kind.BOOLEAN: "true and false",
    Kind.CATEGORY: "the values of its categories",
    Kind.TEXT: "texts",
    Kind.IDENTIFIER: "identifiers",
}
"""Values of a column of each kind, in words."""


def is_given(generation: GenerationParameters) -> bool:
    """Whether anything is said of the rows to be made."""
    return bool(generation.given or generation.shares or generation.seed_table)


def check_seeds(generation: GenerationParameters, encoding: str, digests: Collection[str]) -> None:
    """Refuse real rows as seeds where differential privacy is promised.

    Args:
        generation: Section `generation` of the request, with the given values.
        encoding: Character encoding of a seed table that is text.
        digests: SHA-256 of the files that the model was trained on.

    Raises:
        PrivacyError: The seed table has one of them.
    """
    if generation.seed_table is None:
        return

    source = find_source(generation.seed_table, encoding)
    if any(file_digest(file) in digests for file in source.files):
        raise PrivacyError(
            "generation.seed_table is the table that the model was trained on: its cells would be released as they are"
        )


def check_given(generation: GenerationParameters, schema: TableSchema) -> None:
    """Refuse given values that the model will not know, before it is trained.

    Args:
        generation: Section `generation` of the request; a seed table is read when rows are made.
        schema: Values and bounds that the model learns.

    Raises:
        ConfigError: A column that the table does not have.
        DataError: Values that the schema does not allow.
    """
    wanted = {name: [value] for name, value in generation.given.items()}
    wanted |= {name: list(shares) for name, shares in generation.shares.items()}
    for name, values in wanted.items():
        column = _find_column(name, schema)
        _check_inside(pa.chunked_array([_to_storage_type(values, column)]), column)


def given_table(generation: GenerationParameters, schema: TableSchema, size: int, seed: int, encoding: str) -> pa.Table:
    """The given cells of all rows to be made.

    Args:
        generation: Section `generation` of the request, with the given values.
        schema: Schema of the columns that can be given.
        size: Rows to be made, where no seed table says it.
        seed: Seed of the order in which shares are dealt out.
        encoding: Character encoding of a seed table that is text.

    Returns:
        (rows,) of the given columns, in storage types.

    Raises:
        ConfigError: A column that cannot be given, or is given twice.
        DataError: Values that the schema does not allow.
    """
    if generation.seed_table:
        seeds = _seed_rows(generation.seed_table, schema, encoding)
    else:
        seeds = None

    size = size if seeds is None else len(seeds)
    rng = np.random.default_rng([seed, size])
    columns = {name: [value] * size for name, value in generation.given.items()}
    columns |= {name: _deal_shares(shares, size, rng) for name, shares in generation.shares.items()}
    twice = sorted(set(columns) & set(seeds.column_names if seeds is not None else ()))
    if twice:
        raise ConfigError(f"generation.seed_table has columns that are given elsewhere: {', '.join(map(repr, twice))}")

    arrays = {name: _to_storage_type(values, _find_column(name, schema)) for name, values in columns.items()}
    if seeds is not None:
        arrays |= {name: seeds.column(name) for name in seeds.column_names}

    table = pa.table(arrays)
    for name in table.column_names:
        _check_inside(table.column(name), schema[name])

    return table


def _seed_rows(uri: str, schema: TableSchema, encoding: str) -> pa.Table:
    """The seed table in storage types."""
    source = find_source(uri, encoding)
    named = [_find_column(name, schema) for name in source.names]
    # Codes among the cells are values of the column of spellings.
    spellings = [spelling for column in named if (spelling := schema.spelling(column.name)) is not None]
    wanted = TableSchema(columns=(*named, *spellings))
    blocks = [type_table(block, wanted) for file in source.files for block in read_blocks(source, file)]
    if not sum(map(len, blocks)):
        raise DataError("generation.seed_table has no rows; there is nothing to make a row for")
    return pa.concat_tables(blocks)


def _find_column(name: str, schema: TableSchema) -> ColumnSchema:
    if name in schema.names:
        return schema[name]

    known = schema.source_names
    if not known:
        raise ConfigError(f"column {name!r} cannot be given: the model has no column whose values can be given")

    hint = did_you_mean(closest_name(name, known))
    raise ConfigError(f"column {name!r} cannot be given{hint} (columns that can be: {', '.join(map(repr, known))})")


def _deal_shares(shares: Mapping[Scalar, float], size: int, rng: np.random.Generator) -> list[Scalar]:
    """`size` values of which each has its share, the largest remainders rounded up, in random order."""
    values = list(shares)
    exact = np.array([shares[value] for value in values]) / sum(shares.values()) * size
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: size - counts.sum()]] += 1
    return [values[i] for i in rng.permutation(np.repeat(np.arange(len(values)), counts)).tolist()]


def _to_storage_type(values: Sequence[Scalar], column: ColumnSchema) -> pa.Array:
    """Values in the storage type."""
    type_ = arrow_type(column)
    if column.kind is not Kind.BOOLEAN and any(isinstance(value, bool) for value in values):
        raise _wrong_type(column)

    if pa.types.is_dictionary(type_):
        target = type_.value_type
    else:
        target = type_

    is_text = is_dated(target) or pa.types.is_string(target) or pa.types.is_large_string(target)
    try:
        return pa.array([str(v) for v in values] if is_text else list(values)).cast(target)
    except pa.ArrowException:
        raise _wrong_type(column) from None


def _wrong_type(column: ColumnSchema) -> DataError:
    return DataError(
        f"column {column.name!r} takes {_NOUNS[column.kind]}; a value that is given for it has another type",
        column=column.name,
    )


def _check_inside(array: pa.ChunkedArray, column: ColumnSchema) -> None:
    # A value that all rows get is one value.
    distinct = pa.chunked_array([array.combine_chunks().unique()])
    outside = count_outside(column, distinct) or _count_finer(column, distinct)
    if outside:
        raise DataError(
            f"column {column.name!r}: {outside} of the given values are not among those, or within the bounds, that "
            "the model knows; values of fewer units than data.min_units_per_category are held back from it",
            column=column.name,
        )


def _count_finer(column: ColumnSchema, array: pa.ChunkedArray) -> int:
    """Numbers with more digits after the point than the column has."""
    if column.kind is not Kind.FLOAT or column.decimals is None:
        return 0
    values = array.drop_null().cast(pa.float64()).to_numpy()
    return int((np.abs(np.round(values, column.decimals) - values) > 1e-9 * np.maximum(1, np.abs(values))).sum())
