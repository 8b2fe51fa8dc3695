"""Owns: where the words lie by which a transaction can be found.
Imports: SQLAlchemy, infra.store.tables.
Never: lets it matter where: a word is looked for on every shelf.

A word says nothing of its time, so among many each would change a page of its own. Words that come
about the same time lie together, on a shelf; when it is full the next one is begun.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Select, func, select

from router.infra.store import tables

#: words of a shelf: some hundred pages, and thirty shelves to look at for a million words
ROOM = 32_768


class Shelves:
    """The shelf that is being filled. One thread at a time, as it is with transactions.

    Nothing depends on its number: processes that share a store may fill the same one, and what a
    transaction that fails has counted is room that is not used.
    """

    def __init__(self) -> None:
        self._newest = -1
        self._room = 0

    def place(self, words: int, connection: Callable[[], Connection]) -> int:
        """Return where to put so many words; the first time it looks how far others have come."""
        if self._newest < 0:
            self._newest, self._room = _newest(connection())
        if self._room <= 0:
            self._newest += 1
            self._room = ROOM
        self._room -= words
        return self._newest


def correlations_of(word: str) -> Select[Any]:
    """Return the query for the transactions that a word leads to."""
    words = tables.reference_words
    last = select(func.max(words.c.shelf)).scalar_subquery()
    shelves = select(func.min(words.c.shelf).label("number")).cte("shelves", recursive=True)
    beyond = select(shelves.c.number + 1).where(shelves.c.number < last)
    shelves = shelves.union_all(beyond)
    # shelf by shelf: a look at one is a look at an index
    mine = (words.c.shelf == shelves.c.number) & (words.c.word == word)
    return select(words.c.correlationid).join_from(shelves, words, mine)


def _newest(connection: Connection) -> tuple[int, int]:
    """Return the newest shelf, and for how many words there is room."""
    shelf = tables.reference_words.c.shelf
    newest = connection.execute(select(func.max(shelf))).scalar() or 0
    there = select(shelf).where(shelf == newest).limit(ROOM).subquery()
    taken = connection.execute(select(func.count()).select_from(there)).scalar() or 0
    return int(newest), ROOM - int(taken)
