"""The replaceable things, as small Protocols. What stands behind each is chosen in bootstrap.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol, TypeAlias
from uuid import UUID

from docmill.domain.documents import Attachment, Part, ReaderChoice, ReadInfo, Untaken
from docmill.domain.ids import VersionRef
from docmill.domain.pictures import Picture
from docmill.domain.recognition import Recognised, Wish
from docmill.domain.states import StageName

if TYPE_CHECKING:  # a reading child has no use for it, and it is a third of what that loads
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "NDArray[np.float32]"


class Reader(Protocol):
    """Turns a file into blocks. Runs only inside a reading child process."""

    name: str

    def read(self, path: Path, media_type: str) -> Iterator[ReadInfo | Part]:
        """Yield one ReadInfo, then the parts in reading order, the same ones every time.

        Raises an Unreadable error where the file cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """A file that is to be read: where it lies, what it is, and what its owner calls it.

    Reading begins at `first_page`, a `next_page` of an earlier reading, or `only_pages` are wanted. `choice`
    names the readers, and `depth` is how many files this one lies in.
    """

    path: Path
    media_type: str
    name: str = ""
    first_page: int = 1
    only_pages: tuple[int, ...] = ()
    choice: ReaderChoice = ReaderChoice.DOCMILL
    depth: int = 0


class Reading(Protocol):
    """Reads a file outside this process, within limits of time and memory."""

    def read(self, request: ReadRequest) -> Iterator[ReadInfo | Part]:
        """As Reader.read, by the readers that are asked for; raises ReaderMissing where they are not.

        A child that hangs, grows or dies becomes an Unreadable error. A page on which that happens is
        `missing`, and the others are read.

        What the attachments of a part name is there until the iterator is asked for more than it names; who
        takes a file away makes room for the next one.
        """
        ...

    def start(self) -> None:
        """Start the child process now instead of at first use; does not wait for it."""
        ...

    def close(self) -> None:
        """End the child process, if one is alive."""
        ...


class Recognizer(Protocol):
    """Reads the picture of a page outside this process, within limits of time and memory."""

    def recognise(self, path: Path, media_type: str, wish: Wish) -> Recognised:
        """The words of a page and the blocks they form, the same ones every time.

        The page's language is the one it was read in, which the text need not be in.
        Raises an Unreadable error where the page cannot be drawn, or its child hangs, grows or dies. No word
        is no error.
        """
        ...

    def can_read(self, language: str) -> bool:
        """Whether there is data for this language (ISO 639-1)."""
        ...

    def close(self) -> None:
        """End the child process, if one is alive."""
        ...


class Children(Protocol):
    """Takes in the files that are found inside a document."""

    def take(self, parent: VersionRef, ordinal: int, attachment: Attachment) -> Untaken | None:
        """Make this file a document of its own, or find the one with its bytes, and say whose child it is.

        Saying it again changes nothing. The file is removed. None when it was taken, else why not. Raises
        LeaseLost when the parent's version is no longer built, StorageUnavailable, DatabaseUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Tokens:
    """Where each token of a text lies: `offsets` is [n, 2] int32, character start and end."""

    offsets: NDArray[np.int32]

    def columns(self) -> tuple[list[int], list[int]]:
        """The starts and the ends, as the chunker takes them."""
        return self.offsets[:, 0].tolist(), self.offsets[:, 1].tolist()


class Tokenizer(Protocol):
    """Counts as the embedding model counts."""

    def tokenize(self, text: str) -> Tokens:
        """The tokens of a text without special ones; never truncated."""
        ...

    def count(self, texts: Sequence[str]) -> list[int]:
        """How many tokens each text has, without special ones."""
        ...


SPECIAL_TOKENS = 2  # around every text, as the model takes it


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors [n, dimensions], float32, length 1; `truncated` counts tokens cut off at the model's limit."""

    vectors: Vectors
    truncated: int = 0


