"""New rows from a finished run, without training again: other sizes, seeds, constraints, given values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from ss_ray.codec.stored import read_model_schema
from ss_ray.config.files import parse_config, require_config
from ss_ray.config.model import Config
from ss_ray.errors import ConfigError
from ss_ray.generation.given import check_seeds, is_given
from ss_ray.generation.results import GenerationJob, SyntheticTable
from ss_ray.location import Location
from ss_ray.pii.rules import PiiPlan
from ss_ray.pii.stage import PiiResult, RowFolders
from ss_ray.pipelines.cards import write_cards
from ss_ray.pipelines.facts import request_fingerprint
from ss_ray.pipelines.families import FAMILIES, choose_family, make_request
from ss_ray.pipelines.kept_constraints import KeptConstraints, keep_constraints, read_found
from ss_ray.pipelines.private import refuse_budgeted_model
from ss_ray.pipelines.run import identities_of, search_release, seed_state, start_run
from ss_ray.pipelines.stages import GENERATION_STAGES, STAGES, Job, begin_job
from ss_ray.plans.make import make_plan
from ss_ray.plans.sequences import check_sequences
from ss_ray.privacy.certificate import Certificate
from ss_ray.progress import OnProgress, ignore
from ss_ray.runs.run_dir import RunDir, fingerprint
from ss_ray.tables.common_stage import CommonTable
from ss_ray.tables.export import write_csv
from ss_ray.tables.stage import TableRef


@dataclass(frozen=True, kw_only=True)
class GenerationReport:
    """New rows of a finished run.

    Attributes:
        run_dir: Directory of the new rows.
        synthetic: Folder of the table's Parquet files.
        csv: The table as one CSV file; None unless asked for.
        certificate: Certificate of the model, which holds for every table made with it; None without differential
            privacy.
        constraints: Constraints of the model's run and of the request.
        result: Counts of the rows that were made.
        stage_seconds: Wall time of each stage.
        done_now: Names of the stages that this call did, and found not finished.
    """

    run_dir: str
    synthetic: str
    csv: str | None
    certificate: str | None
    constraints: KeptConstraints
    result: SyntheticTable
    stage_seconds: dict[str, float]
    done_now: tuple[str, ...] = field(default=(), compare=False)


def generate_from(
    config: Config,
    model: str | Path,
    out: str | Path,
    *,
    csv: bool = False,
    redo: bool = False,
    on_progress: OnProgress = ignore,
) -> GenerationReport:
    """Generate rows with the model of a finished run.

    Args:
        config: The sections `generation`, `release` and `resources`, `data.random_state`, and start and stop of
            `time_series`; all others are those of the run that trained the model. Its `constraints` are added to those
            of the run, and an explicit empty list drops them.
        model: Directory of that run.
        out: Run directory of the new rows, another one.
        csv: Also write release/synthetic.csv.
        redo: Do again what a changed request makes stale.
        on_progress: Told how far it is.

    Raises:
        SsRayError: See `ss_ray.errors`.
    """
    require_config(config)
    trained = RunDir.at(model)
    run_dir = RunDir.at(out)
    if trained.root == run_dir.root:
        raise ConfigError("--out must be another directory than that of the model's run")

    _check_free(run_dir)
    _require_model(trained)
    schema = read_model_schema(trained.internal / "model")
    found = read_found(trained.read_manifest("find"), schema, config.generation.num_records)
    constraints = keep_constraints(config, trained.read_manifest("generate"), found)
    asked = _with_the_models_sections(config, trained, constraints)
    check_sequences(asked)

    inputs = partial(_inputs_of, asked, trained)
    with begin_job(
        "generate", asked, run_dir, inputs, wanted=GENERATION_STAGES, redo=redo, on_progress=on_progress
    ) as job:
        job.log.facts.update(model=str(trained.root), request=request_fingerprint(asked))
        # Read before any row is made: without it nothing of the model may leave.
        certificate = _read_certificate(asked, trained) if asked.is_private else None
        result = _make_rows(job, trained)
        if certificate is not None:
            run_dir.certificate.write_text(certificate.to_json())

        write_cards(job, trained.root.name, schema, certificate, None)
        return GenerationReport(
            run_dir=str(run_dir.root),
            synthetic=str(run_dir.synthetic),
            csv=_write_csv(run_dir, trained) if csv else None,
            certificate=str(run_dir.certificate) if certificate is not None else None,
            constraints=constraints,
            result=result,
            stage_seconds=job.stages.seconds,
            done_now=job.stages.done_now,
        )


def _make_rows(job: Job, trained: RunDir) -> SyntheticTable:
    """Make the rows, and search them for identifiers of the rows that the model learned from."""
    asked = job.config
    table = TypeAdapter(TableRef).validate_python(_read_manifest(trained, "read")["result"])
    if not asked.is_private:
        refuse_budgeted_model(asked, table)

    start = job.stages.run(start_run, asked)
    plan = make_plan(asked, choose_family(asked), num_rows=table.num_rows, seed=start.seed)
    rows = GenerationJob(
        model=trained.internal / "model",
        plan=plan.generation,
        request=make_request(asked, None if asked.is_private else _learned_rows(trained)),
        resources=asked.resources,
        work=job.work_folder(_model_id(trained)),
        target=job.run_dir.synthetic,
        identities=identities_of(_pii_result(trained), is_private=asked.is_private),
    )
    result = job.stages.run(FAMILIES[plan.family].generate, rows, plan.model.text, job.on_progress)

    originals = RowFolders(train=trained.internal / "train", holdout=trained.internal / "holdout")
    job.stages.run(search_release, job.run_dir, originals, _pii_plan(trained), job.on_progress)
    return result


def _inputs_of(asked: Config, trained: RunDir) -> dict[str, str]:
    """State of the files that the rows depend on beside the request: the model, and the seed table."""
    return {"generate": fingerprint(_model_id(trained), seed_state(asked))}


def _write_csv(run_dir: RunDir, trained: RunDir) -> str:
    """Write release/synthetic.csv; its path or URI."""
    schema = read_model_schema(trained.internal / "model")
    return str(write_csv(run_dir.synthetic, schema, run_dir.release / "synthetic.csv"))


def _learned_rows(trained: RunDir) -> Location:
    """Folder of the rows that the model learned from."""
    if TypeAdapter(CommonTable).validate_python(_read_manifest(trained, "hold_back")["result"]).is_rewritten:
        return trained.internal / "learned"
    return trained.internal / ("train" if _read_request(trained, "replace_pii")["replace_pii"] is None else "replaced")


def _pii_plan(trained: RunDir) -> PiiPlan | None:
    """What the model's run replaced."""
    return _pii_result(trained).plan


