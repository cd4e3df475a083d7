"""Every error a caller can see.

    SsRayError
    ├── ConfigError      422  what was asked for is wrong
    ├── DataError        422  the table is wrong (`column=` where one column is)
    ├── PrivacyError     409  a guarantee cannot be given; never caught, never a warning
    ├── TrainingError    500
    ├── GenerationError  500
    ├── EvaluationError  500
    ├── AuditError       409  the audit log was changed or cut
    └── ResourceError    503  retryable: memory, nodes, a filesystem that does not answer

A message says what is wrong, where (never a cell value), and what to do.
One positional message, the rest keyword-only, so that an error pickles through Ray.
"""

from __future__ import annotations

from typing import Any, ClassVar


class SsRayError(Exception):
    """Root of all errors of this project."""

    code: ClassVar[str] = "internal_error"
    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, column: str | None = None) -> None:
        super().__init__(message)
        self.column = column

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self),), {"column": self.column}


class ConfigError(SsRayError, ValueError):
    """The configuration is invalid, or asks for something this version does not do."""

    code, http_status, exit_code = "invalid_config", 422, 2


class DataError(SsRayError, ValueError):
    """The table cannot be used as it is."""

    code, http_status, exit_code = "invalid_data", 422, 3


class PrivacyError(SsRayError):
    """A privacy guarantee that was asked for cannot be given."""

    code, http_status, exit_code = "privacy_violation", 409, 4


class TrainingError(SsRayError, RuntimeError):
    """Training failed."""

    code, exit_code = "training_failed", 5


class GenerationError(SsRayError, RuntimeError):
    """Generation failed."""

    code, exit_code = "generation_failed", 6


class EvaluationError(SsRayError, RuntimeError):
    """Evaluation failed."""

    code, exit_code = "evaluation_failed", 7


class AuditError(SsRayError):
    """The audit log is not as it was written."""

    code, http_status, exit_code = "audit_log_broken", 409, 10


class ResourceError(SsRayError, RuntimeError):
    """Something outside the job is missing for now: try again, or give more resources."""

    code, http_status, exit_code, retryable = "resource_unavailable", 503, 8, True
