"""Haystack: an indexing pipeline that routes by file type, converts, cleans, splits, embeds and writes.

With docmill's engines one component takes the place of the converters and one that of the embedder.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers import engines
from benchmarks.peers.protocol import arguments, files, serve
from haystack import Document, Pipeline, component
from haystack.components.converters import DOCXToDocument, PyPDFToDocument, TextFileToDocument
from haystack.components.joiners import DocumentJoiner
from haystack.components.preprocessors import DocumentCleaner, DocumentSplitter
from haystack.components.routers import FileTypeRouter
from haystack.components.writers import DocumentWriter
from haystack.document_stores.types import DuplicatePolicy
from haystack.utils import Secret
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
)
from haystack_integrations.document_stores.pgvector import PgvectorDocumentStore
from sqlalchemy import make_url

CHUNK_WORDS, OVERLAP_WORDS = 165, 13  # of these files, about 254 and 20 tokens: as docmill
CONVERTERS = {
    "text/plain": TextFileToDocument,
    "application/pdf": PyPDFToDocument,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": DOCXToDocument,
}


@component
class DocmillConverter:
    """docmill's reader in its child process."""

    @component.output_types(documents=list[Document])
    def run(self, sources: list[Path]) -> dict[str, list[Document]]:
        """One document a file."""
        return {"documents": [Document(content=engines.read_text(path)) for path in sources]}


@component
class DocmillEmbedder:
    """docmill's model."""

    def __init__(self, cores: int) -> None:
        self.cores = cores

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """The same documents with vectors."""
        vectors = engines.embed([document.content or "" for document in documents], self.cores)
        return {"documents": [replace(d, embedding=v) for d, v in zip(documents, vectors, strict=True)]}


def main() -> None:
    """Serve runs over the files."""
    wanted = arguments()
    store = _store(wanted.database, f"haystack_{wanted.engines}_{wanted.share}")
    pipeline = _pipeline(store, DocmillEmbedder(wanted.cores) if wanted.engines == "docmill" else None)
    sources = files(wanted)
    entry = "converter" if wanted.engines == "docmill" else "router"

    def prepare(_number: int) -> None:
        store.delete_all_documents()

    def run() -> int:
        written: dict[str, Any] = pipeline.run({entry: {"sources": sources}})
        return int(written["writer"]["documents_written"])

    serve(f"Haystack {version('haystack-ai')}", prepare, run)


def _pipeline(store: PgvectorDocumentStore, ours: DocmillEmbedder | None) -> Pipeline:
    pipeline = Pipeline()
    first = _our_start(pipeline) if ours else _their_start(pipeline)
    own = SentenceTransformersDocumentEmbedder(model=str(engines.model_folder()), progress_bar=False)
    steps: dict[str, Any] = {
        "cleaner": DocumentCleaner(),
        "splitter": DocumentSplitter(split_by="word", split_length=CHUNK_WORDS, split_overlap=OVERLAP_WORDS),
        "embedder": ours or own,
        "writer": DocumentWriter(store, policy=DuplicatePolicy.OVERWRITE),
    }
    for name, step in steps.items():
        pipeline.add_component(name, step)
        pipeline.connect(first, name)
        first = name
    pipeline.warm_up()
    return pipeline


def _our_start(pipeline: Pipeline) -> str:
    pipeline.add_component("converter", DocmillConverter())
    return "converter"


def _their_start(pipeline: Pipeline) -> str:
    pipeline.add_component("router", FileTypeRouter(mime_types=list(CONVERTERS)))
    pipeline.add_component("joiner", DocumentJoiner())
    for mime_type, converter in CONVERTERS.items():
        name = converter.__name__
        pipeline.add_component(name, converter())
        pipeline.connect(f"router.{mime_type}", f"{name}.sources")
        pipeline.connect(name, "joiner")
    return "joiner"


def _store(database: str, table: str) -> PgvectorDocumentStore:
    return PgvectorDocumentStore(
        connection_string=Secret.from_token(
            make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
        ),
        table_name=table,
        embedding_dimension=384,
        search_strategy="hnsw",
        hnsw_index_name=f"{table}_hnsw",
        keyword_index_name=f"{table}_keywords",
    )


if __name__ == "__main__":
    main()
