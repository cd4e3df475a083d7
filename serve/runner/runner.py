"""What runs jobs: Ray's Jobs API, so that `ray job list` shows them and the cluster's scheduler queues them."""

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
    """What Ray knows of a job.

    Attributes:
        status: Ray's JobStatus. What Ray says beside it may quote what the driver wrote, and is not read.
    """

    status: RayStatus


class Runner(Protocol):
    """Runs entry points and knows what became of them."""

    def submit(self, submission_id: str, entrypoint: str, metadata: Mapping[str, str]) -> None:
        """Start an entry point; nothing where one of that id was started before.

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
        """What an entry point wrote; empty where nothing is known."""

    def forget(self, submission_id: str) -> None:
        """Remove what is known of an entry point that is over."""


class RayRunner:
    """Ray's Jobs API.

    Args:
        settings: How to reach the cluster.
    """

    def __init__(self, settings: RaySettings) -> None:
        self.settings = settings
        self._client: Any = None

    def submit(self, submission_id: str, entrypoint: str, metadata: Mapping[str, str]) -> None:
        """Start an entry point; nothing where one of that id was started before."""
        environment: dict[str, Any] = {}
        if self.settings.working_dir is None:
            environment["env_vars"] = {"PYTHONPATH": str(ROOT)}
        else:
            environment["working_dir"] = self.settings.working_dir

        try:
            self._reached().submit_job(
                entrypoint=entrypoint,
                submission_id=submission_id,
                runtime_env=environment,
                metadata=dict(metadata),
                entrypoint_num_cpus=self.settings.entrypoint_num_cpus or None,
            )
        except RuntimeError as error:
            if "already exists" not in str(error):
                raise self._unreachable(error) from None
        except OSError as error:
            raise self._unreachable(error) from None

    def submissions(self) -> Mapping[str, Submission]:
        """All that Ray knows, by submission id."""
        try:
            found = self._reached().list_jobs()
        except (RuntimeError, OSError) as error:
            raise self._unreachable(error) from None

        return {
            job.submission_id: Submission(status=job.status.value) for job in found if job.submission_id is not None
        }

    def stop(self, submission_id: str) -> None:
        """Stop an entry point and its actors; Ray kills what does not stop within seconds."""
        self._asked("stop_job", submission_id)

    def log(self, submission_id: str) -> str:
        """What an entry point wrote; empty where the node that ran it is gone."""
        return str(self._asked("get_job_logs", submission_id) or "")

    def forget(self, submission_id: str) -> None:
        """Remove what Ray knows of an entry point that is over."""
        self._asked("delete_job", submission_id)

    def _asked(self, what: str, submission_id: str) -> Any:
        """Ask for something that Ray may not have any more."""
        try:
            return getattr(self._reached(), what)(submission_id)
        except (RuntimeError, OSError):
            return None

    def _reached(self) -> Any:
        if self._client is None:
            from ray.job_submission import JobSubmissionClient

            self._client = JobSubmissionClient(self.settings.dashboard)
        return self._client

    def _unreachable(self, error: Exception) -> ResourceError:
        # The cluster may come back at another address.
        self._client = None
        return ResourceError(f"the cluster's job server does not answer ({type(error).__name__})")
