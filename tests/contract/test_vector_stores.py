"""What every vector store promises. A new store is one more line in STORES."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import Engine, text

from docmill.adapters.vectors.pgvector import PgVectorStore
from docmill.db.content import rows_of_chunks, rows_of_embeddings
from docmill.db.engine import connect
from docmill.db.results import with_results, write
from docmill.domain.documents import Chunk, ChunkKind
from docmill.domain.ids import VersionRef, chunk_id
from docmill.ports import Filter, VectorEntry, Vectors, VectorStore

MODEL = "a model's name"
DIMENSIONS = 32
EVERYTHING = Filter(tenant="default")

STORES: dict[str, Callable[[Engine], VectorStore]] = {"pgvector": PgVectorStore}


@pytest.fixture
def engine(fresh_database: str) -> Iterator[Engine]:
    engine = connect(fresh_database)
    yield engine
    engine.dispose()


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, engine: Engine) -> VectorStore:
    made = STORES[request.param](engine)
    made.prepare(MODEL, DIMENSIONS)
    return made


@dataclass(frozen=True)
class Shelf:
    """Puts documents into the database, which says which version of each is published."""

    engine: Engine

    def publish(
        self, *, tenant: str = "default", media_type: str = "text/plain", metadata: str = "{}"
    ) -> VectorEntry:
        """A document with one published version, as a pattern for its entries."""
        dataset, document, version = uuid4(), uuid4(), uuid4()
        with self.engine.begin() as connection:
            connection.execute(
                text("INSERT INTO datasets (id, tenant_id, name) VALUES (:id, :tenant, :name)"),
                {"id": dataset, "tenant": tenant, "name": str(dataset)},
            )
            connection.execute(
                text(
                    """INSERT INTO documents (id, tenant_id, dataset_id, name, sha256, size_bytes, media_type,
  metadata, storage_key, active_version_id)
VALUES (:id, :tenant, :dataset, 'name', '', 0, :media_type, CAST(:metadata AS jsonb), '', :version)"""
                ),
                {
                    "id": document,
                    "tenant": tenant,
                    "dataset": dataset,
                    "media_type": media_type,
                    "metadata": metadata,
                    "version": version,
                },
            )
        pattern = VectorEntry(uuid4(), version, document, dataset, tenant, "en", np.zeros(0, np.float32))
        return self.version(pattern, version)

    def version(self, pattern: VectorEntry, version: UUID) -> VectorEntry:
        """Another version of the pattern's document, being built."""
        with self.engine.begin() as connection:
            connection.execute(
                text(
                    """INSERT INTO document_versions (id, tenant_id, document_id, number, status, settings)
SELECT :id, :tenant, :document, count(*) + 1, 'building', '{}' FROM document_versions
WHERE document_id = :document"""
                ),
                {"id": version, "tenant": pattern.tenant, "document": pattern.document_id},
            )
        return replace(pattern, version_id=version)

    def embed(self, pattern: VectorEntry, vectors: Vectors) -> VersionRef:
        """Chunks of the pattern's version with these embeddings, one each."""
        version = VersionRef(pattern.tenant, pattern.dataset_id, pattern.document_id, pattern.version_id)
        cut = Chunk(0, ChunkKind.TEXT, "text", 0, 4, 1, (), (), (), language="en")
        chunks = [replace(cut, ordinal=ordinal) for ordinal in range(len(vectors))]
        made = [entry.chunk_id for entry in entries(pattern, vectors)]
        with self.engine.begin() as connection:
            write(connection, rows_of_chunks(version, chunks))
            write(connection, rows_of_embeddings(version, MODEL, "exact", made, vectors))
        return version

    def give_up(self, version: UUID) -> None:
        """Discard a version, as a cancel does."""
        with self.engine.begin() as connection:
            connection.execute(
                text("UPDATE document_versions SET status = 'discarded' WHERE id = :id"), {"id": version}
            )

    def switch(self, document: UUID, version: UUID) -> None:
        """Publish another version."""
        with self.engine.begin() as connection:
            connection.execute(
                text("UPDATE documents SET active_version_id = :version WHERE id = :id"),
                {"version": version, "id": document},
            )

    def settle(self) -> None:
        """Let the database learn how its data looks now, as it does by itself after a while."""
        with self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


@pytest.fixture
def shelf(engine: Engine) -> Shelf:
    return Shelf(engine)


def directions(number: int, seed: int = 1) -> Vectors:
    """`number` vectors of length 1 in all directions: [number, DIMENSIONS]."""
    drawn = np.random.default_rng(seed).standard_normal((number, DIMENSIONS)).astype(np.float32)
    unit: Vectors = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return unit


