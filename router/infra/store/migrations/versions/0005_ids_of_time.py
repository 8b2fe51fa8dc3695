"""effects that were taken in part; ids born of time: messages with others are not carried on"""

import sqlalchemy as sa
from alembic import op

from router.core.errors import Unavailable

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    found = op.get_bind().exec_driver_sql("SELECT 1 FROM deliveries LIMIT 1").first()
    if found is not None:
        raise Unavailable(
            "it was written by an earlier router, which may have given other ids, so that a repeat "
            "would not be known again: let that one finish what waits, then begin a new store"
        )
    op.add_column("intents", sa.Column("in_part", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("intents", "in_part")
