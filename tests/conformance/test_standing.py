"""Who writes about a row holds it; what comes again goes alone. On a server, with processes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from router.infra.store.postgresql import Server
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from router.runtime.apart import Apart, mark_of
from router.runtime.caution import MOST_ENDS
from router.runtime.clock import ManualClock
from router.runtime.members import forget_dead, member
from router.runtime.standing import Gone, Standing
from tests.conformance.test_store import HANG, names, put, queued

TRIAL = timedelta(seconds=10)
Join = Callable[[str], Store]


@pytest.fixture
def join(server: Server) -> Iterator[Join]:
    """Makes processes of one store; one that is closed has ended."""
    made: list[Store] = []

    def one(name: str) -> Store:
        store = Store.on(server, "rev1")
        store.write(lambda t: t.leads.join([member(name)]))
        made.append(store)
        return store

    yield one
    for store in made:
        store.close()


def settled(row: Queued, follows: Queued) -> Callable[[Transaction], None]:
    def job(transaction: Transaction) -> None:
        transaction.settle((row.id,))
        transaction.enqueue([follows])

    return job


def test_of_two_that_write_what_became_of_a_row_one_does(join: Join, row_of: Any) -> None:
    stores = [Standing(join("one")), Standing(join("two"))]
    stores[0].write(put(row_of("a")))
    (row,) = queued(stores[0])
    came: list[str] = []

    def write(store: Standing, name: str) -> None:
        try:
            with store.about(row.id):
                store.write(settled(row, row_of(name)))
            came.append("written")
        except Gone:
            came.append("gone")

    threads = [
        threading.Thread(target=write, args=(store, f"of {n}")) for n, store in enumerate(stores)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join(HANG)
    assert sorted(came) == ["gone", "written"]
    assert len(queued(stores[0])) == 1


def test_who_writes_about_a_row_lets_another_wait(join: Join, row_of: Any) -> None:
    plain, other = join("one"), Standing(join("two"))
    plain.write(put(row_of("a")))
    (row,) = queued(plain)
    inside, go_on = threading.Event(), threading.Event()

    def slow(transaction: Transaction) -> None:
        assert transaction.hold_rows([row.id], wait=True) == {row.id}
        inside.set()
        assert go_on.wait(HANG)
        transaction.settle((row.id,))

    first = plain.submit(slow)
    assert inside.wait(HANG)
    with other.about(row.id):
        second = other.submit(put(row_of("b")))
    with pytest.raises(TimeoutError):
        second.result(0.3)
    go_on.set()
    first.result(HANG)
    assert isinstance(second.exception(HANG), Gone)
    assert queued(plain) == []


def test_rows_that_another_writes_about_are_left_out_where_nobody_waits(
    join: Join, row_of: Any
) -> None:
    plain, other = join("one"), join("two")
    plain.write(put(row_of("a"), row_of("b")))
    first, second = queued(plain)
    inside, go_on = threading.Event(), threading.Event()

    def slow(transaction: Transaction) -> None:
        transaction.hold_rows([first.id], wait=True)
        inside.set()
        assert go_on.wait(HANG)

    holding = plain.submit(slow)
    assert inside.wait(HANG)
    both = [first.id, second.id]
    assert other.write(lambda t: t.hold_rows(both, wait=False)) == {second.id}
    go_on.set()
    holding.result(HANG)
    assert other.write(lambda t: t.hold_rows(both, wait=False)) == set(both)


def test_a_neighbour_of_a_row_that_is_gone_is_written(join: Join, row_of: Any) -> None:
    store = Standing(join("one"))
    store.write(put(row_of("a"), row_of("b")))
    first, second = queued(store)
    store.write(lambda t: t.settle((first.id,)))
    with store.about(first.id):
        gone = store.submit(put(row_of("never")))
    with store.about(second.id):
        there = store.submit(put(row_of("c")))
    there.result(HANG)
    assert isinstance(gone.exception(HANG), Gone)
    assert names(queued(store)) == ["b", "c"]
    store.write(put(row_of("d")))  # about nothing: it is as any store
    assert names(queued(store)) == ["b", "c", "d"]


# --- what came again ----------------------------------------------------------------------------


@pytest.fixture
def row(join: Join, row_of: Any) -> Queued:
    """A command that waits."""
    store = join("before")
    store.write(put(row_of("a")))
    (found,) = queued(store)
    return found


def marks(store: Store) -> list[str]:
    return list(store.write(lambda t: t.marks("apart:")))


def test_enough_processes_that_end_blame_it_after_a_trial(
    join: Join, row: Queued, noon: datetime
) -> None:
    clock = ManualClock(noon)
    for n in range(MOST_ENDS):
        store = join(f"p{n}")
        assert Apart(store, clock, f"p{n}").take(row, TRIAL).word == "go"
        store.close()
    apart = Apart(join("last"), clock, "last")
    assert apart.take(row, TRIAL).until == noon + TRIAL
    clock.move_to(noon + TRIAL)
    assert apart.take(row, TRIAL).word == "killer"


def test_one_that_ends_during_the_trial_clears_it(join: Join, row: Queued, noon: datetime) -> None:
    clock = ManualClock(noon)
    for n in range(MOST_ENDS + 1):
        store = join(f"p{n}")
        taken = Apart(store, clock, f"p{n}").take(row, TRIAL)
        store.close()
    assert taken.word == "later"
    assert Apart(join("last"), clock, "last").take(row, TRIAL).word == "go"


def test_what_a_living_process_has_alone_is_waited_for(
    join: Join, row: Queued, noon: datetime
) -> None:
    clock = ManualClock(noon)
    store, other = join("one"), join("two")
    assert Apart(store, clock, "one").take(row, TRIAL).word == "go"
    assert Apart(store, clock, "one").take(row, TRIAL).word == "go"  # it is its own
    assert Apart(other, clock, "two").take(row, TRIAL).word == "later"
    store.close()
    assert Apart(other, clock, "two").take(row, TRIAL).word == "go"


def test_what_was_put_down_is_known_while_it_waits_and_blames_no_more(
    join: Join, row: Queued, noon: datetime
) -> None:
    clock = ManualClock(noon)
    store = join("one")
    apart = Apart(store, clock, "one")
    for _ in range(2 * MOST_ENDS):
        assert apart.take(row, TRIAL).word == "go"
        apart.put_down(row)
        assert marks(store) == [mark_of(row)]
    with store.read() as reader:
        assert apart.is_marked(reader, row)
    store.write(lambda t: t.settle((row.id,)))
    apart.put_down(row)
    assert marks(store) == []


def test_a_mark_of_what_is_finished_is_forgotten(join: Join, row: Queued, noon: datetime) -> None:
    store = join("one")
    Apart(store, ManualClock(noon), "one").take(row, TRIAL)
    store.write(forget_dead)
    assert marks(store) == [mark_of(row)]
    store.write(lambda t: t.settle((row.id,)))
    store.write(forget_dead)
    assert marks(store) == []


def test_alone_is_beside_nobody(join: Join, noon: datetime) -> None:
    apart = Apart(join("one"), ManualClock(noon), "one")
    seen: list[str] = []
    entered, asked = threading.Event(), threading.Event()

    def alone() -> None:
        asked.set()
        with apart.alone():
            seen.append("alone")
            entered.set()

    with apart.beside(), apart.beside():
        thread = threading.Thread(target=alone)
        thread.start()
        assert asked.wait(HANG)
        assert not entered.wait(0.2)
        seen.append("beside")
    thread.join(HANG)
    with apart.beside():
        seen.append("beside again")
    assert seen == ["beside", "alone", "beside again"]
