"""What every store does, on a file with its writer thread and in memory without one."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from router.core.claim import Claim, Held, Kept
from router.core.errors import MessageError, Unavailable
from router.core.message import Message, RawRef
from router.infra.store.database import BUSY_MS, migrate
from router.infra.store.letters import LetterQuery
from router.infra.store.packing import unpack_row
from router.infra.store.pending import Pending
from router.infra.store.rows import Dead, Entry, Intent, Queued
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction

#: how long a test waits before it says that something hangs
HANG = 20
Writer = Callable[[Transaction], Any]


@pytest.fixture(params=["file", "memory"])
def store(request: Any, tmp_path: Path) -> Iterator[Store]:
    """A fresh store of each kind."""
    made = (
        Store.on_file(tmp_path / "store.db", "rev1")
        if request.param == "file"
        else Store.in_memory("rev1")
    )
    yield made
    made.close()


@pytest.fixture
def on_file(tmp_path: Path) -> Iterator[Store]:
    """A store with a writer thread."""
    made = Store.on_file(tmp_path / "store.db", "rev1")
    yield made
    made.close()


@pytest.fixture
def row_of(message_of: Any) -> Any:
    """A maker of queue rows."""

    def make(name: str, lane: str = "loop", payload: Any = None, **fields: Any) -> Queued:
        return Queued(lane=lane, consumer="c", message=message_of(payload, id=name), **fields)

    return make


def test_a_row_that_is_stored_again_beside_a_failure_is_read_as_it_is_now(
    on_file: Store, row_of: Any
) -> None:
    on_file.write(lambda t: t.enqueue([row_of("a", extra={"n": 1})]))
    go = threading.Event()

    def fail(_: Transaction) -> None:
        raise MessageError("no")

    def again(transaction: Transaction) -> None:
        transaction.settle((1,))
        transaction.enqueue([row_of("a", extra={"n": 2})])

    on_file.submit(lambda _: go.wait(HANG))
    failed, stored = on_file.submit(fail), on_file.submit(again)
    go.set()
    stored.result(HANG)
    assert isinstance(failed.exception(HANG), MessageError)
    with on_file.read() as reader:
        assert [row.extra for row in reader.queued("loop", 0, 10)] == [{"n": 2}]


def names(rows: list[Queued]) -> list[str]:
    return [one.message.id for one in rows]


def queued(store: Store, lane: str = "loop", after: int = 0, limit: int = 1000) -> list[Queued]:
    with store.read() as reader:
        return reader.queued(lane, after, limit)


def put(*rows: Queued) -> Writer:
    return lambda transaction: transaction.enqueue(rows)


class Gate:
    """Keeps the writer busy until it is opened, so that jobs gather behind it."""

    def __init__(self, store: Store) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()
        self.future: Pending[Any] = store.submit(self._wait)
        assert self.entered.wait(HANG)

    def _wait(self, _: Transaction) -> None:
        self.entered.set()
        assert self.opened.wait(HANG)

    def open(self) -> None:
        self.opened.set()
        self.future.result(HANG)


# --- transactions ------------------------------------------------------------------------------


def test_what_a_job_wrote_is_there_when_its_future_is_done(store: Store, row_of: Any) -> None:
    def job(transaction: Transaction) -> int:
        transaction.enqueue([row_of("a")])
        return 7

    assert store.submit(job).result(HANG) == 7
    assert names(queued(store)) == ["a"]


@pytest.mark.parametrize("error", [ValueError("bug"), MessageError("bad"), KeyError("x")])
def test_a_job_that_fails_leaves_no_trace(
    store: Store, row_of: Any, noon: datetime, error: Exception
) -> None:
    def job(transaction: Transaction) -> None:
        transaction.enqueue([row_of("a")])
        transaction.claim(Kept(claim(b"k"), "a", Held.LIVE), noon)
        transaction.flush()
        transaction.write(entry(row_of("a").message, noon))
        raise error

    with pytest.raises(type(error)) as raised:
        store.submit(job).result(HANG)
    assert raised.value is error
    assert queued(store) == []
    with store.read() as reader:
        assert reader.holdings([b"k"], noon) == {}
        assert reader.counters() == []
        assert reader.history("c1") == []


def test_a_job_that_fails_does_not_hurt_its_neighbours(
    on_file: Store, row_of: Any, noon: datetime
) -> None:
    def fails(transaction: Transaction) -> None:
        transaction.enqueue([row_of("bad")])
        transaction.flush()
        raise ValueError("bug")

    def twice(transaction: Transaction) -> None:
        transaction.deliver("d", "c", noon, ("{}", "sha", b"first"))
        transaction.flush()
        transaction.deliver("d", "c", noon, ("{}", "sha", b"second"))

    gate = Gate(on_file)
    jobs = [put(row_of("a")), fails, put(row_of("b")), twice, put(row_of("c"))]
    futures = [on_file.submit(job) for job in jobs]
    gate.open()
    errors = [type(one.exception(HANG)) for one in futures]
    assert errors == [type(None), ValueError, type(None), IntegrityError, type(None)]
    assert names(queued(on_file)) == ["a", "b", "c"]


def test_jobs_that_gather_share_one_commit(on_file: Store, row_of: Any) -> None:
    gate = Gate(on_file)
    seen: list[int] = []
    commits: list[int] = []

    def job(transaction: Transaction) -> None:
        transaction.enqueue([row_of("x")])
        seen.append(id(transaction.connection))

    on_file.wake("loop", lambda: commits.append(1))
    futures = [on_file.submit(job) for _ in range(100)]
    gate.open()
    for one in futures:
        one.result(HANG)
    on_file.write(lambda _: None)  # the wakers of the commit before have been called by now
    assert len(queued(on_file)) == 100
    assert len(commits) == 1


def test_a_job_for_which_nobody_waits_any_more_is_done(on_file: Store, row_of: Any) -> None:
    gate = Gate(on_file)
    slow = on_file.submit(put(row_of("slow")))
    with pytest.raises(TimeoutError):
        slow.result(0.001)
    assert not slow.done()
    gate.open()
    assert slow.result(HANG) is None
    assert names(queued(on_file)) == ["slow"]


def test_who_asks_to_be_called_is_called_once_it_is_on_disk(on_file: Store, row_of: Any) -> None:
    gate = Gate(on_file)
    calls: list[str] = []
    told = threading.Event()

    def tell() -> None:
        calls.append(",".join(names(queued(on_file))))
        told.set()

    on_file.submit(put(row_of("a"))).when_done(tell)
    assert calls == []
    gate.open()
    assert told.wait(HANG)
    done = on_file.submit(put(row_of("b")))
    done.result(HANG)
    done.when_done(tell)
    assert calls == ["a", "a,b"]


def test_many_threads_write_and_nothing_is_lost(on_file: Store, row_of: Any) -> None:
    def write(name: str) -> None:
        for n in range(20):
            on_file.write(put(row_of(f"{name}{n:02}")))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcdefgh"]
    for one in threads:
        one.start()
    for one in threads:
        one.join(HANG)
    found = names(queued(on_file))
    assert len(found) == 160
    for name in "abcdefgh":  # the jobs of one thread keep their order
        assert [one for one in found if one[0] == name] == [f"{name}{n:02}" for n in range(20)]


def test_who_waits_commits_what_was_submitted_before_in_its_order(
    on_file: Store, row_of: Any
) -> None:
    first = on_file.submit(put(row_of("a")))
    on_file.write(put(row_of("b")))
    assert first.done()
    assert names(queued(on_file)) == ["a", "b"]


def test_who_is_interrupted_amid_a_commit_leaves_nobody_waiting(
    on_file: Store, row_of: Any
) -> None:
    def interrupted(_transaction: Transaction) -> None:
        raise KeyboardInterrupt

    with on_file._committing:  # so that both are of one group
        others = [on_file._put(put(row_of("a"))), on_file._put(put(row_of("b")))]
    with pytest.raises(KeyboardInterrupt):
        on_file.write(interrupted)
    for one in others:
        with pytest.raises(Unavailable, match="interrupted"):
            one.result(HANG)
    assert names(queued(on_file)) == []
    on_file.write(put(row_of("c")))
    assert names(queued(on_file)) == ["c"]


def test_what_was_submitted_is_finished_before_the_store_closes(
    tmp_path: Path, row_of: Any
) -> None:
    store = Store.on_file(tmp_path / "store.db", "rev1")
    gate = Gate(store)
    futures = [store.submit(put(row_of(f"m{n}"))) for n in range(600)]
    closing = threading.Thread(target=store.close)
    closing.start()
    gate.open()
    closing.join(HANG)
    assert not closing.is_alive()
    assert all(one.done() for one in futures)
    again = Store.on_file(tmp_path / "store.db", "rev1")
    assert len(queued(again)) == 600
    again.close()


def test_stores_in_memory_share_no_row(row_of: Any) -> None:
    one, other = Store.in_memory("rev1"), Store.in_memory("rev1")
    one.write(put(row_of("m1")))
    assert len(queued(one)) == 1
    assert queued(other) == []
    one.close()
    other.close()


def test_a_store_that_is_closed_takes_nothing_more(
    tmp_path: Path, row_of: Any, noon: datetime
) -> None:
    # a call that comes back after the end must not wait for ever, nor write beside the next daemon
    store = Store.on_file(tmp_path / "store.db", "rev1")
    store.close()
    memory = Store.in_memory("rev1")
    memory.close()
    for one in (store, memory):
        with pytest.raises(Unavailable):
            one.submit(put(row_of("late"))).result(HANG)
    again = Store.on_file(tmp_path / "store.db", "rev1")
    assert queued(again) == []
    again.close()


def test_a_lane_is_rung_after_a_commit_that_published_to_it(store: Store, row_of: Any) -> None:
    rung: list[tuple[str, int]] = []

    def ring(lane: str) -> Callable[[], None]:
        return lambda: rung.append((lane, len(queued(store, lane))))

    for lane in ("loop", "sys.a", "sys.b"):
        store.wake(lane, ring(lane))

    def fails(transaction: Transaction) -> None:
        transaction.enqueue([row_of("x", "sys.b")])
        raise ValueError

    store.write(put(row_of("a"), row_of("b")))
    store.write(put(row_of("c", "sys.a")))
    store.submit(fails).exception(HANG)
    store.write(put(row_of("d", "unheard")))
    store.write(lambda _: None)
    assert rung == [("loop", 2), ("sys.a", 1)]


# --- the queue ---------------------------------------------------------------------------------


def test_rows_come_in_the_order_of_their_publishing(store: Store, row_of: Any) -> None:
    for name in "ba":
        store.write(put(row_of(name), row_of(name * 2)))
    store.write(put(row_of("x", "other")))
    rows = queued(store)
    assert names(rows) == ["b", "bb", "a", "aa"]
    assert [one.id for one in rows] == sorted(one.id for one in rows)
    assert names(queued(store, after=rows[1].id)) == ["a", "aa"]
    assert names(queued(store, limit=3)) == ["b", "bb", "a"]
    assert names(queued(store, "other")) == ["x"]


def test_an_id_is_never_given_twice(store: Store, row_of: Any) -> None:
    # a cursor stands behind the last id that was seen: a reused id would never be read
    store.write(put(row_of("a"), row_of("b")))
    ids = [one.id for one in queued(store)]
    store.write(lambda t: t.settle(ids))
    assert queued(store) == []
    store.write(put(row_of("c")))
    assert queued(store)[0].id > max(ids)


def test_a_row_comes_back_with_all_that_travels_with_it(store: Store, row_of: Any) -> None:
    claim = Claim(key=b"k" * 32, words=("a",), compare=b"c", keep=timedelta(seconds=1))
    row = row_of(
        "a",
        payload={"n": 2**64 - 1, "t": "ä\u2028\U0001f600"},
        extra={"claims": (claim,), "references": ["x"], "verdict": None},
    )
    store.write(put(row))
    (found,) = queued(store)
    assert (found.message, found.extra, found.consumer) == (row.message, row.extra, "c")


def test_a_settled_row_is_gone_and_an_unknown_id_is_no_mistake(store: Store, row_of: Any) -> None:
    store.write(put(row_of("a"), row_of("b")))
    first = queued(store)[0].id
    store.write(lambda t: t.settle([first, 999_999]))
    assert names(queued(store)) == ["b"]


def test_a_text_with_a_nul_is_kept(store: Store, row_of: Any, noon: datetime) -> None:
    row = row_of("a\0b", payload={"t": "x\0y"})

    def job(transaction: Transaction) -> None:
        transaction.enqueue([row])
        transaction.refer(["w\0x"], "c\0d")
        transaction.write(entry(row.message, noon, reason="r\0s", detail={"t": "\0"}))

    store.write(job)
    assert queued(store)[0].message == row.message
    with store.read() as reader:
        assert reader.correlations("w\0x") == ["c\0d"]
        assert reader.counters()[0]["reason"] == "r\0s"
        assert reader.history("c1")[0]["detail"] == {"t": "\0"}


def test_a_text_that_no_encoding_has_fails_alone(store: Store, row_of: Any) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 (which one is the store's affair)
        store.write(lambda t: t.refer(["\ud800"], "c"))
    store.write(put(row_of("a")))
    assert names(queued(store)) == ["a"]


# --- due rows ----------------------------------------------------------------------------------


def test_due_rows_come_when_their_time_has_come(store: Store, row_of: Any, noon: datetime) -> None:
    second = timedelta(seconds=1)

    def job(transaction: Transaction) -> None:
        for name, wait in (("late", 20), ("soon", 10), ("now", 0)):
            transaction.postpone(row_of(name, "sys.a"), noon + wait * second, "retry")

    store.write(job)
    with store.read() as reader:
        assert names(reader.due(noon - second, 10)) == []
        assert names(reader.due(noon, 10)) == ["now"]
        assert names(reader.due(noon + 20 * second, 10)) == ["now", "soon", "late"]
        assert names(reader.due(noon + 20 * second, 2)) == ["now", "soon"]
        assert reader.next_due() == noon
        assert reader.waiting(["late", "other"])["late"]["reason"] == "retry"
        assert reader.sizes()["due"] == 3
        (first,) = reader.due(noon, 10)
    assert (first.lane, first.consumer) == ("sys.a", "c")
    store.write(lambda t: t.take_due([("now", "c"), ("late", "other consumer")]))
    with store.read() as reader:
        assert reader.next_due() == noon + 10 * second
        assert reader.sizes()["due"] == 2


def test_when_nothing_is_due_there_is_no_next_time(store: Store) -> None:
    with store.read() as reader:
        assert reader.next_due() is None


# --- claims ------------------------------------------------------------------------------------


def claim(key: bytes, **fields: Any) -> Claim:
    return Claim(**{"key": key, "words": (), "compare": b"c", **fields})


def test_a_claim_is_held_until_another_takes_its_place(store: Store, noon: datetime) -> None:
    store.write(lambda t: t.claim(Kept(claim(b"k", version=2**63 - 1), "m1", Held.LIVE), noon))
    with store.read() as reader:
        (first,) = reader.holdings([b"k", b"other"], noon).values()
    assert (first.message_id, first.state, first.version) == ("m1", Held.LIVE, 2**63 - 1)
    assert (first.key, first.compare, first.body) == (b"k", b"c", b"")
    store.write(lambda t: t.claim(Kept(claim(b"k", compare=b"d"), "m2", Held.DEAD, b"whole"), noon))
    with store.read() as reader:
        (second,) = reader.holdings([b"k"], noon).values()
    assert (second.message_id, second.state, second.version) == ("m2", Held.DEAD, None)
    assert (second.compare, second.body) == (b"d", b"whole")


def test_the_last_claim_of_a_transaction_wins(store: Store, noon: datetime) -> None:
    def job(transaction: Transaction) -> None:
        for name in ("m1", "m2", "m3"):
            transaction.claim(Kept(claim(b"k"), name, Held.LIVE), noon)

    store.write(job)
    with store.read() as reader:
        assert reader.holdings([b"k"], noon)[b"k"].message_id == "m3"


def test_a_claim_is_forgotten_when_its_time_is_over(store: Store, noon: datetime) -> None:
    day = timedelta(days=1)

    def job(transaction: Transaction) -> None:
        transaction.claim(Kept(claim(b"a", keep=day), "m1", Held.LIVE), noon)
        transaction.claim(Kept(claim(b"b"), "m1", Held.LIVE), noon)

    store.write(job)
    with store.read() as reader:
        assert set(reader.holdings([b"a", b"b"], noon + day - timedelta.resolution)) == {b"a", b"b"}
        assert set(reader.holdings([b"a", b"b"], noon + day)) == {b"b"}
        assert set(reader.holdings([b"a", b"b"], noon + 10_000 * day)) == {b"b"}


def test_many_claims_are_asked_for_at_once(store: Store, noon: datetime) -> None:
    keys = [n.to_bytes(32, "big") for n in range(1201)]

    def job(transaction: Transaction) -> None:
        for key in keys:
            transaction.claim(Kept(claim(key), "m", Held.LIVE), noon)

    store.write(job)
    with store.read() as reader:
        assert len(reader.holdings([*keys, *keys, b"none"], noon)) == 1201
        assert reader.holdings([], noon) == {}


# --- journal, counters, words ------------------------------------------------------------------


def entry(message: Message, at: datetime, word: str = "routed", **fields: Any) -> Entry:
    return Entry(at=at, message=message, consumer="c", word=word, **fields)


def test_counters_add_up(store: Store, message_of: Any, noon: datetime) -> None:
    def job(transaction: Transaction) -> None:
        transaction.write(entry(message_of(), noon))
        transaction.write(entry(message_of(), noon))
        transaction.write(entry(message_of(), noon, "discarded", reason="a"))
        transaction.write(entry(message_of(), noon, "discarded", reason="b"))

    for _ in range(3):
        store.write(job)
    with store.read() as reader:
        counted = {(one["word"], one["reason"]): one["n"] for one in reader.counters()}
        assert counted == {("routed", ""): 6, ("discarded", "a"): 3, ("discarded", "b"): 3}
        assert sum(counted.values()) == len(reader.history("c1"))


def test_long_reasons_are_counted_under_their_beginning(
    store: Store, message_of: Any, noon: datetime
) -> None:
    for end in "ab":
        reason = "x" * 256 + end
        store.write(lambda t, r=reason: t.write(entry(message_of(), noon, reason=r)))  # type: ignore[misc]
    with store.read() as reader:
        assert [(one["reason"], one["n"]) for one in reader.counters()] == [("x" * 256, 2)]


def test_the_journal_is_read_in_the_order_in_which_it_was_written(
    store: Store, message_of: Any, noon: datetime
) -> None:
    hour = timedelta(hours=1)
    store.write(lambda t: t.write(entry(message_of(), noon, "retry", detail={"a": [1]})))
    store.write(lambda t: t.write(entry(message_of(attempt=2), noon - hour, "routed")))
    store.write(lambda t: t.write(entry(message_of(correlationid="c2"), noon)))
    with store.read() as reader:
        first, second = reader.history("c1")
        assert len(reader.history("c1", limit=1)) == 1
    assert (first["word"], first["detail"], first["attempt"]) == ("retry", {"a": [1]}, 1)
    assert (second["word"], second["detail"], second["attempt"]) == ("routed", {}, 2)
    assert first["revision"] == "rev1"
    assert first["at"] == "2025-03-14T12:00:00.000000Z"


def test_a_transaction_is_found_by_its_words(store: Store, message_of: Any, noon: datetime) -> None:
    def job(transaction: Transaction) -> None:
        transaction.write(entry(message_of(), noon))
        transaction.refer(["R-1", "#7", "R-1"], "c1")
        transaction.refer(["R-1"], "c2")

    store.write(job)
    store.write(lambda t: t.refer(["R-1"], "c1"))
    with store.read() as reader:
        assert reader.correlations("R-1") == ["c1", "c2"]
        assert reader.correlations("#7") == ["c1"]
        assert reader.correlations("c1") == ["c1"]
        assert reader.correlations("m1") == ["c1"]
        assert reader.correlations("nothing") == []


def test_a_long_word_is_found_as_it_was_given(store: Store) -> None:
    word = "R" * 300
    store.write(lambda t: t.refer([word], "c1"))
    with store.read() as reader:
        assert reader.correlations(word) == ["c1"]


# --- dead letters, deliveries, files, intents --------------------------------------------------


def dead(row: Queued, reason: str, at: Any = None) -> Dead:
    return Dead(
        at=at or row.message.occurred_at,
        queued=row,
        reason=reason,
        detail="why",
        step="accept",
        place="a:1:1",
    )


def test_dead_letters_are_kept_with_where_they_come_from(
    store: Store, message_of: Any, noon: datetime
) -> None:
    for n in range(3):
        message = message_of(id=f"m{n}", raw=RawRef("d1", "s"), attempt=2)
        row = Queued(lane="loop", consumer="c", message=message)
        at = noon + timedelta(seconds=n)
        store.write(lambda t, r=row, a=at: t.bury(dead(r, "odd", a)))  # type: ignore[misc]
    with store.read() as reader:
        first, second = reader.letters.find(LetterQuery(limit=2))
        assert reader.sizes()["dead"] == 3
    assert (first["message_id"], second["message_id"]) == ("m2", "m1")
    assert (first["delivery"], first["attempts"], first["reason"]) == ("d1", 2, "odd")
    assert "body" not in first


def test_a_delivery_is_kept_once_byte_for_byte(store: Store, noon: datetime) -> None:
    body = bytes(range(256))
    store.write(lambda t: t.deliver("d1", "shop", noon, ("{}", "sha", body)))
    with pytest.raises(IntegrityError):
        store.write(lambda t: t.deliver("d1", "shop", noon, ("{}", "sha", b"other")))


def test_a_file_is_known_after_its_last_record(store: Store, noon: datetime) -> None:
    key = ("till", "day.xml", 5_000_000_000, 1_741_953_600_123_456_789)
    with store.read() as reader:
        assert not reader.file_known(key)
    store.write(lambda t: t.file_done(key, noon, "d1"))
    with store.read() as reader:
        assert reader.file_known(key)
        assert not reader.file_known((*key[:3], key[3] + 1))
        assert not reader.file_known(("other", *key[1:]))


def intent(at: datetime, **fields: Any) -> Intent:
    base: dict[str, Any] = {
        "key": "m1",
        "operation": "far.put",
        "state": "sending",
        "head": {"verb": "POST", "headers": {"a": "ä"}},
        "body": b"\x00\xff",
        "reference": "r1",
        "sends": 1,
        "first_at": at,
        "lease_until": at + timedelta(seconds=30),
        "token": "t1",
    }
    return Intent(**{**base, **fields})


def test_an_intent_comes_back_as_it_was(store: Store, noon: datetime) -> None:
    store.write(lambda t: t.intend(intent(noon)))
    with store.read() as reader:
        assert reader.intent("m1") == intent(noon)
        assert reader.intent("other") is None


def test_an_intent_is_made_once(store: Store, noon: datetime) -> None:
    store.write(lambda t: t.intend(intent(noon)))
    with pytest.raises(IntegrityError):
        store.write(lambda t: t.intend(intent(noon, token="t2", body=b"other")))
    with store.read() as reader:
        assert reader.intent("m1") == intent(noon)


def test_of_two_that_read_one_effect_only_one_gets_the_lease(store: Store, noon: datetime) -> None:
    """Also before its first call: an effect without a token would be anybody's."""
    later = noon + timedelta(minutes=1)
    for key, token in (("m1", "t1"), ("m2", "")):
        store.write(lambda t, key=key, token=token: t.intend(intent(noon, key=key, token=token)))
        assert store.write(lambda t, key=key, token=token: t.lease(key, "t2", later, token))
        assert not store.write(lambda t, key=key, token=token: t.lease(key, "t3", later, token))


