"""Bad inputs E, the part that a store without a broker can meet: what comes twice, late, damaged,
with odd headers, at a full disk, by a clock that jumps.

Held elsewhere, and not repeated here:
- kills between effect and result, at every boundary: tests/crash/test_boundaries.py, test_stall.py
- a message that ends the process: tests/crash/test_killers.py, tests/acceptance/test_scenarios.py
- SIGTERM amid a sequence of calls: tests/crash/test_sequences.py, test_ends.py
- a body that is refused, with every header that a stranger may send: tests/acceptance/test_http.py
- redelivered flags and forged x-death of a broker, a queue that is deleted under its consumer, two
  daemons on one queue: tests/bad/test_queues.py
- connections cut between publish and confirm: tests/live/test_publisher.py

Of a later part: Redis; two daemons on two machines over one store.
"""

from __future__ import annotations

import json
import pickle
import resource
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from router.core.errors import Retryable, Unavailable
from router.core.ports import Answer
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from tests.acceptance.calls import Reply, hook, level, post
from tests.bad.bodies import level as level_of
from tests.bad.bodies import posting, refund
from tests.bad.land import Land, shipped
from tests.crash.client import headers_of
from tests.crash.processes import Landscape, Settings, started, wait_until

pytestmark = pytest.mark.timeout(90)

LEVEL = "inventory_levels/update"
REFUND = "refunds/create"
#: more than a server takes in one head
LONG = "0" * (1024 * 1024)


