"""Which docmill the document commands talk to: the one that is set, else the one that runs here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docmill.cli.configuration import settings
from docmill.domain.errors import NotAuthenticated, NotRunning

if TYPE_CHECKING:
    from docmill.cli.client import Client
    from docmill.settings import Settings


def connect() -> Client:
    """A client of the API. Raises NotRunning or NotAuthenticated, saying what to do."""
    from docmill.cli.client import Client

    values = settings()
    return Client(_url(values), _key(values))


def _url(values: Settings) -> str:
    from docmill.local.state import read_state

    if values.api_url:
        return values.api_url
    state = read_state(values.home)
    if state is None:
        raise NotRunning
    return state.api_url


def _key(values: Settings) -> str:
    if values.api_key:
        return values.api_key.get_secret_value()
    try:
        return (values.home / "api_key").read_text().strip()
    except (FileNotFoundError, PermissionError):
        raise NotAuthenticated(
            "No API key is set and none is kept in the data directory. Set DOCMILL_API_KEY."
        ) from None
