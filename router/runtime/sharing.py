"""Owns: states of limits and breakers that processes share; the local share while they cannot.
Imports: core, config.environments, engine.admission, infra.redis, runtime.states.
Never: stops a call because the server is away; takes more than the declared share then.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from router.config.environments import RedisSettings
from router.core.errors import DecodeError
from router.core.ports import Clock, Secrets
from router.engine.admission import Change, Hold, Moment
from router.infra.codecs import decode_trusted, encode_json
from router.infra.redis.link import Away, Link
from router.infra.store.store import Store
from router.runtime.feed import Feed
from router.runtime.shelf import RedisShelf
from router.runtime.states import Apart, Decide, LocalStates

#: of the format of what is kept
VERSION = 1
#: how often states are read again because others have changed them meanwhile
TRIES = 20
#: when to come again after so many tries, in microseconds
BUSY = 20_000
#: how soon a server that is away is tried again, at first and at last
FIRST, LAST = timedelta(seconds=1), timedelta(seconds=5)
#: how long a server that is back is not counted on, in microseconds: until all have seen that it is
#: back, so that nobody has all of a limit while another still has its share
SETTLE = 6_000_000


T = TypeVar("T")
Complain = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What this process is of a landscape: its name there, its percentage of each limit, and how
    many lines of its journal it puts on the stream.
    """

    name: str
    share: int
    events: int = 0


def open_shared(
    settings: RedisSettings, environment: str, secrets: Secrets, clock: Clock, complain: Complain
) -> SharedStates:
    """Return states on the server of an environment. Raises Unavailable when its address is none; a
    server that is away is no error.
    """
    link = Link(secrets.get(settings.url), settings.timeout)
    part = Part(name=settings.name or environment, share=settings.share, events=settings.events)
    return SharedStates(link, part, clock, complain)


