"""Structured logs: one event a line, with the document and task it is about."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from docmill.domain.masking import masked_fact


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """Let an optional module not be found meanwhile, unless it is loaded already."""
    is_loaded = name in sys.modules
    sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    try:
        yield
    finally:
        if not is_loaded:
            del sys.modules[name]


with _hidden("rich"):  # which would draw tracebacks; ours are text, and every process starts 0.15 s sooner
    import structlog

bind_log = structlog.contextvars.bound_contextvars
bound_facts = structlog.contextvars.get_contextvars


def configure_logs(level: str, fmt: str) -> None:
    """Send every log line of this process, ours and the libraries', to stderr in one format."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _mask_secrets,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if fmt == "json" else structlog.dev.ConsoleRenderer(colors=False)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("httpx", "httpcore"):  # they log whole URLs, and a webhook's may hold a token
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _mask_secrets(
    _logger: object, _method: str, facts: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """The last to see a line before it is written, so nothing it masks is added after it."""
    for name, value in facts.items():
        facts[name] = masked_fact(name, value)
    return facts


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that takes an event name and keyword facts."""
    logger: structlog.stdlib.BoundLogger = structlog.get_logger(name)
    return logger
