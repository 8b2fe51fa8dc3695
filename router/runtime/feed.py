"""Owns: the newest lines of the journal as a stream of Redis, for who looks on.
Imports: infra.redis, infra.store.
Never: holds anything up (it reads what is committed); shows what is in a message.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from router.infra.store.reader import Reader
from router.infra.store.store import Store

if TYPE_CHECKING:
    from router.infra.redis.link import Link

#: lines of one look
BATCH = 500
#: the end of the stream's name
EVENTS = "events"


class Feed:
    """Follows the journal. One thread calls `step`.

    It begins with what is written from now on. While Redis is away it waits, and then catches up
    with as much as the stream holds.
    """

    #: seconds between two looks
    every = 0.5

    def __init__(
        self, store: Store, reach: Callable[[Callable[[Link, str], bool]], Any], most: int
    ) -> None:
        """`reach` gives the server to a use, or None while it is away; `most` lines are kept."""
        self._store = store
        self._reach = reach
        self._most = most
        self._at: int | None = None

    def step(self) -> int:
        """Put the next lines on the stream; return how many. Raises Unavailable."""
        with self._store.read() as reader:
            lines = self._next(reader)
        if not lines:
            return 0

        def put(link: Link, prefix: str) -> bool:
            link.append(prefix + EVENTS, lines, self._most)
            return True

        if not self._reach(put):
            return 0
        self._at = int(lines[-1]["seq"])
        return len(lines)

    def _next(self, reader: Reader) -> list[dict[str, str]]:
        newest = reader.newest_line()
        if self._at is None:
            self._at = newest
        return reader.lines(max(self._at, newest - self._most), BATCH)
