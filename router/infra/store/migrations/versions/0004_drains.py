"""drains, slow resumes"""

import sqlalchemy as sa
from alembic import op

from router.infra.store.migrations.texts import short

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("pauses", sa.Column("mode", short(16), nullable=False, server_default="paused"))
    op.add_column("pauses", sa.Column("rate", sa.Integer(), nullable=False, server_default="0"))
    for name in ("goes_to", "ends_at"):
        op.add_column(
            "pauses", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
        )
    op.create_table(
        "fences",
        sa.Column("name", short(80), nullable=False),
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("consumer", short(160), nullable=False),
        sa.PrimaryKeyConstraint("name", "message_id", "consumer"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("fences")
    for name in ("ends_at", "goes_to", "rate", "mode"):
        op.drop_column("pauses", name)
