"""The facts of a run that may be sent to a tracking server, and the sinks that send them.

Nothing here holds a cell value. Under differential privacy the metrics hold nothing that was computed on real rows,
unless the request says that the server is as protected as the run directory (`tracking.internal`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class TrackedStart:
    """A run that begins.

    Attributes:
        run_id: UUID of this record of the run.
        name: Name of the run directory.
        table: Name of the source table.
        source: Path, URI or address of the source without secrets.
        parameters: Parameters that were given -> values, none of which is a cell or a secret.
        started_at: Time in UTC, ISO 8601.
    """

    run_id: str
    name: str
    table: str
    source: str
    parameters: Mapping[str, str]
    started_at: str


@dataclass(frozen=True, kw_only=True)
class TrackedEnd:
    """A run that ended.

    Attributes:
        finished_at: Time in UTC, ISO 8601.
        error: Class of the error that ended it; None where it succeeded.
        metrics: Name -> figure.
        artifacts: Name of a file -> its text.
        output: Path or URI of the synthetic table.
        columns: Column of the synthetic table -> storage type.
    """

    finished_at: str
    error: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    artifacts: Mapping[str, str] = field(default_factory=dict)
    output: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)


class TrackingSink(Protocol):
    """A place that records runs.

    Attributes:
        name: Name of the place, for a warning.
    """

    name: str

    def begin(self, start: TrackedStart) -> None:
        """Record that a run begins."""

    def end(self, start: TrackedStart, end: TrackedEnd) -> None:
        """Record how it ended."""


class SafeSinks:
    """Sinks that never lose a run: the first failure of a sink is a warning, and ends its work.

    Example:
        >>> SafeSinks([]).begin
        <bound method SafeSinks.begin of ...>
    """

    def __init__(self, sinks: Sequence[TrackingSink]) -> None:
        self.working = list(sinks)

    def begin(self, start: TrackedStart) -> None:
        """Tell every sink that a run begins."""
        self._tell_all(lambda sink: sink.begin(start))

    def end(self, start: TrackedStart, end: TrackedEnd) -> None:
        """Tell every sink how the run ended."""
        self._tell_all(lambda sink: sink.end(start, end))

    def _tell_all(self, tell: Callable[[TrackingSink], None]) -> None:
        for sink in list(self.working):
            try:
                tell(sink)
            # Clients of servers raise errors of many libraries, and none of them may lose a run.
            except Exception as error:  # noqa: BLE001
                self.working.remove(sink)
                # The text of the error may quote what was sent, or an address with a password.
                logger.warning(
                    "%s was not told of this run (%s); the run itself is complete and unaffected",
                    sink.name,
                    type(error).__name__,
                )
