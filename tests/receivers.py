"""A receiver of webhooks on this machine: answers as it is told, and keeps what it got."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The webhook-id."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        """What it says."""
        return json.loads(self.body)

    def verify(self, secret: str) -> None:
        """Raises WebhookVerificationError unless it is signed with this secret."""
        Webhook(secret).verify(self.body, self.headers)


Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Receiver:
    """Where webhooks arrive. `answers` are given one after another, then `usual` to all that follow."""

    url: str
    usual: Answer
    answers: list[Answer] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)

    def ids(self) -> list[str]:
        """The webhook-ids in the order they came."""
        return [request.id for request in self.received]

    def kinds(self) -> list[str]:
        """The types of what came, in order."""
        return [request.json["type"] for request in self.received]


def status(code: int, **headers: str) -> Answer:
    """An answer without a body."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        for name, value in {**headers, "Content-Length": "0"}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()

    return answer


OK = status(204)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


@contextlib.contextmanager
def receiving(usual: Answer = OK, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver on a free port; it ends with the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            answer = receiver.answers.pop(0) if receiver.answers else receiver.usual
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                answer(self)

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests look at what came in."""

    server = _Server(("127.0.0.1", 0), Handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver = Receiver(f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}/hook", usual)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