def test_a_lease_that_was_lost_settles_nothing(store: Store, noon: datetime) -> None:
    later = noon + timedelta(minutes=1)
    store.write(lambda t: t.intend(intent(noon)))
    store.write(lambda t: t.lease("m1", "t2", later, "t1"))
    assert store.write(lambda t: t.conclude("m1", "t1", "done", "X")) is False
    with store.read() as reader:
        held = reader.intent("m1")
    assert held == intent(noon, token="t2", lease_until=later, sends=2)
    assert store.write(lambda t: t.conclude("m1", "t2", "done", "X")) is True
    with store.read() as reader:
        settled = reader.intent("m1")
    assert settled is not None
    assert (settled.state, settled.their_reference) == ("done", "X")


# --- one daemon, and a store that is away ------------------------------------------------------


def test_a_second_daemon_is_kept_off(on_file: Store, tmp_path: Path, row_of: Any) -> None:
    with pytest.raises(Unavailable, match="another router"):
        Store.on_file(tmp_path / "store.db", "rev1")
    on_file.write(put(row_of("a")))
    assert names(queued(on_file)) == ["a"]


def test_after_a_daemon_the_next_one_starts_and_finds_everything(
    tmp_path: Path, row_of: Any
) -> None:
    for n in range(3):
        store = Store.on_file(tmp_path / "deep" / "store.db", "rev1")
        assert len(queued(store)) == n
        store.write(put(row_of(f"m{n}")))
        store.close()


