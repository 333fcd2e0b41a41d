"""A server of an embedding model on this machine, with the embeddings API of OpenAI and its errors.

The vectors are those of the hashing embedder, shortened where that is asked for, as OpenAI shortens its own.
"""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np

from docmill.adapters.embedders.hashing import Hashing

_KEPT = 200  # requests
MODEL = "text-hashing-1"
KEY = "sk-a-key-that-only-tests-know"

Answer = Callable[[BaseHTTPRequestHandler], None]


def saying(status: int, body: Any, **headers: str) -> Answer:
    """An answer with this JSON in it."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        content = json.dumps(body).encode()
        handler.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def error(status: int, code: str | None, message: str = "An error.", **headers: str) -> Answer:
    """An error in the envelope of OpenAI; its message repeats a part of the key, as some of theirs do."""
    told = {"message": f"{message} Key {KEY[:12]}…", "type": "an_error", "param": None, "code": code}
    return saying(status, {"error": told}, **headers)


def hanging(seconds: float) -> Answer:
    """No answer for so long, and then one that nobody waits for any more."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        error(500, None)(handler)

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    """The connection is closed without an answer."""
    handler.close_connection = True


BUSY = error(429, "rate_limit_exceeded")
NO_QUOTA = error(429, "insufficient_quota")
DOWN = error(500, None)


@dataclass
class ModelServer:
    """`answers` are given one after another, then `usual` to all that follow; where that is None, vectors.

    `calls` counts the requests, `asked` holds the bodies of the last ones. A call takes
    `most_texts`, and each of them `most_words` words and signs; one with `poison` in it has the server down
    for this call and for `stunned_seconds`.
    """

    port: int
    most_texts: int = 32
    most_words: int = 500
    delay: float = 0.0
    poison: str | None = None
    stunned_seconds: float = 0.0
    stunned_until: float = 0.0
    answers: list[Answer] = field(default_factory=list)
    usual: Answer | None = None
    calls: int = 0
    asked: list[dict[str, Any]] = field(default_factory=list)
    embedder: Hashing = field(default_factory=Hashing)

    @property
    def url(self) -> str:
        """What DOCMILL_EMBED_URL is set to."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of an installation that has its vectors from here."""
        return {"embedder": "openai", "embed_url": self.url, "embed_model": MODEL, "embed_key": KEY}

    def texts(self) -> list[str]:
        """Every text that was sent, in order."""
        return [text for body in self.asked for text in body["input"]]

    def answer(self, path: str, authorization: str | None, body: dict[str, Any]) -> Answer:
        """What the API says to a request, by its own rules."""
        if path != "/v1/embeddings":
            return error(404, None, "Unknown request URL.")
        if authorization != f"Bearer {KEY}":
            return error(401, "invalid_api_key", "Incorrect API key provided.")
        if body["model"] != MODEL:
            return error(404, "model_not_found", "The model does not exist.")
        texts = body["input"]
        if not texts or not all(texts):
            return error(400, None, "'$.input' is invalid.")
        if self.poison and any(self.poison in text for text in texts):
            self.stunned_until = time.monotonic() + self.stunned_seconds
            return DOWN
        if time.monotonic() < self.stunned_until:
            return DOWN
        if len(texts) > self.most_texts:
            return error(413, None, f"batch size {len(texts)} > maximum allowed batch size {self.most_texts}")
        if max(self.embedder.tokenizer.count(texts)) > self.most_words:
            return error(
                400, "context_length_exceeded", f"maximum context length is {self.most_words} tokens"
            )
        return saying(200, self._vectors(body, texts))

    def _vectors(self, body: dict[str, Any], texts: list[str]) -> dict[str, Any]:
        assert body["encoding_format"] == "float"
        vectors = self.embedder.embed(texts).vectors[:, : body.get("dimensions")]
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        data = [
            {"object": "embedding", "index": index, "embedding": vector.tolist()}
            for index, vector in enumerate(unit)
        ]
        return {"object": "list", "model": MODEL, "data": data[::-1], "usage": {"prompt_tokens": 1}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no error of the server."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def serving_model(**options: Any) -> Iterator[ModelServer]:
    """A server on a free port; it ends with the block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            expected = int(self.headers["Content-Length"])
            sent = self.rfile.read(expected)
            if len(sent) < expected:  # the caller was killed, or cut off
                self.close_connection = True
                return
            body = json.loads(sent)
            model.calls += 1
            model.asked = [*model.asked[-_KEPT:], body]
            time.sleep(model.delay)
            answer = model.answers.pop(0) if model.answers else model.usual
            given = answer or model.answer(self.path, self.headers["Authorization"], body)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                given(self)

        def log_message(self, *_: Any) -> None:
            """Nothing: the tests look at what was asked."""

    server = _Server(("127.0.0.1", 0), Handler)
    model = ModelServer(server.server_port, **options)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