class Ends:
    """A pickle that would be seen if anybody opened it."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("pickled"),))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Landscape]:
    """A landscape whose daemon runs."""
    with started(tmp_path_factory.mktemp("store") / "project", Settings()) as made:
        yield made


@pytest.fixture
def on_disk(tmp_path: Path) -> Iterator[Land]:
    """A landscape over a store in a file, with its writer thread."""
    made = Land(Store.on(SqliteFile(tmp_path / "x.db"), shipped().revision))
    yield made
    made.parts.close()
    made.store.close()


def words(land: Land) -> list[str]:
    """Return the words of the journal about what came in, in the order of their writing."""
    return [word for (word,) in land.query("SELECT word FROM journal WHERE causationid IS NULL")]


def settled(place: Landscape) -> bool:
    return place.query("SELECT 1 FROM queue UNION ALL SELECT 1 FROM due") == []


# ---- twice ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [True, False], ids=["later", "in one batch"])
def test_duplicate_id_same_body(land: Land, apart: bool) -> None:
    for _ in range(3):
        land.give(REFUND, refund(1), x_shopify_event_id="e-1")
        if apart:
            land.work()
    land.work()
    assert words(land) == ["routed", "duplicate", "duplicate"]
    assert land.books.postings == {posting(1): "11.90 EUR"}
    land.assert_nothing_lost()


@pytest.mark.parametrize("apart", [True, False], ids=["later", "in one batch"])
def test_duplicate_id_other_body(land: Land, apart: bool) -> None:
    """The first one stands; the other one is an incident that a person sees."""
    land.give(REFUND, refund(1), x_shopify_event_id="e-1")
    if apart:
        land.work()
    other = land.give(REFUND, refund(1, amount="99.00"), x_shopify_event_id="e-1")
    land.work()
    assert words(land) == ["routed", "conflict"]
    assert land.letter(other)[0] == "conflict"
    assert land.books.postings == {posting(1): "11.90 EUR"}
    land.assert_nothing_lost()


def test_duplicate_id_while_the_first_is_in_flight(land: Land) -> None:
    """The far side does not answer as yet: what repeats it is a duplicate."""

    def away(_: Any) -> Answer:
        raise Retryable("no connection")

    well, land.ledger.answer = land.ledger.answer, away
    land.give(REFUND, refund(1), x_shopify_event_id="e-1")
    land.work()
    land.give(REFUND, refund(1), x_shopify_event_id="e-1")
    land.work()
    assert words(land) == ["routed", "duplicate"]
    land.ledger.answer = well
    land.later(3600)
    assert land.books.postings == {posting(1): "11.90 EUR"}
    land.assert_nothing_lost()


def test_duplicate_id_from_many_senders_at_once(place: Landscape) -> None:
    body = level()
    with ThreadPoolExecutor(16) as pool:
        replies = list(pool.map(lambda _: post(place, body, x_shopify_event_id="many"), range(64)))
    assert {one.status for one in replies} == {202}
    wait_until(lambda: settled(place), "all are decided")
    rows = place.query(
        "SELECT word, COUNT(*) FROM journal WHERE message_id IN "
        f"({','.join(repr(one.message) for one in replies)}) GROUP BY 1"
    )
    assert dict(rows) == {"routed": 1, "duplicate": 63}


def test_redelivered_row(land: Land) -> None:
    """A row that stands in the queue twice, as after a copy of it was restored: one effect."""
    land.give(REFUND, refund(1))
    columns = "lane, consumer, message_id, body"
    again = f"INSERT INTO queue ({columns}) SELECT {columns} FROM queue"
    land.store.write(lambda t: t.connection.execute(text(again)))
    land.work()
    assert words(land) == ["routed", "routed"]
    assert land.books.postings == {posting(1): "11.90 EUR"}


# ---- late ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("apart", [True, False], ids=["later", "in one batch"])
def test_out_of_order_sequence(land: Land, apart: bool) -> None:
    """States of one level that come the wrong way round: the newest one counts, none is lost."""
    for minute in (5, 3, 9, 1, 7):
        land.give(LEVEL, level_of(available=minute, updated_at=f"2026-03-02T10:{minute:02}:00Z"))
        if apart:
            land.work()
    land.work()
    assert words(land) == ["routed", "discarded", "routed", "discarded", "discarded"]
    reasons = land.query("SELECT detail FROM journal WHERE word = 'discarded'")
    assert {json.loads(one)["reason"] for (one,) in reasons} == {"stale"}
    land.assert_nothing_lost()


# ---- poison --------------------------------------------------------------------------------------

DAMAGES = {
    "half a document": b'{"message": {"id"',
    "no document": b"\x00\xff\x00",
    "an empty row": b"",
    "another document": b'{"some": "thing"}',
    "a list": b"[]",
    "something else that travels with it": b'{"message": {"id": "x", "correlationid": "x",'
    b' "channel": "shopify", "kind": "k", "occurred_at": "2026-03-02T10:15:30+00:00",'
    b' "headers": {}, "stamp": {}, "payload": null, "order_key": "", "attempt": 1},'
    b' "extra": ["claims"]}',
    "claims that are none": b'{"message": {"id": "x", "correlationid": "x",'
    b' "channel": "shopify", "kind": "k", "occurred_at": "2026-03-02T10:15:30+00:00",'
    b' "headers": {}, "stamp": {}, "payload": null, "order_key": "", "attempt": 1},'
    b' "extra": {"claims": ["none"]}}',
    "the row of another message": b'{"message": {"id": "x", "correlationid": "x",'
    b' "channel": "shopify", "kind": "k", "occurred_at": "2026-03-02T10:15:30+00:00",'
    b' "headers": {}, "stamp": {}, "payload": null, "order_key": "", "attempt": 1}}',
    "a time that is none": b'{"message": {"id": "x", "correlationid": "x", "channel": "shopify",'
    b' "kind": "k", "occurred_at": "yesterday", "headers": {}, "stamp": {}, "payload": null,'
    b' "order_key": "", "attempt": 1}}',
}


@pytest.mark.parametrize("lane", ["loop", "sys.ledger"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_poison_row(land: Land, damage: str, lane: str) -> None:
    """A row that cannot be read becomes a dead letter with its bytes; those around it go on."""
    bad, *good = (land.give(REFUND, refund(number)) for number in (1, 2, 3))
    if lane != "loop":
        while land.parts.loop.step():
            pass
        ((bad,),) = land.query(
            "SELECT message_id FROM queue WHERE lane = 'sys.ledger' ORDER BY id LIMIT 1"
        )
    spoil = text("UPDATE queue SET body = :body WHERE message_id = :id")
    land.store.write(lambda t: t.connection.execute(spoil, {"body": DAMAGES[damage], "id": bad}))
    land.store._handoff._rows.clear()  # as after a start
    land.work()
    assert land.letter(bad)[0] == "damaged"
    assert land.books.postings == {posting(n): "11.90 EUR" for n in (2, 3)}
    assert all(land.ending(one)[0] == "routed" for one in good)
    with land.store.read() as reader:
        assert {name: n for name, n in reader.sizes().items() if n} == {"dead": 1}


def test_poison_due_row(land: Land) -> None:
    """The same for a row that waits for its time."""

    def away(_: Any) -> Answer:
        raise Retryable("no connection")

    well, land.ledger.answer = land.ledger.answer, away
    land.give(REFUND, refund(1))
    land.give(REFUND, refund(2))
    land.work()
    ((bad,), _) = land.query("SELECT message_id FROM due")
    spoil = text("UPDATE due SET body = x'7b' WHERE message_id = :id")
    land.store.write(lambda t: t.connection.execute(spoil, {"id": bad}))
    land.ledger.answer = well
    land.later(3600)
    assert land.letter(bad)[0] == "damaged"
    assert len(land.books.postings) == 1
    with land.store.read() as reader:
        assert {name: n for name, n in reader.sizes().items() if n} == {"dead": 1}


# ---- odd headers ---------------------------------------------------------------------------------

HEADERS: dict[str, tuple[dict[str, str], frozenset[int]]] = {
    "10,000 headers": ({f"x-{n}": "v" for n in range(10_000)}, frozenset({400, 431})),
    "1 MB traceparent": ({"traceparent": LONG}, frozenset({400, 431})),
    "1 MB event id": ({"x-shopify-event-id": LONG}, frozenset({400, 431})),
    "x-death forged": (
        {"x-death": '[{"count": 10000, "reason": "delivery_limit"}]', "x-delivery-count": "10000"},
        frozenset({202}),
    ),
    "a nested header table as text": ({"headers": '{"a": {"b": {"c": 1}}}'}, frozenset({202})),
}


@pytest.mark.parametrize("name", HEADERS)
def test_headers(place: Landscape, name: str) -> None:
    """Refused, or taken as any other: nothing of it is believed, and the next one is taken."""
    headers, expected = HEADERS[name]
    reply = sent(place, level(), **headers)
    assert reply.status in expected
    if reply.status == 202:
        assert ending(place, reply) == "routed"
    assert post(place, level()).status == 202


TYPES = {
    "unknown content-type": "application/x-never-heard-of",
    "no content-type": "",
    "content-type of a pickle": "application/x-python-serialize",
}


@pytest.mark.parametrize("name", TYPES)
def test_content_type(place: Landscape, name: str) -> None:
    """The channel says what it takes, no header does: JSON is JSON whatever it is called."""
    reply = post(place, level(), content_type=TYPES[name] or None)
    assert reply.status == 202
    assert ending(place, reply) == "routed"


@pytest.mark.parametrize("name", TYPES)
def test_pickle(place: Landscape, name: str) -> None:
    """Is kept, cannot be decoded, and is opened by nobody."""
    body = pickle.dumps(Ends())
    reply = post(place, body, content_type=TYPES[name] or None)
    assert reply.status == 202
    assert ending(place, reply) == "dead_lettered"
    shown = place.command("dead", "show", reply.message, "--env", "crash")
    assert "undecodable" in shown.stdout
    assert not list(place.root.rglob("pickled"))
    ((kept,),) = place.query(
        "SELECT body FROM deliveries WHERE id = "
        f"(SELECT delivery FROM dead WHERE message_id = '{reply.message}')"
    )
    assert kept == body


# ---- cut between effect and acknowledgement ------------------------------------------------------


def test_connection_cut_between_commit_and_answer(place: Landscape) -> None:
    """The sender never reads its 202, so it sends again: told once, and a duplicate for each."""
    body, event = level(), "cut-1"
    webhook = hook(body)
    head = {**headers_of(webhook), "x-shopify-event-id": event, "content-length": str(len(body))}
    lines = [f"{name}: {value}" for name, value in head.items()]
    data = "\r\n".join(["POST /in/shopify HTTP/1.1", "host: x", *lines, "", ""]).encode() + body
    for number in range(1, 6):
        with socket.create_connection(("127.0.0.1", place.port), timeout=5) as one:
            one.sendall(data)
        wait_until(lambda number=number: told(place, event) == number, "it was taken")
    wait_until(lambda: settled(place), "all are decided")
    counted = place.query(
        "SELECT word, COUNT(*) FROM journal WHERE causationid IS NULL AND detail LIKE "
        f"'%delivery%' AND correlationid IN ({correlations(place, event)}) GROUP BY 1"
    )
    assert dict(counted) == {"routed": 1, "duplicate": 4}


def told(place: Landscape, event: str) -> int:
    ((n,),) = place.query(f"SELECT COUNT(*) FROM deliveries WHERE headers LIKE '%\"{event}\"%'")
    return int(n)


def correlations(place: Landscape, event: str) -> str:
    return f"SELECT correlationid FROM reference_words WHERE word = '{event}'"


# ---- the disk ------------------------------------------------------------------------------------


def test_disk_full_while_writing_the_journal(on_disk: Land) -> None:
    """Taken deliveries stay, no call is made whose intent is not on disk, and then it goes on."""
    land = on_disk
    for number in range(1, 61):
        land.give(REFUND, refund(number))
    limit(land, grow=0)
    with pytest.raises(Unavailable):
        land.work()
    assert land.books.journals == []
    assert words(land) == []
    with pytest.raises(Unavailable):
        land.give(REFUND, refund(9, note="x" * 100_000))
    limit(land, grow=1_000_000)
    land.work()
    assert land.books.postings == {posting(n): "11.90 EUR" for n in range(1, 61)}
    land.assert_nothing_lost()


def test_disk_full_between_a_call_and_its_result(on_disk: Land) -> None:
    """The effect is there and cannot be recorded: it is looked up before anything is sent again."""
    land = on_disk
    for number in range(1, 4):
        land.give(REFUND, refund(number))
    well = land.ledger.answer

    def fills(prepared: Any) -> Answer:
        answer = well(prepared)
        if prepared.head["verb"] == "POST" and len(land.books.journals) == 1:
            limit(land, grow=0)
        return answer

    land.ledger.answer = fills
    for _ in range(3):
        try:
            land.work()
        except Unavailable:
            break
    limit(land, grow=1_000_000)
    for _ in range(10):
        land.later(600)
    assert land.books.postings == {posting(n): "11.90 EUR" for n in (1, 2, 3)}
    land.assert_nothing_lost()


def limit(land: Land, grow: int) -> None:
    """Let the file grow by so many pages from now on; 0 is a full disk."""

    def job(transaction: Any) -> None:
        connection = transaction.connection
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages + grow}")

    land.store.write(job)


def test_disk_full_under_a_running_daemon(tmp_path: Path) -> None:
    """Senders are told to come again; with room it goes on by itself, and nothing is missing."""
    with started(tmp_path / "project", Settings()) as place:
        before = [post(place, level()) for _ in range(5)]
        assert place.daemon is not None
        pid = place.daemon.pid
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        largest = max(one.stat().st_size for one in place.store.parent.glob("router.db*"))
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (largest, hard))
        refused = until_refused(place)
        assert refused.status == 503
        assert place.daemon.poll() is None
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
        after: list[Reply] = []

        def taken() -> bool:
            after.append(post(place, level()))
            return after[-1].status == 202

        wait_until(taken, "it takes deliveries again")
        wait_until(lambda: settled(place), "all are decided")
        for one in (*before, after[-1]):
            assert ending(place, one) == "routed"
        ((deliveries,),) = place.query("SELECT COUNT(*) FROM deliveries")
        ((decided,),) = place.query("SELECT COUNT(*) FROM journal WHERE causationid IS NULL")
        assert deliveries == decided


def until_refused(place: Landscape) -> Reply:
    """Send until the daemon takes nothing more: the log has some room left."""
    for _ in range(200):
        reply = post(place, level(note="x" * 20_000))
        if reply.status != 202:
            return reply
    raise AssertionError("the disk never fills up")


# ---- two daemons, and the clock ------------------------------------------------------------------


def test_two_daemons_on_one_store(place: Landscape) -> None:
    """The second one is refused in one line, and the first one goes on."""
    assert place.daemon is not None
    second = place.command("run", "--env", "crash")
    assert second.returncode != 0
    assert len(second.stderr.strip().splitlines()) == 1
    assert "Traceback" not in second.stderr
    assert place.daemon.poll() is None
    assert post(place, level()).status == 202


SKEWS = {
    "an hour back": timedelta(hours=-1),
    "a day back": timedelta(days=-1),
    "a minute ahead": timedelta(minutes=1),
    "a day ahead": timedelta(days=1),
}


@pytest.mark.parametrize("name", SKEWS)
@pytest.mark.parametrize("state", ["before the call", "amid a retry", "after a lost answer"])
def test_clock_skew_between_two_processes(land: Land, state: str, name: str) -> None:
    """A process ends, the next one has another time: each effect once, nothing waits for ever."""
    well = land.ledger.answer
    land.ledger.answer = ANSWERS[state](well)
    land.give(REFUND, refund(1), x_shopify_event_id="e-1")
    if state == "before the call":
        while land.parts.loop.step():
            pass
    else:
        land.work()
    land.ledger.answer = well
    land.parts = land.assemble()
    land.clock.move_to(land.clock.now() + SKEWS[name])
    land.give(REFUND, refund(1), x_shopify_event_id="e-1")
    land.give(REFUND, refund(2))
    land.work()
    for _ in range(60):
        land.later(3600)
    assert land.books.postings == {posting(n): "11.90 EUR" for n in (1, 2)}
    assert sorted(words(land)) == ["duplicate", "routed", "routed"]
    land.assert_nothing_lost()


def _away(_: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    def answer(_: Any) -> Answer:
        raise Retryable("no connection")

    return answer


def _loses(well: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    def answer(prepared: Any) -> Answer:
        well(prepared)
        return Answer(status=504)

    return answer


ANSWERS: dict[str, Callable[[Callable[[Any], Answer]], Callable[[Any], Answer]]] = {
    "before the call": lambda well: well,
    "amid a retry": _away,
    "after a lost answer": _loses,
}


def sent(place: Landscape, body: bytes, **headers: str) -> Reply:
    """Send with headers of any size; a connection that is cut amid them counts as refused."""
    try:
        return post(place, body, **headers)
    except (BrokenPipeError, ConnectionError):
        return Reply(431, b"")


def ending(place: Landscape, reply: Reply) -> str:
    """Return the word that a delivery ended with."""
    sql = f"SELECT word FROM journal WHERE message_id = '{reply.message}'"
    wait_until(lambda: place.query(sql) != [], "it is decided")
    return str(place.query(sql)[-1][0])
