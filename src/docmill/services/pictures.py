"""Pictures of pages: what is wanted, whether it is there already, and its drawing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from docmill.db.content import chunk_boxes
from docmill.db.engine import reaching_database
from docmill.db.pages import read_page
from docmill.db.versions import Published, published
from docmill.domain.documents import Box
from docmill.domain.errors import ChunkNotFound, DocumentNotFound, NoPicture, PageNotFound
from docmill.domain.pictures import Picture, PictureForm, can_be_drawn
from docmill.ports import PictureCache, Renderer, Storage
from docmill.services.maintenance import erase_pictures

_LOOK = 1  # raised when the same picture is drawn in another way


@dataclass(frozen=True, slots=True)
class Wish:
    """Which picture is wanted. Highlighted are the boxes of a chunk, or those given."""

    page: int
    dpi: int
    form: PictureForm
    chunk: UUID | None = None
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """A picture that can be drawn; the same `name` is the same picture, to the byte."""

    tenant: str
    document_id: UUID
    source: Published
    picture: Picture
    name: str


class Pictures:
    """Draws pages of published documents, or takes them from what was drawn before."""

    def __init__(self, engine: Engine, storage: Storage, renderer: Renderer, cache: PictureCache) -> None:
        self._engine = engine
        self._storage = storage
        self._renderer = renderer
        self._cache = cache

    @reaching_database
    def plan(self, tenant: str, document_id: UUID, wish: Wish) -> Plan:
        """What drawing this would be. Raises DocumentNotFound, NotPublished, PageNotFound, ChunkNotFound,
        NoPicture."""
        with self._engine.begin() as connection:
            source = published(connection, tenant, document_id)
            page = read_page(connection, source.version, wish.page)
            boxes: Sequence[Box] | None = wish.boxes
            if wish.chunk is not None:
                boxes = chunk_boxes(connection, source.version, wish.chunk)
        if page is None:
            raise PageNotFound
        if boxes is None:
            raise ChunkNotFound
        if not can_be_drawn(source.media_type):
            raise NoPicture
        here = tuple(box for box in boxes if box.page == wish.page)
        picture = Picture(page.number, page.width, page.height, wish.dpi, wish.form, here)
        return Plan(tenant, document_id, source, picture, _name(source, picture))

    def draw(self, plan: Plan) -> bytes:
        """The picture. Raises PageNotDrawn, RendererBusy, FileNotStored, DocumentNotFound."""
        original = plan.source.storage_key.rpartition("/")[2]
        kept = self._cache.get(original, plan.name)
        if kept is not None:
            return kept
        path = self._storage.local_path(plan.source.storage_key)
        drawn = self._renderer.draw(path, plan.source.media_type, plan.picture)
        self._cache.put(original, plan.name, drawn)
        self._check_still_there(plan)
        return drawn

    def close(self) -> None:
        """End what draws."""
        self._renderer.close()

    @reaching_database
    def _check_still_there(self, plan: Plan) -> None:
        """Whoever deletes a document erases its pictures, and could not know of one that was being drawn."""
        try:
            with self._engine.begin() as connection:
                published(connection, plan.tenant, plan.document_id)
        except DocumentNotFound:
            erase_pictures(self._storage, plan.source.storage_key)
            raise


def _name(source: Published, picture: Picture) -> str:
    boxes = [[box.x0, box.y0, box.x1, box.y1] for box in picture.boxes]
    size = [picture.width, picture.height, picture.dpi, picture.form]
    facts = [_LOOK, source.storage_key, picture.page, *size, boxes]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
