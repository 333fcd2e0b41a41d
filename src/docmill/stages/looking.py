"""How the stage ocr has a page looked at: as a whole, in strips, or at its pictures alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine

from docmill.db.content import read_page_blocks
from docmill.db.engine import alone
from docmill.db.pages import read_page
from docmill.db.weaving import layer_of
from docmill.domain.documents import Page, PageLoss, TextSource
from docmill.domain.figures import (
    MOST_IN_A_DOCUMENT,
    MOST_ON_A_PAGE,
    FiguresRead,
    PictureRead,
    figures,
    said_in,
)
from docmill.domain.reading_errors import ReaderCrashed, ReaderTimeout, ReaderTooLarge, Unreadable
from docmill.domain.recognition import Recognised, Wish, better, missing_language
from docmill.domain.text_layer import LEAST_AGREEMENT, agreement, is_confirmed, strips
from docmill.ports import Recognizer, Storage
from docmill.stages.contract import Work

_ATTEMPTS = 2  # the second at a smaller picture
_TELLING_CHARACTERS, _SURE_OF_LANGUAGE = 60, 0.9
_MAY_PASS = (ReaderTimeout, ReaderTooLarge, ReaderCrashed)


@dataclass(frozen=True, slots=True)
class Looking:
    """Asks the recogniser, and judges what it says."""

    engine: Engine
    storage: Storage
    recognizer: Recognizer
    detect_language: Callable[[str], tuple[str, float] | None]

    def at_page(self, work: Work, number: int, reason: str, hint: str | None) -> Recognised | PageLoss:
        """A whole page, or why it is lost. One whose text layer says what is seen on it keeps that."""
        if reason != "differs_from_picture":
            found = self._recognised(work, number, hint)
            return _with_reason(found, reason)
        layer = layer_of(self.engine, work.version, number)
        confirmed = self._confirmed(work, number, layer, hint)
        if confirmed is not None:
            return Recognised(confirmed)
        found = self._recognised(work, number, hint)
        if isinstance(found, Recognised) and agreement(layer, _text(found)) >= LEAST_AGREEMENT:
            return Recognised(replace(found.page, source=TextSource.LAYER, ocr_reason=None))
        return _with_reason(found, reason)

    def at_figures(self, work: Work, number: int, hint: str | None, before: int) -> FiguresRead:
        """The pictures of a page whose text is good; `before` is how many the document had by then.

        One that cannot be looked at takes nothing from the page: it is counted, with those behind it.
        """
        path = self.storage.local_path(work.storage_key)
        with alone(self.engine) as connection:
            blocks = figures(read_page_blocks(connection, work.version, number))
        read = FiguresRead(self._page(work, number))
        most = min(MOST_ON_A_PAGE, MOST_IN_A_DOCUMENT - before)
        read.unread = max(0, len(blocks) - most)
        for at, block in enumerate(blocks[:most]):
            try:
                wish = Wish(number, work.ocr.languages, hint, only=block.boxes[0])
                read.take(block, self.recognizer.recognise(path, work.media_type, wish))
            except Unreadable as error:
                self.storage.local_path(work.storage_key)
                read.miss(len(blocks[at:most]), error.message)
                break
        return read

    def at_picture(self, work: Work, name: str, hint: str | None) -> PictureRead:
        """A picture inside the file. One that cannot be looked at takes nothing from the document."""
        path = self.storage.local_path(work.storage_key)
        try:
            wish = Wish(1, work.ocr.languages, hint, picture=name)
            return PictureRead(name, said_in(self.recognizer.recognise(path, work.media_type, wish)))
        except Unreadable as error:
            self.storage.local_path(work.storage_key)
            return PictureRead(name, why=error.message)

    def _confirmed(self, work: Work, number: int, layer: str, hint: str | None) -> Page | None:
        """The page with its text layer, where strips of its picture say the same; else None.

        What goes wrong with a strip is left to the look at the whole page.
        """
        path = self.storage.local_path(work.storage_key)
        page = self._page(work, number)
        try:
            wishes = (Wish(number, work.ocr.languages, hint, only=strip) for strip in strips(page))
            seen = [_text(self.recognizer.recognise(path, work.media_type, wish)) for wish in wishes]
        except Unreadable:
            return None
        return replace(page, ocr_reason=None) if is_confirmed(layer, seen) else None

    def _page(self, work: Work, number: int) -> Page:
        with alone(self.engine) as connection:
            return read_page(connection, work.version, number) or Page(number, 0, 0)

    def _recognised(self, work: Work, number: int, hint: str | None) -> Recognised | PageLoss:
        """The page, or why it is lost. A file that went away is no matter of the page."""
        path = self.storage.local_path(work.storage_key)
        error: Unreadable = Unreadable()
        for attempt in range(_ATTEMPTS):
            wish = Wish(number, work.ocr.languages, hint, attempt)
            try:
                return self._look(path, work.media_type, wish)
            except Unreadable as reason:
                self.storage.local_path(work.storage_key)
                error = reason
                if not isinstance(reason, _MAY_PASS):
                    break
        return PageLoss(error.code, error.message)

    def _look(self, path: Path, media_type: str, wish: Wish) -> Recognised | PageLoss:
        """The page; read once more where its text turns out to be in another language than it was read in."""
        found = self.recognizer.recognise(path, media_type, wish)
        if found.unknown_script:
            return missing_language(found.unknown_script)
        language = self._language_of(found)
        if language is None or wish.languages or language == found.page.language:
            return found
        if self.recognizer.can_read(language):
            again = self.recognizer.recognise(path, media_type, replace(wish, hint=language))
            found = better(again, found)
        return replace(found, page=replace(found.page, language=language))

    def _language_of(self, found: Recognised) -> str | None:
        text = _text(found)
        told = self.detect_language(text) if len(text) >= _TELLING_CHARACTERS else None
        return told[0] if told and told[1] >= _SURE_OF_LANGUAGE else None


def _with_reason(found: Recognised | PageLoss, reason: str) -> Recognised | PageLoss:
    if isinstance(found, PageLoss):
        return found
    return replace(found, page=replace(found.page, ocr_reason=reason))


def _text(found: Recognised) -> str:
    return " ".join(word.text for word in found.page.words)
