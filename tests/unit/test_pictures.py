"""How large a picture becomes, and which pictures are kept."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docmill.adapters.pictures.cache import DirectoryPictures
from docmill.domain.pictures import LEAST_DPI, LONGEST_SIDE, MOST_DPI, MOST_PIXELS, can_be_drawn, pixels


def test_a_page_has_as_many_pixels_as_its_inches_say() -> None:
    assert pixels(595, 842, 72) == (595, 842)
    assert pixels(595, 842, 144) == (1190, 1684)


@given(st.floats(), st.floats(), st.integers(LEAST_DPI, MOST_DPI))
def test_no_page_is_too_large_or_nothing(width: float, height: float, dpi: int) -> None:
    across, down = pixels(width, height, dpi)

    assert 1 <= across <= LONGEST_SIDE
    assert 1 <= down <= LONGEST_SIDE
    assert across * down <= MOST_PIXELS + across + down


@pytest.mark.parametrize(
    ("media_type", "drawn"),
    [("application/pdf", True), ("image/tiff", True), ("image/svg+xml", False), ("text/plain", False)],
)
def test_pdf_files_and_images_can_be_drawn(media_type: str, drawn: bool) -> None:
    assert can_be_drawn(media_type) is drawn


def test_a_picture_is_kept_by_its_original_and_its_name(tmp_path: Path) -> None:
    kept = DirectoryPictures(tmp_path / "pictures", 1000)
    kept.put("original", "a", b"drawn")

    assert kept.get("original", "a") == b"drawn"
    assert kept.get("original", "b") is None
    assert kept.get("another", "a") is None


def test_what_was_not_asked_for_longest_makes_room(tmp_path: Path) -> None:
    kept = DirectoryPictures(tmp_path, 1000)
    for age, name in ((300, "oldest"), (200, "old"), (100, "asked for")):
        kept.put("original", name, b"x" * 300)
        os.utime(tmp_path / "original" / name, (0, 1_000_000 - age))
    kept.get("original", "oldest")
    kept.put("another", "new", b"x" * 300)

    assert [name for name in ("oldest", "old", "asked for") if kept.get("original", name)] == [
        "oldest",
        "asked for",
    ]
    assert kept.get("another", "new")


def test_a_picture_that_leaves_no_room_is_not_kept(tmp_path: Path) -> None:
    kept = DirectoryPictures(tmp_path / "pictures", 0)
    kept.put("original", "a", b"drawn")

    assert kept.get("original", "a") is None


def test_a_disk_that_takes_nothing_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("a file where the folder should be")
    kept = DirectoryPictures(tmp_path / "pictures", 1000)
    kept.put("original", "a", b"drawn")

    assert kept.get("original", "a") is None
