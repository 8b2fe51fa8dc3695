"""what is under way is found by message; a server cleans up by rows, not by shares of a table"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_UNSETTLED = sa.text("state NOT IN ('done', 'refused', 'partial')")
_INDEXES = {
    "queue_by_message": ("queue", ["message_id"]),
    "dead_by_message": ("dead", ["state", "message_id"]),
    "job_items_by_message": ("job_items", ["message_id"]),
    "gates_by_holder": ("gates", ["holder"]),
}
#: tables that stay small and change with every message: cleaned up after so many changes
_CHURNING = ("queue", "due", "held_back", "gates", "counters", "marks")
#: tables that grow: a share of them would be more and more rows
_GROWING = ("deliveries", "journal", "claims", "intents", "reference_words")


def upgrade() -> None:
    for name, (table, columns) in _INDEXES.items():
        op.create_index(name, table, columns)
    op.create_index(
        "intents_open", "intents", ["key"], sqlite_where=_UNSETTLED, postgresql_where=_UNSETTLED
    )
    if op.get_bind().dialect.name == "postgresql":
        _clean(_CHURNING, rows=5_000, inserts=5_000)
        _clean(_GROWING, rows=50_000, inserts=200_000)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in (*_CHURNING, *_GROWING):
            op.execute(f"ALTER TABLE {table} RESET ({', '.join(_settings(0, 0))})")
    op.drop_index("intents_open", "intents")
    for name, (table, _) in _INDEXES.items():
        op.drop_index(name, table)


def _clean(tables: tuple[str, ...], *, rows: int, inserts: int) -> None:
    settings = ", ".join(f"{name} = {value}" for name, value in _settings(rows, inserts).items())
    for table in tables:
        op.execute(f"ALTER TABLE {table} SET ({settings})")


def _settings(rows: int, inserts: int) -> dict[str, int]:
    return {
        "autovacuum_vacuum_scale_factor": 0,
        "autovacuum_vacuum_threshold": rows,
        "autovacuum_vacuum_insert_scale_factor": 0,
        "autovacuum_vacuum_insert_threshold": inserts,
        "autovacuum_analyze_scale_factor": 0,
        "autovacuum_analyze_threshold": inserts,
    }
