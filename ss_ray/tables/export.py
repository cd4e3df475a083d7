"""The synthetic table as one CSV file, in the formats, decimals and spellings of the input.

Cells are quoted only where they must be, and where a string is empty: `,"",` is an empty string, `,,` is missing.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from ss_ray.location import Location
from ss_ray.schema import TableSchema
from ss_ray.tables.cells import written_table
from ss_ray.tables.parts import read_part

_QUOTED = r'[",\r\n]|^$|^\s|\s$'


def write_csv(rows: Location, schema: TableSchema, target: Location) -> Location:
    """Write all parts in `rows` to one UTF-8 file, a block at a time; the file appears when it is complete."""
    partial = target.parent.make_folder() / f"_{target.name}.partial"
    with target.filesystem.open_output_stream(partial.path) as stream:
        stream.write(csv_header(schema).encode())
        for part in rows.files(".parquet"):
            for block in read_part(part):
                stream.write(csv_text(written_table(block, schema)).encode())

    partial.move_to(target)
    return target


def csv_header(schema: TableSchema) -> str:
    """The line of column names."""
    return ",".join(_quote_text(pa.array(schema.source_names, pa.string())).to_pylist()) + "\n"


def csv_text(table: pa.Table) -> str:
    """Lines of comma-separated cells, one for each row."""
    cells = [_write_cells(column) for column in table.columns]
    lines = pc.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
    return "".join(f"{line}\n" for line in lines.to_pylist())


def _write_cells(array: pa.ChunkedArray) -> pa.Array:
    is_text = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    text = array.combine_chunks().cast(pa.string())
    if is_text:
        return _quote_text(text)
    return text


def _quote_text(text: pa.Array) -> pa.Array:
    escaped = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.if_else(pc.match_substring_regex(text, _QUOTED), escaped, text)
