"""LlamaIndex: a directory reader, then an IngestionPipeline of splitter and embedding into PostgreSQL.

With docmill's engines they are plugged in where LlamaIndex offers it: as the reader of each file type and as
the embedding.
"""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.peers import engines
from benchmarks.peers.protocol import arguments, files, serve
from llama_index.core import Document, SimpleDirectoryReader
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.ingestion import IngestionPipeline
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.readers.base import BaseReader
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.postgres import PGVectorStore
from sqlalchemy import make_url

CHUNK_TOKENS, OVERLAP_TOKENS = 254, 20  # as docmill, so that nobody embeds less of the text
HNSW = {
    "hnsw_m": 16,
    "hnsw_ef_construction": 64,
    "hnsw_ef_search": 40,
    "hnsw_dist_method": "vector_cosine_ops",
}


class DocmillReader(BaseReader):
    """docmill's reader in its child process."""

    def load_data(self, file: Path, extra_info: dict[str, Any] | None = None) -> list[Document]:
        """One document a file."""
        return [Document(text=engines.read_text(Path(file)), metadata=extra_info or {})]


class DocmillEmbedding(BaseEmbedding):
    """docmill's model."""

    cores: int

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return engines.embed(texts, self.cores)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._get_text_embeddings([text])[0]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_text_embedding(query)


def main() -> None:
    """Serve runs over the files."""
    wanted = arguments()
    ours = wanted.engines == "docmill"
    sources = files(wanted)
    readers: dict[str, BaseReader] = dict.fromkeys((".pdf", ".docx", ".txt"), DocmillReader()) if ours else {}
    embedding = (
        DocmillEmbedding(embed_batch_size=64, cores=wanted.cores)
        if ours
        else HuggingFaceEmbedding(str(engines.model_folder()))
    )
    embedding.get_text_embedding_batch(["warm", "up"])

    splitter = SentenceSplitter(chunk_size=CHUNK_TOKENS, chunk_overlap=OVERLAP_TOKENS, include_metadata=False)
    pipeline = IngestionPipeline(transformations=[splitter, embedding])

    def prepare(number: int) -> None:
        name = f"llama_{wanted.engines}_{wanted.share}_{number}"
        pipeline.vector_store = _store(wanted.database, name)
        pipeline.cache.clear()

    def run() -> int:
        reader = SimpleDirectoryReader(input_files=sources, file_extractor=readers)
        return len(pipeline.run(documents=reader.load_data()))

    serve(f"LlamaIndex {version('llama-index-core')}", prepare, run)


def _store(database: str, table: str) -> PGVectorStore:
    url = make_url(database)
    return PGVectorStore.from_params(
        host=url.host,
        port=str(url.port),
        database=url.database,
        user=url.username,
        password=url.password,
        table_name=table,
        embed_dim=384,
        hnsw_kwargs=HNSW,
    )


if __name__ == "__main__":
    main()
