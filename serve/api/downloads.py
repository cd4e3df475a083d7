"""Downloads of stored files: whole or in ranges, and never rendered as a page by a browser."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from serve.errors import NotFoundError, RefusedError
from serve.store.blobs import BlobStore

RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})")


class RangeError(RefusedError):
    """The range lies past the end."""

    code = "range"
    http_status = 416


def answer(request: Request, blobs: BlobStore, file: sa.Row[Any], headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a file, the requested range of it, or for HEAD only the headers.

    Args:
        request: GET or HEAD, perhaps with `Range`.
        blobs: Store of the content.
        file: Row of the table `files`.
        headers: Added to the answer.

    Raises:
        NotFoundError: The content is not there any more.
        RangeError: The range lies past its end.
    """
    if not blobs.has(file.namespace, file.sha256, file.size):
        raise NotFoundError("the file's content is not there any more; upload it again")

    etag = f'"{file.sha256}"'
    all_headers = {
        "accept-ranges": "bytes",
        "etag": etag,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(file.path.rpartition('/')[2], safe='')}",
        "content-type": "application/octet-stream",
        **(headers or {}),
    }
    if request.method == "HEAD":
        return Response(headers={**all_headers, "content-length": str(file.size)})

    wanted = None
    if request.headers.get("if-range", etag) == etag:
        wanted = byte_range(request.headers.get("range", ""), file.size)

    start, stop = wanted or (0, file.size)
    all_headers["content-length"] = str(stop - start)
    if wanted is not None:
        all_headers["content-range"] = f"bytes {start}-{stop - 1}/{file.size}"

    content = blobs.read(file.namespace, file.sha256, start, stop)
    return StreamingResponse(content, 206 if wanted else 200, headers=all_headers)


def byte_range(header: str, size: int) -> tuple[int, int] | None:
    """First byte and the byte after the last; None without a range, or with a range that is not supported.

    Raises:
        RangeError: It lies past the end.
    """
    match = RANGE.fullmatch(header.strip())
    if match is None or match.groups() == ("", ""):
        return None

    first, last = match.groups()
    if not first:
        start = max(0, size - int(last))
        stop = size
    else:
        start = int(first)
        stop = min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None

    if start >= size or stop <= start:
        raise RangeError("the range lies past the end of the file", headers={"content-range": f"bytes */{size}"})

    return start, stop
