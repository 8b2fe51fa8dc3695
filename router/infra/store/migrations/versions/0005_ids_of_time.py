"""ids that are born of time: a store that has messages with other ones is not gone on with"""

from alembic import op

from router.core.errors import Unavailable

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    found = op.get_bind().exec_driver_sql("SELECT 1 FROM deliveries LIMIT 1").first()
    if found is not None:
        raise Unavailable(
            "it was written by an earlier router, which gave other ids, so that a repeat would not "
            "be known again: let that one finish what waits, then begin a new store"
        )


def downgrade() -> None:
    """The tables are the same."""
