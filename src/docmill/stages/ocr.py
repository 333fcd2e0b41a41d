"""ocr: pages without a trustworthy text in, their words and blocks out. A step is one page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from sqlalchemy import Connection, Engine

from docmill.db.content import has_text, rows_of_blocks
from docmill.db.pages import pages_to_recognise, set_missing, set_recognised
from docmill.db.results import write
from docmill.db.versions import WholeText, add_notice, of_whole_text
from docmill.db.weaving import FIRST_ORDINAL, drop_layer, inner_pictures, say_in_blocks, say_in_picture, weave
from docmill.domain.documents import PageLoss
from docmill.domain.figures import MOST_IN_A_DOCUMENT, FiguresRead, InnerPicture, PictureRead, unread_notice
from docmill.domain.reading_errors import NoText
from docmill.domain.recognition import FIGURES, Recognised
from docmill.domain.states import StageName
from docmill.domain.text import BlockBuilder
from docmill.ports import Recognizer, Storage
from docmill.stages.contract import Learned, Step, Work
from docmill.stages.looking import Looking

_Found = Recognised | PageLoss | FiguresRead | PictureRead


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A page that is to be looked at, and why."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class _Cursor:
    """What is known after page `page`, the `done`th: next ordinal, language, whether there is text, loss.

    `figures` were looked at, inner pictures up to that of block `picture`; `unread` were not, for the reason
    `why`.
    """

    page: int = 0
    done: int = 0
    ordinal: int = FIRST_ORDINAL
    language: str | None = None
    text: bool = False
    loss: str | None = None
    figures: int = 0
    unread: int = 0
    why: str | None = None
    picture: int = -1


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
        self._looking = Looking(engine, storage, recognizer, detect_language)
        self._detect_language = detect_language

    def run(self, work: Work) -> Iterator[Step]:
        """A step for each page, and for each inner picture.

        Raises NoText when the last one is done and there is no text at all.
        """
        cursor = _Cursor(**work.cursor)
        waiting = pages_to_recognise(self._engine, work.version, cursor.page)
        pages = [_Waiting(number, reason) for number, reason in waiting if work.makes(number)]
        pictures = self._pictures(work, cursor)
        chosen = pictures[: MOST_IN_A_DOCUMENT - cursor.figures]
        places: list[_Waiting | InnerPicture] = [*pages, *chosen]
        total = cursor.done + len(places)
        for place in places:
            found = self._look(work, place, cursor)
            cursor = _after(cursor, place, found)
            last = cursor.done == total
            if last and not cursor.text and not has_text(self._engine, work.version):
                raise NoText(_no_text(total, cursor.loss or cursor.why))
            if last:
                cursor = replace(cursor, unread=cursor.unread + len(pictures) - len(chosen))
            yield self._step(work, found, cursor, total, last=last)

    def _pictures(self, work: Work, cursor: _Cursor) -> list[InnerPicture]:
        """Those inside the file; a version on a base has what was recognised for that one."""
        return inner_pictures(self._engine, work.version, cursor.picture) if work.base is None else []

    def _look(self, work: Work, place: _Waiting | InnerPicture, cursor: _Cursor) -> _Found:
        hint = cursor.language or (work.language[0] if work.language else None)
        if isinstance(place, InnerPicture):
            return self._looking.at_picture(work, place.name, hint)
        if place.reason == FIGURES:
            return self._looking.at_figures(work, place.number, hint, cursor.figures)
        return self._looking.at_page(work, place.number, place.reason, hint)

    def _step(self, work: Work, found: _Found, cursor: _Cursor, total: int, *, last: bool) -> Step:
        def save(connection: Connection) -> Learned | None:
            self._keep(connection, work, found, cursor)
            if not last:
                return None
            characters, beginning = weave(connection, work.version)
            detected = self._detect_language(beginning)
            write(connection, of_whole_text(work.version, WholeText(characters, detected)))
            if cursor.unread:
                add_notice(connection, work.version, unread_notice(cursor.unread, cursor.why))
            return Learned(detected)

        return Step(asdict(cursor), cursor.done, total, save=save, last=last)

    def _keep(self, connection: Connection, work: Work, found: _Found, cursor: _Cursor) -> None:
        if isinstance(found, PageLoss):
            set_missing(connection, work.version, cursor.page, found)
            return
        if isinstance(found, FiguresRead):
            say_in_blocks(connection, work.version, found.said)
            set_recognised(connection, work.version, found.page)
            return
        if isinstance(found, PictureRead):
            if found.said is not None:
                say_in_picture(connection, work.version, found.name, found.said)
            return
        builder = BlockBuilder(cursor.ordinal - len(found.blocks))
        if found.blocks:
            drop_layer(connection, work.version, cursor.page)
        write(connection, rows_of_blocks(work.version, [builder.add(block) for block in found.blocks]))
        set_recognised(connection, work.version, found.page)


def _after(cursor: _Cursor, place: _Waiting | InnerPicture, found: _Found) -> _Cursor:
    cursor = replace(cursor, done=cursor.done + 1)
    if isinstance(place, _Waiting):
        cursor = replace(cursor, page=place.number)
    else:
        cursor = replace(cursor, picture=place.first)
    if isinstance(found, PictureRead):
        unread, text = cursor.unread + (found.why is not None), cursor.text or found.said is not None
        figures, why = cursor.figures + 1, cursor.why or found.why
        return replace(cursor, figures=figures, unread=unread, why=why, text=text)
    if isinstance(found, PageLoss):
        return replace(cursor, loss=cursor.loss or found.message)
    if isinstance(found, FiguresRead):
        figures, unread = cursor.figures + found.looked_at, cursor.unread + found.unread
        return replace(cursor, figures=figures, unread=unread, why=cursor.why or found.why)
    return replace(
        cursor,
        ordinal=cursor.ordinal + len(found.blocks),
        language=found.page.language or cursor.language,
        text=cursor.text or bool(found.blocks),
    )


def _no_text(pages: int, loss: str | None) -> str:
    if loss is not None:
        return f"No text was found: a page could not be recognised. {loss}"
    what = "the page is" if pages == 1 else f"all {pages:,} pages are"
    return f"No text was found: {what} blank, or shows no letters. Check that the scan shows what it should."
