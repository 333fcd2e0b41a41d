"""Runs the API in this process until it is told to stop."""

from __future__ import annotations

import gc
import logging
import os
import socket
from collections.abc import Callable
from contextlib import ExitStack

import uvicorn
from fastapi import FastAPI

from docmill.api.app import create_app
from docmill.bootstrap import keep_document_logs, make_app
from docmill.domain.errors import InvalidSettings, PortTaken, SetupError
from docmill.logs import configure_logs, get_logger
from docmill.pipeline.owner import api_socket
from docmill.settings import Settings

log = get_logger(__name__)

_BACKLOG = 1024
_LAST_REQUESTS_SECONDS = 5  # that requests in work may take when told to stop
_SILENT_SECONDS = 60  # after which the kernel gives up a peer that takes nothing of what is sent to it
_LARGEST_MESSAGE = 64 * 1024  # that a client may send on a WebSocket


def serve(settings: Settings, *, share_port: bool = False) -> None:
    """Serve until SIGINT or SIGTERM. Raises PortTaken, InvalidSettings, SetupError.

    Processes that share a port divide its connections among them: one interpreter uses one core.
    """
    settings.check_api_host()
    if share_port and settings.api_port == 0:
        raise InvalidSettings("--share-port needs a port to share. Set DOCMILL_API_PORT to one, not to 0.")
    configure_logs(settings.log_level, settings.log_format)
    app = make_app(settings)
    keep_document_logs(app)
    api = create_app(app)
    gc.freeze()  # to look through all that lives as long as the process would stop its requests for 0.1 s
    with listen(settings.api_host, settings.api_port, shared=share_port) as listener, ExitStack() as stack:
        own = [stack.enter_context(one) for one in own_sockets(is_watched=share_port)]
        host, port = listener.getsockname()[:2]
        log.info("api_listening", host=host, port=port)
        server(api).run(sockets=[listener, *own])


class Server(uvicorn.Server):
    """Ends the live streams first when it stops: they would not end by themselves; last, what draws."""

    def __init__(
        self, config: uvicorn.Config, end_streams: Callable[[], None], end_drawing: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._end_streams = end_streams
        self._end_drawing = end_drawing

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop within the time that requests in work are given."""
        self._end_streams()
        await super().shutdown(sockets)
        self._end_drawing()


def server(api: FastAPI) -> uvicorn.Server:
    """A server for one application, with our log; uvicorn's own would show the keys in links."""
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").addFilter(_shows_no_address)
    config = uvicorn.Config(
        api,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="websockets-sansio",
        ws_max_size=_LARGEST_MESSAGE,
        ws_per_message_deflate=False,  # it would cost every listener some 100 KB
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
    )
    services = api.state.services
    return Server(config, services.live.stop, services.pictures.close)


def _shows_no_address(record: logging.LogRecord) -> bool:
    """Whether a line of uvicorn's is free of the address of a WebSocket, which holds its query."""
    return '"WebSocket %s"' not in str(record.msg)


def own_sockets(*, is_watched: bool) -> list[socket.socket]:
    """Where this process answers by itself, however many share its port; none where the system forbids it.

    It has the same gate. Its name has no file, so nothing is left of it. Raises SetupError where somebody
    watches this process, since that is where they ask.
    """
    try:
        return [_listen_by_itself()]
    except OSError as error:
        if is_watched:
            raise SetupError(f"The API cannot listen for whoever watches it: {error.strerror}.") from error
        log.warning("not_listening_by_itself", reason=error.strerror)
        return []


def _listen_by_itself() -> socket.socket:
    own = socket.socket(socket.AF_UNIX)
    try:
        own.bind(api_socket(os.getpid()))
        own.listen(_BACKLOG)
    except OSError:
        own.close()
        raise
    return own


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises PortTaken.

    A port can be `shared` by sockets that all say so, of one user; the kernel gives each its connections.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG, reuse_port=shared)
    except OSError as error:
        raise PortTaken(
            f"The API cannot listen on {host}, port {port}: it is taken or not of this machine. "
            "Set DOCMILL_API_PORT to another port, or 0 to have a free one picked."
        ) from error
    # Inherited by every connection: a body that waits for the ACK of its head waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _SILENT_SECONDS * 1000)
    return listener