def _pii_result(trained: RunDir) -> PiiResult:
    return TypeAdapter(PiiResult).validate_python(_read_manifest(trained, "replace_pii")["result"])


def _check_free(run_dir: RunDir) -> None:
    """Refuse the directory of another run, whose finished stages would be lost."""
    # Stages of another run there would be taken for stale, and deleted.
    others = [stage for stage in STAGES if stage not in GENERATION_STAGES and run_dir.manifest(stage).exists()]
    if others:
        raise ConfigError(f"{run_dir.root} is the directory of an `ss-ray run`; give an --out of its own")


def _read_certificate(asked: Config, trained: RunDir) -> Certificate:
    """What is guaranteed of every table of the model.

    Raises:
        ConfigError: The model's run has no certificate.
        PrivacyError: Real rows are given as seeds.
    """
    if not trained.certificate.exists():
        raise ConfigError(f"{trained.root} has no certificate; finish `ss-ray run` there first")

    check_seeds(asked.generation, asked.data.encoding, _read_manifest(trained, "read")["result"]["digests"])
    certificate = Certificate.from_json(trained.certificate.read_text())
    if is_given(asked.generation):
        return certificate.with_given_cells()

    return certificate


def _read_manifest(trained: RunDir, stage: str) -> dict[str, Any]:
    manifest = trained.read_manifest(stage)
    if manifest is None:
        raise ConfigError(f"{trained.root} has no finished stage {stage!r}; run `ss-ray run` there first")
    return manifest


def _read_request(trained: RunDir, stage: str) -> dict[str, Any]:
    """What a stage of the model's run was asked for."""
    asked: dict[str, Any] = _read_manifest(trained, stage)["asked"]
    return asked


def _model_id(trained: RunDir) -> str:
    result = _read_manifest(trained, "train")["result"]
    return str(result.get("model", result)["model_id"])


def _require_model(trained: RunDir) -> None:
    """Refuse a directory without a model: a model is asked for the columns, groups and privacy of its training."""
    if not (trained.internal / "model" / "codec.json").exists():
        raise ConfigError(f"{trained.root} holds no model; give the directory of a finished `ss-ray run`")


def _with_the_models_sections(config: Config, trained: RunDir, constraints: KeptConstraints) -> Config:
    """The request with the constraints that hold, and the other sections of the run that trained the model."""
    read = _read_request(trained, "read")
    given = config.model_dump(mode="json")
    private = _read_request(trained, "start")["privacy"]
    ends = {name: given["time_series"][name] for name in ("start_timestamp", "stop_timestamp")}
    series = read["time_series"] | {name: value for name, value in ends.items() if value is not None}

    return parse_config(
        {
            "data": read["data"] | {"random_state": given["data"]["random_state"]},
            "time_series": series,
            "privacy": private,
            "training": _read_request(trained, "train")["training"],
            "generation": given["generation"],
            "constraints": [constraint.model_dump(mode="json") for constraint in constraints.all],
            "release": given["release"],
            "resources": given["resources"],
            "audit_log": given["audit_log"],
        }
    )