def entries(pattern: VectorEntry, vectors: Vectors) -> list[VectorEntry]:
    """One entry of the pattern's document for each vector."""
    ids = (chunk_id(pattern.version_id, ordinal) for ordinal in count())
    return [replace(pattern, chunk_id=next(ids), vector=vector) for vector in vectors]


def found(store: VectorStore, vector: Vectors, where: Filter = EVERYTHING, limit: int = 10) -> list[UUID]:
    return [scored.chunk_id for scored in store.search(MODEL, vector, where, limit)]


def ids(some: Sequence[VectorEntry]) -> set[UUID]:
    return {entry.chunk_id for entry in some}


def test_the_nearest_come_first_with_their_cosine(store: VectorStore, shelf: Shelf) -> None:
    vectors = directions(200)
    stored = entries(shelf.publish(), vectors)
    store.upsert(MODEL, stored)

    hits = store.search(MODEL, vectors[7], EVERYTHING, 5)

    cosines = vectors @ vectors[7]
    nearest = np.argsort(-cosines)[:5]
    assert [hit.chunk_id for hit in hits] == [stored[at].chunk_id for at in nearest]
    assert [hit.score for hit in hits] == pytest.approx(cosines[nearest].tolist(), abs=1e-5)


def test_an_empty_store_finds_nothing(store: VectorStore) -> None:
    assert found(store, directions(1)[0]) == []


def test_writing_the_same_entries_again_changes_nothing(store: VectorStore, shelf: Shelf) -> None:
    vectors = directions(3)
    stored = entries(shelf.publish(), vectors)

    store.upsert(MODEL, stored)
    first = store.search(MODEL, vectors[0], EVERYTHING, 10)
    store.upsert(MODEL, stored)

    assert store.search(MODEL, vectors[0], EVERYTHING, 10) == first


def test_an_entry_written_with_another_vector_moves(store: VectorStore, shelf: Shelf) -> None:
    here, there = directions(2)
    [entry] = entries(shelf.publish(), here[None])
    store.upsert(MODEL, [entry])

    store.upsert(MODEL, [replace(entry, vector=there)])

    [hit] = store.search(MODEL, there, EVERYTHING, 10)
    assert hit.score == pytest.approx(1.0, abs=1e-6)


def test_only_published_versions_are_seen(store: VectorStore, shelf: Shelf) -> None:
    vectors = directions(4)
    old = entries(shelf.publish(), vectors[:2])
    new = entries(shelf.version(old[0], uuid4()), vectors[2:])
    store.upsert(MODEL, [*old, *new])
    assert set(found(store, vectors[0])) == ids(old)

    shelf.switch(old[0].document_id, new[0].version_id)

    assert set(found(store, vectors[0])) == ids(new)


def test_discarded_versions_are_gone(store: VectorStore, shelf: Shelf) -> None:
    vectors = directions(4)
    kept, gone = entries(shelf.publish(), vectors[:2]), entries(shelf.publish(), vectors[2:])
    store.upsert(MODEL, [*kept, *gone])

    store.discard([gone[0].version_id])
    store.discard([gone[0].version_id])

    assert set(found(store, vectors[3])) == ids(kept)


def test_a_version_given_up_gets_no_entries_any_more(store: VectorStore, shelf: Shelf) -> None:
    vectors = directions(4)
    kept, late = entries(shelf.publish(), vectors[:2]), entries(shelf.publish(), vectors[2:])
    shelf.give_up(late[0].version_id)

    store.upsert(MODEL, [*kept, *late])

    assert set(found(store, vectors[3])) == ids(kept)


def test_a_store_in_the_database_copies_the_embeddings_of_a_step_with_it(
    engine: Engine, shelf: Shelf
) -> None:
    store, vectors = PgVectorStore(engine), directions(5)
    store.prepare(MODEL, DIMENSIONS)
    pattern = shelf.publish()
    version = shelf.embed(pattern, vectors)

    with engine.begin() as connection:
        write(connection, *store.copied(MODEL, version, 1, 3)[1])
        write(connection, *store.copied("another model", version, 0, 5)[1])
    stored = entries(pattern, vectors)
    assert set(found(store, vectors[0])) == ids(stored[1:3])
    with engine.begin() as connection:
        write(connection, *store.copied(MODEL, version, 0, 5)[1])

    assert set(found(store, vectors[0])) == ids(stored)
    [nearest, *_] = store.search(MODEL, vectors[4], Filter("default", languages=("en",)), 1)
    assert nearest.chunk_id == stored[4].chunk_id
    assert nearest.score == pytest.approx(1.0, abs=1e-6)


