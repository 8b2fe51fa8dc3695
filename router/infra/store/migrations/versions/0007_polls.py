"""how far the poll of each channel has come"""

import sqlalchemy as sa
from alembic import op

from router.infra.store.migrations.texts import short

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "polls",
        sa.Column("channel", short(64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("cursor", "reached", "next")),
        sa.Column("page", sa.BigInteger(), nullable=False),
        sa.Column("taken", sa.BigInteger(), nullable=False),
        sa.Column("began", short(32), nullable=True),
        sa.Column("asked_at", short(32), nullable=True),
        sa.Column("digest", short(64), nullable=False),
        sa.Column("asked", short(64), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("trouble_since", short(32), nullable=True),
        sa.Column("retry_at", short(32), nullable=True),
        sa.PrimaryKeyConstraint("channel"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("polls")
