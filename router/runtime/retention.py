"""Owns: forgetting what has ended: one pass a day along the tables, piece by piece.
Imports: core, config.retention, infra.store.
Never: forgets without being told how long to keep; holds the store for longer than a piece.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from router.config.retention import RetentionSettings
from router.core.instants import time_of, time_text
from router.core.ports import Clock
from router.infra.codecs import decode_trusted, encode_json
from router.infra.store.endings import Bounds
from router.infra.store.reader import Reader
from router.infra.store.retention import Piece, Walk, texts_of, walks_for
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.failpoints import reach

#: from the beginning of a pass to that of the next
EVERY = timedelta(days=1)
#: rows that one piece looks at, beside the writer, and rows that it takes away
PIECE = (2048, 128)
#: pieces of one step
PIECES = 4
#: where it is noted how far a pass is
MARK = "retention"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A pass: which tables are done, how far it is in the next, how many rows have ever gone."""

    began: datetime
    done: tuple[str, ...] = ()
    #: the key of the last row that was looked at there
    after: tuple[Any, ...] = ()
    ended: datetime | None = None
    #: by table, since the store was made
    gone: Mapping[str, int] = field(default_factory=dict)


class Retention:
    """Forgets what is older than an environment keeps. One thread calls `step`."""

    def __init__(self, store: Store, clock: Clock, settings: RetentionSettings | None) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._pass: Pass | None = None

    def step(self) -> int:
        """Go on by a few pieces; return how many, 0 when there is nothing to do today.

        Raises Unavailable: then it goes on from what is on disk.
        """
        if self._settings is None:
            return 0
        pieces = 0
        now = self._clock.now()
        current, self._pass = self._current(now), None  # what fails is read anew
        while pieces < PIECES and current.ended is None:
            current = self._forget(current, now)
            pieces += 1
        self._pass = current
        return pieces

    def _current(self, now: datetime) -> Pass:
        """Return the pass that is under way, or that of today."""
        known = self._pass
        if known is None:
            with self._store.read() as reader:
                known = last_pass(reader)
        if known is None:
            return Pass(began=now)
        if known.ended is not None and now >= known.began + EVERY:
            return Pass(began=now, gone=known.gone)
        return known

    def _forget(self, current: Pass, now: datetime) -> Pass:
        """Take away the next piece; where nothing of it goes, nothing is written."""
        assert self._settings is not None, "without settings there is no pass"
        bounds = bounds_at(self._settings, current.began)
        walk = next((one for one in walks_for(bounds) if one.name not in current.done), None)
        if walk is None:
            ended = dataclasses.replace(current, ended=now, done=(), after=())
            self._store.write(lambda transaction: _keep(transaction, ended))
            return ended
        after = walk.key_of(current.after)
        with self._store.read() as reader:
            piece = reader.retention.look(walk, bounds, after, PIECE)
        if not piece.going:
            return _moved(current, walk, piece, 0)

        def job(transaction: Transaction) -> Pass:
            rows = transaction.retention.forget(walk, bounds, piece.going)
            moved = _moved(current, walk, piece, rows)
            _keep(transaction, moved)
            return moved

        reach("retention.before_commit")
        moved = self._store.write(job)
        reach("retention.after_commit")
        return moved


def bounds_at(settings: RetentionSettings, now: datetime) -> Bounds:
    """Return what is too old at a moment."""
    ages = {one: getattr(settings, one) for one in ("bodies", "journal", "claims")}
    return Bounds(now=now, **{name: now - age for name, age in ages.items() if age is not None})


def last_pass(reader: Reader) -> Pass | None:
    """Return the newest pass, None when there was none."""
    text = reader.mark(MARK)
    return _read(decode_trusted(text.encode())) if text else None


def pass_data(found: Pass | None) -> dict[str, Any] | None:
    """Return how far a pass is as a document, None when there was none."""
    if found is None:
        return None
    ended = None if found.ended is None else time_text(found.ended)
    done = {"done": list(found.done), "gone": dict(found.gone)}
    return {"began": time_text(found.began), "ended": ended, **done}


def pass_line(found: Pass) -> str:
    """Return how far a pass is, in one line."""
    rows = sum(found.gone.values())
    if found.ended is not None:
        return f"retention: passed through at {time_text(found.ended)[:19]}Z, {rows} rows gone"
    done = f"{len(found.done)} tables done"
    return f"retention: under way since {time_text(found.began)[:19]}Z, {done}, {rows} rows gone"


def forecast(reader: Reader, bounds: Bounds) -> dict[str, int]:
    """Return how many rows of each table a pass would take away, as far as nothing waits for others
    of the same pass.
    """
    return {walk.name: reader.retention.count(walk, bounds) for walk in walks_for(bounds)}


def _moved(current: Pass, walk: Walk, piece: Piece, rows: int) -> Pass:
    gone = {**current.gone, walk.name: current.gone.get(walk.name, 0) + rows}
    if piece.is_last:
        done = (*current.done, walk.name)
        return dataclasses.replace(current, done=done, after=(), gone=gone)
    return dataclasses.replace(current, after=texts_of(piece.up_to), gone=gone)


def _keep(transaction: Transaction, current: Pass) -> None:
    made = {
        "began": time_text(current.began),
        "done": current.done,
        "after": current.after,
        "ended": None if current.ended is None else time_text(current.ended),
        "gone": current.gone,
    }
    transaction.mark(MARK, encode_json(made).decode())


def _read(made: Mapping[str, Any]) -> Pass:
    ended = made["ended"]
    return Pass(
        began=time_of(made["began"]),
        done=tuple(made["done"]),
        after=tuple(made["after"]),
        ended=None if ended is None else time_of(ended),
        gone=made["gone"],
    )
