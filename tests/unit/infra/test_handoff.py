"""Rows that go from hand to hand inside a process: which are kept, and for how long."""

from __future__ import annotations

import gc
import threading
import weakref
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from router.core.message import Message
from router.infra.store import handoff
from router.infra.store.handoff import Handoff
from router.infra.store.pending import Pending, settle
from router.infra.store.rows import Queued
from router.infra.store.store import Store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def row(number: int) -> Queued:
    message = Message(id=f"m{number}", correlationid="c", channel="shop", occurred_at=NOON)
    return Queued(lane="loop", consumer="it", message=message)


def taken(hand: Handoff, *numbers: int) -> list[bool]:
    return [hand.take(f"m{number}", "it") is not None for number in numbers]


def test_a_row_is_taken_once() -> None:
    hand = Handoff()
    hand.put([row(1)])
    assert taken(hand, 1, 1) == [True, False]


def test_who_is_behind_finds_what_it_reads_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handoff, "MOST", 3)
    hand = Handoff()
    hand.put([row(1), row(2), row(3), row(4)])
    hand.put([row(5)])
    assert taken(hand, 1, 2) == [True, True]
    hand.put([row(6), row(7), row(8)])
    assert taken(hand, 3, 4, 5, 6, 7, 8) == [True, False, False, True, True, False]


def test_what_nobody_takes_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handoff, "MOST", 2)
    times = [0.0]
    monkeypatch.setattr(handoff, "monotonic", lambda: times[0])
    hand = Handoff()
    hand.put([row(1), row(2)])
    times[0] = handoff.OLD
    hand.put([row(3)])
    times[0] = handoff.OLD + 0.1
    hand.put([row(4), row(5), row(6)])
    assert taken(hand, 1, 2, 3, 4, 5, 6) == [False, False, False, True, True, False]


def test_a_process_keeps_no_rows_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only of lanes in which it wakes somebody: others are read elsewhere."""
    kept: list[str] = []
    put = Handoff.put

    def told(self: Handoff, rows: Any) -> None:
        rows = list(rows)
        kept.extend(one.message.id for one in rows)
        put(self, rows)

    monkeypatch.setattr(Handoff, "put", told)
    store = Store.in_memory("r1")
    store.write(lambda t: t.enqueue([row(1)]))
    store.wake("loop", lambda: None)
    store.write(lambda t: t.enqueue([row(2)]))
    store.forget_wakers()
    store.write(lambda t: t.enqueue([row(3)]))
    assert kept == ["m2"]


def test_a_job_is_gone_when_all_is_told_of_it() -> None:
    """Who is told mostly holds the job: without a cycle both go at once."""
    gc.disable()
    try:
        bell = threading.Condition()
        told: list[bool] = []

        class Note:
            def hear(self, pending: Pending[Any]) -> None:
                told.append(pending.done())

        note = Note()
        gone = weakref.ref(note)
        pending: Pending[Any] = Pending(lambda _: None, bell)
        pending.when_done(partial(note.hear, pending))
        pending.succeed(None)
        settle([pending], bell)
        del note, pending
        assert told == [True]
        assert gone() is None
    finally:
        gc.enable()
