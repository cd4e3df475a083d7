"""The first rows of a source, for searches that need no more."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from ss_ray.config.model import ColumnParameters
from ss_ray.errors import DataError
from ss_ray.schema import TableSchema
from ss_ray.tables.facts import table_facts
from ss_ray.tables.files import Source, read_blocks
from ss_ray.tables.infer import infer_schema
from ss_ray.tables.lenient import type_leniently


def first_rows(source: Source, max_rows: int) -> pa.Table:
    """Up to `max_rows` rows from the start of a source.

    Raises:
        DataError: There is none.
    """
    blocks: list[pa.Table] = []
    num_rows = 0
    for file in source.files:
        for block in read_blocks(source, file):
            blocks.append(block.slice(0, max_rows - num_rows))
            num_rows += blocks[-1].num_rows
            if num_rows == max_rows:
                return pa.concat_tables(blocks)

    if not blocks:
        raise DataError(f"{source.files[0].name} has a header and no rows; there is nothing to learn from")

    return pa.concat_tables(blocks)


def type_first_rows(
    rows: pa.Table, source: Source, declared: Mapping[str, ColumnParameters]
) -> tuple[TableSchema, pa.Table]:
    """The schema that the first rows of a source tell, and these rows in its types.

    Args:
        rows: Rows from the start of the source.
        source: Source of the rows, which says how numbers are written.
        declared: Declared columns by name.
    """
    schema = infer_schema(
        table_facts(rows), declared, is_text=source.is_text, min_rows=1, decimal=source.dialect.decimal
    )
    typed, _ = type_leniently(rows, schema)
    return schema, typed
