"""words lie by when they came: those that are there make the first shelf"""

import json

import sqlalchemy as sa
from alembic import op

from router.infra.store.migrations.texts import short

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.add_column(
            "reference_words",
            sa.Column("shelf", sa.BigInteger(), nullable=False, server_default="0"),
        )
        op.alter_column("reference_words", "shelf", server_default=None)
        op.drop_constraint("reference_words_pkey", "reference_words")
        op.execute("ALTER TABLE reference_words ADD PRIMARY KEY (shelf, word, correlationid)")
    else:
        op.rename_table("reference_words", "words_before")
        op.create_table(
            "reference_words",
            sa.Column("shelf", sa.BigInteger(), nullable=False),
            sa.Column("word", short(256), nullable=False),
            sa.Column("correlationid", short(256), nullable=False),
            sa.PrimaryKeyConstraint("shelf", "word", "correlationid"),
            sqlite_with_rowid=False,
        )
        op.execute(
            "INSERT INTO reference_words (shelf, word, correlationid) "
            "SELECT 0, word, correlationid FROM words_before ORDER BY word, correlationid"
        )
        op.drop_table("words_before")
    _walk_anew()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "DELETE FROM reference_words a USING reference_words b WHERE a.word = b.word "
            "AND a.correlationid = b.correlationid AND a.shelf > b.shelf"
        )
        op.drop_constraint("reference_words_pkey", "reference_words")
        op.drop_column("reference_words", "shelf")
        op.execute("ALTER TABLE reference_words ADD PRIMARY KEY (word, correlationid)")
    else:
        op.rename_table("reference_words", "words_after")
        op.create_table(
            "reference_words",
            sa.Column("word", short(256), nullable=False),
            sa.Column("correlationid", short(256), nullable=False),
            sa.PrimaryKeyConstraint("word", "correlationid"),
            sqlite_with_rowid=False,
        )
        op.execute(
            "INSERT INTO reference_words (word, correlationid) "
            "SELECT DISTINCT word, correlationid FROM words_after ORDER BY word, correlationid"
        )
        op.drop_table("words_after")
    _walk_anew()


def _walk_anew() -> None:
    """Let a pass of the retention that is under way begin its table again: keys are others now."""
    bind = op.get_bind()
    found = bind.execute(sa.text("SELECT value FROM marks WHERE name = 'retention'")).scalar()
    if found is not None:
        value = json.dumps({**json.loads(found), "after": []})
        bind.execute(
            sa.text("UPDATE marks SET value = :value WHERE name = 'retention'"), {"value": value}
        )
