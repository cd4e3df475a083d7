"""Errors that a request can get beside those of `ss_ray`; each carries its HTTP status."""

from __future__ import annotations

from collections.abc import Mapping

from ss_ray.errors import SsRayError


class RefusedError(SsRayError):
    """A request is refused.

    Args:
        message: For the caller: what is wrong, and what to do. No content of a file.
        headers: To answer with.
    """

    code = "refused"
    http_status = 400

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.headers = dict(headers or {})


class UnauthenticatedError(RefusedError):
    """The request has no credentials, or none that are accepted."""

    code = "unauthenticated"
    http_status = 401


class ForbiddenError(RefusedError):
    """The caller may see this, but not do that."""

    code = "forbidden"
    http_status = 403


class NotFoundError(RefusedError):
    """The resource does not exist, or the caller may not know that it does."""

    code = "not_found"
    http_status = 404


class ConflictError(RefusedError):
    """Something of that name is there already."""

    code = "conflict"
    http_status = 409

    def __init__(self, message: str, *, headers: Mapping[str, str] | None = None) -> None:
        # Clients try 409 again.
        super().__init__(message, headers={"x-should-retry": "false"} | dict(headers or {}))


class TooLargeError(RefusedError):
    """More bytes than are taken."""

    code = "too_large"
    http_status = 413


class UnusableError(RefusedError):
    """The request is understood and cannot be done as it is."""

    code = "unusable"
    http_status = 422


class TooManyError(RefusedError):
    """Too many requests, or too many jobs that wait."""

    code = "too_many"
    http_status = 429
