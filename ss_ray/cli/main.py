"""The command line: `ss-ray run`, `generate`, `evaluate`, `replace-pii`, `suggest-constraints`, `ledger`, and more.

Exit codes are those of `ss_ray.errors`; an error is one line on stderr, a traceback only with --debug.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ss_ray import __version__
from ss_ray.cli.audit_log import app as audit_log_app
from ss_ray.cli.ledger import app as ledger_app
from ss_ray.cli.summaries import evaluation_summary, generation_summary, replacement_summary, summary
from ss_ray.errors import ConfigError, SsRayError

if TYPE_CHECKING:
    from ss_ray.config.model import Config

INCOMPLETE = 9
"""Exit code of a job that ended with fewer rows than were asked for, and kept them."""
UNMET = 11
"""Exit code of an evaluation that does not show what --fail-on demands."""

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(ledger_app, name="ledger")
app.add_typer(audit_log_app, name="audit-log")

ConfigOption = Annotated[str | None, typer.Option("--config", help="YAML file or URI; the defaults without one.")]
SetOption = Annotated[list[str] | None, typer.Option("--set", help="Override one value: training.learning_rate=1e-3")]
DataOption = Annotated[
    str, typer.Option(help="CSV, Excel, JSON lines, Parquet or Arrow: a file or folder, a path or URI (s3://...).")
]
OutOption = Annotated[str, typer.Option(help="Run directory, a path or URI. The same command again resumes it.")]
RedoOption = Annotated[bool, typer.Option("--redo", help="Do again what a changed request or source makes stale.")]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Log each stage.")]
StatusOption = Annotated[
    str | None, typer.Option("--status", help="Keep how far the job is in this JSON file, and log JSON lines.")
]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show tracebacks.")]


@app.command()
def run(
    data: DataOption,
    out: OutOption,
    config: ConfigOption = None,
    overrides: SetOption = None,
    csv: Annotated[bool, typer.Option("--csv", help="Also write release/synthetic.csv.")] = False,
    redo: RedoOption = False,
    status: StatusOption = None,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    """Synthesize a table: replace PII, train, generate, evaluate."""
    _announce_start(verbose, debug, status)
    from ss_ray.runs.job_status import followed

    with followed(status) as job:
        parsed = _read_config(config, overrides)
        from ss_ray.location import Location
        from ss_ray.pipelines.names import check_names
        from ss_ray.plans.make import check_supported

        check_supported(parsed)
        # A run that is there may go on without its source.
        if not Location.parse(out).exists():
            check_names(parsed, data)

        # Imports Ray, torch and transformers: seconds.
        from ss_ray.pipelines.run import run as run_pipeline

        report = run_pipeline(parsed, data, out, csv=csv, redo=redo, on_progress=job)
        job.finish(rows=report.num_rows, incomplete=report.incomplete)

    print(summary(report))
    if report.incomplete:
        raise typer.Exit(INCOMPLETE)


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
    _announce_start(verbose, debug)
    parsed = _read_config(config, overrides)
    # Imports Ray and more: seconds.
    from ss_ray.pipelines.generate import generate_from
    from ss_ray.progress import shown

    with shown() as on_progress:
        report = generate_from(parsed, model, out, csv=csv, redo=redo, on_progress=on_progress)

    print(generation_summary(report))
    if report.result.incomplete:
        raise typer.Exit(INCOMPLETE)


@app.command()
def evaluate(
    real: Annotated[str, typer.Option(help="Rows that the synthetic table was made from: a file, folder or URI.")],
    synthetic: Annotated[str, typer.Option(help="The synthetic table, made by any tool.")],
    out: Annotated[str, typer.Option(help="Folder for report.html and metrics.json.")],
    holdout: Annotated[str | None, typer.Option(help="Real rows that the tool has not seen.")] = None,
    target: Annotated[str | None, typer.Option(help="Column to predict; chosen without one.")] = None,
    fail_on: Annotated[
        list[str] | None,
        typer.Option(help="End with exit code 11 on: hard-fails, privacy:GRADE or quality:GRADE (worse than that)."),
    ] = None,
    config: ConfigOption = None,
    overrides: SetOption = None,
    verbose: VerboseOption = False,
    debug: DebugOption = False,
) -> None:
    """Measure quality, utility and privacy of a synthetic table that any tool made."""
    _announce_start(verbose, debug)
    parsed = _read_config(config, [*(overrides or []), *([f"evaluation.target={target}"] if target else [])])
    from ss_ray.evaluation.demands import parse_demands, unmet

    # Imports Ray and more: seconds.
    from ss_ray.pipelines.evaluate import evaluate_files
    from ss_ray.progress import shown

    demands = parse_demands(fail_on or [])
    with shown() as on_progress:
        report = evaluate_files(parsed, real, synthetic, out, holdout=holdout, on_progress=on_progress)

    print(evaluation_summary(report))
    found = report.result
    grades = {"privacy": found.privacy_grade, "quality": found.quality_grade}
    reasons = list(unmet(demands, **grades, failed=bool(found.failed)))
    for reason in reasons:
        print(f"ss-ray: {reason}", file=sys.stderr)

    if reasons:
        raise typer.Exit(UNMET)


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


@app.command("replace-pii")
def replace_pii(
    data: DataOption,
    out: Annotated[
        str | None, typer.Option(help="Run directory, a path or URI. The same command again resumes it.")
    ] = None,
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

        print(preview_table(_read_config(config, overrides), data, preview))
        return
    if out is None:
        raise typer.BadParameter("give the run directory, or --preview for a look without one", param_hint="--out")

    _announce_start(verbose, debug, status)
    from ss_ray.runs.job_status import followed

    with followed(status) as job:
        parsed = _read_config(config, overrides)
        # Imports Ray and more: seconds.
        from ss_ray.pipelines.replace_pii import replace_table

        report = replace_table(parsed, data, out, csv=csv, redo=redo, on_progress=job)
        job.finish(rows=report.num_rows)

    print(replacement_summary(report))


@app.command()
def purge(
    run: Annotated[str, typer.Argument(help="Run directory, or the --out of `ss-ray evaluate`.")],
    config: ConfigOption = None,
    overrides: SetOption = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Delete every raw and derived private file of a run or an evaluation, and write the proof; the release stays."""
    from ss_ray.runs.purge import purge as purge_run

    proof = purge_run(run, _read_config(config, overrides).audit_log)
    print(f"Erased           {len(proof.erased):,} files")
    print(f"Kept             {len(proof.kept):,} files")
    print(f"Proof            {proof.run}/purge_proof.json")


