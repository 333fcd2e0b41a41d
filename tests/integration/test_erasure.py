"""What a deleted document left in the stores goes too, also when a store was out of reach at that moment."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from tests.installations import Installation, installation

from docmill.domain.errors import DocumentNotFound
from docmill.domain.ids import version_id
from docmill.services.documents import Documents
from docmill.services.intake import storage_key
from docmill.services.maintenance import erase_deleted, remove_orphans

NOTE = b"# Ferry\n\nThe first ferry leaves at six.\n"
KEY = storage_key(hashlib.sha256(NOTE).hexdigest())


@pytest.fixture
def here(fresh_database: str, broker: str, tmp_path: Path) -> Iterator[Installation]:
    with installation(fresh_database, broker, tmp_path) as running:
        yield running


@pytest.fixture
def documents(here: Installation) -> Documents:
    return Documents(here.app.engine, here.app.storage, here.app.vectors, here.app.dispatcher)


def execute(here: Installation, statement: str, **values: object) -> None:
    with here.app.engine.begin() as connection:
        connection.execute(text(statement), values)


def add_vector(here: Installation, document: object) -> None:
    """A vector of the document's first version, as its last stage writes them."""
    execute(
        here,
        """INSERT INTO vector_entries
          (chunk_id, model, tenant_id, dataset_id, document_id, version_id, embedding)
        SELECT gen_random_uuid(), 'm', tenant_id, dataset_id, id, :version, '[1, 0]' FROM documents""",
        version=version_id(document, 1),  # type: ignore[arg-type]
    )


def vectors(here: Installation) -> int:
    return int(here.rows("SELECT count(*) AS n FROM vector_entries")[0].n)


def clean_up(here: Installation) -> int:
    return erase_deleted(here.app.engine, here.app.storage, here.app.vectors)


def is_stored(here: Installation) -> bool:
    return (here.settings.storage_path / KEY).exists()


def test_nothing_is_left_at_once(here: Installation, documents: Documents) -> None:
    accepted = here.accept("ferry.md", NOTE)
    add_vector(here, accepted.document_id)

    documents.delete("default", accepted.document_id)

    assert (vectors(here), is_stored(here)) == (0, False)
    assert here.rows("SELECT FROM erasures") == []


def test_a_vector_store_that_was_away_is_cleaned_later(here: Installation, documents: Documents) -> None:
    accepted = here.accept("ferry.md", NOTE)
    add_vector(here, accepted.document_id)
    execute(here, "ALTER TABLE vector_entries RENAME TO away")

    documents.delete("default", accepted.document_id)

    with pytest.raises(DocumentNotFound):
        documents.get("default", accepted.document_id)
    assert clean_up(here) == 0
    execute(here, "ALTER TABLE away RENAME TO vector_entries")
    assert (vectors(here), is_stored(here)) == (1, True)
    assert clean_up(here) == 1
    assert (vectors(here), is_stored(here)) == (0, False)
    assert here.rows("SELECT FROM erasures") == []


def test_a_file_that_could_not_be_removed_is_removed_later(here: Installation, documents: Documents) -> None:
    accepted = here.accept("ferry.md", NOTE)
    original = here.settings.storage_path / KEY
    original.unlink()
    original.mkdir()  # which cannot be removed as a file

    documents.delete("default", accepted.document_id)

    assert len(here.rows("SELECT FROM erasures")) == 1
    original.rmdir()
    original.write_bytes(NOTE)
    assert clean_up(here) == 1
    assert not is_stored(here)


def test_a_document_that_came_back_keeps_what_is_new(here: Installation, documents: Documents) -> None:
    accepted = here.accept("ferry.md", NOTE)
    execute(here, "ALTER TABLE vector_entries RENAME TO away")
    documents.delete("default", accepted.document_id)
    execute(here, "ALTER TABLE away RENAME TO vector_entries")

    again = here.accept("ferry.md", NOTE)
    assert again.document_id == accepted.document_id
    add_vector(here, again.document_id)

    assert clean_up(here) == 1
    assert (vectors(here), is_stored(here)) == (1, True)


def test_a_file_that_no_document_names_goes_after_an_hour(here: Installation) -> None:
    here.accept("ferry.md", NOTE)
    forgotten = here.settings.storage_path / "originals" / KEY.split("/")[1] / "00" / "forgotten"
    young = forgotten.with_name("young")
    forgotten.parent.mkdir(parents=True)
    forgotten.write_bytes(b"x")
    young.write_bytes(b"x")
    long_ago = time.time() - 3601
    for path in (forgotten, here.settings.storage_path / KEY):
        os.utime(path, (long_ago, long_ago))

    removed = remove_orphans(here.app.engine, here.app.storage, f"originals/{KEY.split('/')[1]}")

    assert removed == 1
    assert (forgotten.exists(), young.exists(), is_stored(here)) == (False, True, True)
