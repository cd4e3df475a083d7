"""A server on this machine that keeps what it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Received:
    """Requests of a server.

    Attributes:
        url: Address of the server.
        bodies: (path, body) of each request.
    """

    url: str
    bodies: list[tuple[str, bytes]] = field(default_factory=list)


@contextmanager
def keeping_server() -> Iterator[Received]:
    """A server that answers every POST with 200."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Received(url=f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()


def closed_address() -> str:
    """An address at which nothing listens any more."""
    with keeping_server() as received:
        return received.url
