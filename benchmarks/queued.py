"""A database with as many documents in line as one likes, made in seconds, without files."""

from __future__ import annotations

from sqlalchemy import Engine, text

from docmill.domain.ids import dataset_id

_ROWS = (
    """INSERT INTO datasets (id, tenant_id, name, settings)
VALUES (:dataset, 'default', 'queued', '{"chunking": {"size": 200, "overlap": 0, "unit": "tokens"}}')""",
    """INSERT INTO documents
  (id, tenant_id, dataset_id, name, sha256, size_bytes, media_type, storage_key, created_at)
SELECT gen_random_uuid(), 'default', :dataset, 'page-' || n || '.pdf', md5(n::text), 48213, 'application/pdf',
  'originals/' || n, now() - make_interval(secs => :count - n)
FROM generate_series(1, :count) n""",
    """INSERT INTO document_versions (id, tenant_id, document_id, number, status, settings)
SELECT gen_random_uuid(), tenant_id, id, 1, 'building', '{}' FROM documents""",
    """INSERT INTO document_tasks
  (id, tenant_id, dataset_id, document_id, version_id, status, stage, created_at, dispatched_at)
SELECT gen_random_uuid(), d.tenant_id, d.dataset_id, d.id, v.id, 'queued', 'extract', d.created_at, now()
FROM documents d JOIN document_versions v ON v.document_id = d.id""",
    """INSERT INTO document_task_events (tenant_id, dataset_id, document_id, task_id, kind, stage)
SELECT tenant_id, dataset_id, document_id, id, 'accepted', stage FROM document_tasks""",
)


def queue_documents(engine: Engine, count: int) -> None:
    """Put `count` documents in line in an empty database, the oldest first, a second apart."""
    with engine.begin() as connection:
        for statement in _ROWS:
            connection.execute(text(statement), {"count": count, "dataset": dataset_id("default", "queued")})
        connection.execute(text("ANALYZE"))
