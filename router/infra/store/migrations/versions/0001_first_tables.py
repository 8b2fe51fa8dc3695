"""first tables"""

import sqlalchemy as sa
from alembic import op

from router.infra.store.migrations.texts import short

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "claims",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("state", short(8), nullable=False),
        sa.Column("compare", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=True),
        sa.Column("at", short(32), nullable=False),
        sa.Column("expires_at", short(32), nullable=True),
        sa.PrimaryKeyConstraint("key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "commands",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", short(32), nullable=False),
        sa.Column("actor", short(64), nullable=False),
        sa.Column("verb", short(32), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("state", short(16), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.create_index("commands_by_state", ["state", "id"], unique=False)

    op.create_table(
        "counters",
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("word", short(24), nullable=False),
        sa.Column("reason", short(256), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "word", "reason"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "dead",
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("at", short(32), nullable=False),
        sa.Column("correlationid", short(256), nullable=False),
        sa.Column("delivery", short(64), nullable=True),
        sa.Column("reason", short(64), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("step", short(64), nullable=False),
        sa.Column("place", short(256), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("revision", short(16), nullable=False),
        sa.Column("lane", short(80), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("state", short(16), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "consumer"),
    )
    with op.batch_alter_table("dead", schema=None) as batch_op:
        batch_op.create_index("dead_by_state", ["state", "at"], unique=False)

    op.create_table(
        "deliveries",
        sa.Column("id", short(64), nullable=False),
        sa.Column("channel", short(64), nullable=False),
        sa.Column("received_at", short(32), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("sha256", short(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "due",
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("due_at", short(32), nullable=False),
        sa.Column("lane", short(80), nullable=False),
        sa.Column("reason", short(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "consumer"),
    )
    with op.batch_alter_table("due", schema=None) as batch_op:
        batch_op.create_index("due_by_time", ["due_at"], unique=False)

    op.create_table(
        "files",
        sa.Column("channel", short(64), nullable=False),
        sa.Column("name", short(256), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("at", short(32), nullable=False),
        sa.Column("delivery", short(64), nullable=False),
        sa.PrimaryKeyConstraint("channel", "name", "size", "mtime_ns"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "gates",
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("order_key", short(256), nullable=False),
        sa.Column("holder", short(64), nullable=False),
        sa.Column("since", short(32), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "order_key"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "held_back",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("order_key", short(256), nullable=False),
        sa.Column("lane", short(80), nullable=False),
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("held_back", schema=None) as batch_op:
        batch_op.create_index("held_back_by_gate", ["consumer", "order_key", "id"], unique=False)
        batch_op.create_index("held_back_by_message", ["message_id"], unique=False)

    op.create_table(
        "intents",
        sa.Column("key", short(64), nullable=False),
        sa.Column("operation", short(128), nullable=False),
        sa.Column("state", short(16), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("reference", short(64), nullable=False),
        sa.Column("their_reference", short(256), nullable=True),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("first_at", short(32), nullable=False),
        sa.Column("lease_until", short(32), nullable=False),
        sa.Column("token", short(32), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "job_items",
        sa.Column("job", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("state", short(16), nullable=False),
        sa.PrimaryKeyConstraint("job", "message_id", "consumer"),
        sqlite_with_rowid=False,
    )
    with op.batch_alter_table("job_items", schema=None) as batch_op:
        batch_op.create_index("job_items_by_state", ["job", "state"], unique=False)

    op.create_table(
        "jobs",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", short(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("state", short(16), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "journal",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", short(32), nullable=False),
        sa.Column("correlationid", short(256), nullable=False),
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("causationid", short(64), nullable=True),
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("word", short(24), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("revision", short(16), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.create_index("journal_by_correlation", ["correlationid", "seq"], unique=False)
        batch_op.create_index("journal_by_message", ["message_id"], unique=False)

    op.create_table(
        "marks",
        sa.Column("name", short(32), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "pauses",
        sa.Column("name", short(80), nullable=False),
        sa.Column("at", short(32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "queue",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("lane", short(80), nullable=False),
        sa.Column("consumer", short(160), nullable=False),
        sa.Column("message_id", short(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("queue", schema=None) as batch_op:
        batch_op.create_index("queue_by_lane", ["lane", "id"], unique=False)

    op.create_table(
        "reference_words",
        sa.Column("word", short(256), nullable=False),
        sa.Column("correlationid", short(256), nullable=False),
        sa.PrimaryKeyConstraint("word", "correlationid"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("reference_words")
    with op.batch_alter_table("queue", schema=None) as batch_op:
        batch_op.drop_index("queue_by_lane")

    op.drop_table("queue")
    op.drop_table("pauses")
    op.drop_table("marks")
    with op.batch_alter_table("journal", schema=None) as batch_op:
        batch_op.drop_index("journal_by_message")
        batch_op.drop_index("journal_by_correlation")

    op.drop_table("journal")
    op.drop_table("jobs")
    with op.batch_alter_table("job_items", schema=None) as batch_op:
        batch_op.drop_index("job_items_by_state")

    op.drop_table("job_items")
    op.drop_table("intents")
    with op.batch_alter_table("held_back", schema=None) as batch_op:
        batch_op.drop_index("held_back_by_message")
        batch_op.drop_index("held_back_by_gate")

    op.drop_table("held_back")
    op.drop_table("gates")
    op.drop_table("files")
    with op.batch_alter_table("due", schema=None) as batch_op:
        batch_op.drop_index("due_by_time")

    op.drop_table("due")
    op.drop_table("deliveries")
    with op.batch_alter_table("dead", schema=None) as batch_op:
        batch_op.drop_index("dead_by_state")

    op.drop_table("dead")
    op.drop_table("counters")
    with op.batch_alter_table("commands", schema=None) as batch_op:
        batch_op.drop_index("commands_by_state")

    op.drop_table("commands")
    op.drop_table("claims")
