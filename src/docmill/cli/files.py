"""Which files an `ingest` takes: what is named is taken, a folder is walked."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import typer

from docmill.domain.media_types import format_named

HIDDEN = "hidden"


@dataclass(frozen=True, slots=True)
class Found:
    """The files to send, in order, and how many were passed over: by extension, or HIDDEN."""

    files: tuple[Path, ...]
    skipped: Counter[str] = field(default_factory=Counter)

    @property
    def skipped_text(self) -> str:
        """What was passed over, as a sentence for people; empty when nothing was."""
        if not self.skipped:
            return ""
        kinds = (f"{count} {kind}" for kind, count in sorted(self.skipped.items()))
        return f"Skipped: {', '.join(kinds)}."


def check_regular(paths: list[Path]) -> list[Path]:
    """The paths, when each is a file or a folder: a pipe or a device may never end. Wrong usage otherwise."""
    for path in paths:
        if not (path.is_file() or path.is_dir()):
            raise typer.BadParameter(f"{path} is neither a file nor a folder. Name regular files.")
    return paths


def find_files(paths: Iterable[Path]) -> Found:
    """The named files, and those below the named folders in sorted order, each once.

    Below a folder, hidden files and types that are not read are passed over and counted.
    """
    skipped: Counter[str] = Counter()
    files: dict[Path, None] = {}
    for path in paths:
        files |= dict.fromkeys(_walk(path, skipped) if path.is_dir() else (path,))
    return Found(tuple(files), skipped)


def _walk(folder: Path, skipped: Counter[str]) -> Iterator[Path]:
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            skipped[HIDDEN] += 1
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), skipped)
        elif entry.is_file() and format_named(entry.name):
            yield Path(entry.path)
        elif entry.is_file():
            skipped[Path(entry.name).suffix.lower() or "without extension"] += 1
