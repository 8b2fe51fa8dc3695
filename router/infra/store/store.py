"""Owns: the store: one writer at a time with group commit, readers beside it.
Imports: SQLAlchemy, infra.store.
Never: lets two threads write at once; commits half a job; changes the order of jobs.

Who waits for its job (`write`) commits it itself, and with it all that was submitted before: what
one thread has made is not handed to another. What nobody waits for (`submit`) a thread commits.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import InternalError, OperationalError, SQLAlchemyError

from router.core.errors import Unavailable
from router.infra.store.bells import hear, rings
from router.infra.store.database import Database, Hold, ensure_newest, told
from router.infra.store.handoff import Handoff
from router.infra.store.leads import opening
from router.infra.store.pending import Pending, settle
from router.infra.store.pipeline import on_server
from router.infra.store.reader import Reader
from router.infra.store.rows import Queued
from router.infra.store.sending import Piped, Sender
from router.infra.store.shelves import Shelves
from router.infra.store.sqlite import open_memory
from router.infra.store.transaction import Transaction

T = TypeVar("T")
Job = Callable[[Transaction], T]

#: jobs of one commit; what arrives during an fsync shares the next one
GROUP = 256
#: seconds that jobs wait at most, after another process and they have waited for each other
PAUSES = (0.1, 0.2, 0.4, 0.8)
_DEADLOCK = "40P01"


class Store:
    """Messages, claims, journal, intents in one database. Safe for many threads.

    What `submit` gives is done when the job is on disk, or has failed and left no trace.
    """

    def __init__(
        self,
        writer: Engine,
        reader: Engine,
        revision: str,
        *,
        threaded: bool,
        hold: Hold | None = None,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._revision = revision
        self._hold = hold
        self._handoff = Handoff()
        self._shelves = Shelves()
        #: in the order in which they came; taken by who holds `_committing`
        self._jobs: deque[Pending[Any]] = deque()
        self._bell = threading.Condition()
        self._committing = threading.Lock()
        #: nothing sets it: a pause, and which share of one is this store's own
        self._pausing = threading.Event()
        self._share = (id(self) // 64 % 97 + 1) / 97
        self._wanted = threading.Event()
        self._wakers: dict[str, Callable[[], None]] = {}
        self._gate = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None
        if threaded:
            self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
            self._thread.start()

    @classmethod
    def on(cls, database: Database, revision: str, *, alone: bool = False) -> Store:
        """Open a database for a daemon: migrated, held; `alone` or on a file, against a second one.

        Raises Unavailable.
        """
        hold = database.hold(alone=alone)
        reader = database.open(writes=False)
        return cls(hold.writer, reader, revision, threaded=True, hold=hold)

    @classmethod
    def to_read(cls, database: Database) -> Store:
        """Open a database beside a running daemon, to look into it. Raises Unavailable."""
        if not database.exists():
            raise Unavailable(f"there is no store at {database}: start router run first")
        engine = _reader(database)
        return cls(engine, engine, "", threaded=False)

    @classmethod
    def beside(cls, database: Database) -> Store:
        """Open a database beside a running daemon, to put a question into its inbox."""
        reader = _reader(database)
        return cls(database.open(writes=True), reader, "", threaded=False)

    @classmethod
    def in_memory(cls, revision: str) -> Store:
        """Open a store that lives as long as this object, for one thread."""
        engine = open_memory()
        return cls(engine, engine, revision, threaded=False)

    @property
    def revision(self) -> str:
        """Return the revision of the project that runs: it stamps the journal."""
        return self._revision

    def take_up(self, revision: str) -> None:
        """Stamp what is written from now on with another revision: a reload."""
        self._revision = revision

    @property
    def is_shared(self) -> bool:
        """Return whether other processes may write beside this one."""
        return self._hold is not None and self._hold.is_shared

    @property
    def life(self) -> int:
        """Return which connection writes now: a number that grows when it was lost."""
        return 0 if self._hold is None else self._hold.life()

    @property
    def plain(self) -> Store:
        """Return the store as who leads nothing writes to it."""
        return self

    def wake(self, lane: str, waker: Callable[[], None]) -> None:
        """Call `waker` after each commit that published to a lane."""
        self._wakers[lane] = waker

    def forget_wakers(self) -> None:
        """Call nobody any more: others lead the lanes."""
        self._wakers.clear()

    def hear(self, ending: threading.Event) -> None:
        """Wake who waits for what other processes publish, until it is to end."""
        hear(self._reader, self._wake, ending)

    def submit(self, job: Job[T], *, alone: bool = False) -> Pending[T]:
        """Run a job in the next transaction; one that is `alone`, while no other process writes."""
        pending = self._put(job, alone=alone)
        if self._thread is None:
            self._settle(pending)
        elif not self._wanted.is_set():  # who clears it looks for jobs afterwards
            self._wanted.set()
        return pending

    def write(self, job: Job[T], *, alone: bool = False) -> T:
        """Run a job and wait until it is on disk. Raises what the job raised, or Unavailable."""
        pending = self._put(job, alone=alone)
        self._settle(pending)
        return pending.result()

    @contextmanager
    def read(self) -> Iterator[Reader]:
        """Give a reader over what is committed: all that it sees is of one moment."""
        with self.glance() as reader, reader.one_moment():
            yield reader

    @contextmanager
    def glance(self) -> Iterator[Reader]:
        """Give a reader over what is committed; on a server each query is of its own moment, and
        costs one round trip.
        """
        try:
            with self._reader.connect() as connection:
                yield Reader(connection, self._handoff)
        except SQLAlchemyError as error:
            raise Unavailable(f"the store cannot be read: {told(error)}") from error

    def close(self) -> None:
        """Finish the jobs that were submitted, then let go of the database."""
        with self._gate:  # what is submitted later would never be done
            self._closed = True
        if self._thread is not None:
            self._wanted.set()
            self._thread.join()
            self._thread = None
        with self._committing:  # another thread may have taken the last jobs
            self._writer.dispose()
            self._reader.dispose()
            if self._hold is not None:
                self._hold.release()

    def _put(self, job: Job[T], *, alone: bool) -> Pending[T]:
        pending = Pending(job, self._bell, alone=alone)
        with self._gate:
            if not self._closed:
                self._jobs.append(pending)
                return pending
        self._refuse((pending,), "the store is closed")
        return pending

    def _refuse(self, group: Sequence[Pending[Any]], why: str) -> None:
        for one in group:
            one.fail(Unavailable(why))
        settle(group, self._bell)

    def _settle(self, pending: Pending[Any]) -> None:
        """Commit until a job is settled, unless another thread has done so meanwhile."""
        while not pending.done():
            with self._committing:
                if not pending.done():
                    self._commit_group()

    def _work(self) -> None:
        closed = False
        while not closed:
            self._wanted.wait()
            self._wanted.clear()
            closed = self._closed  # what comes after it is refused: one more look finds the last
            while self._jobs:
                with self._committing:
                    self._commit_group()

    def _commit_group(self) -> None:
        """Commit what waits, as much as goes together. Called by who holds `_committing`."""
        group: list[Pending[Any]] = []
        try:
            while self._jobs and len(group) < GROUP:
                group.append(self._jobs[0])
                self._jobs.popleft()
            if group:
                self._commit(group)
        except BaseException:  # the thread is to end: nobody may wait for its jobs for ever
            self._refuse([one for one in group if not one.done()], "the store was interrupted")
            raise

    def _commit(self, group: Sequence[Pending[Any]]) -> None:
        """Run jobs in one transaction; tell who waits for them after the commit.

        First all of them together, their rows in a handful of statements. When one fails, the
        transaction is rolled back and they run again, each in a savepoint: so a job has to be a
        function of the store alone.
        """
        try:
            woken = self._together(group)
        except Exception as error:  # noqa: BLE001 (which one it was is found out one by one)
            try:
                woken = self._once_more(group, error)
            except (SQLAlchemyError, Unavailable) as worse:
                self._handoff.clear()
                self._refuse(group, f"the store cannot be written: {told(worse)}")
                return
        settle(group, self._bell)
        for lane in woken:
            self._wake(lane)

    def _wake(self, lane: str) -> None:
        waker = self._wakers.get(lane)
        if waker is not None:
            waker()

    def _together(self, group: Sequence[Pending[Any]]) -> set[str]:
        with self._writer.begin() as connection:
            sender = self._sender(connection, group)
            transaction = Transaction(connection, self.revision, self._shelves, sender)
            for one in group:
                one.succeed(one.job(transaction))
            transaction.finish(rings(transaction.woken - self._wakers.keys()))
        self._hand_over(transaction.published)
        return transaction.woken

    def _hand_over(self, published: Iterable[Queued]) -> None:
        """Keep what is read by this process itself: in its lanes somebody is woken."""
        self._handoff.put(row for row in published if row.lane in self._wakers)

    def _sender(self, connection: Connection, group: Sequence[Pending[Any]]) -> Sender:
        if not on_server(connection):
            return Sender(connection)
        return Piped(connection, opening(alone=any(one.alone for one in group)))

    def _once_more(self, group: Sequence[Pending[Any]], error: Exception) -> set[str]:
        """Run jobs one by one, unless the connection was cut: then nobody knows whether they were
        committed, and who made them looks again. What met another process's locks in a circle
        comes once more, a few times.
        """
        if getattr(error, "connection_invalidated", False):
            raise error
        for most in PAUSES:
            try:
                return self._apart(group)
            except OperationalError as again:
                if getattr(again.orig, "sqlstate", "") != _DEADLOCK:
                    raise
                self._pausing.wait(most * self._share)  # else both would meet again
        return self._apart(group)

    def _apart(self, group: Sequence[Pending[Any]]) -> set[str]:
        woken: set[str] = set()
        published: list[Queued] = []
        with self._writer.begin() as connection:
            begun = self._sender(connection, group)
            begun.connection()
            for one in group:
                transaction = Transaction(connection, self.revision, self._shelves)
                try:
                    with connection.begin_nested():
                        one.succeed(one.job(transaction))
                        transaction.flush()
                except (OperationalError, InternalError):
                    raise  # disk full, locked, gone: nobody's fault, and no savepoint is left
                except Exception as error:  # noqa: BLE001 (a job's bug must not stop the writer)
                    one.fail(error)
                    continue
                woken |= transaction.woken
                published += transaction.published
            begun.commit(rings(woken - self._wakers.keys()))
        self._hand_over(published)
        return woken


def _reader(database: Database) -> Engine:
    engine = database.open(writes=False)
    try:
        ensure_newest(engine, str(database))
    except Unavailable:
        engine.dispose()
        raise
    return engine
