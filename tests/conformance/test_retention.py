"""What every store forgets, and what it does not: on a file, on a server, in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, func, select

from router.core.claim import Claim, Held, Kept
from router.core.message import Message, derived_id
from router.infra.store.endings import Bounds, birth_text
from router.infra.store.files import Copy, Past
from router.infra.store.jobs import Job, Jobs, JournalQuery
from router.infra.store.retention import WALKS, Walk, walks_for
from router.infra.store.rows import Dead, Entry, Intent, Queued
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction

OLD = datetime(2026, 1, 1, tzinfo=UTC)
NOW = OLD + timedelta(days=100)
YOUNG = NOW - timedelta(days=1)
ALL = Bounds(now=NOW, bodies=NOW - timedelta(days=30), journal=NOW - timedelta(days=60),
             claims=NOW - timedelta(days=90))  # fmt: skip
MOST = (1000, 1000)


def delivery_of(at: datetime, number: int = 0) -> str:
    return birth_text(at) + f"{number:020x}"


def record_of(at: datetime, number: int = 0) -> Message:
    return Message(
        id=derived_id(delivery_of(at, number), "0"),
        correlationid=f"c{at:%m%d}-{number}",
        occurred_at=at,
    )


def row_of(message: Message, lane: str = "sys.far") -> Queued:
    return Queued(lane=lane, consumer="far.put", message=message)


def claim(message: Message, keep: timedelta | None = None) -> Kept:
    key = message.id.encode()[::-1]
    return Kept(Claim(key=key, words=(), compare=b"c", keep=keep), message.id, Held.LIVE)


def intent_of(message: Message, at: datetime, state: str) -> Intent:
    return Intent(
        key=message.id, operation="far.put", state=state, head={}, body=b"request",
        reference="r", sends=1, first_at=at, lease_until=at, token="t",
    )  # fmt: skip


def letter_of(message: Message, at: datetime, consumer: str = "far.put") -> Dead:
    queued = Queued(lane="sys.far", consumer=consumer, message=message)
    return Dead(at=at, queued=queued, reason="bad", detail="", step="send", place="")


def lay(at: datetime, number: int = 0, intent: str = "done") -> Callable[[Transaction], None]:
    """Write what a delivery leaves behind that has come to its end: a record, a command."""
    record = record_of(at, number)
    command = record.derive(payload=None, contract=None, seed="put")

    def job(transaction: Transaction) -> None:
        transaction.deliver(delivery_of(at, number), "notes", at, ("{}", "0" * 64, b"bytes"))
        transaction.claim(claim(record), at)
        transaction.write(Entry(at=at, message=record, consumer="notes:note", word="routed"))
        transaction.intend(intent_of(command, at, intent))
        transaction.write(Entry(at=at, message=command, consumer="far.put", word="done"))
        transaction.refer([f"word{number}"], record.correlationid)
        transaction.bury(letter_of(record, at, "settled"))
        transaction.letters.settle(record.id, "settled", "resolved", "ann")
        copy = Copy(name=f"f{number}", sha256="0" * 64, size=1, mtime_ns=1, inode="1")
        transaction.files.add("files", Past(copy=copy, at=at, delivery=delivery_of(at, number)))

    return job


def counts(store: Store) -> dict[str, int]:
    with store.read() as reader:
        found = {
            walk.name: reader._connection.execute(
                select(func.count()).select_from(walk.table)
            ).scalar_one()
            for walk in WALKS
        }
    return {name: n for name, n in found.items() if n}


WHOLE = {
    "deliveries": 1, "intents": 1, "dead": 1, "journal": 2, "reference_words": 1, "files": 1,
    "claims": 1,
}  # fmt: skip


def forget(store: Store, bounds: Bounds = ALL, most: tuple[int, int] = MOST) -> int:
    """Walk along all tables once; return how many pieces it took."""
    return sum(_forget(store, walk, bounds, most) for walk in walks_for(bounds))


def _forget(store: Store, walk: Walk, bounds: Bounds, most: tuple[int, int]) -> int:
    after: Any = ()
    pieces = 0
    while True:
        with store.read() as reader:
            piece = reader.retention.look(walk, bounds, after, most)
        assert len(piece.going) <= most[1]
        gone = store.write(lambda t, going=piece.going: t.retention.forget(walk, bounds, going))
        assert gone == len(piece.going)
        pieces += 1
        after = piece.up_to
        if piece.is_last:
            return pieces


def test_what_has_ended_and_is_old_goes_and_what_is_young_stays(store: Store) -> None:
    store.write(lay(OLD, 1))
    store.write(lay(YOUNG, 2))
    with store.read() as reader:
        planned = {one.name: reader.retention.count(one, ALL) for one in walks_for(ALL)}
    assert planned["deliveries"] == 1
    assert planned["claims"] == 1
    forget(store)
    assert counts(store) == WHOLE
    with store.read() as reader:
        assert reader.evidence.delivery(delivery_of(YOUNG, 2)) is not None
        assert reader.evidence.delivery(delivery_of(OLD, 1)) is None
        assert reader.correlations("word1") == []
        assert reader.correlations("word2") == [record_of(YOUNG, 2).correlationid]


def test_each_age_is_its_own(store: Store) -> None:
    store.write(lay(NOW - timedelta(days=45)))
    forget(store)
    assert counts(store) == {name: n for name, n in WHOLE.items() if name != "deliveries"}
    forget(store, Bounds(now=NOW, bodies=NOW, journal=NOW, claims=NOW - timedelta(days=90)))
    assert counts(store) == {"files": 1, "claims": 1}


def test_what_is_not_named_stays_for_ever(store: Store) -> None:
    store.write(lay(OLD))
    forget(store, Bounds(now=NOW))
    assert counts(store) == WHOLE


def test_journal_and_effects_stay_as_long_as_their_delivery_can_be_replayed(store: Store) -> None:
    store.write(lay(OLD))
    forget(store, Bounds(now=NOW, journal=NOW, claims=NOW))
    assert counts(store) == {
        "deliveries": 1, "intents": 1, "journal": 2, "reference_words": 1,
    }  # fmt: skip


def queued(transaction: Transaction, message: Message) -> None:
    transaction.enqueue([row_of(message)])


def due(transaction: Transaction, message: Message) -> None:
    transaction.postpone(row_of(message), NOW, "retry")


def held_back(transaction: Transaction, message: Message) -> None:
    first = record_of(YOUNG, 9)
    mine = Message(
        id=message.id, correlationid="c", occurred_at=OLD, order_key="k", causationid=None
    )
    before = Message(id=first.id, correlationid="c", occurred_at=OLD, order_key="k")
    transaction.close_gate(row_of(before), OLD)
    transaction.hold_back(row_of(mine), OLD)


def first_of_its_key(transaction: Transaction, message: Message) -> None:
    mine = Message(id=message.id, correlationid="c", occurred_at=OLD, order_key="k")
    transaction.close_gate(row_of(mine), OLD)


def dead(transaction: Transaction, message: Message) -> None:
    transaction.bury(letter_of(message, OLD))


def unclear(transaction: Transaction, message: Message) -> None:
    transaction.intend(intent_of(message, OLD, "unknown"))


def of_a_job(transaction: Transaction, message: Message) -> None:
    number = transaction.jobs.make(Job(how="replay", reason="", rate=1, state="running"), OLD)
    transaction.jobs.freeze_records(number, JournalQuery(about=message.causationid or ""))


def planned(transaction: Transaction, message: Message) -> None:
    number = transaction.jobs.make(Job(how="replay", reason="", rate=1), YOUNG)
    transaction.jobs.freeze_records(number, JournalQuery(about=message.causationid or ""))


@pytest.mark.parametrize(
    "way", [queued, due, held_back, first_of_its_key, dead, unclear, of_a_job, planned]
)
def test_nothing_goes_of_what_is_under_way(store: Store, way: Any) -> None:
    store.write(lay(OLD))
    moving = record_of(OLD).derive(payload=None, contract=None, seed="other")
    store.write(lambda transaction: way(transaction, moving))
    before = counts(store)
    forget(store)
    assert counts(store) == before


def test_another_one_of_the_same_time_stays_as_well(store: Store) -> None:
    store.write(lay(OLD, 1))
    store.write(lay(OLD + timedelta(milliseconds=1), 2))
    store.write(lambda t: t.enqueue([row_of(record_of(OLD, 1))]))
    forget(store)
    with store.read() as reader:
        assert reader.evidence.delivery(delivery_of(OLD, 1)) is not None
    assert counts(store) == WHOLE


def test_pieces_are_small_and_what_comes_between_them_counts(store: Store) -> None:
    for number in range(20):
        store.write(lay(OLD + timedelta(seconds=number), number))
    walk = WALKS[0]
    with store.read() as reader:
        piece = reader.retention.look(walk, ALL, (), (10, 4))
    assert (len(piece.going), piece.is_last) == (4, False)
    moving = row_of(record_of(OLD + timedelta(seconds=1), 1))
    store.write(lambda t: t.enqueue([moving]))
    assert store.write(lambda t: t.retention.forget(walk, ALL, piece.going)) == 3
    assert forget(store, most=(7, 3)) > 20
    assert counts(store) == {**WHOLE, "reference_words": 1}


def test_a_claim_goes_when_its_own_time_is_over(store: Store) -> None:
    def job(transaction: Transaction) -> None:
        transaction.claim(claim(record_of(OLD, 1), timedelta(days=99)), OLD)
        transaction.claim(claim(record_of(OLD, 2), timedelta(days=101)), OLD)
        transaction.claim(claim(record_of(YOUNG, 3), timedelta(hours=1)), YOUNG)

    store.write(job)
    forget(store, Bounds(now=NOW, claims=NOW))
    keys = [claim(record_of(at, n)).claim.key for n, at in ((1, OLD), (2, OLD), (3, YOUNG))]
    assert counts(store) == {"claims": 1}
    with store.read() as reader:
        assert set(reader.holdings(keys, NOW)) == {keys[1]}


def test_a_claim_is_as_old_as_its_newest_state(store: Store) -> None:
    store.write(lambda t: t.claim(claim(record_of(OLD)), OLD))
    store.write(lambda t: t.claim(claim(record_of(OLD)), YOUNG))
    forget(store)
    assert counts(store) == {"claims": 1}


def test_a_job_goes_whole_with_what_came_of_it(store: Store) -> None:
    store.write(lay(OLD))
    command = record_of(OLD).derive(payload=None, contract=None, seed="put")

    def job(transaction: Transaction) -> int:
        jobs: Jobs = transaction.jobs
        number = jobs.make(Job(how="replay", reason="", rate=1), OLD)
        jobs.freeze_records(number, JournalQuery(about=record_of(OLD).id))
        jobs.set_item(number, 1, "sent")
        jobs.follow(number, 1, [(command.id, "far.put")], "unchanged")
        jobs.set_state(number, "done")
        return number

    number = store.write(job)
    store.write(lambda t: t.enqueue([row_of(command)]))
    forget(store)
    with store.read() as reader:
        assert reader.jobs.told(number)["totals"]["under_way"] == 1  # type: ignore[index]
        assert reader.records.word(number, command.id, "far.put") == "unchanged"
        (row,) = reader.queued("sys.far", 0, 10)
    store.write(lambda t: t.settle([row.id]))
    forget(store, most=(1, 1))
    assert counts(store) == {}


def test_what_operators_asked_goes_when_it_is_answered(store: Store) -> None:
    asked = store.write(lambda t: t.inbox.ask(OLD, "ann", "pause", {}))
    answered = store.write(lambda t: t.inbox.ask(OLD, "ann", "pause", {}))
    store.write(lambda t: t.inbox.answer(answered, "done", {}))
    forget(store)
    with store.read() as reader:
        assert [one.id for one in reader.inbox.asked()] == [asked]
    assert counts(store) == {"commands": 1}


def test_a_configuration_stays_as_long_as_anything_is_there_of_its_time(store: Store) -> None:
    times = {"a": OLD, "b": OLD + timedelta(days=5), "c": OLD + timedelta(days=20)}
    for name, at in times.items():
        store.write(lambda t, name=name, at=at: t.revisions.keep(name, {"x": name}, at))
    store.write(lay(OLD + timedelta(days=6, hours=1), 1))
    store.write(lambda t: t.enqueue([row_of(record_of(OLD + timedelta(days=6, hours=1), 1))]))
    forget(store)
    with store.read() as reader:
        assert [name for name in times if reader.revisions.texts(name)] == ["b", "c"]
        (row,) = reader.queued("sys.far", 0, 10)
    store.write(lambda t: t.settle([row.id]))
    forget(store)  # the lines go first
    forget(store)
    with store.read() as reader:
        assert [name for name in times if reader.revisions.texts(name)] == ["c"]


def test_a_configuration_that_came_back_is_the_newest(store: Store) -> None:
    for name, days in (("a", 0), ("b", 10), ("a", 20)):
        at = OLD + timedelta(days=days)
        store.write(lambda t, name=name, at=at: t.revisions.keep(name, {"x": name}, at))
    forget(store)
    with store.read() as reader:
        assert [name for name in "ab" if reader.revisions.texts(name)] == ["a"]


def test_no_piece_reads_a_table_from_its_beginning(file: SqliteFile) -> None:
    store = Store.on(file, "rev1")
    for number in range(3):
        store.write(lay(OLD + timedelta(seconds=number), number))
    asked: list[tuple[str, Any]] = []
    for engine in (store._writer, store._reader):

        @event.listens_for(engine, "before_cursor_execute")
        def note(_c: Any, _u: Any, text: str, values: Any, *_: Any) -> None:
            asked.append((text, values))

    forget(store, most=(2, 1))
    store.close()
    plans = {}
    with sqlite3.connect(file.path) as connection:
        for text, values in asked:
            if text.startswith(("SELECT", "DELETE")):
                rows = connection.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall()
                plans[text] = [row[3] for row in rows]
    connection.close()
    assert len(plans) > 3 * len(WALKS)
    wrong = [(line, text) for text, plan in plans.items() for line in plan if reads_all(line, text)]
    assert wrong == []


def reads_all(line: str, text: str) -> bool:
    """Return whether a line of a plan reads all of a table that grows, not the next of its rows."""
    if "TEMP B-TREE" in line:
        return True
    few = ("revisions", "jobs", "CONSTANT", "SCAN (")
    return line.startswith("SCAN") and "LIMIT" not in text and not any(w in line for w in few)
