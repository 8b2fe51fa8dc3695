"""What every store does for jobs, records and revisions, on a file, on a server, in memory."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from router.infra.store import database
from router.infra.store.jobs import Job, JournalQuery
from router.infra.store.letters import LetterQuery
from router.infra.store.rows import Dead, Entry, Intent, Queued
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.infra.store.transaction import Transaction

JOB = Job(how="replay", reason="r", rate=7, revision="rev1", options={"resend": True})


@pytest.fixture
def journal(store: Store, message_of: Any, noon: datetime) -> Any:
    """Writes lines: message, cause, consumer, word."""

    def write(*lines: tuple[str, str | None, str, str], **detail: Any) -> None:
        def job(transaction: Transaction) -> None:
            for name, cause, consumer, word in lines:
                message = replace(message_of(None, id=name), causationid=cause)
                transaction.write(
                    Entry(at=noon, message=message, consumer=consumer, word=word, detail=detail)
                )

        store.write(job)

    return write


def frozen(store: Store, noon: datetime, **query: str) -> tuple[int, list[tuple[str, str]]]:
    def job(transaction: Transaction) -> int:
        number = transaction.jobs.make(JOB, noon)
        transaction.jobs.freeze_records(number, JournalQuery(**query))
        return number

    number = store.write(job)
    with store.read() as reader:
        items = reader.jobs.items(number, "remaining", 100)
    return number, [(one.message_id, one.consumer) for one in items]


def totals(store: Store, number: int) -> dict[str, int]:
    with store.read() as reader:
        found = reader.jobs.totals(number)
    assert sum(n for name, n in found.items() if name != "all") == found["all"]
    return {name: n for name, n in found.items() if n}


def test_a_revision_is_kept_once_as_it_was(store: Store, noon: datetime) -> None:
    store.write(lambda t: t.revisions.keep("a", {"routes/x.yaml": "ä\n", "y": ""}, noon))
    store.write(lambda t: t.revisions.keep("a", {"other": "text"}, noon))
    with store.read() as reader:
        assert reader.revisions.texts("a") == {"routes/x.yaml": "ä\n", "y": ""}
        assert reader.revisions.texts("b") is None


def test_the_set_holds_the_records_behind_the_lines(
    store: Store, journal: Any, noon: datetime
) -> None:
    journal(
        ("r2", None, "shop:order", "routed"),
        ("r1", None, "shop:order", "routed"),
        ("o1", "r1", "flow:a", "routed"),
        ("k1", "o1", "far.put", "done"),
        ("o2", "r2", "flow:a", "discarded"),
        ("r3", None, "shop:?", "dead_lettered"),
        ("s1", None, "shop2:order", "routed"),
    )
    assert frozen(store, noon, word="done")[1] == [("r1", "shop:order")]
    assert frozen(store, noon, consumer="flow:a")[1] == [("r2", "shop:order"), ("r1", "shop:order")]
    assert [one for one, _ in frozen(store, noon, channel="shop")[1]] == ["r2", "r1", "r3"]
    assert [one for one, _ in frozen(store, noon, channel="shop", kind="?")[1]] == ["r3"]
    assert frozen(store, noon, about="k1")[1] == [("r1", "shop:order")]
    assert frozen(store, noon, channel="shop_", word="routed")[1] == []


def test_a_set_does_not_grow(store: Store, journal: Any, noon: datetime) -> None:
    journal(("a", None, "shop:order", "routed"))
    number, _ = frozen(store, noon, word="routed")
    journal(("b", None, "shop:order", "routed"))
    assert totals(store, number) == {"all": 1, "remaining": 1}


def test_a_job_comes_back_as_it_was_made(store: Store, noon: datetime) -> None:
    number = store.write(lambda t: t.jobs.make(JOB, noon))
    with store.read() as reader:
        assert reader.jobs.get(number) == replace(JOB, id=number)
        assert reader.jobs.running() == []
        assert reader.jobs.get(number + 1) is None
        assert reader.jobs.told(number + 1) is None
    assert store.write(lambda t: t.jobs.set_state(number, "running", unless=("done",)))
    assert not store.write(lambda t: t.jobs.set_state(number, "x", unless=("running",)))
    with store.read() as reader:
        assert [one.id for one in reader.jobs.running()] == [number]


def test_counts_follow_what_derives_from_an_item(
    store: Store, journal: Any, message_of: Any, noon: datetime
) -> None:
    journal(*((name, None, "shop:order", "routed") for name in "abcde"))
    number, _ = frozen(store, noon, word="routed")
    row = Queued(lane="sys.far", consumer="far.put", message=message_of(None, id="c1"))

    def job(transaction: Transaction) -> None:
        for item in (1, 2, 3):
            transaction.jobs.set_item(number, item, "sent")
        transaction.jobs.set_item(number, 4, "skipped", "edited")
        for item in (1, 2, 3):
            transaction.jobs.follow(number, item, [(f"c{item}", "far.put")], word="sent")
        transaction.enqueue([row])
        again = replace(row, message=message_of(None, id="c2"))
        letter = Dead(at=noon, queued=again, reason="r", detail="", step="", place="")
        transaction.bury(letter)

    store.write(job)
    expected = {"all": 5, "remaining": 1, "skipped": 1, "failed": 1, "under_way": 1, "succeeded": 1}
    assert totals(store, number) == expected
    with store.read() as reader:
        assert reader.jobs.words(number) == {"sent": 3}
        assert reader.jobs.skipped(number) == {"edited": 1}
        assert reader.jobs.on_their_way(["c1", "c2"]) == {"c1"}
        assert reader.records.word(number, "c1", "far.put") == "sent"
        assert reader.records.word(number, "c1", "far.get") == ""
    store.write(lambda t: t.jobs.follow(number, 1, [("c1", "far.put")], word="changed"))
    with store.read() as reader:
        assert reader.jobs.named(number, "changed", 9) == [("far.put", "c1")]


def test_letters_are_frozen_the_oldest_first(store: Store, message_of: Any, noon: datetime) -> None:
    def job(transaction: Transaction) -> int:
        for day, name in ((3, "a"), (1, "b"), (2, "c")):
            row = Queued(lane="loop", consumer="x", message=message_of(None, id=name))
            at = noon.replace(day=day)
            letter = Dead(at=at, queued=row, reason="r", detail="", step="", place="")
            transaction.bury(letter)
        number = transaction.jobs.make(JOB, noon)
        transaction.jobs.freeze_letters(number, LetterQuery(reason="r"))
        return number

    number = store.write(job)
    with store.read() as reader:
        items = reader.jobs.items(number, "remaining", 10)
        assert [one.message_id for one in items] == ["b", "c", "a"]
        assert [one.item for one in reader.jobs.items(number, "remaining", 10, after=1)] == [2, 3]


def test_the_past_of_a_record(store: Store, journal: Any, noon: datetime) -> None:
    journal(("a", None, "shop:?", "dead_lettered"), delivery="d1", step="decode")
    with store.read() as reader:
        past = reader.records.past("a")
    assert past is not None
    assert (past.delivery, past.revision, past.attempts, past.whole) == ("d1", "rev1", 1, True)
    journal(("a", None, "shop:order", "routed"), delivery="d1")
    journal(("b", "a", "shop:order", "edited"), of="a")
    with store.read() as reader:
        past = reader.records.past("a")
        assert past is not None
        assert (past.whole, past.edited) == (False, True)
        assert reader.records.past("unheard of") is None
        assert reader.records.delivery("d1") is None


def test_a_delivery_and_answers_come_back(store: Store, journal: Any, noon: datetime) -> None:
    store.write(lambda t: t.deliver("d1", "shop", noon, ('{"h":"1"}', "sha", b"\x00body")))
    journal(("a", None, "c", "enriched"), operation="far.ask", arguments={"id": 1}, answer=[1.5])
    with store.read() as reader:
        kept = reader.records.delivery("d1")
        assert kept is not None
        assert (kept.channel, kept.headers, kept.body) == ("shop", {"h": "1"}, b"\x00body")
        assert kept.received_at == noon
        assert list(reader.records.answers("a")) == [("far.ask", {"id": 1}, [1.5])]


def test_an_effect_has_one_successor_and_is_not_sent_after_it(store: Store, noon: datetime) -> None:
    old = Intent(
        key="a",
        operation="far.put",
        state="waiting",
        head={},
        body=b"",
        reference="r",
        sends=1,
        first_at=noon,
        lease_until=noon,
        token="t1",
    )
    store.write(lambda t: t.intend(old))
    moved = replace(old, token="t0")
    assert not store.write(lambda t: t.succeed_intent(moved, "b"))
    assert store.write(lambda t: t.succeed_intent(old, "b"))
    assert not store.write(lambda t: t.succeed_intent(old, "c"))
    assert not store.write(lambda t: t.lease("a", "t2", noon, "t1"))
    with store.read() as reader:
        found = reader.intent("a")
    assert found == replace(old, successor="b")


def test_a_letter_of_a_message_is_told_to_be_on_its_way(
    store: Store, message_of: Any, noon: datetime
) -> None:
    def job(transaction: Transaction) -> None:
        for consumer in ("x", "y"):
            row = Queued(lane="loop", consumer=consumer, message=message_of(None, id="a"))
            letter = Dead(at=noon, queued=row, reason="r", detail="", step="", place="")
            transaction.bury(letter)
        transaction.letters.replayed("a", "x", "job 1")

    store.write(job)
    with store.read() as reader:
        assert [one["consumer"] for one in reader.letters.find(LetterQuery())] == ["y"]
    store.write(lambda t: t.letters.replayed("a", "", "job 2", "edited"))
    with store.read() as reader:
        states = {
            one["consumer"]: one["state"] for one in reader.letters.find(LetterQuery(state=""))
        }
    assert states == {"x": "retried", "y": "edited"}


def test_jobs_from_before_the_migration_keep_their_sets(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    engine = SqliteFile(path).open(writes=True)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with sqlite3.connect(path) as before:
        before.execute("INSERT INTO jobs VALUES (4, '2026', 'why', 5, 'running')")
        before.executemany(
            "INSERT INTO job_items VALUES (4, ?, 'far.put', ?)",
            [("b", "remaining"), ("a", "sent"), ("c", "remaining")],
        )
    before.close()
    engine.dispose()
    store = Store.on(SqliteFile(path), "rev")
    with store.read() as reader:
        job = reader.jobs.get(4)
        assert job is not None
        assert (job.how, job.rate, job.options) == ("retry", 5, {})
        items = reader.jobs.items(4, "remaining", 9)
        assert [(one.item, one.message_id) for one in items] == [(2, "b"), (3, "c")]
    assert totals(store, 4) == {"all": 3, "remaining": 2, "succeeded": 1}
    store.close()