class Embedder(Protocol):
    """Turns texts into vectors."""

    model: str  # the weights: vectors of the same model may be compared
    precision: str  # backend and number format, recorded with every vector
    max_tokens: int
    tokenizer: Tokenizer

    @property
    def dimensions(self) -> int:
        """The length of its vectors; raises as `embed` where that has to be asked for."""
        ...

    def load(self) -> None:
        """Load now what the first text would wait for; asks no other machine."""
        ...

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Vectors in the order of the texts. Raises ModelUnavailable, ModelUnfit for a model elsewhere."""
        ...


class Storage(Protocol):
    """Keeps bytes under keys. A key is written once, whole or not at all."""

    def put(self, key: str, source: Path) -> None:
        """Move the file at `source` to `key`, durably. Replaces nothing: the same key has the same bytes."""
        ...

    def open(self, key: str) -> BinaryIO:
        """The bytes at `key`, for reading. Raises FileNotStored."""
        ...

    def local_path(self, key: str) -> Path:
        """A path on this machine that holds the bytes at `key`. Raises FileNotStored."""
        ...

    def delete(self, key: str) -> None:
        """Forget `key`; fine when it is not there."""
        ...

    def keys(self, folder: str, older_than_seconds: float) -> list[str]:
        """The keys below `folder` whose bytes are at least this old; none when there is no such folder."""
        ...

    def check(self, folder: str) -> None:
        """See that what was put below `folder` is still there. Raises StorageUnavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Filter:
    """Which chunks may be found. Empty fields do not restrict; `metadata` must be contained."""

    tenant: str
    dataset_ids: tuple[UUID, ...] = ()
    document_ids: tuple[UUID, ...] = ()
    media_types: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def values(self) -> dict[str, object]:
        """The filter as a statement's values; None where it does not restrict."""
        return {
            "tenant": self.tenant,
            "datasets": list(self.dataset_ids) or None,
            "documents": list(self.document_ids) or None,
            "media_types": list(self.media_types) or None,
            "languages": list(self.languages) or None,
            "metadata": json.dumps(dict(self.metadata)) if self.metadata else None,
        }


@dataclass(frozen=True, slots=True)
class VectorEntry:
    """One chunk on its way into a vector store. `vector` is [dimensions] float32."""

    chunk_id: UUID
    version_id: UUID
    document_id: UUID
    dataset_id: UUID
    tenant: str
    language: str | None
    vector: Vectors


@dataclass(frozen=True, slots=True)
class Scored:
    """A chunk and how well it fits; higher is better."""

    chunk_id: UUID
    score: float


class Renderer(Protocol):
    """Draws pages outside this process, within limits of time and memory. For many threads at once."""

    def draw(self, path: Path, media_type: str, picture: Picture) -> bytes:
        """The picture as a file of its format. Raises NoPicture, PageNotDrawn, RendererBusy."""
        ...

    def close(self) -> None:
        """End the child processes, if any are alive."""
        ...


class PictureCache(Protocol):
    """Keeps pictures for a while, by a hash of their original and one of what was asked for."""

    def get(self, original: str, picture: str) -> bytes | None:
        """The picture; None when it is not kept."""
        ...

    def put(self, original: str, picture: str, drawn: bytes) -> None:
        """Keep a picture, or not: nothing may depend on it. It is gone when its original is erased."""
        ...


@dataclass(frozen=True, slots=True)
class Result:
    """A part of the one statement that also moves a task: its parameters have names that no other part has.

    It reads from `moved`, the task's row, which is not there when what it belongs to does not count.
    """

    sql: str
    values: Mapping[str, Any]


class VectorStore(Protocol):
    """Finds the nearest published chunks."""

    def prepare(self, model: str, dimensions: int) -> None:
        """Make the index for this model if it is not there."""
        ...

    def upsert(self, model: str, entries: Sequence[VectorEntry]) -> None:
        """Write entries, one a chunk; writing the same ones again changes nothing.

        Versions that are gone get none.
        """
        ...

    def copied(
        self, model: str, version: VersionRef, start: int, total: int
    ) -> tuple[int, Sequence[Result]] | None:
        """What copies the embeddings of the next of `total` chunks, from ordinal `start` on, and up to which,
        for a store that lives beside them in the database.

        None for a store elsewhere, which is sent them by `upsert`.
        """
        ...

    def search(self, model: str, vector: Vectors, where: Filter, limit: int) -> list[Scored]:
        """The `limit` nearest chunks of published versions that pass `where`, best first."""
        ...

    def discard(self, version_ids: Sequence[UUID]) -> None:
        """Forget every entry of these versions."""
        ...


class Dispatcher(Protocol):
    """Tells workers that a task may be runnable. A hint: losing or doubling one does no harm."""

    def send(self, stage: StageName, task_id: UUID, priority: int) -> bool:
        """Send a message with ids only; False when the broker did not take it."""
        ...

    def waiting(self, queue: str) -> int | None:
        """How many messages wait in this queue; None when the broker does not answer."""
        ...


class GroupDispatcher(Dispatcher, Protocol):
    """Tells of many tasks at once, for less than as many messages cost by themselves."""

    def send_all(self, stage: StageName, tasks: Sequence[tuple[UUID, int]]) -> bool:
        """As `send`, for each of these tasks, which come with their priorities."""
        ...