class Unsettled(Away):
    """The server knows nothing of what was called before a time that is to come."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__("it knows nothing of what was called until now")
        self.wait = wait


class SharedStates:
    """States on a server. Safe for many threads.

    While it is away, does not take what is written or is full, this process counts by its share,
    and begins with empty buckets, as others used them until now. Who finds the server back, or
    without its data, writes down from when on it counts: a moment later, when all have seen that it
    is back. Until then each process goes on by its share; then the buckets begin empty. What was
    seen of breakers and pauses is kept.
    """

    def __init__(self, link: Link, part: Part, clock: Clock, complain: Complain) -> None:
        self._link = link
        #: in braces: keys that are set together lie on one node of a cluster
        self._prefix = f"router:{VERSION}:{{{part.name}}}:"
        self._share = part.share
        self._events = part.events
        self._clock = clock
        self._complain = complain
        self._local = LocalStates(clock)
        self._lock = threading.Lock()
        #: one caller of this process at a time asks about a system
        self._turns: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._apart: Apart | None = None
        self._pause = FIRST
        self._next_try = clock.now()
        #: the server is back, and from when on it counts is written down
        self._settling = False
        self._troubles = 0

    @property
    def apart(self) -> Apart | None:
        """Return why this process counts for itself, None when it does not."""
        return self._apart

    def change(self, system: str, keys: Sequence[str], decide: Decide) -> Change:
        """Change states as `States` says, on the server or by the local share."""
        with self._lock:
            turn = self._turns[system]
        with turn:
            if self._may_try():
                try:
                    return self._shared(system, keys, decide)
                except Away as error:
                    self._gone(error)
        return self._local.change_part(system, keys, decide, self._share)

    def shelf(self, revision: str) -> RedisShelf:
        """Return the answers that processes share."""
        return RedisShelf(self.reach, revision)

    def feed(self, store: Store) -> Feed | None:
        """Return who puts the journal of a store on the stream, None when nobody does."""
        return Feed(store, self.reach, self._events) if self._events else None

    def reach(self, use: Callable[[Link, str], T]) -> T | None:
        """Return what use is made of the server beside states, None while it is away.

        `use` gets it with what its keys begin with.
        """
        if self._apart is not None and not self._settling:
            return None
        try:
            return use(self._link, self._prefix)
        except Away as error:
            self._gone(error)
            return None

    def look(self) -> None:
        """See whether a server that was away is back, also when nobody calls."""
        self.change("look", ("seen",), _seen)

    def close(self) -> None:
        """Let go of the server."""
        self._link.close()

    def _shared(self, system: str, keys: Sequence[str], decide: Decide) -> Change:
        begun = self._troubles
        names = [self._prefix + key for key in ("since", *(f"{system}:{key}" for key in keys))]
        for _ in range(TRIES):
            now, (since, *kept) = self._link.read(names)
            origin = self._counted_since(names[0], since, now)
            moment = Moment(now=now, origin=origin)
            change = _decided(decide, kept, moment)
            new = [None if one is None else encode_json(one) for one in change.values]
            spans = [_span(until, now) for until in change.until]
            if self._link.swap(names, [since, *kept], [since, *new], [0, *spans]):
                self._back(begun)
                self._local.mirror(system, keys, change.values, now)
                return change
        hold = Hold(wait=BUSY, why="limit: many processes ask at once", alone=False, apart=0)
        return Change(values=(), until=(), hold=hold)

    def _counted_since(self, name: str, since: bytes | None, now: int) -> int:
        """Return since when the server counts. Raises Unsettled where that is yet to come.

        A time that is further ahead than it can be was written by another clock.
        """
        known = int(since) if since is not None and since.isdigit() else None
        returned = self._apart is not None and not self._settling
        if known is None or known > now + SETTLE or (returned and known <= now):
            known = now + SETTLE
            self._link.swap([name], [since], [encode_json(known)], [0])  # or another has done so
        if known > now:
            raise Unsettled(timedelta(microseconds=known - now))
        return known

    def _may_try(self) -> bool:
        """Return whether the server is asked now: while it is away, by one caller in a while."""
        with self._lock:
            now = self._clock.now()
            if self._apart is not None:
                if now < self._next_try:
                    return False
                self._next_try = now + LAST
            return True

    def _gone(self, error: Away) -> None:
        with self._lock:
            now, is_new = self._clock.now(), self._apart is None
            self._settling = isinstance(error, Unsettled)
            self._troubles += 1
            if isinstance(error, Unsettled):
                self._pause = error.wait
            else:
                self._pause = FIRST if is_new else min(max(FIRST, 2 * self._pause), LAST)
            self._next_try = now + self._pause
            since = now if self._apart is None else self._apart.since
            self._apart = Apart(since=since, why=str(error), share=self._share)
            if is_new:
                self._local.begin_anew()
        if is_new:
            self._complain(
                f"redis {self._link.name} is not counted on ({error}): this process goes on by"
                f" {self._share}% of each limit"
            )

    def _back(self, begun: int) -> None:
        """Share again, unless there was trouble since a call began."""
        with self._lock:
            if self._troubles != begun:
                return
            apart, self._apart, self._settling = self._apart, None, False
            lasted = None if apart is None else self._clock.now() - apart.since
        if lasted is not None:
            self._complain(
                f"redis {self._link.name} is counted on again after {lasted.total_seconds():.0f} s:"
                " limits are shared"
            )


def _decided(decide: Decide, kept: Sequence[bytes | None], moment: Moment) -> Change:
    """Return what a decision makes of states as they are kept. Raises Away."""
    try:
        return decide([None if one is None else decode_trusted(one) for one in kept], moment)
    except (DecodeError, ValueError, TypeError, LookupError, AssertionError) as error:
        raise Away(f"what it keeps is no state of ours: {type(error).__name__}") from error


def _seen(_kept: Sequence[Any], moment: Moment) -> Change:
    """Write something that nobody reads: reading alone would not show that nothing is taken."""
    return Change(values=(moment.now,), until=(moment.now + 60_000_000,))


def _span(until: int | None, now: int) -> int:
    """Return how many milliseconds a value is kept; a moment longer than it counts."""
    return 0 if until is None else max(0, until - now) // 1000 + 1000
