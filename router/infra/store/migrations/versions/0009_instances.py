"""instances of workflows, their turns, and what they wait for"""

import sqlalchemy as sa
from alembic import op

from router.infra.store.migrations.texts import short

revision = "0009"
down_revision = "0008"

_TABLES = (
    "instances",
    "turns",
    "definitions",
    "waits",
    "tasks",
    "exceptions",
    "aliases",
    "parked",
    "held_items",
    "tombstones",
)
#: tables that stay small and change with every turn
_CHURNING = ("waits", "tasks", "parked", "held_items")
#: tables that grow: a share of them would be more and more rows
_GROWING = ("instances", "turns", "aliases", "exceptions")
_GOING = sa.text("final = 0")
_ENDED = sa.text("ended_at IS NOT NULL")
_OPEN = sa.text("closed_at IS NULL")


def upgrade() -> None:
    _instances()
    _turns()
    _waiting()
    _exceptions()
    _names()
    _held()
    if op.get_bind().dialect.name == "postgresql":
        _clean(_CHURNING, rows=5_000, inserts=5_000)
        _clean(_GROWING, rows=50_000, inserts=200_000)


def downgrade() -> None:
    for name in reversed(_TABLES):
        op.drop_table(name)


def _clean(tables: tuple[str, ...], *, rows: int, inserts: int) -> None:
    """Let a server clean up by rows, not by shares of a table."""
    settings = {
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": rows,
        "autovacuum_vacuum_insert_scale_factor": 0,
        "autovacuum_vacuum_insert_threshold": inserts,
        "autovacuum_analyze_scale_factor": 0,
        "autovacuum_analyze_threshold": inserts,
    }
    told = ", ".join(f"{name} = {value}" for name, value in settings.items())
    for table in tables:
        op.execute(f"ALTER TABLE {table} SET ({told})")


def _text(name: str, length: int = 64, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, short(length), nullable=nullable)


def _time(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return _text(name, 32, nullable=nullable)


def _instances() -> None:
    op.create_table(
        "instances",
        *(_text("id"), _text("workflow"), _text("key", 256), _text("mark", 16)),
        sa.Column("turns", sa.BigInteger(), nullable=False),
        _text("label"),
        sa.Column("final", sa.Integer(), nullable=False),
        *(_text("suspended", 256), _text("correlationid", 256)),
        *(_time("began_at"), _time("at"), _time("ended_at", nullable=True)),
        _text("hash", 32),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("instances_by_key", "instances", ["workflow", "key"], unique=True)
    op.create_index(
        "instances_ended",
        "instances",
        ["workflow", "ended_at"],
        sqlite_where=_ENDED,
        postgresql_where=_ENDED,
    )
    op.create_index(
        "instances_going",
        "instances",
        ["workflow", "label"],
        sqlite_where=_GOING,
        postgresql_where=_GOING,
    )


def _turns() -> None:
    op.create_table(
        "turns",
        _text("instance"),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        *(_text("message_id"), _time("at"), _text("kind", 16), _text("name", 256)),
        *(_text("mark", 16), _text("actor")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("input", "decisions", "effects")),
        _text("outcome", 16),
        sa.Column("why", sa.Text(), nullable=False),
        *(_text("label"), _text("hash", 32)),
        sa.PrimaryKeyConstraint("instance", "seq"),
        sqlite_with_rowid=False,
    )
    op.create_index("turns_by_message", "turns", ["message_id", "instance"], unique=True)
    op.create_table(
        "definitions",
        *(_text("mark", 16), _text("workflow")),
        sa.Column("version", sa.BigInteger(), nullable=False),
        *(_text("revision", 16), _time("at")),
        sa.PrimaryKeyConstraint("mark"),
        sqlite_with_rowid=False,
    )


def _item() -> tuple[sa.Column[str], ...]:
    return (_text("instance"), _text("step"), _text("item", 256))


def _name() -> tuple[sa.Column[str], ...]:
    return (_text("workflow"), _text("kind"), _text("value", 256))


def _waiting() -> None:
    op.create_table(
        "waits",
        *_item(),
        *(_text("status", 16), _time("since"), _time("until", nullable=True)),
        sa.PrimaryKeyConstraint("instance", "step", "item"),
        sqlite_with_rowid=False,
    )
    op.create_index("waits_by_step", "waits", ["step", "status"])
    op.create_table(
        "tasks",
        *_item(),
        *(_text("role"), _time("opened_at"), _time("due_at")),
        sa.PrimaryKeyConstraint("instance", "step", "item"),
        sqlite_with_rowid=False,
    )
    op.create_index("tasks_by_role", "tasks", ["role", "due_at"])


def _exceptions() -> None:
    op.create_table(
        "exceptions",
        *(_text("instance"), _text("name", 256), _time("opened_at")),
        *(_text("step"), _text("item", 256), _text("code", 256)),
        *(_text("category"), _text("severity", 16), _text("owner")),
        sa.Column("by", sa.Text(), nullable=False),
        *(_time("due_at"), _time("closed_at", nullable=True)),
        sa.PrimaryKeyConstraint("instance", "name", "opened_at"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "exceptions_open",
        "exceptions",
        ["category", "opened_at"],
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )


def _names() -> None:
    op.create_table(
        "aliases",
        *_name(),
        _text("instance"),
        sa.PrimaryKeyConstraint("workflow", "kind", "value", "instance"),
        sqlite_with_rowid=False,
    )
    op.create_index("aliases_by_instance", "aliases", ["instance"])
    op.create_table(
        "parked",
        *_name(),
        _text("message_id"),
        sa.PrimaryKeyConstraint("workflow", "kind", "value", "message_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("parked_by_message", "parked", ["message_id"])


def _held() -> None:
    op.create_table(
        "held_items",
        *(_text("message_id"), _text("workflow"), _text("window"), _time("closes_at")),
        *(_text("group", 256), _text("instance"), _text("effect", 256), _text("consumer", 160)),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("message_id"),
        sqlite_with_rowid=False,
    )
    window = ["workflow", "window", "closes_at", "group", "message_id"]
    op.create_index("held_items_by_window", "held_items", window)
    op.create_index("held_items_by_instance", "held_items", ["instance"])
    op.create_table(
        "tombstones",
        *(_text("workflow"), _text("key", 256), _text("label"), _time("ended_at"), _time("until")),
        sa.PrimaryKeyConstraint("workflow", "key"),
        sqlite_with_rowid=False,
    )
    op.create_index("tombstones_by_time", "tombstones", ["until"])
