"""Personal data replaced in a table, and nothing else: one function from a table to the same table without it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from ss_ray.config.files import require_config
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.pii.entities import check_types
from ss_ray.pii.policy.steps import check_policy
from ss_ray.pii.report import REPORT_FILES
from ss_ray.pii.stage import PiiResult, RowFolders, replace_pii
from ss_ray.pipelines.copied_sources import bring_source, drop_copy, state_of_source
from ss_ray.pipelines.facts import request_fingerprint
from ss_ray.pipelines.private import refuse_budgeted
from ss_ray.pipelines.run import check_apart, start_run
from ss_ray.pipelines.stages import REPLACEMENT_STAGES, Job, begin_job
from ss_ray.plans.make import check_supported
from ss_ray.progress import OnProgress, ignore
from ss_ray.runs.run_dir import RunDir, fingerprint
from ss_ray.tables.export import write_csv
from ss_ray.tables.stage import TableRef, read_table, split_table


@dataclass(frozen=True, kw_only=True)
class ReplacementReport:
    """A finished replacement.

    Attributes:
        run_dir: Directory of the replacement.
        table: Folder of the table's Parquet files.
        csv: The table as one CSV file; None unless asked for.
        report: HTML page of what was replaced.
        reading: Sentence about how the source was read.
        num_rows: Number of rows written.
        result: Personal data that was found and replaced.
        unchanged: Columns in which nothing was replaced although nearly every cell has a value of its own.
        stage_seconds: Wall time of each stage, in this run or in the one that finished it.
        done_now: Names of the stages that this call did, and found not finished.
    """

    run_dir: str
    table: str
    csv: str | None
    report: str
    reading: str
    num_rows: int
    result: PiiResult
    unchanged: tuple[str, ...]
    stage_seconds: dict[str, float]
    done_now: tuple[str, ...] = field(default=(), compare=False)


def replace_table(
    config: Config,
    data: str | Path,
    out: str | Path,
    *,
    csv: bool = False,
    redo: bool = False,
    on_progress: OnProgress = ignore,
) -> ReplacementReport:
    """Replace the personal data of a table.

    Args:
        config: The whole request; sections about synthesis have no effect.
        data: CSV, Excel, JSON lines, Parquet or Arrow: a file or a folder, a local path or a URI such as s3://bucket/key.
        out: Run directory, a local path or a URI; with several nodes it must be reachable from all.
        csv: Also write release/table.csv, as the source was written.
        redo: Do stages again that a changed request or a changed source makes stale.
        on_progress: Told how far each stage is.

    Raises:
        SsRayError: See `ss_ray.errors`; what is finished stays, and the same call goes on from there.
    """
    require_config(config)
    asked = config.replace_pii
    if asked is None:
        raise ConfigError("replace_pii is null: nothing is to be replaced")

    check_types(asked)
    check_policy(asked.steps or ())
    # A replacement gives no guarantee of differential privacy, and must not look as if it did.
    privacy = config.privacy and config.privacy.model_copy(update={"dp_enabled": False})
    # All rows are kept: there is no model that a holdout could judge.
    config = config.model_copy(update={"data": config.data.model_copy(update={"holdout": 0.0}), "privacy": privacy})
    check_supported(config)
    run_dir = RunDir.at(out)
    check_apart(data, run_dir)
    inputs = partial(_inputs_of, config, data)
    with begin_job(
        "replace-pii", config, run_dir, inputs, wanted=REPLACEMENT_STAGES, redo=redo, on_progress=on_progress
    ) as job:
        table, result = _replace_rows(job, data)
        return ReplacementReport(
            run_dir=str(run_dir.root),
            table=str(run_dir.table),
            csv=str(write_csv(run_dir.table, result.schema, run_dir.release / "table.csv")) if csv else None,
            report=str(run_dir.release / "pii_report.html"),
            reading=table.describe(),
            num_rows=result.num_rows,
            result=result,
            unchanged=_unchanged_keys(table, result),
            stage_seconds=job.stages.seconds,
            done_now=job.stages.done_now,
        )


def _unchanged_keys(table: TableRef, result: PiiResult) -> tuple[str, ...]:
    """Columns that nearly identify a row and stay as they were, without kept ones and texts, which are shown apart."""
    if result.plan is None:
        return ()

    codes = {column.name for column in result.plan.code_columns}
    texts = set(result.plan.text_columns) - codes
    shown = {row.column for row in result.statistics} | {
        rule.name for rule in (*result.plan.kept, *result.plan.columns)
    }
    return tuple(name for name in table.near_unique if name not in shown | texts)


def _inputs_of(config: Config, data: str | Path) -> dict[str, str]:
    return {"read": fingerprint(state_of_source(data, config.data.query))}


def _replace_rows(job: Job, data: str | Path) -> tuple[TableRef, PiiResult]:
    """Type the rows, all of them as training rows, and replace their personal data."""
    config = job.config
    internal = job.run_dir.internal
    start = job.stages.run(start_run, config)
    files = bring_source(job, data)
    table = job.stages.run(read_table, files, config.data, start.split_seed, job.on_progress, min_rows=1)
    job.log.facts.update(inputs=list(table.digests), request=request_fingerprint(config))
    if job.run_dir.read_manifest("replace_pii") is None:
        refuse_budgeted(config, data, table)

    job.stages.run(split_table, files, table, config.data, start.split_seed, internal, job.on_progress)
    drop_copy(job)
    return table, job.stages.run(replace_pii_and_release, job, table)


def replace_pii_and_release(job: Job, table: TableRef) -> PiiResult:
    """Replace personal data, and move the finished table to release/."""
    config = job.config
    internal = job.run_dir.internal
    rows = RowFolders(train=internal / "train", holdout=internal / "holdout")
    written = RowFolders(train=internal / "replaced", holdout=internal / "replaced-holdout")
    result = replace_pii(
        rows, table.schema, config.replace_pii, config.data, config.resources, written, job.on_progress
    )
    _release_table(job.run_dir, written.train)
    return result


def _release_table(run_dir: RunDir, written: Location) -> None:
    """Move the finished table to release/, and its report beside it."""
    run_dir.table.remove()
    written.make_folder().move_to(run_dir.table)
    for name in REPORT_FILES:
        (run_dir.internal / name).move_to(run_dir.release / name)
