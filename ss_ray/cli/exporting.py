"""`ss-ray export`: the rows of a finished run as a table of a database, of Delta Lake or of Iceberg."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from ss_ray.cli.options import DebugOption
from ss_ray.errors import ConfigError

app = typer.Typer()


class Existing(StrEnum):
    """Choices for a table that is there."""

    FAIL = "fail"
    APPEND = "append"
    REPLACE = "replace"


@app.command("export")
def export_rows(
    run: Annotated[str, typer.Argument(help="Run directory of `ss-ray run`, `generate` or `replace-pii`.")],
    to: Annotated[
        str, typer.Argument(help="Address of the table: postgresql://ann:${PGPASSWORD}@host/db#schema.table")
    ],
    if_exists: Annotated[Existing, typer.Option(help="What to do with a table that is there.")] = Existing.FAIL,
    debug: DebugOption = False,
) -> None:
    """Write the released rows of a finished run to a table of a database, of Delta Lake or of Iceberg."""
    from ss_ray.addresses import is_address, shown_name
    from ss_ray.runs.run_dir import RunDir
    from ss_ray.tables.connectors.sinks import write_rows

    run_dir = RunDir.at(run)
    parts = run_dir.synthetic.files(".parquet") or run_dir.table.files(".parquet")
    if not parts:
        raise ConfigError(f"{run} holds no released table; finish `ss-ray run` or `replace-pii` there first")
    if not is_address(to):
        raise ConfigError("the table is an address such as postgresql://host/db#schema.table, delta:///data/orders")

    num_rows = write_rows(parts, to, if_exists.value)
    print(f"Rows             {num_rows:,} in {shown_name(to)}")
