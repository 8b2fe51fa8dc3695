"""Owns: all tables of the store together, for who builds them or holds them against a database.
Imports: infra.store.tables, infra.store.instancetables.
Never: has a table of its own.
"""

from __future__ import annotations

from router.infra.store import instancetables
from router.infra.store.tables import metadata

__all__ = ["instancetables", "metadata"]
