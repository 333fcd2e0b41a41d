"""Reads all the time what readers see, through the rows in one snapshot and through searches."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self
from uuid import UUID

import httpx
from tests.chaos.site import Site
from tests.chaos.truth import seen_in_part

_PAUSE = 0.2
_QUERIES = ("harbour ferry river", "table of results", "the contract and the tenant", "section figure")


class Watcher:
    """A thread that looks until the block ends. `found`: every passage a search gave, with its document."""

    def __init__(self, site: Site) -> None:
        self.seen_in_part: list[UUID] = []
        self.found: set[tuple[UUID, str]] = set()
        self.looks = 0
        self._site = site
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        with self._site.client() as client:
            while not self._stop.wait(_PAUSE):
                self.seen_in_part += seen_in_part(self._site.rows)
                self._search(client, _QUERIES[self.looks % len(_QUERIES)])
                self.looks += 1

    def _search(self, client: httpx.Client, query: str) -> None:
        try:
            answer = client.post("/search", json={"query": query, "limit": 20})
        except httpx.TransportError:
            return  # the API is being killed
        hits = answer.json()["hits"] if answer.is_success else ()
        self.found |= {(UUID(hit["document_id"]), hit["chunk_id"]) for hit in hits}
