"""files are known by their bytes; those that wait are told"""

import sqlalchemy as sa
from alembic import op

from router.infra.store.migrations.texts import short

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.rename_table("files", "files_before")
    op.create_table(
        "files",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("channel", short(64), nullable=False),
        sa.Column("name", short(1024), nullable=False),
        sa.Column("sha256", short(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("inode", short(24), nullable=False),
        sa.Column("beside", short(64), nullable=False),
        sa.Column("at", short(32), nullable=False),
        sa.Column("delivery", short(64), nullable=False),
        sa.Column("word", short(24), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO files "
        "(channel, name, sha256, size, mtime_ns, inode, beside, at, delivery, word) "
        "SELECT f.channel, f.name, d.sha256, f.size, f.mtime_ns, '', '', f.at, f.delivery, '' "
        "FROM files_before f JOIN deliveries d ON d.id = f.delivery ORDER BY f.at, f.delivery"
    )
    op.drop_table("files_before")
    op.create_index("files_by_name", "files", ["channel", "name", "id"])
    op.create_index("files_by_content", "files", ["channel", "sha256", "id"])
    op.create_index("files_by_time", "files", ["channel", "at"])
    op.create_table(
        "waiting_files",
        sa.Column("channel", short(64), nullable=False),
        sa.Column("name", short(1024), nullable=False),
        sa.Column("at", short(32), nullable=False),
        sa.Column("reason", short(32), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("channel", "name"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("waiting_files")
    op.rename_table("files", "files_after")
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
    op.execute(
        "INSERT INTO files (channel, name, size, mtime_ns, at, delivery) "
        "SELECT channel, name, size, mtime_ns, max(at), max(delivery) FROM files_after "
        "GROUP BY channel, name, size, mtime_ns"
    )
    op.drop_table("files_after")