def test_one_can_look_into_a_store_beside_its_daemon(
    on_file: Store, tmp_path: Path, row_of: Any
) -> None:
    beside = Store.to_read(tmp_path / "store.db")
    on_file.write(put(row_of("a")))
    assert names(queued(beside)) == ["a"]
    beside.close()
    on_file.write(put(row_of("b")))


def test_a_store_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no store"):
        Store.to_read(tmp_path / "store.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["garbage", "folder"])
def test_what_is_no_database_is_unavailable(tmp_path: Path, what: str) -> None:
    path = tmp_path / "store.db"
    if what == "garbage":
        path.write_bytes(b"this is no database at all" * 100)
    else:
        path.mkdir()
    with pytest.raises(Unavailable):
        Store.on_file(path, "rev1")
    with pytest.raises(Unavailable, match="cannot be read"):
        Store.to_read(path)
    with pytest.raises(Unavailable, match="cannot be read"):
        Store.beside(path)


OPENINGS = (lambda path: Store.on_file(path, "rev1"), Store.to_read, Store.beside)


@pytest.mark.parametrize("opening", OPENINGS, ids=["daemon", "reader", "operator"])
def test_a_store_of_a_newer_router_is_left_alone(tmp_path: Path, opening: Any) -> None:
    path = tmp_path / "store.db"
    Store.on_file(path, "rev1").close()
    _run(path, "UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(Unavailable, match=r"newer router|of revision 9999"):
        opening(path)
    assert path.read_bytes() == before


def test_a_store_with_messages_of_other_ids_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Store.on_file(path, "rev1").close()
    _run(path, "UPDATE alembic_version SET version_num = '0004'")
    _run(path, "ALTER TABLE intents DROP COLUMN in_part")
    Store.on_file(path, "rev1").close()  # without a message there is nothing to lose
    _run(path, "UPDATE alembic_version SET version_num = '0004'")
    _run(path, "ALTER TABLE intents DROP COLUMN in_part")
    _run(
        path,
        "INSERT INTO deliveries VALUES ('x', 'c', '2026-01-01T00:00:00.000000Z', '{}', '', '')",
    )
    for opening in OPENINGS:
        with pytest.raises(Unavailable, match=r"other ids|of revision 0004"):
            opening(path)


def _run(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()


def test_an_opening_that_failed_gives_its_lock_back(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.mkdir()
    with pytest.raises(Unavailable):
        Store.on_file(path, "rev1")
    path.rmdir()
    Store.on_file(path, "rev1").close()


def test_a_full_disk_is_the_store_being_away(on_file: Store, row_of: Any) -> None:
    # not the message's fault: it must not be taken for a row that cannot be written
    def small(transaction: Transaction) -> None:
        connection = transaction.connection
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def large(transaction: Transaction) -> None:
        connection = transaction.connection
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")

    on_file.write(put(row_of("before")))
    on_file.write(small)
    gate = Gate(on_file)
    futures = [on_file.submit(put(row_of(f"m{n}", payload="x" * 500_000))) for n in range(3)]
    gate.opened.set()
    assert [type(one.exception(HANG)) for one in futures] == [Unavailable] * 3
    assert names(queued(on_file)) == ["before"]
    on_file.write(large)
    on_file.write(put(row_of("after", payload="x" * 500_000)))
    assert names(queued(on_file)) == ["before", "after"]


def test_a_database_that_another_process_holds_is_the_store_being_away(
    tmp_path: Path, row_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.infra.store.database.BUSY_MS", 50)
    assert BUSY_MS > 50
    store = Store.on_file(tmp_path / "store.db", "rev1")
    store.write(put(row_of("a")))
    other = sqlite3.connect(tmp_path / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable):
        store.write(put(row_of("b")))
    assert names(queued(store)) == ["a"]  # readers are not held up
    other.execute("ROLLBACK")
    other.close()
    store.write(put(row_of("c")))
    assert names(queued(store)) == ["a", "c"]
    store.close()


def test_tables_that_are_gone_are_the_store_being_away(on_file: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "store.db")
    other.execute("DROP TABLE due")
    other.commit()
    other.close()
    with pytest.raises(Unavailable), on_file.read() as reader:
        reader.next_due()


def test_a_database_is_migrated_before_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a" / "store.db"
    migrate(path)
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() != []
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_errors_of_the_database_are_ours_at_the_border(store: Store) -> None:
    with pytest.raises(Unavailable) as raised, store.read() as reader:
        reader._connection.exec_driver_sql("SELECT * FROM nowhere")
    assert isinstance(raised.value.__cause__, SQLAlchemyError)


def test_a_damaged_row_that_is_first_of_its_key_keeps_the_key(
    store: Store, message_of: Any, noon: datetime
) -> None:
    """Its letter can be resolved, and that opens the gate for those behind it."""
    first, second = (
        Queued(lane="loop", consumer="c", message=message_of(id=name, order_key="k"))
        for name in ("a", "b")
    )
    store.write(lambda t: t.close_gate(first, noon))
    store.write(lambda t: t.hold_back(second, noon))
    damaged = unpack_row(("a", "c"), "loop", b"{")
    store.write(lambda t: t.bury(dead(damaged, "damaged", noon)))
    with store.read() as reader:
        kept = reader.letters.open_row("a", "c")
    assert (kept.damage != "", kept.message.order_key) == (True, "k")
    store.write(lambda t: t.open_gate(kept, noon))
    assert names(queued(store)) == ["b"]
