"""What every store does: on a file and on a server with a writer thread, in memory without one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Table
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from router.core.claim import Claim, Held, Kept
from router.core.errors import MessageError, Unavailable
from router.core.message import Message, RawRef
from router.infra.store import database, instancetables
from router.infra.store.database import Database
from router.infra.store.files import Copy, Past, Waiting
from router.infra.store.letters import LetterQuery
from router.infra.store.packing import unpack_row
from router.infra.store.pending import Pending
from router.infra.store.rows import Dead, Entry, Intent, Queued
from router.infra.store.statements import TOGETHER
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction

#: how long a test waits before it says that something hangs
HANG = 20
Writer = Callable[[Transaction], Any]


def test_a_row_that_is_stored_again_beside_a_failure_is_read_as_it_is_now(
    kept: Store, row_of: Any
) -> None:
    kept.write(lambda t: t.enqueue([row_of("a", extra={"n": 1})]))
    go = threading.Event()

    def fail(_: Transaction) -> None:
        raise MessageError("no")

    def again(transaction: Transaction) -> None:
        transaction.settle((1,))
        transaction.enqueue([row_of("a", extra={"n": 2})])

    kept.submit(lambda _: go.wait(HANG))
    failed, stored = kept.submit(fail), kept.submit(again)
    go.set()
    stored.result(HANG)
    assert isinstance(failed.exception(HANG), MessageError)
    with kept.read() as reader:
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
    kept: Store, row_of: Any, noon: datetime
) -> None:
    def fails(transaction: Transaction) -> None:
        transaction.enqueue([row_of("bad")])
        transaction.flush()
        raise ValueError("bug")

    def twice(transaction: Transaction) -> None:
        transaction.deliver("d", "c", noon, ("{}", "sha", b"first"))
        transaction.flush()
        transaction.deliver("d", "c", noon, ("{}", "sha", b"second"))

    gate = Gate(kept)
    jobs = [put(row_of("a")), fails, put(row_of("b")), twice, put(row_of("c"))]
    futures = [kept.submit(job) for job in jobs]
    gate.open()
    errors = [type(one.exception(HANG)) for one in futures]
    assert errors == [type(None), ValueError, type(None), IntegrityError, type(None)]
    assert names(queued(kept)) == ["a", "b", "c"]


def test_jobs_that_gather_share_one_commit(kept: Store, row_of: Any) -> None:
    gate = Gate(kept)
    seen: list[int] = []
    commits: list[int] = []

    def job(transaction: Transaction) -> None:
        transaction.enqueue([row_of("x")])
        seen.append(id(transaction.connection))

    kept.wake("loop", lambda: commits.append(1))
    futures = [kept.submit(job) for _ in range(100)]
    gate.open()
    for one in futures:
        one.result(HANG)
    kept.write(lambda _: None)  # the wakers of the commit before have been called by now
    assert len(queued(kept)) == 100
    assert len(commits) == 1


def test_a_job_for_which_nobody_waits_any_more_is_done(kept: Store, row_of: Any) -> None:
    gate = Gate(kept)
    slow = kept.submit(put(row_of("slow")))
    with pytest.raises(TimeoutError):
        slow.result(0.001)
    assert not slow.done()
    gate.open()
    assert slow.result(HANG) is None
    assert names(queued(kept)) == ["slow"]


def test_who_asks_to_be_called_is_called_once_it_is_on_disk(kept: Store, row_of: Any) -> None:
    gate = Gate(kept)
    calls: list[str] = []
    told = threading.Event()

    def tell() -> None:
        calls.append(",".join(names(queued(kept))))
        told.set()

    kept.submit(put(row_of("a"))).when_done(tell)
    assert calls == []
    gate.open()
    assert told.wait(HANG)
    done = kept.submit(put(row_of("b")))
    done.result(HANG)
    done.when_done(tell)
    assert calls == ["a", "a,b"]


def test_many_threads_write_and_nothing_is_lost(kept: Store, row_of: Any) -> None:
    def write(name: str) -> None:
        for n in range(20):
            kept.write(put(row_of(f"{name}{n:02}")))

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcdefgh"]
    for one in threads:
        one.start()
    for one in threads:
        one.join(HANG)
    found = names(queued(kept))
    assert len(found) == 160
    for name in "abcdefgh":  # the jobs of one thread keep their order
        assert [one for one in found if one[0] == name] == [f"{name}{n:02}" for n in range(20)]


def test_who_waits_commits_what_was_submitted_before_in_its_order(kept: Store, row_of: Any) -> None:
    first = kept.submit(put(row_of("a")))
    kept.write(put(row_of("b")))
    assert first.done()
    assert names(queued(kept)) == ["a", "b"]


def test_who_is_interrupted_amid_a_commit_leaves_nobody_waiting(kept: Store, row_of: Any) -> None:
    def interrupted(_transaction: Transaction) -> None:
        raise KeyboardInterrupt

    with kept._committing:  # so that both are of one group
        others = [kept._put(put(row_of(one)), alone=False) for one in ("a", "b")]
    with pytest.raises(KeyboardInterrupt):
        kept.write(interrupted)
    for one in others:
        with pytest.raises(Unavailable, match="interrupted"):
            one.result(HANG)
    assert names(queued(kept)) == []
    kept.write(put(row_of("c")))
    assert names(queued(kept)) == ["c"]


def test_what_was_submitted_is_finished_before_the_store_closes(
    place: Database, row_of: Any
) -> None:
    store = Store.on(place, "rev1")
    gate = Gate(store)
    futures = [store.submit(put(row_of(f"m{n}"))) for n in range(600)]
    closing = threading.Thread(target=store.close)
    closing.start()
    gate.open()
    closing.join(HANG)
    assert not closing.is_alive()
    assert all(one.done() for one in futures)
    again = Store.on(place, "rev1")
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
    place: Database, row_of: Any, noon: datetime
) -> None:
    # a call that comes back after the end must not wait for ever, nor write beside the next daemon
    store = Store.on(place, "rev1")
    store.close()
    memory = Store.in_memory("rev1")
    memory.close()
    for one in (store, memory):
        with pytest.raises(Unavailable):
            one.submit(put(row_of("late"))).result(HANG)
    again = Store.on(place, "rev1")
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


@pytest.mark.parametrize("many", [TOGETHER - 1, TOGETHER, 3 * TOGETHER + 1])
def test_many_rows_of_a_transaction_are_there_once_and_in_order(
    store: Store, row_of: Any, message_of: Any, noon: datetime, many: int
) -> None:
    told = [f"m{n}" for n in range(many)]

    def job(transaction: Transaction) -> None:
        for name in told:
            transaction.enqueue([row_of(name, extra={"name": name})])
            transaction.write(entry(message_of(id=name), noon, detail={"name": name}))
            transaction.claim(Kept(claim(name.encode(), version=len(name)), name, Held.LIVE), noon)
            transaction.refer([name], "c1")

    store.write(job)
    assert [one.extra for one in queued(store)] == [{"name": name} for name in told]
    with store.read() as reader:
        assert [one["detail"] for one in reader.history("c1")] == [{"name": one} for one in told]
        held = reader.holdings([name.encode() for name in told], noon)
        assert {key: one.message_id for key, one in held.items()} == {n.encode(): n for n in told}
        assert {one for name in told for one in reader.correlations(name)} == {"c1"}


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


def test_a_text_with_a_nul_is_kept_or_fails_alone(
    store: Store, row_of: Any, noon: datetime
) -> None:
    """It comes in by no format: a column of a server cannot hold it, a payload can."""
    row = row_of("a", payload={"t": "x\0y"})
    store.write(put(row))
    store.write(lambda t: t.write(entry(row.message, noon, detail={"t": "\0"})))
    assert queued(store)[0].message == row.message
    with store.read() as reader:
        assert reader.history("c1")[0]["detail"] == {"t": "\0"}
    try:
        store.write(lambda t: t.refer(["w\0x"], "c\0d"))
    except DataError:
        return
    with store.read() as reader:
        assert reader.correlations("w\0x") == ["c\0d"]


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


def test_many_counters_of_a_transaction_add_up(
    store: Store, message_of: Any, noon: datetime
) -> None:
    reasons = [f"r{n}" for n in range(2 * TOGETHER + 1)]

    def job(transaction: Transaction) -> None:
        for reason in reasons:
            transaction.write(entry(message_of(), noon, "discarded", reason=reason))

    for _ in range(2):
        store.write(job)
    with store.read() as reader:
        assert {one["reason"]: one["n"] for one in reader.counters()} == dict.fromkeys(reasons, 2)


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


def copy_of(name: str, sha256: str, **fields: Any) -> Copy:
    base: dict[str, Any] = {"size": 5_000_000_000, "mtime_ns": 1_741_953_600_123_456_789}
    return Copy(name=name, sha256=sha256, inode=str(2**64 - 1), **{**base, **fields})


def test_a_file_is_known_by_its_name_and_by_its_bytes(store: Store, noon: datetime) -> None:
    first, second = copy_of("day.xml", "a"), copy_of("day.xml", "b")
    with store.read() as reader:
        assert reader.files.last("till", "day.xml") is None
    pasts = [Past(copy=one, at=noon, delivery=f"d{one.sha256}") for one in (first, second)]
    for past in pasts:
        store.write(lambda t, one=past: t.files.add("till", one))  # type: ignore[misc]
    with store.read() as reader:
        assert reader.files.last("till", "day.xml") == pasts[1]
        assert reader.files.same("till", "a") == pasts[0]
        assert reader.files.last("other", "day.xml") is None
        assert reader.files.same("other", "a") is None


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


def test_many_intents_begin_in_one_go(store: Store, noon: datetime) -> None:
    """One that another process has begun is left as it is, and hurts no other."""
    store.write(lambda t: t.intend(intent(noon, key="m2", token="other")))
    made = [intent(noon, key=f"m{n}", token=f"t{n}") for n in range(1, 5)]
    assert store.write(lambda t: t.begin_all(made)) == [True, False, True, True]
    with store.read() as reader:
        found = reader.intents(["m1", "m2", "m3", "m4"])
    assert found == {
        "m1": made[0],
        "m2": intent(noon, key="m2", token="other"),
        "m3": made[2],
        "m4": made[3],
    }
    assert store.write(lambda t: t.begin_all([])) == []


def test_many_effects_are_done_in_one_go(store: Store, noon: datetime) -> None:
    """One whose lease was lost is left as it is; one that was in part is whole now."""
    made = [intent(noon, key=f"m{n}", token=f"t{n}") for n in range(1, 4)]
    store.write(lambda t: t.begin_all(made))
    store.write(lambda t: t.conclude("m3", "t3", "partial", "P"))
    later = noon + timedelta(minutes=1)
    store.write(lambda t: t.lease("m2", "other", later, "t2"))
    store.write(lambda t: t.lease("m3", "t4", later, "t3"))
    ends = [("m1", "t1", 'X "1"'), ("m2", "t2", None), ("m3", "t4", None)]
    assert store.write(lambda t: t.conclude_done(ends)) == [True, False, True]
    with store.read() as reader:
        found = reader.intents(["m1", "m2", "m3"])
    assert [(found[key].state, found[key].their_reference) for key in ("m1", "m2", "m3")] == [
        ("done", 'X "1"'),
        ("sending", None),
        ("done", None),
    ]
    assert not found["m3"].in_part


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


def test_a_second_daemon_is_kept_off_a_file(file: Database, row_of: Any) -> None:
    kept = Store.on(file, "rev1")
    with pytest.raises(Unavailable, match="another router"):
        Store.on(file, "rev1")
    kept.write(put(row_of("a")))
    assert names(queued(kept)) == ["a"]
    kept.close()


def test_after_a_daemon_the_next_one_starts_and_finds_everything(
    place: Database, row_of: Any
) -> None:
    for n in range(3):
        store = Store.on(place, "rev1")
        assert len(queued(store)) == n
        store.write(put(row_of(f"m{n}")))
        store.close()


def test_one_can_look_into_a_store_beside_its_daemon(
    kept: Store, place: Database, row_of: Any
) -> None:
    beside = Store.to_read(place)
    kept.write(put(row_of("a")))
    assert names(queued(beside)) == ["a"]
    beside.close()
    kept.write(put(row_of("b")))


OPENINGS = (lambda place: Store.on(place, "rev1"), Store.to_read, Store.beside)


@pytest.mark.parametrize("opening", OPENINGS, ids=["daemon", "reader", "operator"])
def test_a_store_of_a_newer_router_is_left_alone(place: Database, opening: Any) -> None:
    Store.on(place, "rev1").close()
    run(place, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match=r"newer router|of revision 9999"):
        opening(place)
    assert not place.is_held()
    assert run(place, "SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_store_with_messages_of_other_ids_is_not_gone_on_with(place: Database) -> None:
    Store.on(place, "rev1").close()
    run(place, "UPDATE alembic_version SET version_num = '0004'")
    run(place, "ALTER TABLE intents DROP COLUMN in_part")
    drop_later(place)
    Store.on(place, "rev1").close()  # without a message there is nothing to lose
    run(place, "UPDATE alembic_version SET version_num = '0004'")
    run(place, "ALTER TABLE intents DROP COLUMN in_part")
    drop_later(place)
    run(
        place,
        "INSERT INTO deliveries VALUES ('x', 'c', '2026-01-01T00:00:00.000000Z', '{}', '', '')",
    )
    for opening in OPENINGS:
        with pytest.raises(Unavailable, match=r"other ids|of revision 0004"):
            opening(place)


def drop_later(place: Database) -> None:
    """Drop what later migrations make."""
    of_instances = [
        table.name for table in vars(instancetables).values() if isinstance(table, Table)
    ]
    for table in ("waiting_files", "polls", *of_instances):
        run(place, f"DROP TABLE {table}")
    kinds = ("queue_by_message", "dead_by_message", "job_items_by_message", "gates_by_holder")
    for index in (*kinds, "intents_open"):
        run(place, f"DROP INDEX {index}")
    words = "word TEXT NOT NULL, correlationid TEXT NOT NULL, PRIMARY KEY (word, correlationid)"
    run(place, "DROP TABLE reference_words")
    run(place, f"CREATE TABLE reference_words ({words})")


def run(place: Database, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement beside the router."""
    engine = place.open(writes=True)
    try:
        with engine.begin() as connection:
            done = connection.exec_driver_sql(statement)
            return [tuple(row) for row in done] if done.returns_rows else []
    finally:
        engine.dispose()


