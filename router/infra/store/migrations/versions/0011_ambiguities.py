"""events that several instances fit"""

import sqlalchemy as sa
from alembic import op

from router.infra.store.migrations.texts import short

revision = "0011"
down_revision = "0010"

_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "ambiguities",
        *(_text("workflow"), _text("message_id"), _text("opened_at", 32), _text("event", 256)),
        sa.Column("candidates", sa.Text(), nullable=False),
        *(_text("category"), _text("severity", 16), _text("owner")),
        sa.Column("by", sa.Text(), nullable=False),
        _text("due_at", 32),
        sa.Column("closed_at", short(32), nullable=True),
        sa.PrimaryKeyConstraint("workflow", "message_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ambiguities_open",
        "ambiguities",
        ["workflow", "due_at"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )


def downgrade() -> None:
    op.drop_table("ambiguities")


def _text(name: str, length: int = 64) -> sa.Column[str]:
    return sa.Column(name, short(length), nullable=False)
