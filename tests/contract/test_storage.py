"""Storage: whatever keeps the original files must pass these tests."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from docmill.adapters.storage.directory import DirectoryStorage
from docmill.domain.errors import FileNotStored, StorageFull, StorageUnavailable
from docmill.ports import Storage

KEY = "originals/ab/cd/abcdef"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "storage"


@pytest.fixture(params=["directory"])
def storage(root: Path) -> Storage:
    return DirectoryStorage(root)


@pytest.fixture
def arrived(tmp_path: Path) -> Path:
    path = tmp_path / "arrived"
    path.write_bytes(b"what was sent")
    return path


def test_a_file_is_moved_under_its_key_and_read_back(storage: Storage, arrived: Path) -> None:
    storage.put(KEY, arrived)

    with storage.open(KEY) as file:
        assert file.read() == b"what was sent"
    assert storage.local_path(KEY).read_bytes() == b"what was sent"
    assert not arrived.exists()


def test_the_same_key_again_changes_nothing(storage: Storage, arrived: Path, tmp_path: Path) -> None:
    storage.put(KEY, arrived)
    again = tmp_path / "again"
    again.write_bytes(b"what was sent")

    storage.put(KEY, again)

    assert storage.local_path(KEY).read_bytes() == b"what was sent"
    assert not again.exists()


def test_many_may_put_the_same_key_at_once(storage: Storage, tmp_path: Path) -> None:
    sources = [tmp_path / f"arrived-{number}" for number in range(16)]
    for source in sources:
        source.write_bytes(b"what was sent")
    threads = [threading.Thread(target=storage.put, args=(KEY, source)) for source in sources]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert storage.local_path(KEY).read_bytes() == b"what was sent"
    assert not any(source.exists() for source in sources)


def test_what_was_deleted_is_gone_and_may_be_deleted_again(storage: Storage, arrived: Path) -> None:
    storage.put(KEY, arrived)

    storage.delete(KEY)
    storage.delete(KEY)

    with pytest.raises(FileNotStored):
        storage.local_path(KEY)
    with pytest.raises(FileNotStored):
        storage.open(KEY)


@pytest.mark.parametrize(
    "key", ["../outside", "originals/../../outside", "/etc/passwd", "", "a//b", "a/./b", "a/b\0c"]
)
def test_no_key_leads_outside(storage: Storage, arrived: Path, key: str) -> None:
    with pytest.raises(FileNotStored):
        storage.put(key, arrived)
    with pytest.raises(FileNotStored):
        storage.open(key)
    with pytest.raises(FileNotStored):
        storage.delete(key)
    assert arrived.exists()


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path, arrived: Path) -> None:
    (tmp_path / "a file").write_text("in the way")

    with pytest.raises(StorageUnavailable):
        DirectoryStorage(tmp_path / "a file").put(KEY, arrived)


def test_a_storage_that_lost_its_disk_says_so(storage: Storage, root: Path, arrived: Path) -> None:
    storage.put(KEY, arrived)
    storage.check("originals")
    (root / "originals").rename(root / "unplugged")

    with pytest.raises(FileNotStored):
        storage.local_path(KEY)
    with pytest.raises(StorageUnavailable):
        storage.check("originals")


def test_a_full_disk_says_so_and_leaves_no_half_file(
    root: Path, arrived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_space(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)

    with pytest.raises(StorageFull):
        DirectoryStorage(root).put(KEY, arrived)
    assert not (root / KEY).exists()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="needs a second file system")
def test_a_file_from_another_disk_is_copied_whole(root: Path) -> None:
    arrived = Path("/dev/shm") / f"docmill-test-{os.getpid()}"
    arrived.write_bytes(b"what was sent")

    DirectoryStorage(root).put(KEY, arrived)

    assert (root / KEY).read_bytes() == b"what was sent"
    assert [path for path in root.rglob("*") if path.is_file()] == [root / KEY]
    assert not arrived.exists()


def test_old_keys_of_a_folder_are_listed(storage: Storage, arrived: Path) -> None:
    storage.put(KEY, arrived)

    assert storage.keys("originals/ab", 0) == [KEY]
    assert storage.keys("originals/ab", 3600) == []
    assert storage.keys("originals/ac", 0) == []