def _read_config(file: str | None, overrides: list[str] | None) -> Config:
    # pydantic builds the configuration tree when it is imported, which `--help` need not wait for.
    from ss_ray.config.files import load_config

    return load_config(file, overrides or [])


def _announce_start(verbose: bool, debug: bool, status: str | None = None) -> None:
    """Choose the form of the logs, and tell a person at a terminal at once that the job starts."""
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


@app.command("config")
def show_config() -> None:
    """Print every parameter with its default, range and meaning."""
    from ss_ray.config.files import parameters

    for parameter in parameters():
        if parameter.applies_to:
            note = f" [{parameter.applies_to}]"
        else:
            note = ""
        print(f"{parameter.path}: {parameter.default}\n    {parameter.type}. {parameter.description}{note}")


@app.command()
def show(
    run: Annotated[str, typer.Argument(help="Directory of a finished run.")],
    rows: Annotated[int, typer.Option(min=1, help="Synthetic rows.")] = 3,
) -> None:
    """Show the first synthetic rows of a run."""
    from ss_ray.cli.show import show_rows

    print(show_rows(run, rows))


@app.command("demo-table")
def demo_table(
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    rows: Annotated[int, typer.Option(min=2, help="Visits.")] = 5000,
    seed: Annotated[int, typer.Option(help="Another seed gives another table.")] = 7,
) -> None:
    """Write the demo table: invented patients of a clinic with their visits."""
    from pyarrow import csv

    from ss_ray.demo import make_patients

    out.parent.mkdir(parents=True, exist_ok=True)
    csv.write_csv(make_patients(rows, seed), out)
    print(f"{rows:,} rows in {out}")


