"""OpenTelemetry: a trace of a run with a span for each stage, sent when the run has ended.

The standard variables of the environment decide whether and where to: OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_TRACES_EXPORTER, OTEL_SERVICE_NAME, OTEL_SDK_DISABLED and the like.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
EXPORTERS = ("otlp", "console")


def is_traced(environment: Mapping[str, str]) -> bool:
    """Whether the environment asks for traces.

    Args:
        environment: Variables of the environment.

    Example:
        >>> is_traced({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"})
        True
        >>> is_traced({}), is_traced({"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://x"})
        (False, False)
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False

    exporter = environment.get("OTEL_TRACES_EXPORTER", "")
    if exporter:
        return exporter in EXPORTERS
    return any(environment.get(name) for name in ENDPOINTS)


class StageSpans:
    """Spans of one run: one of the whole run, and one of each stage that was done.

    Args:
        exporter: Exporter of OpenTelemetry's SDK.
        command: Name of the span of the whole run.
    """

    def __init__(self, exporter: Any, command: str) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        # Resource.create reads OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES, which win over the default.
        is_named = "OTEL_SERVICE_NAME" in os.environ or "service.name=" in os.environ.get(
            "OTEL_RESOURCE_ATTRIBUTES", ""
        )
        named = {} if is_named else {"service.name": "ss_ray"}
        provider = TracerProvider(resource=Resource.create(named), shutdown_on_exit=False)
        self.kept = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(self.kept))
        self.tracer = provider.get_tracer("ss_ray")
        self.exporter = exporter
        self.command = command

    @contextmanager
    def trace_run(self) -> Iterator[None]:
        """A span around the run; all spans are sent at its end, whether it succeeds or fails."""
        try:
            with self._open_span(f"ss-ray {self.command}"):
                yield
        finally:
            self._send_spans()

    @contextmanager
    def trace_stage(self, stage: str) -> Iterator[None]:
        """A span around a stage.

        Args:
            stage: Name of the stage.
        """
        with self._open_span(stage):
            yield

    @contextmanager
    def _open_span(self, name: str) -> Iterator[None]:
        from opentelemetry.trace import Status, StatusCode

        # The text of an error is not recorded: it may quote data.
        with self.tracer.start_as_current_span(name, record_exception=False, set_status_on_exception=False) as span:
            try:
                yield
            except BaseException as error:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute("error.type", type(error).__name__)
                raise

    def _send_spans(self) -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult

        # The exporter logs every attempt; one warning is enough.
        noisy = logging.getLogger("opentelemetry")
        level = noisy.level
        noisy.setLevel(logging.CRITICAL)
        try:
            sent = self.exporter.export(self.kept.get_finished_spans()) is SpanExportResult.SUCCESS
            self.exporter.shutdown()
        # Errors of any library behind the exporter must not lose a run.
        except Exception:  # noqa: BLE001
            sent = False
        finally:
            noisy.setLevel(level)

        if not sent:
            logger.warning("OpenTelemetry was not told of this run; the run itself is complete and unaffected")


def make_exporter(environment: Mapping[str, str]) -> Any:
    """The exporter that the environment names; the OTLP exporter reads the rest of its settings there.

    Args:
        environment: Variables of the environment.
    """
    if environment.get("OTEL_TRACES_EXPORTER") == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()

    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()
