"""The pipeline: one function from a table to a safe synthetic table, a report and a manifest.

Each stage is a function on frozen values and writes its manifest last. Running the same request again skips what is
finished; a changed request names the stages that would have to be done again, and does them only when told to.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from ss_ray.cluster import check_resources, connect
from ss_ray.codec.stored import read_schema
from ss_ray.config.files import require_config
from ss_ray.config.model import Config
from ss_ray.constraints.check import check_declared
from ss_ray.errors import ConfigError, PrivacyError
from ss_ray.evaluation.privacy_tests import check_columns
from ss_ray.evaluation.report.compliance import RunFacts
from ss_ray.evaluation.report.report import PiiRow, ReportContext
from ss_ray.evaluation.stage import (
    EvaluationRequest,
    EvaluationResult,
    Tables,
    evaluate_table,
    publish_report,
    write_evidence,
)
from ss_ray.generation.given import check_given, check_seeds
from ss_ray.generation.results import SyntheticTable
from ss_ray.location import Location
from ss_ray.pii.rules import PiiPlan
from ss_ray.pii.stage import PiiResult, Sides, replace_pii, search_synthetic
from ss_ray.pii.survivors import ScanResult
from ss_ray.pipelines.facts import (
    given_settings,
    personal_columns,
    public_columns,
    request_fingerprint,
    run_facts,
    sequence_columns,
)
from ss_ray.pipelines.families import describe, generate, is_language_model, train
from ss_ray.pipelines.private import PrivateRun, refuse_budgeted, train_privately
from ss_ray.pipelines.stages import Stages
from ss_ray.plans.make import check_supported, is_private, make_plan, plan_hold_back
from ss_ray.plans.plan import RunPlan
from ss_ray.plans.sequences import modelled_schema, with_timestamp_format
from ss_ray.privacy.certificate import Certificate
from ss_ray.progress import OnProgress, ignore
from ss_ray.runs.audit_log import Log, logged
from ss_ray.runs.run_dir import RunDir, fingerprint
from ss_ray.tables.common_stage import CommonTable, hold_back_notes, hold_back_rare_values
from ss_ray.tables.export import write_csv
from ss_ray.tables.files import source_state
from ss_ray.tables.stage import Splits, TableRef, read_table, split_table
from ss_ray.training.stage import ModelRef, discard_work


@dataclass(frozen=True, kw_only=True)
class Start:
    """What is fixed when a run begins.

    Attributes:
        seed: `data.random_state`, or the one drawn where it is null.
        split_seed: Key of the split: the seed, or with differential privacy one that nobody chose or knows.
        job: Name of the run in the privacy ledger.
    """

    seed: int
    split_seed: int
    job: str


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """A finished run.

    Attributes:
        run_dir: Its directory.
        synthetic: Folder of the synthetic table's Parquet files.
        csv: The table as one CSV file; None unless asked for.
        report: HTML page; None where evaluation is off.
        certificate: What is guaranteed, as JSON; None without differential privacy.
        guarantee: The same; None likewise.
        manifest: Folder of the stages' manifests.
        num_rows: Synthetic rows.
        incomplete: Why there are fewer than were asked for; empty where there are not.
        evaluation: Main figures; None where evaluation is off.
        stage_seconds: Wall time of each stage, in this run or in the one that finished it.
    """

    run_dir: str
    synthetic: str
    csv: str | None
    report: str | None
    certificate: str | None
    guarantee: Certificate | None
    manifest: str
    num_rows: int
    incomplete: str
    evaluation: EvaluationResult | None
    stage_seconds: dict[str, float]


def run(
    config: Config,
    data: str | Path,
    out: str | Path,
    *,
    csv: bool = False,
    redo: bool = False,
    on_progress: OnProgress = ignore,
) -> RunReport:
    """Synthesize a table.

    Args:
        config: What to do; `Config()` for the defaults.
        data: CSV, JSON lines or Parquet: a file or a folder, a local path or a URI such as s3://bucket/key.
        out: Run directory, a local path or a URI; with several nodes it must be reachable from all.
        csv: Also write release/synthetic.csv.
        redo: Do stages again that a changed request or a changed source makes stale.
        on_progress: Told how far each stage is.

    Raises:
        SsRayError: See `ss_ray.errors`; what is finished stays, and the same call goes on from there.
    """
    require_config(config)
    check_supported(config)
    if is_language_model(config):
        # seconds, that compact models need not wait for.
        from ss_ray.training.pretrained import check_pretrained

        check_pretrained(config.training.pretrained_model)

    run_dir = RunDir.at(out)
    check_apart(data, run_dir)
    with logged("run", config.audit_log, str(run_dir.root)) as log:
        return _run(config, data, run_dir, csv=csv, redo=redo, log=log, on_progress=on_progress)


def _run(
    config: Config, data: str | Path, run_dir: RunDir, *, csv: bool, redo: bool, log: Log, on_progress: OnProgress
) -> RunReport:
    """All stages, from top to bottom."""
    stages = Stages(run_dir, config, redo=redo)
    stages.check(inputs_of(config, data))
    run_dir.create()
    connect()
    check_resources(config.resources)

    internal = run_dir.internal
    resources = config.resources
    real = Sides(train=internal / "train", holdout=internal / "holdout")
    replaced = Sides(train=internal / "replaced", holdout=internal / "replaced-holdout")
    seen = real if config.replace_pii is None else replaced
    start = stages.do("start", Start, lambda: start_of(config))
    table = stages.do(
        "read",
        TableRef,
        lambda: read_table(
            data, with_timestamp_format(config.data, config), start.split_seed, on_progress, private=is_private(config)
        ),
    )
    log.facts.update(inputs=list(table.digests), request=request_fingerprint(config))
    _check_columns(config, table)
    private_run = _private_run(config, start, data, table, stages)
    # Else everything that the ledger could refuse was done before.
    if run_dir.read_manifest("generate") is None:
        refuse_budgeted(config, data, table) if private_run is None else private_run.admit()

    plan = make_plan(config, num_rows=table.num_rows, seed=start.seed, split_seed=start.split_seed)
    splits = stages.do("split", Splits, lambda: split_table(data, table, config.data, plan, internal, on_progress))
    pii = stages.do(
        "replace_pii",
        PiiResult,
        lambda: replace_pii(real, table.schema, config.replace_pii, config.data, resources, replaced, on_progress),
    )
    hold_back = plan_hold_back(config, start.seed)
    learned = internal / "learned"
    common = stages.do(
        "hold_back",
        CommonTable,
        lambda: hold_back_rare_values(seen.train, pii.schema, config.data, hold_back, learned, on_progress),
    )
    schema = modelled_schema(common.schema, plan.sequences)
    if not common.is_rewritten:
        learned = seen.train

    if not is_private(config):
        check_given(config.generation, common.schema)

    if private_run is None:
        guarantee = None
        model = stages.do(
            "train",
            ModelRef,
            lambda: train(learned, splits.train_rows, schema, plan, config, internal, stages.key("train"), on_progress),
        )
    else:
        guarantee, model = train_privately(
            private_run, seen.train, real.train, replace(pii, schema=schema), run_dir, on_progress
        )

    discard_work(internal)
    real_rows = None if is_private(config) else learned
    work = internal / f"generation-{fingerprint(stages.key('generate'), model.model_id)[:16]}"
    synthetic = stages.do(
        "generate",
        SyntheticTable,
        lambda: generate(internal / "model", plan.generation, real_rows, config, work, run_dir.synthetic, on_progress),
    )
    log.facts["rows"] = synthetic.num_rows
    scan = stages.do("search", ScanResult, lambda: search_release(run_dir, real, pii.plan, on_progress))
    _publish(guarantee, run_dir, synthetic)
    if csv:
        csv_file = write_csv(run_dir.synthetic, schema, run_dir.release / "synthetic.csv")
    else:
        csv_file = None

    facts = run_facts(
        config,
        run_dir,
        table,
        splits,
        pii,
        scan=scan,
        num_rows=synthetic.num_rows,
        seed=start.seed,
        guarantee=guarantee,
        log=log,
    )
    evaluation = None
    if config.evaluation.enabled:
        context = _report_context(config, run_dir, plan, facts, pii, common, model, guarantee, stages.seconds)
        tables = Tables(
            train=seen.train,
            holdout=seen.holdout,
            synthetic=run_dir.synthetic,
            originals=None if seen is real else (real.train, real.holdout),
        )
        request = _evaluation_request(config, start, pii)
        evaluation = stages.do(
            "evaluate",
            EvaluationResult,
            lambda: evaluate_table(tables, schema, request, context, facts, internal, on_progress),
        )
    else:
        write_evidence(facts, None, internal)

    return _run_report(run_dir, csv_file, synthetic, guarantee, evaluation, stages.seconds)


def search_release(run_dir: RunDir, originals: Sides, plan: PiiPlan | None, on_progress: OnProgress) -> ScanResult:
    """Look in the synthetic table for identifiers of real rows.

    Raises:
        PrivacyError: One is there. The release is removed, and the next call generates anew.
    """
    try:
        return search_synthetic(originals, run_dir.synthetic, plan, on_progress)
    except PrivacyError:
        run_dir.release.remove()
        run_dir.manifest("generate").remove()
        raise


def _publish(guarantee: Certificate | None, run_dir: RunDir, synthetic: SyntheticTable) -> None:
    """The page that may leave with a table under differential privacy; a stale one went with its release."""
    if guarantee is None or run_dir.public_report.exists():
        return

    publish_report(
        guarantee,
        run_dir.synthetic,
        read_schema((run_dir.internal / "model" / "codec.json").read_text()),
        num_rows=synthetic.num_rows,
        title=run_dir.root.name,
        target=run_dir.public_report,
    )


def _evaluation_request(config: Config, start: Start, pii: PiiResult) -> EvaluationRequest:
    return EvaluationRequest(
        parameters=config.evaluation,
        seed=start.seed,
        constraints=config.constraints,
        sequences=sequence_columns(config),
        pii=personal_columns(pii),
        public=public_columns(config),
    )


def _run_report(
    run_dir: RunDir,
    csv_file: Location | None,
    synthetic: SyntheticTable,
    guarantee: Certificate | None,
    evaluation: EvaluationResult | None,
    seconds: dict[str, float],
) -> RunReport:
    return RunReport(
        run_dir=str(run_dir.root),
        synthetic=str(run_dir.synthetic),
        csv=str(csv_file) if csv_file else None,
        report=str(run_dir.report) if evaluation else None,
        certificate=str(run_dir.certificate) if guarantee else None,
        guarantee=guarantee,
        manifest=str(run_dir.root / "manifest"),
        num_rows=synthetic.num_rows,
        incomplete=synthetic.incomplete,
        evaluation=evaluation,
        stage_seconds=seconds,
    )


def inputs_of(config: Config, data: str | Path) -> dict[str, str]:
    """What stages depend on beside the request: the state of the source, and of a seed table."""
    return {"read": fingerprint(source_state(data)), "generate": seed_state(config)}


def seed_state(config: Config) -> str:
    """Fingerprint of the seed table's files; empty without one."""
    seeds = config.generation.seed_table
    if seeds:
        return fingerprint(source_state(seeds))
    return ""


