"""The pipeline: one function from a table to a safe synthetic table, a report and a manifest.

Each stage is a function on frozen values and writes its manifest last. The same request skips finished stages. A
changed request raises an error that lists the stale stages; `redo` runs them again.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from ss_ray.addresses import is_address
from ss_ray.codec.stored import read_model_schema, schema_json
from ss_ray.config.files import require_config
from ss_ray.config.model import Config
from ss_ray.constraints.check import check_declared
from ss_ray.errors import ConfigError, DataError, PrivacyError
from ss_ray.evaluation.privacy_tests import check_columns
from ss_ray.evaluation.quality.rule_violations import CheckedRules
from ss_ray.evaluation.report.compliance import RunFacts
from ss_ray.evaluation.report.readers import PiiRow
from ss_ray.evaluation.report.report import ReportContext
from ss_ray.evaluation.stage import (
    EvaluationRequest,
    EvaluationResult,
    Tables,
    evaluate_table,
    publish_report,
    write_evidence,
)
from ss_ray.generation.given import check_given, check_seeds
from ss_ray.generation.results import GenerationJob, SyntheticTable
from ss_ray.location import Location
from ss_ray.pii.identities.plan import IdentityPlan
from ss_ray.pii.rules import PiiPlan
from ss_ray.pii.stage import PiiResult, RowFolders, replace_pii, search_synthetic
from ss_ray.pii.survivors import ScanResult
from ss_ray.pipelines.cards import write_cards
from ss_ray.pipelines.copied_sources import bring_source, drop_copy, state_of_source
from ss_ray.pipelines.facts import (
    given_settings,
    personal_columns,
    public_columns,
    request_fingerprint,
    run_facts,
    sequence_columns,
    table_name,
)
from ss_ray.pipelines.families import FAMILIES, choose_family, make_request
from ss_ray.pipelines.found_constraints import find_constraints, plan_with, plan_without_faults
from ss_ray.pipelines.handover import Learned, Prepared, Release
from ss_ray.pipelines.notices import find_notices
from ss_ray.pipelines.private import PrivateRun, private_run_of, refuse_budgeted, train_privately
from ss_ray.pipelines.stages import Job, begin_job
from ss_ray.pipelines.tracking import check_tracking, track_job
from ss_ray.plans.make import check_supported, make_plan
from ss_ray.plans.plan import RunPlan
from ss_ray.plans.sequences import modelled_schema, with_timestamp_format
from ss_ray.privacy.certificate import Certificate
from ss_ray.progress import OnProgress, Progress, ignore
from ss_ray.runs.run_dir import RunDir, fingerprint
from ss_ray.schema import TableSchema
from ss_ray.tables.common_stage import hold_back_notes, hold_back_rare_values
from ss_ray.tables.export import write_csv
from ss_ray.tables.files import source_state
from ss_ray.tables.stage import TableRef, read_table, split_table
from ss_ray.training.stage import ModelRef, TrainingRows, discard_work


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
class PlannedSource:
    """The source table as it was read, and all that will be done with it.

    Attributes:
        table: Reference to the source.
        plan: Plan of the run.
        private_run: Account of the run in the privacy ledger; None without differential privacy.
        table_name: Name of the table for people.
    """

    table: TableRef
    plan: RunPlan
    private_run: PrivateRun | None
    table_name: str


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """A finished run.

    Attributes:
        run_dir: Directory of the run.
        synthetic: Folder of the synthetic table's Parquet files.
        csv: The table as one CSV file; None unless asked for.
        report: HTML page; None where evaluation is off.
        certificate: Path of the privacy certificate; None without differential privacy.
        guarantee: The certificate as an object; None without differential privacy.
        reading: Sentence about how the source was read.
        manifest: Folder of the stages' manifests.
        num_rows: Number of synthetic rows.
        incomplete: Reason why rows are missing; empty if no row is missing.
        evaluation: Main figures; None where evaluation is off.
        stage_seconds: Wall time of each stage, in this run or in the one that finished it.
        notices: Findings about the source that a person must see, with the option to set.
        done_now: Names of the stages that this call did, and found not finished.
    """

    run_dir: str
    synthetic: str
    csv: str | None
    report: str | None
    certificate: str | None
    guarantee: Certificate | None
    reading: str
    manifest: str
    num_rows: int
    incomplete: str
    evaluation: EvaluationResult | None
    stage_seconds: dict[str, float]
    notices: tuple[str, ...] = ()
    done_now: tuple[str, ...] = field(default=(), compare=False)


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
        config: The whole request; `Config()` for the defaults.
        data: CSV, Excel, JSON lines, Parquet or Arrow: a file or a folder, a local path or a URI such as s3://bucket/key.
        out: Run directory, a local path or a URI; with several nodes it must be reachable from all.
        csv: Also write release/synthetic.csv.
        redo: Do stages again that a changed request or a changed source makes stale.
        on_progress: Told how far each stage is.

    Raises:
        SsRayError: See `ss_ray.errors`; what is finished stays, and the same call goes on from there.
    """
    run_dir = RunDir.at(out)
    _check_request(config, data, run_dir)
    inputs = partial(inputs_of, config, data)
    # The state of the source is read inside of the job, so that an error stands in the audit log.
    with (
        begin_job("run", config, run_dir, inputs, redo=redo, on_progress=on_progress) as job,
        track_job(job, data) as tracking,
    ):
        files = bring_source(job, data)
        source = _read_source(job, data, files)
        source, prepared = _prepare_rows(job, files, source)
        learned = _train_model(job, source, prepared)
        release = _make_release(job, source, prepared, learned)
        csv_file = _write_csv(run_dir, prepared.schema) if csv else None
        evaluation = _evaluate_release(job, source, prepared, learned, release)
        write_cards(job, source.table_name, prepared.schema, learned.guarantee, evaluation)
        tracking.complete(job, release.synthetic.num_rows, learned.guarantee, evaluation)

        return RunReport(
            run_dir=str(run_dir.root),
            synthetic=str(run_dir.synthetic),
            csv=csv_file,
            report=str(run_dir.report) if evaluation else None,
            certificate=str(run_dir.certificate) if learned.guarantee else None,
            guarantee=learned.guarantee,
            reading=source.table.describe(),
            manifest=str(run_dir.root / "manifest"),
            num_rows=release.synthetic.num_rows,
            incomplete=release.synthetic.incomplete,
            evaluation=evaluation,
            stage_seconds=job.stages.seconds,
            done_now=job.stages.done_now,
            notices=find_notices(source.table, source.plan, finds=config.constraints == "auto"),
        )


