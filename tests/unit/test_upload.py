"""An upload on its way to the disk."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from docmill.domain.errors import StorageFull, StorageUnavailable
from docmill.sources.upload import Upload, open_landing


@contextmanager
def room_for(size_bytes: int) -> Iterator[None]:
    """A disk on which a file may have no more bytes than this."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("pieces", [[1000], [500, 500], [600, 1], [100_000]])
def test_a_file_that_does_not_fit_is_refused_and_never_kept_in_part(
    tmp_path: Path, pieces: list[int]
) -> None:
    upload = Upload(tmp_path, max_bytes=1_000_000)

    with room_for(600), pytest.raises(StorageFull):
        list(map(upload.write, (b"x" * size for size in pieces)))
    upload.discard()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("before", [[b"The first half"], []])
def test_an_upload_that_was_given_up_is_not_begun_anew(tmp_path: Path, before: list[bytes]) -> None:
    upload = Upload(tmp_path, max_bytes=100)
    upload.write(*before)
    upload.discard()  # as when its request is cancelled while it waits for its turn

    with pytest.raises(StorageUnavailable):
        upload.write(b" and the second")

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_removed_is_not_made_anew_without_its_beginning(tmp_path: Path) -> None:
    upload = Upload(tmp_path, max_bytes=100)
    upload.write(b"The first half")
    next(tmp_path.iterdir()).unlink()

    with pytest.raises(StorageUnavailable):
        upload.write(b" and the second")


def test_a_file_that_another_process_has_just_cleared_away_does_not_keep_us_from_starting(
    tmp_path: Path,
) -> None:
    (tmp_path / "upload-gone").symlink_to(tmp_path / "nowhere")  # listed, and not there when looked at
    assert open_landing(tmp_path) == tmp_path
