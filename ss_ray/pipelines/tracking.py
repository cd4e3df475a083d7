"""What a run tells tracking servers, and when: MLflow, OpenLineage and OpenTelemetry, where a request asks for them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from ss_ray.addresses import shown_name
from ss_ray.config.model import Config, TrackingParameters
from ss_ray.errors import ConfigError
from ss_ray.evaluation.stage import EvaluationResult
from ss_ray.pipelines.facts import given_settings, table_name
from ss_ray.pipelines.stages import Job
from ss_ray.privacy.certificate import Certificate
from ss_ray.runs.run_dir import RunDir
from ss_ray.tables.parts import part_schema
from ss_ray.tracking.mlflow_sink import MlflowSink
from ss_ray.tracking.openlineage_sink import OpenLineageSink
from ss_ray.tracking.records import SafeSinks, TrackedEnd, TrackedStart, TrackingSink
from ss_ray.tracking.stage_spans import StageSpans, is_traced, make_exporter

SENT_SECTIONS = ("training.", "resources.", "privacy.", "evaluation.")
"""Sections whose parameters hold no cell of a table."""
SENT_PARAMETERS = (
    "data.holdout",
    "data.max_holdout",
    "data.min_units_per_category",
    "generation.num_records",
    "generation.temperature",
    "generation.top_p",
)
FIGURES = (
    "quality_score",
    "quality_verdict",
    "discriminator_auc",
    "utility_real",
    "utility_synthetic",
    "copied_share",
    "copied_share_holdout",
    "closer_to_train_share",
)
"""Figures of the evaluation that are sent as metrics."""
EXTRA = "pip install 'ss-ray[tracking]'"


@dataclass
class JobTracking:
    """Results of a job, which are sent when it has ended.

    Attributes:
        end: Results; without any until the job is complete.
    """

    end: TrackedEnd | None = None

    def complete(
        self, job: Job, num_rows: int, guarantee: Certificate | None, evaluation: EvaluationResult | None
    ) -> None:
        """Keep the results of a job.

        Args:
            job: The job, whose release is complete.
            num_rows: Number of synthetic rows.
            guarantee: The certificate; None without differential privacy.
            evaluation: Main figures; None where evaluation is off.
        """
        is_open = guarantee is None or job.config.tracking.internal
        metrics = {"rows": float(num_rows)}
        if guarantee is not None:
            metrics |= {"epsilon": guarantee.epsilon, "delta": guarantee.delta}
        # Under differential privacy, figures of real rows and times that depend on them were not paid for.
        if is_open:
            metrics |= {f"seconds_{stage}": seconds for stage, seconds in job.stages.seconds.items()}
            metrics |= _list_figures(evaluation)

        self.end = TrackedEnd(
            finished_at=_read_clock(),
            metrics=metrics,
            artifacts=_read_artifacts(job.run_dir, internal=job.config.tracking.internal),
            output=str(job.run_dir.synthetic),
            columns=_read_columns(job.run_dir),
        )


def check_tracking(tracking: TrackingParameters) -> None:
    """Refuse a request whose tracking needs a package that is not installed.

    Raises:
        ConfigError: A package is missing, or an address is of the wrong kind.
    """
    needed = {
        "mlflow": tracking.mlflow_uri,
        "openlineage": tracking.openlineage_url,
        "opentelemetry.exporter.otlp.proto.http": is_traced(os.environ)
        and os.environ.get("OTEL_TRACES_EXPORTER") != "console",
    }
    for package, asked in needed.items():
        if asked and not _is_installed(package):
            raise ConfigError(f"tracking needs the package {package.partition('.')[0]}: {EXTRA}")

    _make_sinks(tracking)


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    # A parent package is missing.
    except ModuleNotFoundError:
        return False


@contextmanager
def track_job(job: Job, data: str | Path) -> Iterator[JobTracking]:
    """Tell the servers of the request that a job starts, how long its stages take, and how it ends.

    A server that does not answer is a warning. A job whose stages were all finished before is told to nobody.

    Args:
        job: The job that was begun.
        data: The source table.
    """
    tracking = JobTracking()
    if job.stages.is_finished:
        yield tracking
        return

    sinks = SafeSinks(_make_sinks(job.config.tracking))
    start = TrackedStart(
        run_id=str(uuid.uuid4()),
        name=job.run_dir.root.name,
        table=table_name(data),
        source=shown_name(data).partition("?")[0],
        parameters=sent_parameters(job.config),
        started_at=_read_clock(),
    )
    sinks.begin(start)
    try:
        with _trace_job(job):
            yield tracking
    except BaseException as error:
        sinks.end(start, TrackedEnd(finished_at=_read_clock(), error=type(error).__name__))
        raise

    if tracking.end is not None:
        sinks.end(start, replace(tracking.end, finished_at=_read_clock()))


@contextmanager
def _trace_job(job: Job) -> Iterator[None]:
    """Spans of the job and its stages, where the environment asks for traces."""
    if not is_traced(os.environ):
        yield
        return

    spans = StageSpans(make_exporter(os.environ), "run")
    job.stages.observe = spans.trace_stage
    with spans.trace_run():
        yield


def _make_sinks(tracking: TrackingParameters) -> list[TrackingSink]:
    sinks: list[TrackingSink] = []
    if tracking.mlflow_uri:
        sinks.append(MlflowSink(tracking.mlflow_uri, tracking.mlflow_experiment))
    if tracking.openlineage_url:
        sinks.append(OpenLineageSink(tracking.openlineage_url, tracking.openlineage_namespace))
    return sinks


def sent_parameters(config: Config) -> dict[str, str]:
    """Parameters that were given -> values, of those that hold neither cells nor secrets nor names of columns.

    Args:
        config: The whole request.
    """
    columns = ("evaluation.target", "evaluation.mia_excluded_columns", "evaluation.pii_replay_columns")
    return {
        path: value
        for path, value in given_settings(config).items()
        if (path.startswith(SENT_SECTIONS) and not path.startswith(columns)) or path in SENT_PARAMETERS
    }


def _list_figures(evaluation: EvaluationResult | None) -> dict[str, float]:
    if evaluation is None:
        return {}

    values = {name: getattr(evaluation, name) for name in FIGURES}
    known = {name: float(value) for name, value in values.items() if value is not None}
    return known | {"failed_privacy_rules": float(len(evaluation.failed))}


def _read_artifacts(run_dir: RunDir, *, internal: bool) -> dict[str, str]:
    """Files that may leave; with `internal`, the report on real rows too."""
    files = [run_dir.dataset_card, run_dir.croissant, run_dir.certificate, run_dir.public_report]
    artifacts = {f"release/{file.name}": file.read_text() for file in files if file.exists()}
    if internal and run_dir.report.exists():
        artifacts["internal/report.html"] = run_dir.report.read_text()

    return artifacts


def _read_columns(run_dir: RunDir) -> dict[str, str]:
    """Column of the synthetic table -> storage type."""
    parts = run_dir.synthetic.files(".parquet")
    if not parts:
        return {}
    return {field.name: str(field.type) for field in part_schema(parts[0])}


def _read_clock() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