def _check_request(config: Config, data: str | Path, run_dir: RunDir) -> None:
    """Refuse before any work what cannot be done.

    Raises:
        ConfigError: The request is not supported, lacks a package, or its places lie inside each other.
    """
    require_config(config)
    check_supported(config)
    choose_family(config).check(config.training)
    check_tracking(config.tracking)
    check_apart(data, run_dir)


def _read_source(job: Job, data: str | Path, files: str | Path) -> PlannedSource:
    """Look at every row once, refuse what cannot be done with this table, and plan all that follows."""
    config = job.config
    start = job.stages.run(start_run, config)
    # Under differential privacy the seed of the split is secret, like the sides of the rows.
    table = job.stages.run(
        read_table,
        files,
        with_timestamp_format(config.data, config),
        start.split_seed,
        job.on_progress,
        private=config.is_private,
        find_ids=not config.time_series.is_timeseries,
    )
    job.log.facts.update(inputs=list(table.digests), request=request_fingerprint(config))
    (job.run_dir.internal / "schema.json").write_text(schema_json(table.schema))
    _check_columns(config, table)

    private_run = private_run_of(job, data, table, name=start.job, seed=start.seed)
    # If the rows are already generated, the ledger has already admitted this run.
    if job.run_dir.read_manifest("generate") is None:
        if private_run is None:
            refuse_budgeted(config, data, table)
        else:
            private_run.admit()

    family = choose_family(config)
    plan = make_plan(config, family, num_rows=table.num_rows, seed=start.seed, split_seed=start.split_seed)

    return PlannedSource(table=table, plan=plan, private_run=private_run, table_name=table_name(data))


