"""The first rows of a source, for searches that need no more."""

from __future__ import annotations

import pyarrow as pa

from ss_ray.errors import DataError
from ss_ray.tables.files import Source, read_blocks


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
