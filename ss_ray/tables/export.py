"""The synthetic table as one CSV file, written as the input was: formats, decimals, spellings."""

from __future__ import annotations

from pyarrow import csv

from ss_ray.runs import Location
from ss_ray.schema import TableSchema
from ss_ray.tables.cells import written_table
from ss_ray.tables.parts import read_part


def write_csv(rows: Location, schema: TableSchema, target: Location) -> Location:
    """Write all parts in `rows` to one UTF-8 file, a block at a time; it appears when it is complete."""
    partial = target.parent / f"_{target.name}.partial"
    header = True
    with target.filesystem.open_output_stream(partial.path) as stream:
        for part in rows.files(".parquet"):
            for block in read_part(part):
                csv.write_csv(written_table(block, schema), stream, csv.WriteOptions(include_header=header))
                header = False
    partial.move_to(target)
    return target
