"""Runs the API in this process until it is told to stop."""

from __future__ import annotations

import logging
import socket

import uvicorn

from docmill.api.app import create_app
from docmill.bootstrap import make_app
from docmill.domain.errors import PortTaken
from docmill.logs import configure_logs, get_logger
from docmill.settings import Settings

log = get_logger(__name__)

_BACKLOG = 1024
_LAST_REQUESTS_SECONDS = 5  # that requests in work may take when told to stop


def serve(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises PortTaken, InvalidSettings."""
    settings.check_api_host()
    configure_logs(settings.log_level, settings.log_format)
    api = create_app(make_app(settings))
    with listen(settings.api_host, settings.api_port) as listener:
        host, port = listener.getsockname()[:2]
        log.info("api_listening", host=host, port=port)
        server(api).run(sockets=[listener])


def server(api: object) -> uvicorn.Server:
    """A server for one application, with our log; uvicorn's own would show the keys in links."""
    logging.getLogger("uvicorn.access").disabled = True
    config = uvicorn.Config(
        api,  # type: ignore[arg-type]
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        ws="none",
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_LAST_REQUESTS_SECONDS,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 picks a free one. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise PortTaken(
            f"The API cannot listen on {host}, port {port}: it is taken or not of this machine. "
            "Set DOCMILL_API_PORT to another port, or 0 to have a free one picked."
        ) from error
    # Inherited by every connection: a body that waits for the ACK of its head waits 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