def test_files_of_an_earlier_router_are_known_by_their_bytes(place: Database) -> None:
    Store.on(place, "rev1").close()
    config = Config()
    folder = Path(database.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    engine = place.open(writes=True)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0005")
    engine.dispose()
    at = "2026-01-01T00:00:00.000000Z"
    run(place, f"INSERT INTO deliveries VALUES ('d', 'till', '{at}', '{{}}', 'abc', '')")
    run(place, f"INSERT INTO files VALUES ('till', 'day.xml', 5, 7, '{at}', 'd')")
    store = Store.on(place, "rev1")
    with store.read() as reader:
        past = reader.files.last("till", "day.xml")
    store.close()
    assert past is not None
    assert (past.copy.sha256, past.copy.size, past.copy.mtime_ns) == ("abc", 5, 7)
    assert past.delivery == "d"


def test_a_file_that_waits_is_kept_until_it_goes_on(store: Store, noon: datetime) -> None:
    def one(reason: str) -> Waiting:
        return Waiting(channel="till", name="a", at=noon, reason=reason, detail="why")

    store.write(lambda t: t.files.wait(one("checksum")))
    store.write(lambda t: t.files.wait(one("unreadable")))
    with store.read() as reader:
        assert reader.files.waiting("till") == reader.files.waiting() == [one("unreadable")]
        assert reader.files.waiting("other") == []
    store.write(lambda t: t.files.go_on("till", "a"))
    with store.read() as reader:
        assert reader.files.waiting() == []


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
