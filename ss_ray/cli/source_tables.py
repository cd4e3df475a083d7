"""`ss-ray replace-pii` and `suggest-constraints`: what is done with a table of real rows without a model."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from ss_ray.cli.options import (
    OUT_HELP,
    ConfigOption,
    DataOption,
    DebugOption,
    RedoOption,
    SetOption,
    StatusOption,
    VerboseOption,
    announce_start,
    read_config,
)
from ss_ray.cli.stopping import run_job
from ss_ray.cli.summaries import replacement_summary

app = typer.Typer()


@app.command("replace-pii")
def replace_pii(
    data: DataOption,
    out: Annotated[str | None, typer.Option(help=OUT_HELP)] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    preview: Annotated[
        int | None,
        typer.Option("--preview", min=1, help="Show types, reasons and masked samples of so many rows; write nothing."),
    ] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Also write release/table.csv.")] = False,
    redo: RedoOption = False,
    status: StatusOption = None,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    """Replace the personal data of a table, in columns and in texts, and leave the rest as it is."""
    if preview is not None:
        from ss_ray.cli.preview import preview_table

        print(preview_table(read_config(config, overrides), data, preview))
        return
    if out is None:
        raise typer.BadParameter("give the run directory, or --preview for a look without one", param_hint="--out")

    started = announce_start(verbose, debug, status)
    from ss_ray.runs.job_status import followed

    with followed(status) as job:
        parsed = read_config(config, overrides)
        # Imports Ray and more: seconds.
        from ss_ray.pipelines.replace_pii import replace_table

        report = run_job(lambda: replace_table(parsed, data, out, csv=csv, redo=redo, on_progress=job))
        job.finish(rows=report.num_rows)

    print(replacement_summary(report, time.monotonic() - started))


@app.command("suggest-constraints")
def suggest(
    data: DataOption,
    out: Annotated[Path | None, typer.Option(help="YAML file to write; printed without one.")] = None,
    encoding: Annotated[str, typer.Option(help="Character encoding of text files.")] = "auto",
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Print the constraints that a table keeps in every row and hardly by chance, as YAML to choose from."""
    from ss_ray.cli.constraints import suggest_constraints

    text = suggest_constraints(data, encoding, out)
    print(f"Constraints      {out}" if out else text)
