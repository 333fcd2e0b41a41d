"""What several statements ask of a task, said once. Each is for a statement that calls `document_tasks` t."""

from __future__ import annotations

# In line, wanted, and due.
RUNNABLE = """t.status = 'queued' AND t.desired = 'run'
  AND (t.next_attempt_at IS NULL OR t.next_attempt_at <= now())"""


def not_held(stage: str) -> str:
    """That nobody holds this stage, an expression in SQL, and the installation does not drain."""
    return f"NOT EXISTS (SELECT FROM stage_holds WHERE stage_holds.stage IN ({stage}, '*'))"


def is_open(stage: str) -> str:
    """That a task may enter this stage, an expression in SQL: no hold, and nothing that it needs is away."""
    return f"""{not_held(stage)}
  AND NOT EXISTS (SELECT FROM stage_outages WHERE stage_outages.stage = {stage})"""
