"""Calls that leave together: what is on disk before they leave, what is told of them, what goes
one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from router import Answer, Retryable, Unknown
from router.core.errors import Unavailable
from router.infra.store.letters import LetterQuery
from router.infra.store.rows import Queued
from router.infra.store.transaction import Transaction
from router.runtime import volley as volleys
from router.runtime import worker as workers
from router.runtime.admission import Admission
from router.runtime.commands import Commands
from router.runtime.resending import Resending
from router.runtime.verdicts import SYSTEM_LANE
from router.runtime.volley import Hands, Volley, flies
from router.runtime.worker import Worker
from tests.unit.runtime.conftest import Landscape

DONE = Answer(status=200)


class Range:
    """A volley over the small landscape: its rows, and what its hands are told."""

    def __init__(self, land: Landscape) -> None:
        self.land = land
        self.over: list[int] = []
        self.again: list[int] = []
        self.woken = 0
        resending = Resending(land.store, land.exchange, lambda _: None)
        commands = Commands(land.store, land.exchange, resending.operation, resending.former)
        hands = Hands(
            over=lambda rows: self.over.extend(row.id for row in rows),
            again=lambda rows: self.again.extend(row.id for row in rows),
            wake=self._wake,
        )
        self.volley = Volley((land.store, land.exchange, commands), "far", hands)

    def _wake(self) -> None:
        self.woken += 1

    def rows(self, *amounts: Any) -> list[Queued]:
        """Return the commands that become of new messages, one each."""
        for amount in amounts:
            self.land.take("plain", id=f"thing {amount}", amount=amount, version=1)
        while self.land.parts.loop.step():
            pass
        return self.queued()

    def queued(self) -> list[Queued]:
        """Return the commands that stand."""
        with self.land.store.read() as reader:
            return reader.queued(f"{SYSTEM_LANE}far", 0, 100)

    def states(self) -> list[str]:
        """Return the states of all effects, in the order of their amounts."""
        with self.land.store.read() as reader:
            keys = [one.message.id for one in self._all]
            found = reader.intents(keys)
        return [found[key].state if key in found else "" for key in keys]

    def fire(self, *amounts: Any) -> list[Queued]:
        """Fire new commands."""
        self._all = self.rows(*amounts)
        return self.volley.fire(self._all)

    def end(self, at: int, answer: Any = DONE) -> None:
        """Let a call that was begun end."""
        self.land.wire.begun[at][2](answer)

    def letters(self) -> list[str]:
        """Return the reasons of the dead letters."""
        with self.land.store.read() as reader:
            return [one["reason"] for one in reader.letters.find(LetterQuery())]


@pytest.fixture
def field(land: Landscape) -> Range:
    """A volley that has fired nothing."""
    return Range(land)


def writes_of(land: Landscape, monkeypatch: pytest.MonkeyPatch) -> list[Callable[..., Any]]:
    """Return the list that every write to the store is added to."""
    made: list[Callable[..., Any]] = []
    write = land.store.write

    def told(job: Callable[[Transaction], Any], *, alone: bool = False) -> Any:
        made.append(job)
        return write(job, alone=alone)

    monkeypatch.setattr(land.store, "write", told)
    return made


def test_all_are_on_disk_before_the_first_leaves(
    field: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = field.rows(1, 2, 3)
    seen: list[int] = []
    begin = field.land.wire.begin

    def told(prepared: Any, key: Any, then: Any) -> None:
        with field.land.store.read() as reader:
            found = reader.intents([row.message.id for row in rows])
        seen.append(sum(one.state == "sending" for one in found.values()))
        begin(prepared, key, then)

    monkeypatch.setattr(field.land.wire, "begin", told)
    writes = writes_of(field.land, monkeypatch)
    assert field.volley.fire(rows) == []
    assert seen == [3, 3, 3]
    assert len(writes) == 1
    assert [row.id for row in field.queued()] == [row.id for row in rows]


def test_ends_and_beginnings_are_one_write(field: Range, monkeypatch: pytest.MonkeyPatch) -> None:
    assert field.fire(1, 2) == []
    field.end(0)
    assert (field.volley.ended, field.woken) == (1, 0)  # the other is under way
    field.end(1)
    assert (field.volley.ended, field.woken) == (2, 1)
    before = field.queued()
    later = [row for row in field.rows(3) if row not in before]
    writes = writes_of(field.land, monkeypatch)
    assert field.volley.fire(later) == []
    assert len(writes) == 1
    assert field.over == [row.id for row in before]
    assert field.states() == ["done", "done"]
    assert [row.id for row in field.queued()] == [row.id for row in later]
    assert field.land.counted()["far.put", "done", ""] == 2
    assert field.land.words(before[0].message.id)[-1] == "done"
    assert field.volley.ended == 0
    assert len(field.land.wire.begun) == 3


def test_many_ends_are_worth_a_write_while_others_are_under_way(
    field: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(volleys, "MANY", 2)
    field.fire(1, 2, 3, 4)
    field.end(0)
    assert field.woken == 0
    field.end(1)
    assert field.woken == 1
    field.end(2)
    assert field.woken == 1  # it is on its way already
    field.end(3)
    assert field.woken == 2


def test_every_end_is_told_as_by_itself(field: Range) -> None:
    """Done, taken back for later, refused, and what nobody knows: each by its own rule."""
    field.fire(1, 2, 3, 4)
    field.end(0, DONE)
    field.end(1, Retryable("it never left"))
    field.end(2, Answer(status=409, body={}))
    field.end(3, Unknown("it may have arrived"))
    field.volley.fire(())
    assert field.queued() == []
    assert sorted(field.over) == [row.id for row in field._all]
    assert field.states() == ["done", "waiting", "refused", "unknown"]
    assert field.letters() == ["closed"]
    assert field.land.sizes()["due"] == 2
    field.land.wait(10)
    again = field.queued()
    assert {row.message.id for row in again} == {field._all[1].message.id, field._all[3].message.id}
    assert field.volley.fire(again) == again  # what has begun before goes one by one
    assert len(field.land.wire.begun) == 4


def test_a_request_that_cannot_be_goes_by_itself(
    field: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = field.rows(1, 2, 3)
    prepare = field.land.wire.prepare

    def told(request: Any, values: Any, document: Any) -> Any:
        if document["amount"] == 2:
            raise ZeroDivisionError
        return prepare(request, values, document)

    monkeypatch.setattr(field.land.wire, "prepare", told)
    assert field.volley.fire(rows) == [rows[1]]
    assert len(field.land.wire.begun) == 2


def test_without_the_store_all_of_it_comes_again(
    field: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    field.fire(1)
    field.end(0)
    (done,) = field._all
    rows = [row for row in field.rows(2, 3) if row.id != done.id]
    prepare = field.land.wire.prepare

    def unfit(request: Any, values: Any, document: Any) -> Any:
        if document["amount"] == 3:
            raise ZeroDivisionError
        return prepare(request, values, document)

    def away(_job: Any, **_: Any) -> None:
        raise Unavailable("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(field.land.wire, "prepare", unfit)  # also what would go by itself
        patch.setattr(field.land.store, "write", away)
        with pytest.raises(Unavailable):
            field.volley.fire(rows)
    assert field.again == [done.id, *(row.id for row in rows)]
    assert field.over == []
    assert len(field.land.wire.begun) == 1
    assert field.volley.fire(field.queued()) == [done]  # it may have arrived: by itself
    assert len(field.land.wire.begun) == 3


def test_an_end_that_cannot_be_written_hurts_no_other(
    field: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One write for all fails: each end is written by itself, and new commands go one by one."""
    field.fire(1, 2)
    field.end(0)
    field.end(1)
    ended = field._all
    later = [row for row in field.rows(3) if row not in ended]
    refer = Transaction.refer
    bad = ended[0].message.correlationid

    def told(self: Transaction, words: Any, correlation: str) -> None:
        if correlation == bad:
            raise ZeroDivisionError
        refer(self, words, correlation)

    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "refer", told)
        assert field.volley.fire(later) == later
    assert field.over == [row.id for row in ended]
    assert field.states() == ["sending", "done"]
    assert field.land.sizes()["due"] == 1  # as a call that failed: by its policy
    assert [row.id for row in field.queued()] == [row.id for row in later]


