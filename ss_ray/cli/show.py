"""Rows of a synthetic table on the terminal."""

from __future__ import annotations

import pyarrow as pa

from ss_ray.codec.stored import read_model_schema
from ss_ray.errors import ConfigError
from ss_ray.runs.run_dir import RunDir
from ss_ray.tables.cells import written_table
from ss_ray.tables.parts import read_part

WIDTH = 100
"""Characters of a cell that are shown."""


def show_rows(run: str, num_rows: int) -> str:
    """The first synthetic rows of a finished run, a column a line.

    Args:
        run: Directory of the run, a path or URI.
        num_rows: Number of rows, at least 1.

    Raises:
        ConfigError: There is no synthetic table.
    """
    run_dir = RunDir.at(run)
    files = run_dir.synthetic.files(".parquet")
    if not files:
        raise ConfigError(f"{run} holds no synthetic table; finish `ss-ray run` there first")

    schema = read_model_schema(run_dir.internal / "model")
    table = written_table(pa.concat_tables(list(read_part(files[0]))).slice(0, num_rows), schema)
    width = max(map(len, table.column_names))
    return "\n\n".join(
        "\n".join(f"{name:<{width}}  {_show_cell(cell)}" for name, cell in row.items()) for row in table.to_pylist()
    )


def _show_cell(cell: object) -> str:
    text = "-" if cell is None else str(cell)
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 3]}..."