@app.command()
def audit(
    epsilon: Annotated[float, typer.Option(min=0.1, max=20, help="To claim.")] = 4.0,
    delta: Annotated[float, typer.Option(min=1e-12, max=0.1, help="To claim.")] = 1e-5,
    steps: Annotated[int, typer.Option(min=1, help="Optimizer steps.")] = 100,
    sample_rate: Annotated[float, typer.Option(min=1e-3, max=1, help="With which a row joins a batch.")] = 0.1,
    canaries: Annotated[int, typer.Option(min=1, help="Rows to recognise, each in or out by a coin.")] = 200_000,
    rows: Annotated[int, typer.Option(min=0, help="Other rows of the table.")] = 1000,
    confidence: Annotated[float, typer.Option(min=0.5, max=1 - 1e-9, help="Of the lower bound.")] = 0.95,
    run: Annotated[
        str | None, typer.Option(help="Audit all stages as this finished run went through them, on a table of its own.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="With --run: training workers of the audit.")] = 1,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Test the private training of this version against its charge, and bound from below the epsilon that it spends."""
    from ss_ray.privacy.audit import require_unrefuted, statement
    from ss_ray.privacy.conformance import conformance_statement, require_conformance

    if run is not None:
        # Imports Ray and more: seconds.
        from ss_ray.pipelines.audit import audit_run

        found = audit_run(run, num_workers=workers)
        print(f"Audited          {found.audited}\n{conformance_statement(found.result)}")
        require_conformance(found.result)
        return

    # Imports torch: seconds.
    from ss_ray.training.private.canaries import (
        audit_training,
        check_training,
        make_canaries,
        plan_audit,
        plan_conformance,
    )

    plan = plan_audit(
        epsilon=epsilon, delta=delta, num_steps=steps, sample_rate=sample_rate, num_canaries=canaries, num_rows=rows
    )
    print(
        f"Audited          DP-SGD as built into version {__version__}: sample rate {plan.sample_rate:g}, "
        f"steps {plan.num_steps}, noise multiplier {plan.noise_multiplier:.3f}\n"
        "                 on a table of canaries made for it, not your table and not your model"
    )
    result = audit_training(plan, make_canaries(canaries, rows), confidence)
    print(statement(result))
    conformance = check_training(*plan_conformance(plan, canaries, rows))
    print(conformance_statement(conformance))
    require_conformance(conformance)
    require_unrefuted(result)


@app.command()
def version() -> None:
    """Print the version."""
    print(__version__)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of `ss-ray` and of `python -m jobs.run`."""
    if arguments is None:
        arguments = sys.argv[1:]

    try:
        # Click returns the code of `typer.Exit`, and raises nothing.
        stopped = app(arguments, standalone_mode=False)
    except SsRayError as error:
        if "--debug" in arguments:
            raise
        print(f"ss-ray: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        print("ss-ray: stopped; the same command goes on from the last finished stage", file=sys.stderr)
        sys.exit(130)
    except Exception as error:
        # The last line of defence: no traceback, no cell value.
        code = getattr(error, "exit_code", None)
        if "--debug" in arguments or (code is None and not hasattr(error, "format_message")):
            if "--debug" in arguments:
                raise
            print(f"ss-ray: unexpected {type(error).__name__}; run again with --debug for the details", file=sys.stderr)
            sys.exit(1)
        print(f"ss-ray: {getattr(error, 'format_message')()}", file=sys.stderr)  # noqa: B009 - click's usage errors
        sys.exit(ConfigError.exit_code)

    if stopped:
        sys.exit(stopped)


if __name__ == "__main__":
    main()
