"""Short ways from cells and files to schemas and back."""

from pathlib import Path

import pyarrow as pa

from ss_ray.config.model import ColumnParameters
from ss_ray.schema import ColumnSchema, TableSchema
from ss_ray.tables.cells import type_table, written_table
from ss_ray.tables.export import csv_header, csv_text
from ss_ray.tables.facts import merge_tables, table_facts
from ss_ray.tables.files import find_source, read_blocks
from ss_ray.tables.infer import infer_schema


def read_all(path: Path, encoding: str = "auto") -> pa.Table:
    """All rows of a source as they are in the file."""
    source = find_source(path, encoding)
    blocks = [block for file in source.files for block in read_blocks(source, file)]
    return pa.concat_tables(blocks) if blocks else pa.table({name: pa.array([], pa.string()) for name in source.names})


def schema_of(table: pa.Table, *, is_text: bool = True, **declared: ColumnParameters) -> TableSchema:
    """Inferred schema of a table, each declared column given by name."""
    return infer_schema(table_facts(table), declared, is_text=is_text)


def text_column(*cells: str | None) -> pa.Table:
    """A table of one text column "x"."""
    return pa.table({"x": pa.array(cells, pa.string())})


def column_of(*cells: str | None, **declared: ColumnParameters) -> ColumnSchema:
    """Inferred schema of a column of text cells."""
    return schema_of(text_column(*cells), **declared)["x"]


def round_trip(text: str, path: Path) -> str:
    """A CSV text, read block by block, typed, checked, and written again."""
    path.write_text(text, encoding="utf8", newline="")
    source = find_source(path)
    blocks = [part for block in read_blocks(source, source.files[0]) for part in halves(block)]
    schema = infer_schema(merge_tables([table_facts(block) for block in blocks]), {}, is_text=True)
    typed = [type_table(block, schema) for block in blocks]
    for block in typed:
        schema.check(block)
    return csv_header(schema) + "".join(csv_text(written_table(block, schema)) for block in typed)


def round_trip_cells(*cells: str) -> list[str | None]:
    """The cells of a text column, typed and written again."""
    schema = schema_of(text_column(*cells))
    return written_table(type_table(text_column(*cells), schema), schema)["x"].cast(pa.string()).to_pylist()


def halves(table: pa.Table) -> list[pa.Table]:
    """Two blocks of a table, each with rows."""
    middle = max(1, table.num_rows // 2)
    return [block for block in (table.slice(0, middle), table.slice(middle)) if block.num_rows]
