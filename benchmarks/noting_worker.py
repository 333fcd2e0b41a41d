"""A real worker whose steps do nothing but last, and are noted, so that those done again can be counted."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docmill import bootstrap
from docmill.bootstrap import App
from docmill.domain.states import StageName
from docmill.ports import Reading, Recognizer
from docmill.settings import load_settings
from docmill.stages.contract import Stage, Step, Work
from docmill.worker.main import run_worker

STEPS = 20  # in each stage
STEP_SECONDS = 0.1


@dataclass(frozen=True)
class Noting:
    """Steps without results. A line `task stage number` is in `notes` for each that was begun."""

    name: StageName
    notes: Path

    def run(self, work: Work) -> Iterator[Step]:
        """Go on from the cursor, as every stage does."""
        for number in range(int(work.cursor.get("next", 0)), STEPS):
            self._note(f"{work.task_id} {self.name} {number}\n")
            time.sleep(STEP_SECONDS)
            yield Step({"next": number + 1}, number + 1, STEPS)

    def _note(self, line: str) -> None:
        handle = os.open(self.notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, line.encode())
        finally:
            os.close(handle)


def noting_stages(
    app: App,
    reading: Reading,  # noqa: ARG001
    recognizer: Recognizer,  # noqa: ARG001
) -> dict[StageName, Stage]:
    """Every stage, noting into the data directory."""
    return {name: Noting(name, app.settings.home / "notes") for name in StageName}


if __name__ == "__main__":
    bootstrap.make_stages = noting_stages  # the composition root is where stages are chosen
    sys.exit(run_worker(load_settings()))
