"""Options that several commands share, and what each command does first: read the request, say that it starts."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from ss_ray import __version__

if TYPE_CHECKING:
    from ss_ray.config.model import Config

INCOMPLETE = 9
"""Exit code of a job that ended with fewer rows than were asked for, and kept them."""
UNMET = 11
"""Exit code of an evaluation that does not show what --fail-on demands."""

ConfigOption = Annotated[str | None, typer.Option("--config", help="YAML file or URI; the defaults without one.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Override one value: training.learning_rate=1e-3")]
DATA_HELP = (
    "CSV, Excel, JSON lines, Parquet or Arrow: a file or folder, a path or URI (s3://...); or the address of a table "
    "(postgresql://host/db#schema.table, duckdb://, delta://, iceberg://)."
)
DataOption = Annotated[str, typer.Option(help=DATA_HELP)]
OUT_HELP = "Run directory, a path or URI. The same command again resumes it."
OutOption = Annotated[str, typer.Option(help=OUT_HELP)]
RowsOption = Annotated[int | None, typer.Option("--rows", "-n", help="Rows to generate.")]
TargetOption = Annotated[str | None, typer.Option(help="Column that the report predicts; chosen without one.")]
EpsilonOption = Annotated[float | None, typer.Option(help="Give differential privacy with this epsilon.")]
GroupOption = Annotated[str | None, typer.Option(help="Column whose rows of one value belong together.")]
OrderOption = Annotated[str | None, typer.Option(help="Column that the rows of a group ascend by.")]
RedoOption = Annotated[bool, typer.Option("--redo", help="Do again what a changed request or source makes stale.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Log each stage.")]
StatusOption = Annotated[
    str | None, typer.Option("--status", help="Keep how far the job is in this JSON file, and log JSON lines.")
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


def read_config(file: str | None, overrides: list[str] | None, shortcuts: Mapping[str, object] | None = None) -> Config:
    """The configuration of a file, changed by short options, and then by --set."""
    # pydantic builds the configuration tree when it is imported, which `--help` need not wait for.
    from ss_ray.config.files import load_config
    from ss_ray.config.shortcuts import shortcut_overrides

    return load_config(file, [*shortcut_overrides(**(shortcuts or {})), *(overrides or [])])


def announce_start(verbose: bool, debug: bool, status: str | None = None) -> float:
    """Choose the form of the logs, tell a person at a terminal at once that the job starts, and start its clock."""
    started = time.monotonic()
    if status is not None:
        from ss_ray.runs.job_status import log_as_json

        log_as_json()

    # Warnings go to stderr, so that stdout holds the summary alone.
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="%(levelname)s %(message)s")
    # In a pipe or a log an error stays the only line.
    if status is None and sys.stderr.isatty():
        print(f"ss-ray {__version__} starts; Ray and torch take a few seconds to load", file=sys.stderr, flush=True)

    if not debug:
        # Ray's own warnings go between the progress bars.
        os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")

    return started