def _prepare_rows(job: Job, files: str | Path, source: PlannedSource) -> tuple[PlannedSource, Prepared]:
    """Split the rows, replace personal data, find constraints if asked to, and hold back rare values."""
    config = job.config
    internal = job.run_dir.internal
    real = RowFolders(train=internal / "train", holdout=internal / "holdout")
    replaced = RowFolders(
        train=internal / "replaced", holdout=internal / "replaced-holdout", templates=internal / "templates"
    )
    seen = real if config.replace_pii is None else replaced

    splits = job.stages.run(
        split_table, files, source.table, config.data, source.plan.split_seed, internal, job.on_progress
    )
    drop_copy(job)
    pii = job.stages.run(
        replace_pii,
        real,
        source.table.schema,
        config.replace_pii,
        config.data,
        config.resources,
        replaced,
        job.on_progress,
    )
    modelled = internal / "templates" if pii.has_templates else seen.train
    plan = source.plan
    if config.constraints == "auto":
        found = job.stages.run(find_constraints, seen.train, pii.schema)
        plan = plan_with(config, found, plan, num_rows=source.table.num_rows)

    common = job.stages.run(
        hold_back_rare_values,
        modelled,
        pii.schema,
        config.data,
        plan.hold_back,
        internal / "learned",
        job.on_progress,
    )
    # Under differential privacy the exact values are secret; the measured schema checks them later.
    if not config.is_private:
        check_given(config.generation, common.schema)

    if config.constraints == "auto":
        plan = plan_without_faults(plan, common.schema)

    return replace(source, plan=plan), Prepared(
        splits=splits,
        pii=pii,
        common=common,
        schema=modelled_schema(common.schema, plan.sequences),
        real=real,
        seen=seen,
        modelled=modelled,
        learned=internal / "learned" if common.is_rewritten else modelled,
    )


def _train_model(job: Job, source: PlannedSource, prepared: Prepared) -> Learned:
    """Train the model; with differential privacy measure the schema before, and certify the model after."""
    plan = source.plan
    family = FAMILIES[plan.family]
    # Nothing of an earlier language model may stay beside a model that writes its texts itself.
    if plan.family != "compact_and_prose":
        (job.run_dir.internal / "prose").remove()

    if source.private_run is not None:
        learned = train_privately(source.private_run, plan, prepared)
    else:
        rows = TrainingRows(
            rows=prepared.learned,
            schema=prepared.schema,
            sequences=plan.sequences,
            resources=job.config.resources,
            folder=job.run_dir.internal,
            key=job.stages.key("train"),
            unit=source.table.repeated_id.column if source.table.repeated_id else None,
        )
        model = job.stages.run(family.train, rows, plan.model.training, job.on_progress)
        _tell_early_stop(job, model, plan.model.training.num_steps)
        learned = Learned(model=model, guarantee=None)

    # Tokens are as secret as rows, and are not needed once the model is recorded.
    discard_work(job.run_dir.internal)
    discard_work(job.run_dir.internal / "prose")
    return learned


def _tell_early_stop(job: Job, model: ModelRef, num_steps: int) -> None:
    """Say that training ended before its last step, and why; nothing of a model that an earlier call trained."""
    if job.stages.ran and model.steps < num_steps:
        why = f"stopped at step {model.steps:,} of {num_steps:,}: no gain since {model.best_step:,}"
        job.on_progress(Progress(stage="train", done=model.steps, total=model.steps, unit="steps", note=why))


