"""Drawing pages: what goes wrong in the child stays in it, and the next page is drawn."""

from __future__ import annotations

import io
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image
from tests import made_files as made
from tests.polling import eventually

from docmill.adapters.pictures.renderer import ChildRenderer
from docmill.domain.documents import Box
from docmill.domain.errors import DocmillError, NoPicture, RendererBusy
from docmill.domain.media_types import PDF, TEXT
from docmill.domain.pictures import MOST_PIXELS, Picture, PictureForm
from docmill.domain.reading_errors import PageNotDrawn

GIGABYTE = 1024**3
LETTER = Picture(1, 612, 792, dpi=36)


@pytest.fixture
def renderer() -> Iterator[ChildRenderer]:
    renderer = ChildRenderer(30, 2 * GIGABYTE, processes=1)
    yield renderer
    renderer.close()


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A PDF with two pages."""
    path = tmp_path / "a.pdf"
    path.write_bytes(made.pdf(["The ferry leaves at eight.", "And at nine."]))
    return path


def drawn(renderer: ChildRenderer, path: Path, picture: Picture, media_type: str = PDF) -> Image.Image:
    """The picture, opened."""
    return Image.open(io.BytesIO(renderer.draw(path, media_type, picture)))


@pytest.mark.parametrize("form", PictureForm)
def test_a_page_comes_in_every_format(renderer: ChildRenderer, page: Path, form: PictureForm) -> None:
    image = drawn(renderer, page, Picture(2, 612, 792, dpi=72, form=form))

    assert image.format == form.upper()
    assert image.size == (612, 792)
    assert darkest(image) < 60  # there is ink on it


def test_boxes_are_marked_and_what_is_under_them_stays(renderer: ChildRenderer, page: Path) -> None:
    box = Box(1, 60, 75, 300, 100)
    plain = drawn(renderer, page, Picture(1, 612, 792, dpi=72))
    marked = drawn(renderer, page, Picture(1, 612, 792, dpi=72, boxes=(box,)))

    assert marked.getpixel((290, 80)) != plain.getpixel((290, 80)) == (255, 255, 255)
    assert marked.getpixel((290, 300)) == plain.getpixel((290, 300))
    assert darkest(marked.crop((60, 75, 300, 100))) < 100


def test_an_image_is_its_own_page(renderer: ChildRenderer, tmp_path: Path) -> None:
    path = tmp_path / "a.tiff"
    first, second = Image.new("RGB", (400, 200), "navy"), Image.new("RGB", (400, 200), "green")
    first.save(path, save_all=True, append_images=[second])

    image = drawn(renderer, path, Picture(2, 288, 144, dpi=72), "image/tiff")

    assert image.size == (288, 144)
    assert image.getpixel((9, 9)) == (0, 128, 0)


def test_a_media_box_without_measure_is_drawn_small(renderer: ChildRenderer, tmp_path: Path) -> None:
    path = tmp_path / "vast.pdf"
    path.write_bytes(made.pdf(["x"]).replace(b"[0 0 612 792]", b"[0 0 9e6 9e6]"))

    image = drawn(renderer, path, Picture(1, 9e6, 9e6, dpi=300))

    assert image.width * image.height <= MOST_PIXELS


def test_an_image_with_more_pixels_than_can_be_held_is_refused(
    renderer: ChildRenderer, tmp_path: Path
) -> None:
    path = tmp_path / "vast.png"
    Image.new("1", (30_000, 30_000)).save(path)

    with pytest.raises(PageNotDrawn):
        renderer.draw(path, "image/png", Picture(1, 100, 100))


@pytest.mark.parametrize("number", [0, 3, 10**6])
def test_a_page_that_the_file_does_not_have(renderer: ChildRenderer, page: Path, number: int) -> None:
    with pytest.raises(PageNotDrawn):
        renderer.draw(page, PDF, Picture(number, 612, 792))


def test_a_damaged_file(renderer: ChildRenderer, page: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(page.read_bytes()[:200])
    for media_type in (PDF, "image/png"):
        with pytest.raises(PageNotDrawn):
            renderer.draw(damaged, media_type, LETTER)
    assert drawn(renderer, page, LETTER)


def test_other_formats_have_no_picture(renderer: ChildRenderer, page: Path) -> None:
    with pytest.raises(NoPicture):
        renderer.draw(page, TEXT, LETTER)


def test_a_page_that_takes_for_ever_is_given_up(page: Path, tmp_path: Path) -> None:
    renderer = ChildRenderer(5.0, 2 * GIGABYTE, processes=1)
    with pytest.raises(PageNotDrawn, match="too long"):
        renderer.draw(endless(tmp_path), "image/png", LETTER)
    assert drawn(renderer, page, LETTER)
    renderer.close()
    assert children() == []


def test_a_child_that_dies_is_the_end_of_this_picture_only(
    renderer: ChildRenderer, page: Path, tmp_path: Path
) -> None:
    failures: list[DocmillError] = []
    waiting = threading.Thread(target=_draw_and_note, args=(renderer, endless(tmp_path), failures))
    waiting.start()
    (child,) = eventually(children)
    child.send_signal(signal.SIGSEGV)
    waiting.join()

    assert [type(failure) for failure in failures] == [PageNotDrawn]
    assert drawn(renderer, page, LETTER)


def test_more_than_a_few_who_wait_are_sent_away(page: Path, tmp_path: Path) -> None:
    renderer = ChildRenderer(30, 2 * GIGABYTE, processes=1, waiting=0)
    failures: list[DocmillError] = []
    busy = threading.Thread(target=_draw_and_note, args=(renderer, endless(tmp_path), failures))
    busy.start()
    eventually(children)
    with pytest.raises(RendererBusy):
        renderer.draw(page, PDF, LETTER)
    renderer.close()  # what is drawn then is given up
    busy.join()

    assert [type(failure) for failure in failures] == [RendererBusy]
    assert children() == []


def endless(folder: Path) -> Path:
    """A file that opens when somebody writes into it, and nobody will."""
    path = folder / "endless"
    os.mkfifo(path)
    return path


def darkest(image: Image.Image) -> int:
    """How dark its darkest point is, 0 being black."""
    return min(image.convert("L").tobytes())


def children() -> list[psutil.Process]:
    """The drawing children of this process."""
    return [child for child in psutil.Process().children() if "pictures.child" in " ".join(child.cmdline())]


def _draw_and_note(renderer: ChildRenderer, path: Path, failures: list[DocmillError]) -> None:
    try:
        renderer.draw(path, "image/png", LETTER)
    except DocmillError as error:
        failures.append(error)
