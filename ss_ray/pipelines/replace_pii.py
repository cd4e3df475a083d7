"""Personal data replaced in a table, and nothing else: one function from a table to the same table without it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ss_ray.cluster import connect
from ss_ray.config.files import require_config
from ss_ray.config.model import Config
from ss_ray.config.pii import PiiParameters
from ss_ray.errors import ConfigError
from ss_ray.location import Location
from ss_ray.pii.policy.steps import check_policy
from ss_ray.pii.report import REPORT_FILES
from ss_ray.pii.rules import check_types
from ss_ray.pii.stage import PiiResult, Sides, replace_pii
from ss_ray.pipelines.facts import request_fingerprint
from ss_ray.pipelines.private import refuse_budgeted
from ss_ray.pipelines.run import Start, check_apart, start_of
from ss_ray.pipelines.stages import REPLACEMENT_STAGES, Stages
from ss_ray.plans.make import make_plan
from ss_ray.progress import OnProgress, ignore
from ss_ray.runs.audit_log import Log, logged
from ss_ray.runs.run_dir import RunDir, fingerprint
from ss_ray.tables.export import write_csv
from ss_ray.tables.files import source_state
from ss_ray.tables.stage import Splits, TableRef, read_table, split_table


@dataclass(frozen=True, kw_only=True)
class ReplacementReport:
    """A finished replacement.

    Attributes:
        run_dir: Its directory.
        table: Folder of the table's Parquet files.
        csv: The table as one CSV file; None unless asked for.
        report: HTML page of what was replaced.
        num_rows: Rows written.
        result: What was found and done.
        stage_seconds: Wall time of each stage, in this run or in the one that finished it.
    """

    run_dir: str
    table: str
    csv: str | None
    report: str
    num_rows: int
    result: PiiResult
    stage_seconds: dict[str, float]


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
        config: What to do; sections about synthesis have no effect.
        data: CSV, JSON lines or Parquet: a file or a folder, a local path or a URI such as s3://bucket/key.
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
    privacy = config.privacy and config.privacy.model_copy(update={"dp_enabled": False})
    config = config.model_copy(update={"data": config.data.model_copy(update={"holdout": 0.0}), "privacy": privacy})
    run_dir = RunDir.at(out)
    check_apart(data, run_dir)
    with logged("replace-pii", config.audit_log, str(run_dir.root)) as log:
        return _replace(config, asked, data, run_dir, csv=csv, redo=redo, log=log, on_progress=on_progress)


def _replace(
    config: Config,
    asked: PiiParameters,
    data: str | Path,
    run_dir: RunDir,
    *,
    csv: bool,
    redo: bool,
    log: Log,
    on_progress: OnProgress,
) -> ReplacementReport:
    """All stages."""
    stages = Stages(run_dir, config, redo=redo, wanted=REPLACEMENT_STAGES)
    stages.check({"read": fingerprint(source_state(data))})
    run_dir.create()
    connect()

    rows = Sides(train=run_dir.internal / "train", holdout=run_dir.internal / "holdout")
    written = Sides(train=run_dir.internal / "replaced", holdout=run_dir.internal / "replaced-holdout")
    start = stages.do("start", Start, lambda: start_of(config))
    table = stages.do(
        "read", TableRef, lambda: read_table(data, config.data, start.split_seed, on_progress, min_rows=1)
    )
    log.facts.update(inputs=list(table.digests), request=request_fingerprint(config))
    if run_dir.read_manifest("replace_pii") is None:
        refuse_budgeted(config, data, table)

    plan = make_plan(config, num_rows=table.num_rows, seed=start.seed, split_seed=start.split_seed)
    stages.do("split", Splits, lambda: split_table(data, table, config.data, plan, run_dir.internal, on_progress))

    def replace() -> PiiResult:
        result = replace_pii(rows, table.schema, asked, config.data, config.resources, written, on_progress)
        _release(run_dir, written.train)
        return result

    result = stages.do("replace_pii", PiiResult, replace)
    if csv:
        csv_file = write_csv(run_dir.table, result.schema, run_dir.release / "table.csv")
    else:
        csv_file = None

    return ReplacementReport(
        run_dir=str(run_dir.root),
        table=str(run_dir.table),
        csv=str(csv_file) if csv_file else None,
        report=str(run_dir.release / "pii_report.html"),
        num_rows=result.num_rows,
        result=result,
        stage_seconds=stages.seconds,
    )


def _release(run_dir: RunDir, written: Location) -> None:
    """Move the finished table to release/, and its report beside it."""
    run_dir.table.remove()
    written.make_folder().move_to(run_dir.table)
    for name in REPORT_FILES:
        (run_dir.internal / name).move_to(run_dir.release / name)
