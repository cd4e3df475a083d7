"""MLflow: a run with parameters, metrics and artifacts, written in one go when the run has ended."""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from ss_ray.tracking.records import TrackedEnd, TrackedStart

QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",  # the package would tell its makers how it is used
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # a server that is down must not hold up a finished run for minutes
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
"""Settings of the client; those of the environment win."""


class MlflowSink:
    """A tracking server, or a store in a database or a folder.

    Args:
        uri: Address of the server or the store.
        experiment: Name of the experiment; it is created where there is none.
    """

    name = "MLflow"

    def __init__(self, uri: str, experiment: str) -> None:
        self.uri = uri
        self.experiment = experiment

    def begin(self, start: TrackedStart) -> None:
        """Nothing: a run is written when it has ended, so that a killed one leaves nothing half done."""

    def end(self, start: TrackedStart, end: TrackedEnd) -> None:
        """Write the whole run."""
        for name, value in QUIET.items():
            os.environ.setdefault(name, value)

        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param

        client = MlflowClient(tracking_uri=self.uri)
        found = client.get_experiment_by_name(self.experiment)
        experiment = found.experiment_id if found else client.create_experiment(self.experiment)
        finished = _count_milliseconds(end.finished_at)
        tags = {"ss_ray.table": start.table, "ss_ray.run_id": start.run_id}
        run = client.create_run(
            experiment,
            start_time=_count_milliseconds(start.started_at),
            tags=tags | ({"ss_ray.error": end.error} if end.error else {}),
            run_name=start.name,
        )
        client.log_batch(
            run.info.run_id,
            params=[Param(name, value) for name, value in start.parameters.items()],
            metrics=[Metric(name, value, finished, 0) for name, value in end.metrics.items()],
        )
        self._log_artifacts(client, run.info.run_id, end)
        client.set_terminated(run.info.run_id, "FAILED" if end.error else "FINISHED", end_time=finished)

    def _log_artifacts(self, client: Any, run_id: str, end: TrackedEnd) -> None:
        for name, text in end.artifacts.items():
            client.log_text(run_id, text, name)


def _count_milliseconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp() * 1000)