def _make_release(job: Job, source: PlannedSource, prepared: Prepared, learned: Learned) -> Release:
    """Generate the rows, search them for identifiers of real people, and write the page that may leave with them."""
    run_dir = job.run_dir
    plan = source.plan
    rows = GenerationJob(
        model=run_dir.internal / "model",
        plan=plan.generation,
        request=make_request(job.config, None if plan.is_private else prepared.learned),
        resources=job.config.resources,
        work=job.work_folder(learned.model.model_id),
        target=run_dir.synthetic,
        identities=identities_of(prepared.pii, is_private=plan.is_private),
    )
    synthetic = job.stages.run(FAMILIES[plan.family].generate, rows, plan.model.text, job.on_progress)
    job.log.facts["rows"] = synthetic.num_rows
    scan = job.stages.run(search_release, run_dir, prepared.real, prepared.pii.plan, job.on_progress)
    _publish_page(learned.guarantee, run_dir, synthetic, source)

    return Release(synthetic=synthetic, scan=scan)


def identities_of(pii: PiiResult, *, is_private: bool) -> IdentityPlan | None:
    """Columns and texts whose persons are made; under differential privacy without anything counted in cells."""
    if pii.identities is None or not is_private:
        return pii.identities
    return pii.identities.without_forms


def _write_csv(run_dir: RunDir, schema: TableSchema) -> str:
    """Write release/synthetic.csv; its path or URI."""
    return str(write_csv(run_dir.synthetic, schema, run_dir.release / "synthetic.csv"))


def _evaluate_release(
    job: Job, source: PlannedSource, prepared: Prepared, learned: Learned, release: Release
) -> EvaluationResult | None:
    """Compare the synthetic rows with the real ones, and write the evidence; None where evaluation is off."""
    run_dir = job.run_dir
    facts = run_facts(
        job,
        source.table,
        prepared,
        release,
        seed=source.plan.seed,
        guarantee=learned.guarantee,
    )
    if not job.config.evaluation.enabled:
        write_evidence(facts, None, run_dir.internal)
        return None

    # Where personal data was replaced, the originals are compared with the release too.
    has_originals = prepared.seen != prepared.real
    tables = Tables(
        train=prepared.seen.train,
        holdout=prepared.seen.holdout,
        synthetic=run_dir.synthetic,
        originals=(prepared.real.train, prepared.real.holdout) if has_originals else None,
    )
    return job.stages.run(
        evaluate_table,
        tables,
        prepared.schema,
        _evaluation_request(job.config, source.plan, prepared.pii),
        _report_context(job, source, prepared, learned, facts),
        facts,
        run_dir.internal,
        job.on_progress,
    )


def search_release(run_dir: RunDir, originals: RowFolders, plan: PiiPlan | None, on_progress: OnProgress) -> ScanResult:
    """Look in the synthetic table for identifiers of real rows.

    Raises:
        PrivacyError: One is there. The release is removed, and the next call generates anew.
    """
    try:
        return search_synthetic(originals, run_dir.synthetic, plan, on_progress)
    # Nothing may stay behind in release/ that holds an identifier of a real person.
    except PrivacyError:
        run_dir.release.remove()
        run_dir.manifest("generate").remove()
        raise


def _publish_page(
    guarantee: Certificate | None, run_dir: RunDir, synthetic: SyntheticTable, source: PlannedSource
) -> None:
    """Write the page that may leave with a table under differential privacy; a stale page went with its release."""
    if guarantee is None or run_dir.public_report.exists():
        return

    publish_report(
        guarantee,
        run_dir.synthetic,
        read_model_schema(run_dir.internal / "model"),
        num_rows=synthetic.num_rows,
        title=source.table_name,
        target=run_dir.public_report,
    )


def inputs_of(config: Config, data: str | Path) -> dict[str, str]:
    """What stages depend on beside the request: the state of the source, and of a seed table."""
    return {"read": fingerprint(state_of_source(data, config.data.query)), "generate": seed_state(config)}


def seed_state(config: Config) -> str:
    """Fingerprint of the seed table's files; empty without one."""
    seeds = config.generation.seed_table
    if seeds:
        return fingerprint(source_state(seeds))
    return ""


