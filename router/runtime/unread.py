"""Owns: files that lie there and are not taken: told once, by whichever process, until they go on.
Imports: core, infra.store.
Never: tells the same twice; looks into a folder.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.core.message import Message
from router.core.ports import Clock
from router.infra.store.files import WAITS, Waiting
from router.infra.store.rows import Entry
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.fresh import fresh_id

#: in the place of a cause: a line about a file is no record's, and no replay takes it for one
_FILE = "file"


class Unread:
    """What waits of one channel, as it was told. For one thread."""

    def __init__(self, store: Store, clock: Clock, channel: str) -> None:
        self._store = store
        self._clock = clock
        self._channel = channel
        self._told: dict[str, tuple[str, str]] | None = None

    @property
    def told(self) -> Mapping[str, tuple[str, str]]:
        """Return which files wait, and why, by their names. Raises Unavailable."""
        if self._told is None:
            with self._store.read() as reader:
                self._told = {
                    one.name: (one.reason, one.detail)
                    for one in reader.files.waiting(self._channel)
                }
        return self._told

    def tell(self, found: Mapping[str, tuple[str, str]]) -> list[str]:
        """Say which files wait now, and why (a word, words); return those that are news.

        Raises Unavailable.
        """
        told = self.told
        if found == told:
            return []
        news = [name for name, why in found.items() if told.get(name) != why]
        gone = [name for name in told if name not in found]
        self._store.write(lambda transaction: self._write(transaction, found, (news, gone)))
        self._told = dict(found)
        return news

    def _write(
        self,
        transaction: Transaction,
        found: Mapping[str, tuple[str, str]],
        changed: tuple[list[str], list[str]],
    ) -> None:
        now = self._clock.now()
        news, gone = changed
        for name in gone:
            transaction.files.go_on(self._channel, name)
        for name in news:
            reason, detail = found[name]
            transaction.files.wait(
                Waiting(channel=self._channel, name=name, at=now, reason=reason, detail=detail)
            )
            number = fresh_id(now)
            message = Message(
                id=number,
                correlationid=number,
                causationid=_FILE,
                channel=self._channel,
                occurred_at=now,
            )
            said = {"file": name, "reason": reason, "why": detail}
            transaction.write(
                Entry(
                    at=now,
                    message=message,
                    consumer=self._channel,
                    word=WAITS,
                    reason=reason,
                    detail=said,
                )
            )
            transaction.refer([name], number)
