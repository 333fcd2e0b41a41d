"""What several statements ask of a task, said once. Each is for a statement that calls `document_tasks` t."""

from __future__ import annotations

from docmill.db.workers import LIVING_SECONDS

# In line, wanted, and due.
RUNNABLE = """t.status = 'queued' AND t.desired = 'run'
  AND (t.next_attempt_at IS NULL OR t.next_attempt_at <= now())"""

# Found by meaning: the version `v` has vectors of the model `:model`, or nothing to find.
DENSE = """(v.total_chunks = 0 OR EXISTS (
  SELECT FROM vector_entries e WHERE e.version_id = v.id AND e.model = :model))"""


def not_held(stage: str) -> str:
    """That nobody holds this stage, an expression in SQL, and the installation does not drain."""
    return f"NOT EXISTS (SELECT FROM stage_holds WHERE stage_holds.stage IN ({stage}, '*'))"


# That all living workers that could take an outage's stage live on hosts from which its service is away.
EVERYWHERE = f"""(
  SELECT bool_and(EXISTS (SELECT FROM stage_outages p WHERE p.stage = o.stage AND p.host = w.host))
  FROM workers w
  WHERE w.seen_at > now() - make_interval(secs => {LIVING_SECONDS}) AND o.queue = ANY(w.queues))"""  # noqa: S608


def is_open(stage: str) -> str:
    """That some worker may take a task of this stage, an expression in SQL."""
    return f"""{not_held(stage)}
  AND NOT EXISTS (SELECT FROM stage_outages o WHERE o.stage = {stage} AND {EVERYWHERE})"""


def is_open_here(stage: str) -> str:
    """That a worker of the host `:host` may take a task of this stage, an expression in SQL."""
    return f"""{not_held(stage)}
  AND NOT EXISTS (SELECT FROM stage_outages o WHERE o.stage = {stage} AND o.host = :host)"""
