"""A client of the jobs API.

client = Client("http://localhost:8000")
job = client.submit("patients.csv", {"generation": {"num_records": 1000}})
client.wait(job)
table = client.data(job)
"""

from __future__ import annotations

import io
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from ss_ray.errors import ConfigError, ResourceError, SsRayError

if TYPE_CHECKING:
    import pandas as pd

JOBS = "/v1beta1/safe-synthesizer/jobs"
TERMINAL = ("completed", "error", "cancelled")
POLL_SECONDS = 1.0
RETRIES = 5
"""Tries of a request that only reads, while the service is away for a moment."""


class JobError(SsRayError):
    """A job ended without a table."""

    code = "job_failed"


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """How far a job is.

    Attributes:
        status: created, pending, active, cancelling, completed, error or cancelled.
        stage: Name of the stage that is running; empty outside of any.
        progress: Share of its steps that is done, in [0, 1].
        message: Why it ended, where it ended badly; empty else.
    """

    status: str
    stage: str
    progress: float
    message: str

    @property
    def is_over(self) -> bool:
        """Whether it will not change any more."""
        return self.status in TERMINAL


class Client:
    """The jobs API of a service.

    Args:
        url: Address of the service, such as http://localhost:8000.
        api_key: Shown with every request; None where the service asks for none.
        namespace: Namespace of the jobs and files.
        timeout_seconds: Longest wait for an answer, in seconds.
        poll_seconds: Time between two looks at a job, and before a request is sent again.
        transport: Carries requests, for tests; None: the network.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        namespace: str = "default",
        timeout_seconds: float = 60.0,
        poll_seconds: float = POLL_SECONDS,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if api_key:
            headers = {"authorization": f"Bearer {api_key}"}
        else:
            headers = {}

        self.namespace = namespace
        self.poll_seconds = poll_seconds
        self._http = httpx.Client(
            base_url=url.rstrip("/"), headers=headers, timeout=timeout_seconds, transport=transport, trust_env=False
        )

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def submit(self, data: str | Path | pd.DataFrame, config: Mapping[str, Any] | None = None, name: str = "") -> str:
        """Create a job, and return its id.

        Args:
            data: A file of this machine, which is uploaded; a data frame likewise; or a source that the service
                knows: hf://datasets/..., or a folder or bucket that its operator lets jobs read.
            config: Parameters by section, as in the YAML files of `ss-ray run`.
            name: Name of the job, unique in the namespace; empty: a name is made.

        Raises:
            ConfigError: The service refuses it, and says why.
            ResourceError: The service does not answer.
        """
        if isinstance(data, str) and "://" in data:
            source = data
        else:
            source = self._upload_source(data)

        body = {"spec": {"data_source": source, "config": dict(config or {})}, "namespace": self.namespace}
        try:
            return str(self._request_json("POST", JOBS, json=body | ({"name": name} if name else {}))["id"])
        except ConfigError as error:
            if source != data or "://" in source or "data_source" not in str(error):
                raise
            # A path that is not on this machine was meant for the service.
            raise ConfigError(f"there is no file {source!r} on this machine; {error}") from None

    def upload(self, content: Any, filename: str) -> str:
        """Store a file, and return the source that jobs name it by.

        Args:
            content: Bytes, or an open binary file, which streams.
            filename: Its ending says what it is: .csv, .jsonl, .parquet.
        """
        query = urllib.parse.urlencode({"filename": filename, "namespace": self.namespace})
        return str(self._request_json("POST", f"/v1/datasets/upload?{query}", content=content)["data_source"])

    def status(self, job: str) -> JobStatus:
        """How far a job is."""
        found = self._request_json("GET", f"{JOBS}/{job}/status")
        steps = [_read_share(step) for step in found["steps"]]
        return JobStatus(
            status=found["status"],
            stage=str(found["status_details"].get("stage", "")),
            progress=sum(steps) / len(steps) if steps else 0.0,
            message=str(found["error_details"].get("message", "")),
        )

    def wait(self, job: str, *, progress: bool = True, timeout_seconds: float = float("inf")) -> JobStatus:
        """Wait until a job is over, with a bar on a terminal.

        Raises:
            JobError: It ended with an error, or was cancelled.
            ResourceError: It is not over in time; it goes on.
        """
        until = time.monotonic() + timeout_seconds
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[stage]}"),
            TimeElapsedColumn(),
        )
        with Progress(*columns, disable=not progress) as bar:
            task = bar.add_task(job, total=1.0, stage="")
            while not (now := self.status(job)).is_over:
                bar.update(task, completed=now.progress, stage=now.stage or now.status)
                if time.monotonic() > until:
                    raise ResourceError(f"{job} is {now.status} after {timeout_seconds:g} s; it goes on")
                time.sleep(self.poll_seconds)

            bar.update(task, completed=now.progress, stage=now.status)

        if now.status != "completed":
            raise JobError(f"{job} is {now.status}{': ' if now.message else ''}{now.message}")

        return now

    def data(self, job: str) -> pd.DataFrame:
        """The table that a job made."""
        import pandas as pd

        return pd.read_parquet(io.BytesIO(self.result(job, "synthetic_data_parquet")))

    def summary(self, job: str) -> dict[str, Any]:
        """Scores, counts and times."""
        return self._request_json("GET", f"{JOBS}/{job}/results/summary/download")

    def result(self, job: str, name: str) -> bytes:
        """The content of a result: synthetic_data, evaluation_report, metrics, privacy_certificate, compliance, ..."""
        return self._send_request("GET", f"{JOBS}/{job}/results/{name}/download").content

    def save(self, job: str, name: str, file: str | Path) -> None:
        """Write a result to a file, a piece at a time; the file is there whole or not at all."""
        target = Path(file)
        partial = target.with_name(f".{target.name}.partial")
        with self._http.stream("GET", f"{JOBS}/{job}/results/{name}/download") as answer:
            _check_answer(answer)
            with partial.open("wb") as stream:
                for chunk in answer.iter_bytes():
                    stream.write(chunk)

        partial.replace(target)

    def results(self, job: str) -> list[str]:
        """Names of what a finished job left."""
        return [str(found["result_name"]) for found in self._request_json("GET", f"{JOBS}/{job}/results")["data"]]

    def logs(self, job: str) -> Iterator[str]:
        """Lines of a job's log."""
        cursor: str | None = ""
        while cursor is not None:
            page = self._request_json("GET", f"{JOBS}/{job}/logs", params={"page_cursor": cursor} if cursor else {})
            yield from (f"{line['timestamp']} {line['message']}" for line in page["data"])
            cursor = page["next_page"]

    def cancel(self, job: str) -> None:
        """Stop a job; nothing where it is over."""
        self._request_json("POST", f"{JOBS}/{job}/cancel")

    def delete(self, job: str) -> None:
        """Stop a job, and erase it with all its files."""
        self._send_request("DELETE", f"{JOBS}/{job}")

    def _upload_source(self, data: str | Path | pd.DataFrame) -> str:
        if not isinstance(data, (str, Path)):
            return self.upload(data.to_parquet(), "table.parquet")

        file = Path(data).expanduser()
        if not file.is_file():
            if isinstance(data, str) and data.startswith("/"):
                # Perhaps a folder of the service's machine.
                return data
            raise ConfigError(f"there is no file {str(data)!r}")

        with file.open("rb") as stream:
            return self.upload(stream, file.name)

    def _request_json(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._send_request(method, path, **options).json()
        return found

    def _send_request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """An answer that is none of an error; what only reads is asked for again while nobody answers."""
        tries = RETRIES if method == "GET" else 1
        for attempt in range(1, tries + 1):
            try:
                answer = self._http.request(method, path, **options)
            except httpx.TransportError as error:
                if attempt == tries:
                    raise ResourceError(f"the service does not answer ({type(error).__name__})") from None
            else:
                if answer.status_code not in (502, 503) or attempt == tries:
                    return _check_answer(answer)

            time.sleep(self.poll_seconds * attempt)

        raise AssertionError("the last try returns or raises")


def _check_answer(answer: httpx.Response) -> httpx.Response:
    """An answer that is none of an error.

    Raises:
        ConfigError: The request was wrong.
        ResourceError: The service could not answer it.
    """
    if answer.is_success:
        return answer

    answer.read()
    try:
        detail = answer.json().get("detail", "")
    except (ValueError, AttributeError):
        detail = ""

    is_retryable = answer.status_code >= 500 or answer.status_code == 429
    kind = ResourceError if is_retryable else ConfigError
    raise kind(f"the service says {answer.status_code}: {detail or answer.reason_phrase}")


def _read_share(step: Mapping[str, Any]) -> float:
    if step["status"] == "completed":
        return 1.0
    return float(step["status_details"].get("progress", 0.0))
