"""Owns: ingress by the clock: each tick of a channel's schedule is a delivery, once.
Imports: config, engine.ticks, infra.store, runtime.ingress.
Never: makes a tick twice (it is kept in one transaction how far the schedule has come).
"""

from __future__ import annotations

from dataclasses import replace

from router.config.channels import Channel
from router.config.schedules import ScheduleSource
from router.core.instants import time_of, time_text
from router.core.ports import Clock
from router.core.progress import Progress
from router.engine.ticks import due
from router.infra.codecs import encode_json
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.failpoints import reach
from router.runtime.ingress import Ingress


class Ticker:
    """Makes the messages of one channel's schedule. One thread calls `step`."""

    #: seconds between two looks at the clock
    every = 0.2

    def __init__(self, channel: Channel, parts: tuple[Store, Ingress, Clock]) -> None:
        source = channel.source
        assert isinstance(source, ScheduleSource), "only a schedule ticks"
        self.channel = channel
        self._source = source
        self._store, self._ingress, self._clock = parts
        #: how far it has come, while nothing of it changes
        self._known: Progress | None = None

    def step(self) -> int:
        """Make the next message that is due; return how many were made. Raises Unavailable.

        A schedule begins when it is first looked at: nothing before that was missed.
        """
        progress, self._known = self._known or self._stored(), None
        now = self._clock.now()
        if not isinstance(progress.cursor, str):
            begun = replace(progress, cursor=time_text(now), began=now)
            self._store.write(lambda transaction: transaction.cursors.put(begun))
            return 0
        ticks = due(self._source, time_of(progress.cursor), now)
        if not ticks or not self._ingress.takes(self.channel.name):
            self._known = progress
            return 0
        tick = ticks[0]
        after = replace(progress, cursor=time_text(tick.due), asked_at=now)

        def also(transaction: Transaction, _delivery: str) -> None:
            transaction.cursors.put(after)
            reach("tick.before_commit")

        body = encode_json({"due": time_text(tick.due), "missed": tick.missed})
        self._ingress.receive(self.channel, {}, body, also).result()
        reach("tick.after_commit")
        return 1

    def _stored(self) -> Progress:
        with self._store.read() as reader:
            return reader.cursors.get(self.channel.name)
