"""The promises, as queries that find what breaks them, and a history told again."""

from __future__ import annotations

RUNNABLE = """SELECT stage, count(*) AS count FROM document_tasks t
WHERE status = 'queued' AND desired = 'run' AND (next_attempt_at IS NULL OR next_attempt_at <= now())
  AND (dispatched_at IS NULL OR dispatched_at < now() - interval '1 second')
  AND NOT EXISTS (SELECT FROM stage_holds h WHERE h.stage IN (t.stage, '*'))
  AND NOT EXISTS (SELECT FROM stage_outages o WHERE o.stage = t.stage) GROUP BY stage"""

UNLIKE_THE_CURSORS = """WITH expected AS (
  SELECT task_id, stage, number FROM stage_progress, generate_series(0, (cursor->>'next')::int - 1) AS number
), found AS (
  SELECT task_id, stage, number, count(*) AS times FROM results GROUP BY task_id, stage, number
)
SELECT * FROM expected e FULL JOIN found f USING (task_id, stage, number)
WHERE e.task_id IS NULL OR f.times IS DISTINCT FROM 1"""

SAVED_BY_OTHERS = """SELECT task_id, fence FROM results GROUP BY task_id, fence
HAVING count(DISTINCT (saved_by, delivery)) > 1 OR bool_or(saved_by <> owner_then)"""

IMPOSSIBLE = """SELECT t.status, t.desired, t.owner, v.status AS version, v.number, d.active_version_id
FROM document_tasks t JOIN document_versions v ON v.id = t.version_id JOIN documents d ON d.id = t.document_id
WHERE (t.status = 'running') IS DISTINCT FROM (t.owner IS NOT NULL AND t.lease_until IS NOT NULL)
  OR (v.status = 'published') IS DISTINCT FROM (v.id IS NOT DISTINCT FROM d.active_version_id)
  OR v.status <> ALL(CASE t.status
      WHEN 'succeeded' THEN ARRAY['published', 'discarded', 'erased']
      WHEN 'cancelled' THEN ARRAY['discarded', 'erased']
      WHEN 'failed' THEN ARRAY['building', 'discarded', 'erased']
      ELSE ARRAY['building'] END)
  OR (v.status = 'erased' AND (EXISTS (SELECT FROM blocks b WHERE b.version_id = v.id)
      OR EXISTS (SELECT FROM vector_entries e WHERE e.version_id = v.id)))
  OR (t.status IN ('queued', 'running', 'paused') AND v.number <
      (SELECT max(number) FROM document_versions WHERE document_id = d.id))"""

SHOWN = """SELECT d.id, d.active_version_id, t.status,
  (SELECT count(*) FROM results r WHERE r.version_id = d.active_version_id) AS results,
  (SELECT count(*) FROM blocks b WHERE b.version_id = d.active_version_id) AS blocks,
  (SELECT count(*) FROM vector_entries e WHERE e.version_id = d.active_version_id) AS entries
FROM documents d LEFT JOIN document_tasks t ON t.version_id = d.active_version_id"""

HISTORIES = """SELECT t.status, t.desired, ARRAY(
  SELECT CASE WHEN e.data ? 'status' THEN e.kind || ':' || (e.data->>'status') ELSE e.kind END
  FROM document_task_events e WHERE e.task_id = t.id AND e.id > coalesce(
    (SELECT max(id) FROM document_task_events WHERE document_id = t.document_id AND kind = 'deleted'), 0)
  ORDER BY e.id) AS history
FROM document_tasks t"""

LEFT_OVER = """SELECT b.version_id FROM blocks b JOIN document_versions v ON v.id = b.version_id
WHERE v.status NOT IN ('published', 'building')
UNION ALL SELECT e.version_id FROM vector_entries e LEFT JOIN document_versions v ON v.id = e.version_id
WHERE v.status IS NULL OR v.status NOT IN ('published', 'building')
UNION ALL SELECT unnest(version_ids) FROM erasures"""

# What each event may follow, and what it leads to: status, desired; None leaves it as it was.
_MOVES: dict[str, tuple[set[str], str | None, str | None]] = {
    "accepted": ({""}, "queued", "run"),
    "retried": ({"failed"}, "queued", "run"),
    "claimed": ({"queued"}, "running", None),
    "stage_finished:running": ({"running"}, "running", None),
    "stage_finished:queued": ({"running"}, "queued", None),
    "stage_finished": ({"running"}, "running", None),
    "published": ({"running"}, "succeeded", None),
    "retry_scheduled": ({"running"}, "queued", None),
    "failed": ({"running"}, "failed", None),
    "pause_requested": ({"running"}, None, "pause"),
    "paused": ({"queued", "running"}, "paused", "pause"),
    "cancelled": ({"queued", "running", "paused"}, "cancelled", "cancel"),
    "owner_lost": ({"running"}, "queued", None),
    "let_go": ({"running"}, "queued", None),
    "held": ({"running"}, "queued", None),
    "yielded": ({"running"}, "queued", None),
    "priority_changed": ({"queued", "running", "paused", "succeeded", "failed", "cancelled"}, None, None),
}


def rebuilt(history: list[str]) -> tuple[str, str]:
    """The status and desire that these events lead to; fails when one may not follow those before it."""
    status, desired = "", ""
    for event in history:
        if event == "resumed":
            status, desired = "queued" if status == "paused" else status, "run"
            continue
        if event == "paused" and (status, desired) == ("queued", "pause"):
            continue  # what ended its worker's hold brought it to rest, in line
        allowed, next_status, next_desired = _MOVES[event]
        assert status in allowed, f"{event} after {status}: {history}"
        status, desired = next_status or status, next_desired or desired
    return status, desired
