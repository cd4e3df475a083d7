"""OpenLineage: an event when a run starts and one when it ends, with the source and the synthetic table as datasets."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from ss_ray import __version__
from ss_ray.errors import ConfigError
from ss_ray.tracking.records import TrackedEnd, TrackedStart

PRODUCER = f"urn:ss-ray:{__version__}"
TIMEOUT_SECONDS = 5.0


class OpenLineageSink:
    """A server of lineage events, or a file to which they are appended.

    Args:
        url: http(s)://... of a server, or file:///... of a file.
        namespace: Namespace of the jobs.

    Raises:
        ConfigError: The address is of neither kind.
    """

    name = "OpenLineage"

    def __init__(self, url: str, namespace: str) -> None:
        if urlsplit(url).scheme not in ("http", "https", "file"):
            raise ConfigError("tracking.openlineage_url must begin with http://, https:// or file:///")

        self.url = url
        self.namespace = namespace

    def begin(self, start: TrackedStart) -> None:
        """Send START."""
        self._emit_event("START", start, start.started_at, facets={}, outputs=[])

    def end(self, start: TrackedStart, end: TrackedEnd) -> None:
        """Send COMPLETE, or FAIL with the class of the error."""
        from openlineage.client.generated.error_message_run import ErrorMessageRunFacet

        if end.error is None:
            self._emit_event("COMPLETE", start, end.finished_at, facets={}, outputs=[_describe_output(end)])
        else:
            facet = ErrorMessageRunFacet(message=end.error, programmingLanguage="python")
            self._emit_event("FAIL", start, end.finished_at, facets={"errorMessage": facet}, outputs=[])

    def _emit_event(
        self, state: str, start: TrackedStart, time: str, facets: dict[str, Any], outputs: list[Any]
    ) -> None:
        from openlineage.client import event_v2

        event = event_v2.RunEvent(
            eventType=event_v2.RunState[state],
            eventTime=time,
            run=event_v2.Run(runId=start.run_id, facets=facets),
            job=event_v2.Job(namespace=self.namespace, name=start.table),
            inputs=[event_v2.InputDataset(*_split_place(start.source))],
            outputs=outputs,
            producer=PRODUCER,
        )
        transport = _open_transport(self.url)
        try:
            transport.emit(event)
        finally:
            transport.close()


def _open_transport(url: str) -> Any:
    from openlineage.client.transport.file import FileConfig, FileTransport
    from openlineage.client.transport.http import HttpConfig, HttpTransport

    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileTransport(FileConfig(log_file_path=unquote(parts.path), append=True))
    # Few attempts: a server that is down must not hold up a run.
    return HttpTransport(HttpConfig(url=url, timeout=TIMEOUT_SECONDS, retry={"total": 1, "backoff_factor": 0.1}))


def _describe_output(end: TrackedEnd) -> Any:
    from openlineage.client import event_v2
    from openlineage.client.generated.schema_dataset import SchemaDatasetFacet, SchemaDatasetFacetFields

    namespace, name = _split_place(end.output)
    fields = [SchemaDatasetFacetFields(name=column, type=kind) for column, kind in end.columns.items()]
    return event_v2.OutputDataset(namespace=namespace, name=name, facets={"schema": SchemaDatasetFacet(fields=fields)})


def _split_place(place: str) -> tuple[str, str]:
    """Namespace and name of a dataset, as OpenLineage's naming rules split a path or URI."""
    scheme, separator, rest = place.partition("://")
    if not separator:
        return "file", place

    host, _, path = rest.partition("/")
    return f"{scheme}://{host}", path or "/"