def check_apart(data: str | Path, run_dir: RunDir) -> None:
    """Refuse a run directory inside the source folder, and a source inside the private files of a run.

    Raises:
        ConfigError: The run's files would become part of the table; or the table is a copy that a run has made, and no
            ledger knows of what.
    """
    source = Location.parse(data)
    if run_dir.root.is_inside(source):
        raise ConfigError(f"the run directory {run_dir.root} lies inside the source; give an --out elsewhere")

    folder = source.parent
    while folder.path not in ("", "/", ".", folder.parent.path):
        if (folder / "manifest" / "start.json").exists() and source.is_inside(folder / "internal"):
            raise ConfigError(f"the source lies in the private files of the run {folder.name}; give the original table")
        folder = folder.parent


def _check_columns(config: Config, table: TableRef) -> None:
    """Refuse early what names a column that the table does not have, and rules that it cannot keep."""
    if config.replace_pii:
        locked = config.replace_pii.globals.lock_columns or ()
    else:
        locked = ()

    given = (*config.generation.given, *config.generation.shares)
    for name in (*locked, *given):
        table.schema[name]

    if config.evaluation.enabled:
        check_columns(config.evaluation, table.schema)

    check_declared(config.constraints, table.schema)
    if is_private(config):
        check_seeds(config.generation, config.data.encoding, table.digests)


