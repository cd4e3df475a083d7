"""Spans of stages: nested, without the text of an error, and never in the way of a run."""

from __future__ import annotations

import logging

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from ss_ray.tracking.stage_spans import StageSpans, is_traced, make_exporter
from tests.tracking.local_server import closed_address, keeping_server


class KeptExporter(InMemorySpanExporter):
    """Spans stay after the exporter was shut down."""

    def shutdown(self) -> None:
        pass


def test_stages_are_spans_of_the_run() -> None:
    exporter = KeptExporter()
    spans = StageSpans(exporter, "run")
    with spans.trace_run(), spans.trace_stage("read"):
        pass
    read, run = exporter.get_finished_spans()
    assert (read.name, run.name) == ("read", "ss-ray run")
    assert read.parent.span_id == run.context.span_id
    assert run.resource.attributes["service.name"] == "ss_ray"


def test_the_text_of_an_error_is_not_recorded() -> None:
    exporter = KeptExporter()
    spans = StageSpans(exporter, "run")
    with pytest.raises(ValueError, match="Ann"), spans.trace_run(), spans.trace_stage("read"):
        raise ValueError("the cell 'Ann Quux'")
    for span in exporter.get_finished_spans():
        assert not span.status.is_ok
        assert span.attributes["error.type"] == "ValueError"
        assert "Quux" not in span.to_json()


def test_a_collector_gets_the_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    with keeping_server() as received:
        environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": received.url}
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", received.url)
        spans = StageSpans(make_exporter(environment), "run")
        with spans.trace_run(), spans.trace_stage("train"):
            pass
    ((path, body),) = received.bodies
    assert path == "/v1/traces"
    assert b"train" in body


def test_a_collector_that_is_down_is_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", closed_address())
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    spans = StageSpans(make_exporter({}), "run")
    with caplog.at_level(logging.WARNING), spans.trace_run():
        pass
    assert [record.name for record in caplog.records] == ["ss_ray.tracking.stage_spans"]


@pytest.mark.parametrize(
    ("environment", "traced"),
    [
        ({}, False),
        ({"OTEL_TRACES_EXPORTER": "console"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://host/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://host", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://host", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_environment_decides(environment: dict[str, str], traced: bool) -> None:
    assert is_traced(environment) is traced
