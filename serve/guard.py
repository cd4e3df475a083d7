"""Checks before every route (sizes, rates, origins, characters), and the answers to errors.

A request that is refused here has written nothing. Answers to errors hold `detail`, as FastAPI's do, and never the
input: it may be a cell.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from anyio.to_thread import run_sync
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serve.bodies import is_portable
from serve.errors import ForbiddenError, RefusedError, TooLargeError, TooManyError, UnauthenticatedError
from serve.figures import Figures
from serve.pages.list_pages import signed_in, to_sign_in
from serve.pages.rendering import error_page
from serve.state import State, identified
from serve.store.auth import Authentication
from serve.store.database import now
from ss_ray.errors import SsRayError

logger = logging.getLogger(__name__)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
UPLOADS = re.compile(
    "PUT /v1/hf/lfs/[^/]+/[^/]+"
    "|POST /v1/datasets/upload"
    "|PUT /apis/files/v2/workspaces/[^/]+/filesets/[^/]+/-/.+"
    "|POST /jobs/new"
    # Newer clients of the hub send files in it, of any size.
    "|POST /v1/hf/api/datasets/[^/]+/[^/]+/commit/.+"
)
"""Requests whose body is a file, and streams."""
KEY_IN_PATH = re.compile(r"/key/(ssr_[A-Za-z0-9_-]{43})(/.*)?")
OPEN = re.compile("GET /(health/.*|openapi.json|static/.*|sign-in|favicon.ico)|POST /sign-(in|out)|PUT /v1/hf/lfs/.*")
"""Requests that nobody has to show who they are for; the last have a signature in their address."""
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
APIS = ("/v1", "/apis/", "/metrics", "/health/")
"""Below which programs ask, not people."""
LENGTH = re.compile(r"[0-9]{1,18}")
# Number of callers whose rate is remembered.
CALLERS = 10_000
CONTENT_SECURITY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
)


def add_guards(app: FastAPI, state: State) -> None:
    """Put the guards around an application."""
    app.add_exception_handler(SsRayError, _answer_refusal)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(StarletteHTTPException, _no_answer)
    app.add_middleware(Guard, state=state)


class Guard:
    """ASGI middleware: checks before a body is read, and limits while it is."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app = app
        self.settings = state.settings
        self.limits = state.settings.limits
        self.authentication = state.authentication
        self.rates = Rates(state.settings.limits.requests_per_minute)
        self.figures = state.figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with an error, or pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        # Before routing and before the rules about addresses, which see the path as it is here.
        scope = _with_key({**scope, "path": collapsed(scope["path"])}, self.authentication)
        scope.setdefault("state", {})["arrived"] = now()
        request = Request(scope)
        answering = _Answering(send, scope, self.figures)

        try:
            self._check_request(request)
            await self._identify_caller(request)
        except SsRayError as error:
            sign_in = isinstance(error, UnauthenticatedError) and not scope["path"].startswith(APIS)
            await (to_sign_in() if sign_in else _answer_error(request, error))(scope, receive, answering)
            return

        if "key_path" in scope and scope["method"] == "GET" and _is_for_people(request):
            await self._signed_in(scope)(scope, receive, answering)
            return

        try:
            await self.app(scope, _limit_body(receive, self._body_limit(request)), answering)
        except Exception as error:  # noqa: BLE001 - its text may quote the table, so nobody gets to see it
            logger.error("%s %s failed with %s", scope["method"], scope["path"], type(error).__name__)
            await answering.fail(scope, receive)

    def _signed_in(self, scope: Scope) -> Response:
        """A browser gets a session for the key in its address, and an address without it."""
        session = self.authentication.open_session(scope["key_path"].rpartition("/")[2])
        return signed_in(session, scope["path"], self.settings)

    def _check_request(self, request: Request) -> None:
        path = request.scope["path"] + "?" + request.scope.get("query_string", b"").decode("latin-1")
        # PostgreSQL holds no zero characters and no halves of surrogate pairs.
        if "%00" in path or not is_portable(path):
            raise RefusedError("the address holds a character that no name has")
        if request.method not in SAFE_METHODS and not _same_origin(request):
            raise ForbiddenError("a page of another site may not do this")

        length = request.headers.get("content-length", "0")
        limit = self._body_limit(request)
        if not LENGTH.fullmatch(length) or int(length) > limit:
            raise TooLargeError(f"a request may have {limit:,} bytes here")

    async def _identify_caller(self, request: Request) -> None:
        """Find out who calls before a body is read, and count their requests: by address, until they are known."""
        if request.client:
            address = request.client.host
        else:
            address = ""

        if OPEN.fullmatch(_request_line(request)):
            self.rates.count(f"address {address}")
            return

        try:
            identity = await run_sync(identified, self.authentication, request)
        except UnauthenticatedError:
            self.rates.count(f"address {address}")
            raise

        self.rates.count(f"subject {identity.subject}")
        request.state.identity = identity

    def _body_limit(self, request: Request) -> int:
        """Bytes that a body may have there."""
        if UPLOADS.fullmatch(_request_line(request)):
            return self.limits.max_upload_bytes
        return self.limits.max_body_bytes


