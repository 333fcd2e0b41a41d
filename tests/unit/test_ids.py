"""Identifiers are derived: these literals must never change, since stored data is named after them."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID

from docmill.domain.ids import chunk_id, dataset_id, document_id, task_id, version_id

FERRY = dataset_id("default", "ferry")
TIMETABLE = document_id(FERRY, sha256(b"first boat 6:40").hexdigest())
FIRST = version_id(TIMETABLE, 1)


def test_known_ids_stay_what_they_are() -> None:
    assert UUID("55203961-f713-5118-b376-1797876eaa90") == FERRY
    assert UUID("894b7d9d-5ec3-5435-876f-a10998201233") == TIMETABLE
    assert UUID("82c6a344-92bf-521a-b3c8-88706c864db0") == FIRST
    assert task_id(FIRST) == UUID("e217eb52-60ba-598f-80f8-3264fa8e9dce")
    assert chunk_id(FIRST, 0) == UUID("26619c97-8b12-5a34-b016-06c66d942ad1")


def test_the_same_bytes_in_the_same_dataset_are_the_same_document() -> None:
    again = document_id(dataset_id("default", "ferry"), sha256(b"first boat 6:40").hexdigest())

    assert again == TIMETABLE


def test_the_same_bytes_in_another_dataset_are_another_document() -> None:
    archive = dataset_id("default", "archive")

    assert document_id(archive, sha256(b"first boat 6:40").hexdigest()) != TIMETABLE


def test_the_same_dataset_name_of_another_tenant_is_another_dataset() -> None:
    assert dataset_id("other", "ferry") != FERRY


def test_every_version_and_every_chunk_has_an_id_of_its_own() -> None:
    second = version_id(TIMETABLE, 2)

    chunks = {chunk_id(version, ordinal) for version in (FIRST, second) for ordinal in range(3)}

    assert len(chunks | {FIRST, second, task_id(FIRST), task_id(second)}) == 10
