"""Owns: the type of short texts, as the migrations write it.
Imports: SQLAlchemy.
Never: changes: a migration stays what it was.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import String, Text
from sqlalchemy.types import TypeEngine


def short(length: int) -> TypeEngine[Any]:
    """Return the type of a text of about a length. SQLite holds nobody to it, so no server may."""
    return String(length=length).with_variant(Text(), "postgresql")