@pytest.mark.parametrize("error", [Retryable("closed"), KeyError("a bug"), LookupError("TOKEN")])
def test_a_call_that_cannot_begin_has_an_end(
    field: Range, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    begin = field.land.wire.begin

    def told(prepared: Any, key: Any, then: Any) -> None:
        if b'"amount": 1' in prepared.body:
            raise error
        begin(prepared, key, then)

    monkeypatch.setattr(field.land.wire, "begin", told)
    assert field.fire(1, 2) == []
    assert field.volley.ended == 1
    field.end(0)
    field.volley.fire(())
    known = not isinstance(error, KeyError)
    assert field.states() == ["waiting" if known else "unknown", "done"]


def test_what_was_taken_long_ago_does_not_leave_any_more(
    field: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease would end before the call may: it stands, and goes by itself when it is over."""
    write = field.land.store.write

    def slow(job: Any, **more: Any) -> Any:
        done = write(job, **more)
        field.land.clock.move_to(field.land.clock.now() + field.land.wire.timeout)
        return done

    monkeypatch.setattr(field.land.store, "write", slow)
    rows = field.rows(1)
    assert field.volley.fire(rows) == rows
    assert field.land.wire.begun == []


def test_closing_records_what_has_ended(field: Range) -> None:
    field.fire(1)
    field.end(0)
    field.volley.close(field.land.wire.timeout)
    assert field.states() == ["done"]
    assert field.queued() == []


def test_calls_fly_where_they_overlap_and_nothing_bounds_them(
    land: Landscape, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert flies(land.exchange, "far")
    bounded = replace(land.exchange, admissions={"far": cast("Admission", object())})
    assert not flies(bounded, "far")
    assert not flies(land.exchange, "a system that the environment leaves out")
    monkeypatch.delattr(type(land.wire), "begin")
    assert not flies(land.exchange, "far")


def test_a_worker_takes_as_many_as_may_be_under_way(
    field: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has ended makes room in the very step that records it."""
    monkeypatch.setattr(workers, "MOST", 3)
    worker = Worker(field.land.store, field.land.exchange, "far", 1)
    field._all = field.rows(1, 2, 3, 4, 5)
    assert worker.step() == 3
    assert worker.in_hand == {row.id for row in field._all[:3]}
    assert worker.step() == 0
    field.end(0)
    field.end(2)
    assert worker.step() == 2
    assert field.states() == ["done", "sending", "done", "sending", "sending"]
    assert worker.in_hand == {field._all[at].id for at in (1, 3, 4)}
    for at in (1, 3, 4):
        field.end(at)
    worker.close(field.land.wire.timeout)
    assert field.states() == ["done"] * 5
    assert field.land.sizes() == {}
    assert len(field.land.wire.begun) == 5


def test_a_worker_takes_again_what_was_not_begun(
    field: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = Worker(field.land.store, field.land.exchange, "far", 1)
    field._all = field.rows(1, 2)

    def away(_job: Any, **_: Any) -> None:
        raise Unavailable("it is away")

    with monkeypatch.context() as patch:
        patch.setattr(field.land.store, "write", away)
        with pytest.raises(Unavailable):
            worker.step()
    assert worker.in_hand == frozenset()
    assert worker.step() == 2
    assert field.states() == ["sending", "sending"]
    field.end(0)
    field.end(1)
    with monkeypatch.context() as patch:
        patch.setattr(field.land.store, "write", away)
        with pytest.raises(Unavailable):
            worker.step()  # nothing new: what has ended cannot be told
    assert worker.in_hand == frozenset()
    worker.close(timedelta(0))


def test_a_bug_in_what_stands_for_commands_lets_them_go_one_by_one(
    field: Range, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    rows = field.rows(1, 2)
    monkeypatch.setattr(Commands, "fresh", broken)
    assert field.volley.fire(rows) == rows
