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
    """Root of all errors of this project.

    Example:
        >>> error = DataError("column 'age' has no values", column="age")
        >>> error.code, error.exit_code, error.retryable, error.column
        ('invalid_data', 3, False, 'age')
    """

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

    code = "invalid_config"
    http_status = 422
    exit_code = 2


class DataError(SsRayError, ValueError):
    """The table cannot be used as it is."""

    code = "invalid_data"
    http_status = 422
    exit_code = 3


class PrivacyError(SsRayError):
    """A privacy guarantee that was asked for cannot be given."""

    code = "privacy_violation"
    http_status = 409
    exit_code = 4


class TrainingError(SsRayError, RuntimeError):
    """Training failed."""

    code = "training_failed"
    exit_code = 5


class GenerationError(SsRayError, RuntimeError):
    """Generation failed."""

    code = "generation_failed"
    exit_code = 6


class EvaluationError(SsRayError, RuntimeError):
    """Evaluation failed."""

    code = "evaluation_failed"
    exit_code = 7


class AuditError(SsRayError):
    """The audit log is not as it was written."""

    code = "audit_log_broken"
    http_status = 409
    exit_code = 10


class ResourceError(SsRayError, RuntimeError):
    """Something outside the job is missing for now: try again, or give more resources."""

    code = "resource_unavailable"
    http_status = 503
    exit_code = 8
    retryable = True
