"""Recognised blocks find their place among those that were read: kept step by step, woven in at the end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from sqlalchemy import Connection, Engine, text

from docmill.db.engine import alone
from docmill.domain.figures import InnerPicture, Said
from docmill.domain.ids import VersionRef

FIRST_ORDINAL = 2**30  # of blocks that are not yet woven in; no document has so many

_DROP = text(
    """DELETE FROM blocks WHERE version_id = :version AND tenant_id = :tenant AND page = :page
  AND ordinal < :first AND kind <> 'image' AND NOT hidden"""
)

# Page by page, what was read before what was recognised. The first text has nothing before it, all others
# have at least a blank line. Ordinals go through negative ones, where none is in the way of another.
_PLACE = text(
    """WITH ordered AS (
  SELECT ordinal, text, row_number() OVER places - 1 AS place,
    CASE WHEN text = '' THEN lead
      WHEN count(*) FILTER (WHERE text <> '') OVER places = 1 THEN ''
      WHEN lead = '' THEN E'\\n\\n' ELSE lead END AS lead
  FROM blocks WHERE version_id = :version AND tenant_id = :tenant
  WINDOW places AS (ORDER BY coalesce(page, 0), ordinal)
), placed AS (
  SELECT ordinal, place, lead, length(text) AS size,
    sum(length(lead) + length(text)) OVER (ORDER BY place) AS ends
  FROM ordered
)
UPDATE blocks b SET ordinal = -1 - p.place, lead = p.lead, char_start = p.ends - p.size, char_end = p.ends
FROM placed p WHERE b.version_id = :version AND b.tenant_id = :tenant AND b.ordinal = p.ordinal"""
)

_SETTLE = text(
    """UPDATE blocks SET ordinal = -1 - ordinal
WHERE version_id = :version AND tenant_id = :tenant AND ordinal < 0"""
)

_BEGINNING = text(
    """SELECT coalesce(string_agg(text, E'\\n' ORDER BY ordinal), '') AS beginning FROM (
  SELECT ordinal, text FROM blocks WHERE version_id = :version AND tenant_id = :tenant AND text <> ''
  ORDER BY ordinal LIMIT 200) AS first"""
)

_LENGTH = text(
    "SELECT coalesce(max(char_end), 0) FROM blocks WHERE version_id = :version AND tenant_id = :tenant"
)


_LAYER = text(
    """SELECT coalesce(string_agg(text, E'\\n' ORDER BY ordinal), '') FROM blocks
WHERE version_id = :version AND tenant_id = :tenant AND page = :page AND NOT hidden"""
)


def layer_of(engine: Engine, version: VersionRef, page: int) -> str:
    """The text that was read on a page."""
    with alone(engine) as connection:
        return str(connection.execute(_LAYER, {**_key(version), "page": page}).scalar_one())


def drop_layer(connection: Connection, version: VersionRef, page: int) -> None:
    """Forget the text that was read on a page whose picture says something else."""
    connection.execute(_DROP, {**_key(version), "page": page, "first": FIRST_ORDINAL})


_SAY = """UPDATE blocks SET confidence = :confidence,
  text = CASE WHEN text = '' THEN :text ELSE text || E'\\n' || :text END
WHERE version_id = :version AND tenant_id = :tenant AND """
_SAY_IN_BLOCK = text(_SAY + "ordinal = :ordinal")
_SAY_IN_PICTURE = text(_SAY + "picture = :picture")


def say_in_blocks(connection: Connection, version: VersionRef, said: Mapping[int, Said]) -> None:
    """Give blocks, by their ordinals, the words that were recognised in them, behind their own."""
    rows = [{**_key(version), "ordinal": ordinal, **asdict(words)} for ordinal, words in said.items()]
    if rows:
        connection.execute(_SAY_IN_BLOCK, rows)


def say_in_picture(connection: Connection, version: VersionRef, name: str, said: Said) -> None:
    """Give all blocks that show an inner picture the words that were recognised in it."""
    connection.execute(_SAY_IN_PICTURE, {**_key(version), "picture": name, **asdict(said)})


_PICTURES = text(
    """SELECT picture, min(ordinal) AS first FROM blocks
WHERE version_id = :version AND tenant_id = :tenant AND picture IS NOT NULL
GROUP BY picture HAVING min(ordinal) > :behind ORDER BY first"""
)


def inner_pictures(engine: Engine, version: VersionRef, behind: int) -> list[InnerPicture]:
    """The pictures inside the file that are first shown behind this block, each once, in reading order."""
    with alone(engine) as connection:
        rows = connection.execute(_PICTURES, {**_key(version), "behind": behind})
        return [InnerPicture(row.picture, row.first) for row in rows]


def weave(connection: Connection, version: VersionRef) -> tuple[int, str]:
    """Give every block its place; the length of the document's text, and how it begins."""
    connection.execute(_PLACE, _key(version))
    connection.execute(_SETTLE, _key(version))
    characters = connection.execute(_LENGTH, _key(version)).scalar_one()
    return int(characters), str(connection.execute(_BEGINNING, _key(version)).scalar_one())


def _key(version: VersionRef) -> dict[str, object]:
    return {"version": version.version_id, "tenant": version.tenant}