def test_what_is_copied_stays_out_where_the_step_does_not_count(engine: Engine, shelf: Shelf) -> None:
    store, vectors = PgVectorStore(engine), directions(5)
    store.prepare(MODEL, DIMENSIONS)
    version = shelf.embed(shelf.publish(), vectors)

    _, [copied] = store.copied(MODEL, version, 0, 5)
    nothing_moved = with_results("WITH moved AS (SELECT WHERE false){results} SELECT 1", [copied])
    with engine.begin() as connection:
        connection.execute(nothing_moved, copied.values)

    assert found(store, vectors[0]) == []


def test_models_do_not_see_each_other(store: VectorStore, shelf: Shelf) -> None:
    [vector] = directions(1)
    store.upsert(MODEL, entries(shelf.publish(), vector[None]))
    store.prepare("another model", 8)

    assert store.search("another model", vector[:8], EVERYTHING, 10) == []


def test_a_tenant_sees_its_own_chunks_only(store: VectorStore, shelf: Shelf) -> None:
    vectors = directions(2)
    ours, theirs = entries(shelf.publish(), vectors[:1]), entries(shelf.publish(tenant="them"), vectors[1:])
    store.upsert(MODEL, [*ours, *theirs])

    assert set(found(store, vectors[1])) == ids(ours)
    assert set(found(store, vectors[1], Filter(tenant="them"))) == ids(theirs)


FILTERS: dict[str, Callable[[VectorEntry], Filter]] = {
    "document": lambda entry: Filter("default", document_ids=(entry.document_id, uuid4())),
    "dataset": lambda entry: Filter("default", dataset_ids=(entry.dataset_id,)),
    "media type": lambda _: Filter("default", media_types=("application/pdf", "text/html")),
    "language": lambda _: Filter("default", languages=("de", "fr")),
    "metadata": lambda _: Filter("default", metadata={"author": "Ada"}),
    "all of them": lambda entry: Filter(
        "default", (entry.dataset_id,), (entry.document_id,), ("application/pdf",), ("de",), {"year": "1843"}
    ),
}


@pytest.fixture(params=[False, True], ids=["at once", "settled"])
def crowded(request: pytest.FixtureRequest, store: VectorStore, shelf: Shelf) -> list[VectorEntry]:
    """Twelve entries that a filter can name, far from 2,000 others that every search meets first."""
    crowd = directions(2000, seed=2)
    crowd[:, 0] = np.abs(crowd[:, 0])
    store.upsert(MODEL, entries(shelf.publish(), crowd))
    far = directions(12, seed=3)
    far[:, 0] = -1
    metadata = '{"author": "Ada", "year": "1843"}'
    pattern = replace(shelf.publish(media_type="application/pdf", metadata=metadata), language="de")
    few = entries(pattern, far)
    store.upsert(MODEL, few)
    if request.param:
        shelf.settle()
    return few


def test_ten_hits_when_ten_match(store: VectorStore, crowded: list[VectorEntry]) -> None:
    away = np.eye(1, DIMENSIONS, dtype=np.float32)[0]
    for name, by in FILTERS.items():
        hits = found(store, away, by(crowded[0]))

        assert len(hits) == 10, name
        assert set(hits) <= ids(crowded), name


def test_a_filter_that_nothing_passes_finds_nothing(store: VectorStore, crowded: list[VectorEntry]) -> None:
    assert found(store, crowded[0].vector, Filter("default", languages=("fi",))) == []


def test_nearly_all_of_the_true_nearest_are_found(store: VectorStore, shelf: Shelf) -> None:
    vectors = directions(3000)
    stored = entries(shelf.publish(), vectors)
    store.upsert(MODEL, stored)
    shelf.settle()

    questions = directions(50, seed=4)
    true = [{stored[at].chunk_id for at in np.argsort(-(vectors @ asked))[:10]} for asked in questions]
    right = [len(nearest & set(found(store, asked))) for nearest, asked in zip(true, questions, strict=True)]
    assert sum(right) / 500 >= 0.95


def test_pgvector_compares_all_that_pass_where_its_graph_ends_too_early(
    engine: Engine, crowded: list[VectorEntry]
) -> None:
    with engine.begin() as connection:
        name = connection.execute(text("SELECT current_database()")).scalar_one()
        connection.execute(text(f'ALTER DATABASE "{name}" SET hnsw.max_scan_tuples = 100'))
    engine.dispose()  # settings of a database reach new connections only

    away = np.eye(1, DIMENSIONS, dtype=np.float32)[0]
    hits = found(PgVectorStore(engine), away, Filter("default", languages=("de",)))

    assert len(hits) == 10


def test_many_may_prepare_at_once(engine: Engine) -> None:
    stores = [PgVectorStore(engine) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda store: store.prepare(MODEL, DIMENSIONS), stores))

    with engine.begin() as connection:
        made = text("SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%USING hnsw%'")
        assert connection.execute(made).scalar_one() == 1
