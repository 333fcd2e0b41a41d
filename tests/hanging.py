"""A worker process whose cutting hangs in native code: `python -m tests.hanging DATABASE_URL TASK_ID`."""

from __future__ import annotations

import sys
import time
from uuid import UUID

from docmill.db.engine import connect
from docmill.domain.limits import StepLimits
from docmill.domain.states import StageName
from tests.pipelines import counting_stages, make_runner


def main(database_url: str, task_id: str) -> None:
    """Run the task until the process is ended from inside."""
    stages = counting_stages()
    stages[StageName.CHUNK].before_step = lambda number: time.sleep(3600)
    limits = StepLimits({}, {StageName.CHUNK: 0.4})
    runner = make_runner(connect(database_url), stages, limits=limits)
    for stage in (StageName.EXTRACT, StageName.CHUNK):
        runner.run(UUID(task_id), stage)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
