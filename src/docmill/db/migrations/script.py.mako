"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
import pgvector.sqlalchemy
from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
