"""Search over real tables: what is found, in which order, through which filter, and what a hit says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text

from docmill.adapters.embedders.hashing import Hashing
from docmill.adapters.vectors.pgvector import PgVectorStore
from docmill.db.content import rows_of_chunks
from docmill.db.engine import connect
from docmill.db.lexical import Lexical, search_config_for
from docmill.db.results import write
from docmill.domain.documents import Box, Chunk, ChunkKind
from docmill.domain.errors import DatabaseUnavailable, InvalidQuery
from docmill.domain.ids import VersionRef, chunk_id, dataset_id, document_id, version_id
from docmill.ports import Filter, Scored, VectorEntry, Vectors
from docmill.services.search import Hit, Mode, Search

MODES: list[Mode] = ["hybrid", "dense", "lexical"]
EVERYTHING = Filter("default")

_ROWS = (
    """INSERT INTO datasets (id, tenant_id, name) VALUES (:dataset, :tenant, CAST(:dataset AS text))
ON CONFLICT DO NOTHING""",
    """INSERT INTO documents
  (id, tenant_id, dataset_id, name, sha256, size_bytes, media_type, metadata, storage_key)
VALUES (:document, :tenant, :dataset, :name, :name, 1, :media_type, CAST(:metadata AS jsonb), '')
ON CONFLICT DO NOTHING""",
    """INSERT INTO document_versions (id, tenant_id, document_id, number, status, settings)
