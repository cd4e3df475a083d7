"""`ss-ray init`, `preview`, `run` and `generate`: from a table to a synthetic one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ss_ray.cli.options import (
    DATA_HELP,
    INCOMPLETE,
    OUT_HELP,
    ConfigOption,
    DataOption,
    DebugOption,
    EpsilonOption,
    GroupOption,
    OrderOption,
    OutOption,
    RedoOption,
    RowsOption,
    SetOption,
    StatusOption,
    TargetOption,
    VerboseOption,
    announce_start,
    read_config,
)
from ss_ray.cli.stopping import run_job
from ss_ray.cli.summaries import generation_summary, summary
from ss_ray.errors import ConfigError

if TYPE_CHECKING:
    from ss_ray.config.model import Config
    from ss_ray.pipelines.run import RunReport  # with Ray and all stages, which take seconds

app = typer.Typer()


@app.command()
def init(
    data: Annotated[str, typer.Argument(help=DATA_HELP)],
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("ss-ray.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    config: ConfigOption = None,
    overrides: SetOption = None,
    debug: DebugOption = False,
) -> None:
    """Look at the first rows of a table, and write a commented configuration file of what was found."""
    if out.exists() and not force:
        raise ConfigError(f"the file {out} is there already; give --force to replace it, or another --out")

    from ss_ray.cli.survey import survey_yaml
    from ss_ray.pipelines.survey import survey_source

    text = survey_yaml(survey_source(read_config(config, overrides), data), str(out))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text, encoding="utf8")
    print(f"Configuration    {out}")


@app.command()
def preview(
    data: Annotated[str, typer.Argument(help=DATA_HELP)],
    config: ConfigOption = None,
    rows: RowsOption = None,
    target: TargetOption = None,
    epsilon: EpsilonOption = None,
    group: GroupOption = None,
    order: OrderOption = None,
    overrides: SetOption = None,
    debug: DebugOption = False,
) -> None:
    """Show what a run would do: kinds, personal data, suggestions, time and memory; train and write nothing."""
    shortcuts = {"rows": rows, "target": target, "epsilon": epsilon, "group": group, "order": order}
    _print_survey(read_config(config, overrides, shortcuts), data)


def _print_survey(config: Config, data: str) -> None:
    from ss_ray.cli.survey import survey_text
    from ss_ray.pipelines.survey import survey_source

    print(survey_text(survey_source(config, data)))


@app.command()
def run(
    data: DataOption,
    out: Annotated[str | None, typer.Option(help=f"{OUT_HELP} Required without --dry-run.")] = None,
    config: ConfigOption = None,
    rows: RowsOption = None,
    target: TargetOption = None,
    epsilon: EpsilonOption = None,
    group: GroupOption = None,
    order: OrderOption = None,
    overrides: SetOption = None,
    csv: Annotated[bool, typer.Option("--csv", help="Also write release/synthetic.csv.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done; train and write nothing.")
    ] = False,
    redo: RedoOption = False,
    status: StatusOption = None,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    """Synthesize a table: replace PII, train, generate, evaluate."""
    shortcuts = {"rows": rows, "target": target, "epsilon": epsilon, "group": group, "order": order}
    if dry_run:
        _print_survey(read_config(config, overrides, shortcuts), data)
        return
    if out is None:
        raise typer.BadParameter("give the run directory, or --dry-run for a look without one", param_hint="--out")

    started = announce_start(verbose, debug, status)
    from ss_ray.runs.job_status import followed

    with followed(status) as job:
        parsed = read_config(config, overrides, shortcuts)
        from ss_ray.location import Location
        from ss_ray.pipelines.names import check_names
        from ss_ray.plans.make import check_supported

        check_supported(parsed)
        # A run that is there may go on without its source, and a finished one without Ray.
        is_new = not Location.parse(out).exists()
        if is_new:
            check_names(parsed, data)

        report = run_job(lambda: _load_pipeline(is_new)(parsed, data, out, csv=csv, redo=redo, on_progress=job))
        job.finish(rows=report.num_rows, incomplete=report.incomplete)

    print(summary(report, time.monotonic() - started))
    if report.incomplete:
        raise typer.Exit(INCOMPLETE)


def _load_pipeline(is_new: bool) -> Callable[..., RunReport]:
    """`pipelines.run.run`; a run that is new needs Ray, which starts meanwhile."""
    from ss_ray.cluster import connect_and_import

    if is_new:
        connect_and_import("ss_ray.pipelines.run")

    from ss_ray.pipelines.run import run as run_pipeline

    return run_pipeline


@app.command()
def generate(
    model: Annotated[str, typer.Option(help="Run directory of the finished `ss-ray run` that trained the model.")],
    out: OutOption,
    config: ConfigOption = None,
    overrides: SetOption = None,
    csv: Annotated[bool, typer.Option("--csv", help="Also write release/synthetic.csv.")] = False,
    redo: RedoOption = False,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    """Make new rows with the model of a finished run: other sizes, constraints, given values."""
    started = announce_start(verbose, debug)
    parsed = read_config(config, overrides)
    # Imports Ray and more: seconds.
    from ss_ray.pipelines.generate import generate_from
    from ss_ray.progress import shown

    with shown() as on_progress:
        report = run_job(lambda: generate_from(parsed, model, out, csv=csv, redo=redo, on_progress=on_progress))

    print(generation_summary(report, time.monotonic() - started))
    if report.result.incomplete:
        raise typer.Exit(INCOMPLETE)
