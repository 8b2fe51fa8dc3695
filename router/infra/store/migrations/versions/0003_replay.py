"""revisions, jobs of every kind, successors of effects"""

import sqlalchemy as sa
from alembic import op

from router.infra.store.migrations.texts import short

revision = "0003"
down_revision = "0002"

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "revisions",
        sa.Column("revision", short(16), nullable=False),
        sa.Column("at", short(32), nullable=False),
        sa.Column("texts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("revision"),
        sqlite_with_rowid=False,
    )
    op.add_column("jobs", sa.Column("how", short(16), nullable=False, server_default="retry"))
    op.add_column("jobs", sa.Column("revision", short(16), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("options", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("intents", sa.Column("successor", short(64), nullable=True))
    op.drop_index("job_items_by_state", "job_items")
    op.rename_table("job_items", "job_items_before")
    op.create_table(
        "job_items",
        sa.Column("job", _SERIAL, nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("state", short(16), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("job", "item"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO job_items (job, item, message_id, consumer, state, seen, note) "
        "SELECT job, row_number() OVER (PARTITION BY job ORDER BY message_id, consumer), "
        "message_id, consumer, state, 0, '' FROM job_items_before"
    )
    op.drop_table("job_items_before")
    op.create_index("job_items_by_state", "job_items", ["job", "state", "item"])
    op.create_table(
        "job_messages",
        sa.Column("job", _SERIAL, nullable=False),
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("item", sa.Integer(), nullable=False),
        sa.Column("word", short(16), nullable=False),
        sa.PrimaryKeyConstraint("job", "message_id", "consumer"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO job_messages (job, message_id, consumer, item, word) "
        "SELECT job, message_id, consumer, item, '' FROM job_items WHERE state = 'sent'"
    )
    op.create_index("job_messages_by_word", "job_messages", ["job", "word"])


def downgrade() -> None:
    op.drop_index("job_messages_by_word", "job_messages")
    op.drop_table("job_messages")
    op.execute("DELETE FROM job_items WHERE job IN (SELECT id FROM jobs WHERE how <> 'retry')")
    op.execute("DELETE FROM jobs WHERE how <> 'retry'")
    op.drop_index("job_items_by_state", "job_items")
    op.rename_table("job_items", "job_items_after")
    op.create_table(
        "job_items",
        sa.Column("job", _SERIAL, nullable=False),
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("state", short(16), nullable=False),
        sa.PrimaryKeyConstraint("job", "message_id", "consumer"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO job_items (job, message_id, consumer, state) "
        "SELECT job, message_id, consumer, state FROM job_items_after"
    )
    op.drop_table("job_items_after")
    op.create_index("job_items_by_state", "job_items", ["job", "state"])
    op.drop_column("intents", "successor")
    op.drop_column("jobs", "options")
    op.drop_column("jobs", "revision")
    op.drop_column("jobs", "how")
    op.drop_table("revisions")
