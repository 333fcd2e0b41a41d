"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Sizes of one run; the full ones take 15 to 30 seconds a measurement on two cores."""

    repeat: int = 5
    long_files: int = 60  # PDFs of 10 to 14 pages
    short_files: int = 480  # one page each
    peer_long_files: int = 12
    peer_short_files: int = 60
    noop_documents: int = 300
    noop_steps: int = 2_000
    uploads: int = 500
    idle_documents: int = 25
    eta_long_files: int = 24
    eta_short_files: int = 60
    eta_books: int = 6
    search_chunks: int = 20_000
    questions: int = 300
    memory_documents: int = 500
    kills: int = 40
    hangs: int = 5
    backlog_documents: int = 10_000
    backlog_requests: int = 300
    pauses: int = 150
    cancels: int = 100
    listeners: int = 500
    listening_seconds: float = 30.0
    watched_documents: int = 120
    book_pages: int = 5_000
    scanned_pages: int = 12
    idle_seconds: float = 20.0


QUICK = Scale(
    listening_seconds=6.0,
    watched_documents=30,
    repeat=1,
    long_files=6,
    short_files=30,
    peer_long_files=3,
    peer_short_files=9,
    noop_documents=60,
    noop_steps=300,
    uploads=60,
    idle_documents=5,
    eta_long_files=4,
    eta_short_files=9,
    eta_books=2,
    search_chunks=1_500,
    questions=40,
    memory_documents=60,
    kills=6,
    hangs=1,
    backlog_documents=1_000,
    backlog_requests=40,
    pauses=8,
    cancels=5,
    book_pages=500,
    scanned_pages=2,
    idle_seconds=5.0,
)
