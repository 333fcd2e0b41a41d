"""Which files `docmill ingest` takes from what it is given."""

from __future__ import annotations

from pathlib import Path

import pytest

from docmill.cli.files import find_files


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents at two depths, two hidden entries and three files of types that are not read."""
    for name in ("b.md", "a/c.pdf", ".secret.md", ".git/x.md", "photo.RAW", "logo.raw", "Makefile"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("text")
    return tmp_path


def test_a_folder_is_walked_in_sorted_order(folder: Path) -> None:
    assert find_files([folder]).files == (folder / "a/c.pdf", folder / "b.md")


def test_what_is_passed_over_is_counted(folder: Path) -> None:
    assert find_files([folder]).skipped_text == "Skipped: 2 .raw, 2 hidden, 1 without extension."


def test_what_is_named_is_taken_whatever_it_is(folder: Path) -> None:
    found = find_files([folder / "logo.raw", folder / ".secret.md"])
    assert found.files == (folder / "logo.raw", folder / ".secret.md")
    assert found.skipped_text == ""


def test_a_file_is_taken_once(folder: Path) -> None:
    assert find_files([folder / "b.md", folder]).files == (folder / "b.md", folder / "a/c.pdf")


def test_a_link_to_a_folder_is_not_followed(folder: Path) -> None:
    (folder / "again").symlink_to(folder)
    assert len(find_files([folder]).files) == 2
