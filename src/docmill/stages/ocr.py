"""ocr: pages without a trustworthy text in, their words and blocks out. A step is one page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sqlalchemy import Connection, Engine

from docmill.db.content import has_text, insert_blocks
from docmill.db.pages import pages_to_recognise, set_missing, set_recognised
from docmill.db.versions import set_extracted
from docmill.db.weaving import FIRST_ORDINAL, drop_layer, layer_of, weave
from docmill.domain.documents import PageLoss, TextSource
from docmill.domain.errors import NoText, ReaderCrashed, ReaderTimeout, ReaderTooLarge, Unreadable
from docmill.domain.recognition import Recognised, Wish, better, missing_language
from docmill.domain.states import StageName
from docmill.domain.text import BlockBuilder
from docmill.domain.text_layer import LEAST_AGREEMENT, agreement
from docmill.ports import Recognizer, Storage
from docmill.stages.contract import Step, Work

_ATTEMPTS = 2  # the second at a smaller picture
_TELLING_CHARACTERS, _SURE_OF_LANGUAGE = 60, 0.9
_MAY_PASS = (ReaderTimeout, ReaderTooLarge, ReaderCrashed)


@dataclass(frozen=True, slots=True)
class _Cursor:
    """What is known after page `page`, the `done`th: next ordinal, language, whether there is text, loss."""

    page: int = 0
    done: int = 0
    ordinal: int = FIRST_ORDINAL
    language: str | None = None
    text: bool = False
    loss: str | None = None


class Ocr:
    """Recognises page after page; what it finds is kept with each and woven into the text with the last."""

    name = StageName.OCR

    def __init__(
        self,
        engine: Engine,
        storage: Storage,
        recognizer: Recognizer,
        detect_language: Callable[[str], tuple[str, float] | None],
    ) -> None:
        self._engine = engine
        self._storage = storage
        self._recognizer = recognizer
        self._detect_language = detect_language

    def run(self, work: Work) -> Iterator[Step]:
        """A step for each page. Raises NoText when the last one is done and there is no text at all."""
        cursor = _Cursor(**work.cursor)
        waiting = pages_to_recognise(self._engine, work.version)
        pages = [(number, reason) for number, reason in waiting if work.makes(number)]
        total = cursor.done + len(pages)
        for number, reason in pages:
            found = self._recognise(work, number, cursor)
            if isinstance(found, Recognised):
                found = self._judged(work, found, reason)
            cursor = _after(cursor, number, found)
            last = cursor.done == total
            if last and not cursor.text and not has_text(self._engine, work.version):
                raise NoText(_no_text(total, cursor.loss))
            yield self._step(work, found, cursor, total, last=last)

    def _recognise(self, work: Work, number: int, cursor: _Cursor) -> Recognised | PageLoss:
        """The page, or why it is lost. A file that went away is no matter of the page."""
        path = self._storage.local_path(work.storage_key)
        error: Unreadable = Unreadable()
        for attempt in range(_ATTEMPTS):
            wish = Wish(number, work.ocr.languages, cursor.language, attempt)
            try:
                return self._look(path, work.media_type, wish)
            except Unreadable as reason:
                self._storage.local_path(work.storage_key)
                error = reason
                if not isinstance(reason, _MAY_PASS):
                    break
        return PageLoss(error.code, error.message)

    def _judged(self, work: Work, found: Recognised, reason: str) -> Recognised:
        """A text layer that says what is seen on the page is kept in the place of what was recognised."""
        if reason == "differs_from_picture":
            seen = " ".join(word.text for word in found.page.words)
            if agreement(layer_of(self._engine, work.version, found.page.number), seen) >= LEAST_AGREEMENT:
                page = replace(found.page, source=TextSource.LAYER, ocr_reason=None)
                return Recognised(page)
        return replace(found, page=replace(found.page, ocr_reason=reason))

    def _look(self, path: Path, media_type: str, wish: Wish) -> Recognised | PageLoss:
        """The page; read once more where its text turns out to be in another language than it was read in."""
        found = self._recognizer.recognise(path, media_type, wish)
        if found.unknown_script:
            return missing_language(found.unknown_script)
        language = self._language_of(found)
        if language is None or wish.languages or language == found.page.language:
            return found
        if self._recognizer.can_read(language):
            again = self._recognizer.recognise(path, media_type, replace(wish, hint=language))
            found = better(again, found)
        return replace(found, page=replace(found.page, language=language))

    def _language_of(self, found: Recognised) -> str | None:
        text = " ".join(word.text for word in found.page.words)
        told = self._detect_language(text) if len(text) >= _TELLING_CHARACTERS else None
        return told[0] if told and told[1] >= _SURE_OF_LANGUAGE else None

    def _step(
        self, work: Work, found: Recognised | PageLoss, cursor: _Cursor, total: int, *, last: bool
    ) -> Step:
        def save(connection: Connection) -> None:
            self._keep(connection, work, found, cursor)
            if last:
                characters, beginning = weave(connection, work.version)
                detected = self._detect_language(beginning)
                set_extracted(connection, work.version, characters, detected)

        return Step(asdict(cursor), cursor.done, total, save, last)

    def _keep(
        self, connection: Connection, work: Work, found: Recognised | PageLoss, cursor: _Cursor
    ) -> None:
        if isinstance(found, PageLoss):
            set_missing(connection, work.version, cursor.page, found)
            return
        builder = BlockBuilder(cursor.ordinal - len(found.blocks))
        if found.blocks:
            drop_layer(connection, work.version, cursor.page)
        insert_blocks(connection, work.version, [builder.add(block) for block in found.blocks])
        set_recognised(connection, work.version, found.page)


def _after(cursor: _Cursor, number: int, found: Recognised | PageLoss) -> _Cursor:
    if isinstance(found, PageLoss):
        return replace(cursor, page=number, done=cursor.done + 1, loss=cursor.loss or found.message)
    return _Cursor(
        number,
        cursor.done + 1,
        cursor.ordinal + len(found.blocks),
        found.page.language or cursor.language,
        cursor.text or bool(found.blocks),
        cursor.loss,
    )


def _no_text(pages: int, loss: str | None) -> str:
    if loss is not None:
        return f"No text was found: a page could not be recognised. {loss}"
    what = "the page is" if pages == 1 else f"all {pages:,} pages are"
    return f"No text was found: {what} blank, or shows no letters. Check that the scan shows what it should."
