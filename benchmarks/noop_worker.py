"""A real worker whose stages do nothing: what is left is the cost of carrying a document."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from docmill import bootstrap
from docmill.bootstrap import App
from docmill.domain.states import StageName
from docmill.ports import Reading, Recognizer
from docmill.settings import load_settings
from docmill.stages.contract import Stage, Step, Work
from docmill.worker.main import run_worker


@dataclass(frozen=True)
class Nothing:
    """A stage of `steps` steps without results."""

    name: StageName
    steps: int = 1

    def run(self, work: Work) -> Iterator[Step]:
        """Go on from the cursor, as every stage does."""
        for number in range(int(work.cursor.get("next", 0)), self.steps):
            done = number + 1
            yield Step({"next": done}, done, self.steps, last=done == self.steps)


def nothing_stages(
    app: App,  # noqa: ARG001
    reading: Reading,  # noqa: ARG001
    recognizer: Recognizer,  # noqa: ARG001
) -> dict[StageName, Stage]:
    """Every stage, each a single empty step."""
    return {name: Nothing(name) for name in StageName}


if __name__ == "__main__":
    bootstrap.make_stages = nothing_stages  # the composition root is where stages are chosen
    sys.exit(run_worker(load_settings()))
