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
    own = _own_url(values)
    url = values.api_url or own
    if url is None:
        raise NotRunning
    return Client(url, _key(values, is_own=_is_same(url, own)))


def _own_url(values: Settings) -> str | None:
    """Where the `docmill up` of this data directory answers; None when there is none."""
    from docmill.local.state import read_state

    state = read_state(values.home)
    return state.api_url if state else None


def _is_same(url: str, own: str | None) -> bool:
    return own is not None and url.rstrip("/").removesuffix("/api/v1") == own


def _key(values: Settings, *, is_own: bool) -> str:
    """The key that is set; else the one kept here, which is for this installation's own API alone."""
    if values.api_key:
        return values.api_key.get_secret_value()
    if not is_own:
        raise NotAuthenticated(
            "DOCMILL_API_URL names another docmill than the one that runs here, and no key for it is set. "
            "Set DOCMILL_API_KEY."
        )
    try:
        return (values.home / "api_key").read_text().strip()
    except (FileNotFoundError, PermissionError):
        raise NotAuthenticated(
            "No API key is set and none is kept in the data directory. Set DOCMILL_API_KEY."
        ) from None
