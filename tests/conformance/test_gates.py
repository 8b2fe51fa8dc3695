"""Gates between processes: who holds back a message and who settles the one before it do not miss
each other, and an effect is begun by one of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from router.infra.store.postgresql import Server
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction
from tests.conformance.test_store import HANG, intent, names, queued

ROUNDS = 30


@pytest.fixture
def stores(server: Server) -> Iterator[tuple[Store, Store]]:
    """Two processes of one store: one gives out what comes, one carries it."""
    made = (Store.on(server, "rev1"), Store.on(server, "rev1"))
    yield made
    for one in made:
        one.close()


@pytest.fixture
def keyed(row_of: Any) -> Any:
    """A maker of rows with an order key."""

    def make(name: str, key: str) -> Queued:
        row: Queued = row_of(name)
        return replace(row, message=replace(row.message, order_key=key))

    return make


def both(first: Any, second: Any) -> None:
    """Run two things at once."""
    threads = [threading.Thread(target=one) for one in (first, second)]
    for one in threads:
        one.start()
    for one in threads:
        one.join(HANG)
        assert not one.is_alive()


def test_what_is_held_back_while_its_gate_opens_is_not_forgotten(
    stores: tuple[Store, Store], keyed: Any, noon: datetime
) -> None:
    """Whichever of the two comes first, the second message goes on."""
    giving, carrying = stores
    for n in range(ROUNDS):
        first, second = keyed(f"a{n}", f"k{n}"), keyed(f"b{n}", f"k{n}")
        giving.write(lambda t, one=second: t.enqueue([one]))  # type: ignore[misc]
        (second,) = [row for row in queued(giving) if row.message.id == f"b{n}"]
        assert giving.write(lambda t, one=first: t.enter_gate(one, noon))  # type: ignore[misc]

        def hold(transaction: Transaction, row: Queued = second) -> None:
            if not transaction.enter_gate(row, noon):
                transaction.hold_back(row, noon)

        both(
            lambda job=hold: giving.write(job),  # type: ignore[misc]
            lambda one=first: carrying.write(lambda t: t.open_gate(one, noon)),  # type: ignore[misc]
        )
        with giving.read() as reader:
            (held,) = reader.gates([("c", f"k{n}")]).values()
            assert held == (f"b{n}", None)
    assert sorted(names(queued(giving))) == sorted(f"b{n}" for n in range(ROUNDS))


def test_who_holds_back_lets_who_opens_wait(
    stores: tuple[Store, Store], keyed: Any, noon: datetime
) -> None:
    giving, carrying = stores
    first, second = keyed("a", "k"), keyed("b", "k")
    giving.write(lambda t: t.enqueue([first, second]))
    first, second = queued(giving)
    assert giving.write(lambda t: t.enter_gate(first, noon))
    inside, go_on = threading.Event(), threading.Event()

    def hold(transaction: Transaction) -> None:
        assert not transaction.enter_gate(second, noon)
        inside.set()
        assert go_on.wait(HANG)
        transaction.hold_back(second, noon)

    def carried(transaction: Transaction) -> None:
        transaction.settle((first.id,))
        transaction.open_gate(first, noon)

    holding = giving.submit(hold)
    assert inside.wait(HANG)
    opening = carrying.submit(carried)
    with pytest.raises(TimeoutError):
        opening.result(0.3)
    go_on.set()
    holding.result(HANG)
    opening.result(HANG)
    assert names(queued(giving)) == ["b"]


def test_two_commits_that_wait_for_each_other_are_both_done(
    stores: tuple[Store, Store], keyed: Any, noon: datetime
) -> None:
    """The server ends one of them; it comes again, and nothing is lost."""
    meeting = threading.Barrier(2)
    met: list[str] = []

    def enter(*keys: str) -> Any:
        def job(transaction: Transaction) -> list[bool]:
            found = [transaction.enter_gate(keyed(f"of {keys}", keys[0]), noon)]
            if keys[0] not in met:
                met.append(keys[0])
                meeting.wait(HANG)
            found.append(transaction.enter_gate(keyed(f"of {keys}", keys[1]), noon))
            transaction.enqueue([keyed(f"of {keys}", "")])
            return found

        return job

    one, other = stores[0].submit(enter("1", "2")), stores[1].submit(enter("2", "1"))
    came = [one.result(HANG), other.result(HANG)]
    assert sorted(came) == [[False, False], [True, True]]
    assert sorted(names(queued(stores[0]))) == ["of ('1', '2')", "of ('2', '1')"]


def test_counts_of_many_processes_wait_for_nobody_in_a_circle(
    stores: tuple[Store, Store], keyed: Any, noon: datetime
) -> None:
    """Counts are written last and in one order, however the jobs came to them."""

    def work(store: Store, consumers: list[str]) -> None:
        for n in range(ROUNDS):
            for consumer in consumers:
                store.submit(lambda t, c=consumer, n=n: _counted(t, c, keyed(f"m{n}", "")))  # type: ignore[misc]
        store.write(lambda _: None)

    def _counted(transaction: Transaction, consumer: str, row: Queued) -> None:
        transaction.count(consumer, "done", 1)
        transaction.enter_gate(row, noon)

    both(lambda: work(stores[0], ["a", "b"]), lambda: work(stores[1], ["b", "a"]))
    with stores[0].read() as reader:
        counted = {row["consumer"]: row["n"] for row in reader.counters()}
    assert counted == {"a": 2 * ROUNDS, "b": 2 * ROUNDS}


def test_an_effect_is_begun_once(stores: tuple[Store, Store], noon: datetime) -> None:
    began: list[bool] = []
    both(
        lambda: began.append(stores[0].write(lambda t: t.begin(intent(noon)))),
        lambda: began.append(stores[1].write(lambda t: t.begin(intent(noon)))),
    )
    assert sorted(began) == [False, True]
    assert not stores[0].write(lambda t: t.begin(intent(noon, token="t2")))
    with stores[0].read() as reader:
        begun = reader.intent("m1")
    assert begun == intent(noon)
