"""How long documents waited for another worker after theirs was killed."""

from __future__ import annotations

from typing import Any

from tests.chaos.site import Site

from docmill.pipeline.owner import Owner

_TAKEN_AGAIN = """SELECT lost.data->>'owner' AS owner, extract(epoch FROM (
  SELECT min(at) FROM document_task_events again
  WHERE again.task_id = lost.task_id AND again.kind = 'claimed' AND again.id > lost.id))::float8 AS again
FROM document_task_events lost WHERE lost.kind = 'owner_lost'"""


def seconds_to_claim(site: Site) -> list[float]:
    """From each kill of a process with a document in hand to the next claim of that document."""
    return [
        row.again - site.deaths[pid]
        for row in site.rows(_TAKEN_AGAIN)
        if (pid := _pid(row)) in site.deaths and row.again is not None
    ]


def _pid(row: Any) -> int:
    return Owner.parse(row.owner).pid
