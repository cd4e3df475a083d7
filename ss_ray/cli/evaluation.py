"""`ss-ray evaluate` and `audit`: what a synthetic table is worth, and what private training really spends."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ss_ray import __version__
from ss_ray.cli.options import UNMET, ConfigOption, DebugOption, SetOption, VerboseOption, announce_start, read_config
from ss_ray.cli.stopping import run_job
from ss_ray.cli.summaries import evaluation_summary

app = typer.Typer()


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
    announce_start(verbose, debug)
    parsed = read_config(config, overrides, {"target": target})
    from ss_ray.evaluation.demands import parse_demands, unmet

    # Imports Ray and more: seconds.
    from ss_ray.pipelines.evaluate import evaluate_files
    from ss_ray.progress import shown

    demands = parse_demands(fail_on or [])
    with shown() as on_progress:
        report = run_job(lambda: evaluate_files(parsed, real, synthetic, out, holdout=holdout, on_progress=on_progress))

    print(evaluation_summary(report))
    found = report.result
    grades = {"privacy": found.privacy_grade, "quality": found.quality_grade}
    reasons = list(unmet(demands, **grades, failed=bool(found.failed)))
    for reason in reasons:
        print(f"ss-ray: {reason}", file=sys.stderr)

    if reasons:
        raise typer.Exit(UNMET)


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
