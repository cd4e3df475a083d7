"""The runner of jobs: Ray's Jobs API, so that `ray job list` shows them and the cluster's scheduler queues them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from serve.settings import ROOT, RaySettings
from ss_ray.errors import ResourceError

RayStatus = Literal["PENDING", "RUNNING", "STOPPED", "SUCCEEDED", "FAILED"]
OVER: Sequence[RayStatus] = ("STOPPED", "SUCCEEDED", "FAILED")


@dataclass(frozen=True, kw_only=True)
class Submission:
    """Ray's record of a job.

    Attributes:
        status: Ray's JobStatus. What Ray says beside it may quote what the driver wrote, and is not read.
    """

    status: RayStatus


class Runner(Protocol):
    """Runs entry points and reports their state."""

    def submit(self, submission_id: str, entrypoint: str, metadata: Mapping[str, str]) -> None:
        """Start an entry point; a second call with the same id does nothing.

        Raises:
            ResourceError: It cannot be reached.
        """

    def submissions(self) -> Mapping[str, Submission]:
        """All that it knows, by submission id.

        Raises:
            ResourceError: It cannot be reached.
        """

    def stop(self, submission_id: str) -> None:
        """Stop an entry point and all that it started; nothing where it is over."""

    def log(self, submission_id: str) -> str:
        """Output of an entry point; empty if it is unknown."""

    def forget(self, submission_id: str) -> None:
        """Remove the record of a finished entry point."""


class RayRunner:
    """Ray's Jobs API.

    Args:
        settings: Settings of the connection to the cluster.
    """

    def __init__(self, settings: RaySettings) -> None:
        self.settings = settings
        self._client: Any = None

    def submit(self, submission_id: str, entrypoint: str, metadata: Mapping[str, str]) -> None:
        """Start an entry point; a second call with the same id does nothing."""
        environment: dict[str, Any] = {}
        if self.settings.working_dir is None:
            environment["env_vars"] = {"PYTHONPATH": str(ROOT)}
        else:
            environment["working_dir"] = self.settings.working_dir

        try:
            self._connect_client().submit_job(
                entrypoint=entrypoint,
                submission_id=submission_id,
                runtime_env=environment,
                metadata=dict(metadata),
                entrypoint_num_cpus=self.settings.entrypoint_num_cpus or None,
            )
        except RuntimeError as error:
            if "already exists" not in str(error):
                raise self._unreachable_error(error) from None
        except OSError as error:
            raise self._unreachable_error(error) from None

    def submissions(self) -> Mapping[str, Submission]:
        """All that Ray knows, by submission id."""
        try:
            found = self._connect_client().list_jobs()
        except (RuntimeError, OSError) as error:
            raise self._unreachable_error(error) from None

        return {
            job.submission_id: Submission(status=job.status.value) for job in found if job.submission_id is not None
        }

    def stop(self, submission_id: str) -> None:
        """Stop an entry point and its actors; Ray kills processes that do not stop within seconds."""
        self._ask_ray("stop_job", submission_id)

    def log(self, submission_id: str) -> str:
        """Output of an entry point; empty if the node that ran it is gone."""
        return str(self._ask_ray("get_job_logs", submission_id) or "")

    def forget(self, submission_id: str) -> None:
        """Remove Ray's record of a finished entry point."""
        self._ask_ray("delete_job", submission_id)

    def _ask_ray(self, what: str, submission_id: str) -> Any:
        """Ask for something that Ray may not have any more."""
        try:
            return getattr(self._connect_client(), what)(submission_id)
        except (RuntimeError, OSError):
            return None

    def _connect_client(self) -> Any:
        if self._client is None:
            from ray.job_submission import JobSubmissionClient

            self._client = JobSubmissionClient(self.settings.dashboard)
        return self._client

    def _unreachable_error(self, error: Exception) -> ResourceError:
        # The cluster may come back at another address.
        self._client = None
        return ResourceError(f"the cluster's job server does not answer ({type(error).__name__})")