def check_apart(data: str | Path, run_dir: RunDir) -> None:
    """Refuse a run directory inside the source folder, and a source inside the private files of a run.

    Raises:
        ConfigError: The run's files would become part of the table; or the table is a copy made by a run, and the
            ledger cannot tell which table it is a copy of.
    """
    if is_address(data):
        return

    source = Location.parse(data)
    # Files of the run would be read as rows when it is resumed.
    if run_dir.root.is_inside(source):
        raise ConfigError(f"the run directory {run_dir.root} lies inside the source; give an --out elsewhere")

    # A copy inside of another run would escape the budget of the original table.
    folder = source.parent
    while folder.path not in ("", "/", ".", folder.parent.path):
        if (folder / "manifest" / "start.json").exists() and source.is_inside(folder / "internal"):
            raise ConfigError(f"the source lies in the private files of the run {folder.name}; give the original table")
        folder = folder.parent


def _check_columns(config: Config, table: TableRef) -> None:
    """Refuse settings that name a missing column, and constraints that the table cannot satisfy."""
    if config.replace_pii:
        locked = config.replace_pii.globals.lock_columns or ()
    else:
        locked = ()

    if table.nested:
        name = table.nested[0]
        raise DataError(
            f"each cell of column {name!r} is JSON and holds several values; give each value a column of its own, or "
            "leave the column out. To learn the cells as text, which need not come back as JSON, declare "
            f"data.columns: {{{name}: {{kind: text}}}}",
            column=name,
        )

    given = (*config.generation.given, *config.generation.shares)
    for name in (*locked, *given):
        table.schema[name]

    if config.evaluation.enabled:
        check_columns(config.evaluation, table.schema)

    check_declared(config.listed_constraints, table.schema)
    if config.is_private:
        check_seeds(config.generation, config.data.encoding, table.digests)


def start_run(config: Config) -> Start:
    """Draw everything that is fixed when a run of this request begins."""
    given = config.data.random_state
    if given is None:
        seed = secrets.randbelow(2**32)
    else:
        seed = given

    if config.is_private:
        # A person who knows the seed can compute which side a row is on.
        split_seed = secrets.randbelow(10**15)
    else:
        split_seed = seed

    return Start(seed=seed, split_seed=split_seed, job=secrets.token_hex(8))


def _evaluation_request(config: Config, plan: RunPlan, pii: PiiResult) -> EvaluationRequest:
    return EvaluationRequest(
        parameters=config.evaluation,
        seed=plan.seed,
        # Relations in real rows are not free under differential privacy.
        rules=CheckedRules(declared=plan.generation.constraints, finds=not config.is_private),
        sequences=sequence_columns(config),
        pii=personal_columns(pii),
        public=public_columns(config),
    )


def _report_context(
    job: Job, source: PlannedSource, prepared: Prepared, learned: Learned, facts: RunFacts
) -> ReportContext:
    plan = source.plan
    return ReportContext(
        title=source.table_name,
        run=job.run_dir.root.name,
        created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        model=FAMILIES[plan.family].describe(learned.model),
        counts=facts.counts,
        pii=tuple(
            PiiRow(column=row.column, entity_type=row.entity_type, replaced=row.replaced)
            for row in prepared.pii.statistics
        ),
        notes=(*plan.notes, *hold_back_notes(prepared.common, job.config.data), *_identity_notes(prepared.pii)),
        stage_seconds=dict(job.stages.seconds),
        privacy_statement=plan.notes[0],
        guarantee=learned.guarantee,
        settings=given_settings(job.config),
        versions=facts.versions,
        warnings=find_notices(source.table, plan, finds=job.config.constraints == "auto"),
    )


def _identity_notes(pii: PiiResult) -> tuple[str, ...]:
    """What the model has read of the names and numbers that were found."""
    if pii.identities is None or not pii.has_templates:
        return ()

    names = ", ".join(map(repr, pii.identities.texts))
    return (
        f"In {names} the model has read placeholders in place of the names, numbers and addresses that were found, "
        "neither originals nor stand-ins. The persons of the synthetic rows were invented after generation.",
    )