def start_of(config: Config) -> Start:
    """What is fixed when a run of this request begins."""
    given = config.data.random_state
    if given is None:
        seed = secrets.randbelow(2**32)
    else:
        seed = given

    if is_private(config):
        split_seed = secrets.randbelow(10**15)
    else:
        split_seed = seed

    return Start(seed=seed, split_seed=split_seed, job=secrets.token_hex(8))


def _private_run(config: Config, start: Start, data: str | Path, table: TableRef, stages: Stages) -> PrivateRun | None:
    """What differential privacy needs beside the other stages; None without it."""
    if config.privacy is None or not is_private(config):
        return None

    return PrivateRun(
        config=config,
        privacy=config.privacy,
        job=start.job,
        data=data,
        table=table,
        stages=stages,
        seed=start.seed,
    )


def _report_context(
    config: Config,
    run_dir: RunDir,
    plan: RunPlan,
    facts: RunFacts,
    pii: PiiResult,
    common: CommonTable,
    model: ModelRef,
    guarantee: Certificate | None,
    seconds: Mapping[str, float],
) -> ReportContext:
    return ReportContext(
        title=run_dir.root.name,
        created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        model=describe(model, config),
        counts=facts.counts,
        pii=tuple(
            PiiRow(column=row.column, entity_type=row.entity_type, replaced=row.replaced) for row in pii.statistics
        ),
        notes=(*plan.notes, *hold_back_notes(common, config.data)),
        stage_seconds=dict(seconds),
        privacy_statement=plan.notes[0],
        guarantee=guarantee,
        settings=given_settings(config),
        versions=facts.versions,
    )