class _Answering:
    """Sends an answer with the headers that all have, and counts it."""

    def __init__(self, send: Send, scope: Scope, figures: Figures) -> None:
        self.send = send
        self.scope = scope
        self.figures = figures
        self.started = time.perf_counter()
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            message = {**message, "headers": _with_headers(message["headers"])}
            route = getattr(self.scope.get("route"), "path", "")
            seconds = time.perf_counter() - self.started
            # Any client could otherwise add labels to the metrics without end.
            if self.scope["method"] in METHODS:
                method = self.scope["method"]
            else:
                method = "other"

            self.figures.count(method, route, message["status"], seconds)

        await self.send(message)

    async def fail(self, scope: Scope, receive: Receive) -> None:
        """Answer that something went wrong, unless an answer was begun, which then just ends."""
        if self.begun:
            raise ConnectionAbortedError("the answer could not be finished")
        content = {"detail": "internal error", "code": "internal_error"}
        await _render_error(Request(scope), content["detail"], content, 500)(scope, receive, self)


class Rates:
    """Requests of each caller in the minute that runs, by replica.

    Args:
        per_minute: More than that many are refused.
        clock: Seconds, from anywhere on.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.per_minute = per_minute
        self.clock = clock
        self.counts: OrderedDict[str, tuple[int, int]] = OrderedDict()

    def count(self, caller: str) -> None:
        """Count a request.

        Raises:
            TooManyError: It is one too many.
        """
        minute = int(self.clock() // 60)
        before, count = self.counts.pop(caller, (minute, 0))
        count = count + 1 if before == minute else 1
        # The caller moves to the end, so that the least recent one is forgotten first.
        self.counts[caller] = minute, count
        if len(self.counts) > CALLERS:
            self.counts.popitem(last=False)

        if count > self.per_minute:
            wait = str(60 - int(self.clock() % 60))
            raise TooManyError("too many requests; wait a moment", headers={"retry-after": wait})


def _with_key(scope: Scope, authentication: Authentication) -> Scope:
    """The request with the key moved from its address to its header, for clients without a field for a header."""
    match = KEY_IN_PATH.fullmatch(scope["path"])
    # Only the start key may stand in an address, because it does not outlive the service.
    if match is None or authentication.settings.configured:
        return scope

    # Two Authorization headers would be ambiguous.
    kept = [(name, value) for name, value in scope["headers"] if name != b"authorization"]
    headers = [*kept, (b"authorization", b"Bearer " + match[1].encode())]
    path = match[2] or "/"

    return {**scope, "path": path, "raw_path": path.encode(), "headers": headers, "key_path": f"/key/{match[1]}"}


def collapsed(path: str) -> str:
    """A path without doubled slashes, which an endpoint with a trailing slash produces."""
    while "//" in path:
        path = path.replace("//", "/")
    return path


def _limit_body(receive: Receive, limit: int) -> Receive:
    """Stop reading a body that is longer than it said, or said nothing."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            # Passes FastAPI's reading of a body.
            raise HTTPException(413, f"a request may have {limit:,} bytes here")

        return message

    return limited


def _with_headers(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Headers, and those that every answer has."""
    given = dict(headers)
    added = {
        b"x-content-type-options": b"nosniff",
        # With "no-referrer" a form's Origin is "null", over HTTP its only sign.
        b"referrer-policy": b"same-origin",
        b"content-security-policy": CONTENT_SECURITY.encode(),
        b"cache-control": b"no-store",
    }
    return [*headers, *((name, value) for name, value in added.items() if name not in given)]


def _same_origin(request: Request) -> bool:
    """Whether a request that changes something comes from a page of this service, or from no page at all."""
    site = request.headers.get("sec-fetch-site")
    # Browsers set this header themselves, and no script can change it.
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or origin.partition("://")[2] == request.headers.get("host")


def _is_for_people(request: Request) -> bool:
    """Whether a browser asks for a page."""
    return "text/html" in request.headers.get("accept", "") and not request.scope["path"].startswith(APIS)


def _request_line(request: Request) -> str:
    """Method and path of a request, in one line."""
    return f"{request.method} {request.scope['path']}"


async def _answer_refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, SsRayError)
    if error.http_status >= 500:
        logger.error("%s %s: %s", request.method, request.url.path, type(error).__name__)
    return _answer_error(request, error)


def _answer_error(request: Request, error: SsRayError) -> Response:
    """An error as clients expect it."""
    content = {"detail": str(error), "code": error.code}
    return _render_error(request, str(error), content, error.http_status, getattr(error, "headers", {}))


def _render_error(
    request: Request, message: str, content: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Render an error: as a page for a browser, as JSON for a program."""
    if _is_for_people(request):
        return error_page(message, status, headers)
    return JSONResponse(content, status_code=status, headers=headers)


async def _no_answer(request: Request, error: Exception) -> Response:
    """Answer an unknown address, a wrong method, or an unreadable body."""
    assert isinstance(error, StarletteHTTPException)
    return _render_error(request, str(error.detail), {"detail": error.detail}, error.status_code, error.headers)


async def _answer_invalid(request: Request, error: Exception) -> Response:
    """Answer an invalid body with the place and the reason, but not with its content."""
    assert isinstance(error, RequestValidationError)
    # Without `input`, which may be a cell.
    detail = [{"loc": list(e["loc"]), "msg": e["msg"], "type": e["type"]} for e in error.errors()]
    message = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in detail)
    return _render_error(request, message, {"detail": detail}, 422)