VALUES (:version, :tenant, :document, :number, 'published', '{}')""",
)


@dataclass
class Shelf:
    """Publishes documents as the stages do; each text becomes one chunk."""

    engine: Engine
    embedder: Hashing = field(default_factory=Hashing)

    def __post_init__(self) -> None:
        self.vectors = PgVectorStore(self.engine)
        self.vectors.prepare(self.embedder.model, self.embedder.dimensions)

    def search(self) -> Search:
        return Search(self.engine, self.embedder, self.vectors)

    def publish(
        self,
        name: str,
        texts: Sequence[str],
        *,
        number: int = 1,
        dataset: str = "default",
        tenant: str = "default",
        media_type: str = "text/plain",
        metadata: str = "{}",
        language: str | None = "en",
        section_path: tuple[str, ...] = (),
    ) -> VersionRef:
        """A new version of the document `name`, published."""
        in_dataset = dataset_id(tenant, dataset)
        document = document_id(in_dataset, name)
        version = VersionRef(tenant, in_dataset, document, version_id(document, number))
        self._write_rows(version, name=name, number=number, media_type=media_type, metadata=metadata)
        chunks = [_chunk(ordinal, text, language, section_path) for ordinal, text in enumerate(texts)]
        with self.engine.begin() as connection:
            write(connection, rows_of_chunks(version, chunks))
        self._index(version, chunks)
        with self.engine.begin() as connection:
            publish = text("UPDATE documents SET active_version_id = :version WHERE id = :id")
            connection.execute(publish, {"version": version.version_id, "id": document})
        return version

    def _write_rows(self, v: VersionRef, **values: object) -> None:
        keys = {
            "tenant": v.tenant,
            "dataset": v.dataset_id,
            "document": v.document_id,
            "version": v.version_id,
        }
        with self.engine.begin() as connection:
            for statement in _ROWS:
                connection.execute(text(statement), {**keys, **values})

    def _index(self, v: VersionRef, chunks: Sequence[Chunk]) -> None:
        vectors = self.embedder.embed([chunk.text for chunk in chunks]).vectors
        place = (v.version_id, v.document_id, v.dataset_id, v.tenant)
        entries = [
            VectorEntry(chunk_id(v.version_id, chunk.ordinal), *place, chunk.language, vector)
            for chunk, vector in zip(chunks, vectors, strict=True)
        ]
        self.vectors.upsert(self.embedder.model, entries)


def _chunk(ordinal: int, text: str, language: str | None, section_path: tuple[str, ...]) -> Chunk:
    start = ordinal * 1000
    box = Box(ordinal + 1, 72, 72, 300, 90)
    place = ((ordinal + 1,), (box,), section_path, language)
    return Chunk(ordinal, ChunkKind.TEXT, text, start, start + len(text), 9, *place)


@pytest.fixture
def shelf(engine: Engine) -> Shelf:
    return Shelf(engine)


def names(hits: Sequence[Hit]) -> list[str]:
    return [hit.document_name for hit in hits]


def find(shelf: Shelf, query: str, mode: Mode = "lexical", where: Filter = EVERYTHING) -> list[str]:
    return names(shelf.search().search(query, where=where, mode=mode).hits)


GARDEN = ["Tomatoes need sun and water.", "Beans climb along a pole.", "Snails come out after the rain."]
HARBOUR = ["Ships wait for the tide.", "The crane lifts containers off the ships."]


@pytest.mark.parametrize("mode", MODES)
def test_each_mode_finds_the_passage_with_the_words_of_the_question(shelf: Shelf, mode: Mode) -> None:
    shelf.publish("garden.txt", GARDEN)
    shelf.publish("harbour.txt", HARBOUR)

    best = shelf.search().search("Which crane lifts containers?", where=EVERYTHING, mode=mode).hits[0]

    assert (best.document_name, best.text) == ("harbour.txt", HARBOUR[1])


def test_a_hit_says_where_it_stands(shelf: Shelf) -> None:
    version = shelf.publish("garden.txt", GARDEN, section_path=("Garden", "Pests"))

    hit = shelf.search().search("snails", where=EVERYTHING, mode="lexical", limit=1).hits[0]

    assert hit.document_id == version.document_id
    assert hit.version_id == version.version_id
    assert hit.chunk_id == chunk_id(version.version_id, 2)
    assert (hit.media_type, hit.language, hit.kind, hit.ordinal) == ("text/plain", "en", ChunkKind.TEXT, 2)
    assert (hit.char_start, hit.char_end) == (2000, 2000 + len(GARDEN[2]))
    assert hit.pages == (3,)
    assert hit.boxes == (Box(3, 72, 72, 300, 90),)
    assert hit.section_path == ("Garden", "Pests")


def test_a_hit_says_what_each_leg_thought_of_it(shelf: Shelf) -> None:
    shelf.publish("garden.txt", GARDEN)

    hits = shelf.search().search("snails in the rain", where=EVERYTHING).hits

    best, *others = hits
    assert best.text == GARDEN[2]
    assert best.scores.lexical is not None
    assert best.scores.dense is not None
    assert (best.scores.lexical.rank, best.scores.dense.rank) == (1, 1)
    assert 0 < best.scores.dense.score <= 1
    assert all(hit.scores.lexical is None and hit.scores.dense is not None for hit in others)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_a_rare_word_weighs_more_than_a_frequent_one(shelf: Shelf) -> None:
    shelf.publish("many.txt", [f"The report of ship number {number}." for number in range(20)])
    shelf.publish("one.txt", ["Nothing but rust here."])

    assert find(shelf, "report rust")[0] == "one.txt"


def test_a_word_twice_counts_more_than_once(shelf: Shelf) -> None:
    shelf.publish("once.txt", ["The crane and the heron and the swan."])
    shelf.publish("twice.txt", ["The crane, and again a crane, and the swan."])

    assert find(shelf, "cranes") == ["twice.txt", "once.txt"]


def test_words_of_the_headings_above_find_a_passage(shelf: Shelf) -> None:
    shelf.publish("manual.md", ["Turn it to the left."], section_path=("Maintenance", "The valve"))

    assert find(shelf, "maintenance of valves") == ["manual.md"]


def test_parts_of_joined_words_are_found(shelf: Shelf) -> None:
    shelf.publish("paper.txt", ["It inhibits TNF/IL-6 and/or interferon-dependent growth."])

    for query in ("TNF", "IL-6", "interferon", "dependent"):
        assert find(shelf, query) == ["paper.txt"], query


def test_each_language_is_found_by_its_own_word_forms(shelf: Shelf) -> None:
    shelf.publish("haus.txt", ["Die Häuser am Hafen wurden verkauft."], language="de")
    shelf.publish("houses.txt", ["The houses near the harbour were sold."], language="en")
    shelf.publish("casas.txt", ["Las casas del puerto fueron vendidas."], language="es")
    shelf.publish("unknown.txt", ["Talot satamassa"], language=None)

    assert find(shelf, "Haus") == ["haus.txt"]
    assert find(shelf, "house") == ["houses.txt"]
    assert find(shelf, "casa") == ["casas.txt"]
    assert find(shelf, "talot") == ["unknown.txt"]


@pytest.mark.parametrize(
    ("language", "passage", "query"),
    [
        ("zh", "黑豹队的防守只丢了308分，在联赛中排名第六。", "联赛排名"),
        ("ja", "昨日、東京都庁を見学しました。", "都庁の見学"),
        ("th", "กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย", "เมืองหลวง"),
    ],
)
def test_scripts_without_spaces_are_found_by_pairs_of_characters(
    shelf: Shelf, language: str, passage: str, query: str
) -> None:
    shelf.publish("other.txt", ["今天天气很好，我们去散步。", "雨が降る。", "ฝนตก"], language=language)
    shelf.publish("it.txt", [passage], language=language)

    assert find(shelf, query)[0] == "it.txt"


def test_languages_have_the_configuration_that_postgresql_has_for_them(engine: Engine) -> None:
    languages = ["en", "de", "zh", "nb", None, "xx"]
    expected = ["english", "german", "simple", "norwegian", "simple", "simple"]
    assert [search_config_for(language) for language in languages] == expected

    every = {
        search_config_for(a + b) for a in "abcdefghijklmnopqrstuvwxyz" for b in "abcdefghijklmnopqrstuvwxyz"
    }
    with engine.begin() as connection:
        existing = set(connection.execute(text("SELECT cfgname FROM pg_ts_config")).scalars())
    assert every <= existing


def test_a_new_version_replaces_the_old_one_in_every_mode(shelf: Shelf) -> None:
    shelf.publish("garden.txt", ["Tomatoes need sun."])
    new = shelf.publish("garden.txt", ["Tomatoes need shade."], number=2)

    for mode in MODES:
        hits = shelf.search().search("tomatoes", where=EVERYTHING, mode=mode).hits
        assert [hit.version_id for hit in hits] == [new.version_id], mode


FILTERS = {
    "dataset": Filter("default", dataset_ids=(dataset_id("default", "gardens"),)),
    "document": Filter("default", document_ids=(document_id(dataset_id("default", "gardens"), "garden.md"),)),
    "media type": Filter("default", media_types=("text/markdown",)),
    "language": Filter("default", languages=("fr", "de")),
    "metadata": Filter("default", metadata={"year": "2024"}),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("by", FILTERS)
def test_filters_hold_in_every_mode(shelf: Shelf, by: str, mode: Mode) -> None:
    shelf.publish("other.txt", ["Tomaten und noch mehr Tomaten"] * 3)
    shelf.publish("theirs.txt", ["Tomaten"], tenant="them", language="de")
    shelf.publish(
        "garden.md",
        ["Tomaten"],
        dataset="gardens",
        media_type="text/markdown",
        metadata='{"year": "2024", "author": "Ada"}',
        language="de",
    )

    assert find(shelf, "Tomaten", mode, FILTERS[by]) == ["garden.md"]


def test_frequent_words_are_searched_where_the_filter_leaves_no_rare_ones(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docmill.db.lexical.SCANNED", 5)
    shelf.publish("many.txt", [f"Report {number}" for number in range(10)])
    shelf.publish("rare.txt", ["rust", "rust and a report"])
    few = shelf.publish("few.txt", ["A report without it."])

    assert find(shelf, "rust report")[:2] == ["rare.txt", "rare.txt"]
    assert find(shelf, "rust report", where=Filter("default", document_ids=(few.document_id,))) == ["few.txt"]


def test_counts_of_frequent_words_are_remembered_and_renewed(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("docmill.db.lexical.REMEMBERED_FROM", 2)
    shelf.publish("reports.txt", ["report one", "report two", "rust"])
    lexical = Lexical(shelf.engine)

    first = lexical.search("report rust", EVERYTHING, 10)
    shelf.publish("more.txt", ["report three"] * 5)
    remembered = {hit.chunk_id: hit.score for hit in lexical.search("report rust", EVERYTHING, 10)}

    assert len(remembered) == 8
    assert {hit.chunk_id: hit.score for hit in first}.items() <= remembered.items()


def test_words_that_are_nowhere_find_nothing_by_words(shelf: Shelf) -> None:
    shelf.publish("garden.txt", GARDEN)

    assert find(shelf, "xylophone") == []
    assert find(shelf, "the of and") == []
    assert find(shelf, "?!") == []


@pytest.mark.parametrize(
    "query", ["'", "a & b | !c:*", "\\", "x' y''z", "\x00snails", "\ud800 snails", "%s :q"]
)
def test_no_character_of_a_query_is_syntax(shelf: Shelf, query: str) -> None:
    shelf.publish("garden.txt", GARDEN)

    hits = shelf.search().search(query, where=EVERYTHING).hits

    assert len(hits) == 3
    if "snails" in query:
        assert hits[0].text == GARDEN[2]


def test_an_empty_database_finds_nothing(shelf: Shelf) -> None:
    assert [find(shelf, "anything", mode) for mode in MODES] == [[], [], []]


@pytest.mark.parametrize("query", ["", " \n\t", "x" * 8001])
def test_queries_without_text_or_with_too_much_are_refused(shelf: Shelf, query: str) -> None:
    with pytest.raises(InvalidQuery):
        shelf.search().search(query, where=EVERYTHING)


def test_a_long_query_is_answered(shelf: Shelf) -> None:
    shelf.publish("garden.txt", GARDEN)

    assert find(shelf, ("tomatoes " + " ".join(f"w{n}" for n in range(2000)))[:8000]) == ["garden.txt"]


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_limits_outside_1_to_100_are_refused(shelf: Shelf, limit: int) -> None:
    with pytest.raises(InvalidQuery, match="between 1 and 100"):
        shelf.search().search("snails", where=EVERYTHING, limit=limit)


def test_the_limit_holds(shelf: Shelf) -> None:
    shelf.publish("many.txt", [f"Report {number}" for number in range(150)])

    for mode in MODES:
        for limit in (1, 100):
            hits = shelf.search().search("report", where=EVERYTHING, mode=mode, limit=limit).hits
            assert len(hits) == limit, mode


class _PublishesMeanwhile(PgVectorStore):
    """Once, a new version is published after the search and the old one is gone before it is read."""

    def __init__(self, shelf: Shelf) -> None:
        super().__init__(shelf.engine)
        self._shelf: Shelf | None = shelf

    def search(self, model: str, vector: Vectors, where: Filter, limit: int) -> list[Scored]:
        found = super().search(model, vector, where, limit)
        if self._shelf:
            self._shelf.publish("garden.txt", ["Tomatoes need shade."], number=2)
            self._shelf = None
        return found


def test_a_version_published_during_the_search_is_found_instead_of_the_old_one(shelf: Shelf) -> None:
    shelf.publish("garden.txt", ["Tomatoes need sun."])
    search = Search(shelf.engine, shelf.embedder, _PublishesMeanwhile(shelf))

    hits = search.search("tomatoes", where=EVERYTHING, mode="dense").hits

    assert [hit.text for hit in hits] == ["Tomatoes need shade."]


def test_ids_that_do_not_exist_find_nothing(shelf: Shelf) -> None:
    shelf.publish("garden.txt", GARDEN)
    nowhere: UUID = uuid4()

    for mode in MODES:
        assert find(shelf, "snails", mode, Filter("default", dataset_ids=(nowhere,))) == []


def test_a_database_that_does_not_answer_is_said_so() -> None:
    nobody_there = connect("postgresql://docmill@127.0.0.1:1/docmill")
    search = Search(nobody_there, Hashing(), PgVectorStore(nobody_there))

    for mode in MODES:
        with pytest.raises(DatabaseUnavailable):
            search.search("snails", where=EVERYTHING, mode=mode)
