"""Records of runs in real stores and on real servers of this machine; servers that are down lose nothing."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from ss_ray.errors import ConfigError
from ss_ray.tracking.mlflow_sink import MlflowSink
from ss_ray.tracking.openlineage_sink import OpenLineageSink
from ss_ray.tracking.records import SafeSinks, TrackedEnd, TrackedStart
from tests.tracking.local_server import closed_address, keeping_server

pytest.importorskip("mlflow", reason="mlflow is not installed")
pytest.importorskip("openlineage.client", reason="openlineage is not installed")

START = TrackedStart(
    run_id="0197c2f0-1111-7000-8000-000000000000",
    name="first",
    table="visits",
    parameters={"training.effort": "fast"},
    started_at="2026-01-31T10:00:00.000+00:00",
    source="s3://bucket/raw/visits.csv",
)
END = TrackedEnd(
    finished_at="2026-01-31T10:05:00.000+00:00",
    metrics={"rows": 300.0, "quality_score": 9.1},
    artifacts={"release/README.md": "# visits", "release/privacy_certificate.json": "{}"},
    output="/runs/first/release/synthetic",
    columns={"age": "int64", "city": "string"},
)


def lineage(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.filterwarnings("ignore")  # of MLflow's own imports
@pytest.mark.slow
def test_mlflow_has_parameters_metrics_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    monkeypatch.chdir(tmp_path)  # artifacts of a database store lie in the working directory
    uri = f"sqlite:///{tmp_path / 'runs.db'}"
    sink = MlflowSink(uri, "clinic")
    sink.end(START, END)
    sink.end(replace(START, name="second"), TrackedEnd(finished_at=END.finished_at, error="PrivacyError"))

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("clinic")
    first, second = client.search_runs([experiment.experiment_id], order_by=["attributes.run_name"])
    assert (first.info.run_name, first.info.status) == ("first", "FINISHED")
    assert first.data.params == {"training.effort": "fast"}
    assert first.data.metrics == {"rows": 300.0, "quality_score": 9.1}
    assert first.data.tags["ss_ray.table"] == "visits"
    assert {file.path for file in client.list_artifacts(first.info.run_id, "release")} == set(END.artifacts)
    assert (second.info.status, second.data.tags["ss_ray.error"]) == ("FAILED", "PrivacyError")


def test_lineage_tells_where_the_table_came_from_and_what_it_became(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    sink = OpenLineageSink(file.as_uri(), "clinic")
    sink.begin(START)
    sink.end(START, END)
    start, complete = lineage(file)
    assert (start["eventType"], complete["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == complete["run"]["runId"] == START.run_id
    assert start["job"] == {"namespace": "clinic", "name": "visits", "facets": {}}
    assert (start["inputs"][0]["namespace"], start["inputs"][0]["name"]) == ("s3://bucket", "raw/visits.csv")
    (output,) = complete["outputs"]
    assert (output["namespace"], output["name"]) == ("file", END.output)
    assert [(f["name"], f["type"]) for f in output["facets"]["schema"]["fields"]] == list(END.columns.items())


def test_lineage_of_a_failed_run_has_the_class_of_the_error_alone(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    OpenLineageSink(file.as_uri(), "clinic").end(START, TrackedEnd(finished_at=END.finished_at, error="DataError"))
    (event,) = lineage(file)
    assert event["eventType"] == "FAIL"
    assert event["run"]["facets"]["errorMessage"]["message"] == "DataError"


def test_a_lineage_server_gets_the_events() -> None:
    with keeping_server() as received:
        OpenLineageSink(received.url, "clinic").begin(START)
    ((path, body),) = received.bodies
    assert path == "/api/v1/lineage"
    assert json.loads(body)["eventType"] == "START"


def test_a_lineage_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="must begin with http"):
        OpenLineageSink("kafka://host", "clinic")


@pytest.mark.filterwarnings("ignore")  # of MLflow's own imports
def test_servers_that_are_down_are_one_warning_each(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    address = closed_address()
    file = tmp_path / "events.jsonl"
    sinks = SafeSinks(
        [
            OpenLineageSink(address, "clinic"),
            MlflowSink(address, "clinic"),
            OpenLineageSink(file.as_uri(), "clinic"),
        ]
    )
    with caplog.at_level(logging.WARNING, logger="ss_ray"):
        sinks.begin(START)
        sinks.end(START, END)
    warnings = [record.getMessage() for record in caplog.records if record.name.startswith("ss_ray")]
    assert [text.split(" was not told")[0] for text in warnings] == ["OpenLineage", "MLflow"]
    assert all("complete and unaffected" in text for text in warnings)
    assert len(lineage(file)) == 2  # the sink that works goes on
