"""Nothing overtakes its key, nothing is passed over for ever: the corners of loop and worker."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from router import Answer, Retryable, Unknown
from router.config.filesources import FileSource
from router.core.decision import DeadLettered, Discarded
from router.core.errors import Unavailable
from router.core.message import Message
from router.infra.store.letters import LetterQuery
from router.infra.store.reader import Reader
from router.infra.store.rows import Queued
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.runtime import loop
from router.runtime.archive import Archive
from router.runtime.caution import Caution
from router.runtime.clock import ManualClock
from router.runtime.folders import Folder
from router.runtime.ingress import LOOP_LANE
from router.runtime.loop import Loop
from router.runtime.operator import Operator, carry_out
from router.runtime.wiring import Hooks, build_parts

DEAD = DeadLettered(reason="bad")
GONE = Discarded(reason="ok")


class Bench:
    """A loop over decisions that the test makes."""

    def __init__(self, noon: Any) -> None:
        self.clock = ManualClock(noon)
        self.store = Store.in_memory("rev")
        self.says: dict[str, Any] = {}
        self.order: list[str] = []
        self.before: Any = lambda: None
        answers: Any = type("Nobody", (), {"clock": self.clock})()
        self.loop = Loop(self.store, self, answers, self.seen)  # type: ignore[arg-type]

    def decide(self, work: Any, _held: Any) -> Any:
        self.before()
        return self.says.get(work.row.message.id, GONE)

    def lost(self, _row: Any) -> str:
        return ""

    def seen(self, verdict: Any) -> None:
        self.order.append(verdict.work.row.message.id)

    def put(self, *ids: str) -> None:
        rows = [
            Queued(
                lane=LOOP_LANE,
                consumer="shop:x",
                message=Message(
                    id=one, correlationid=one, occurred_at=self.clock.now(), order_key="k"
                ),
            )
            for one in ids
        ]
        self.store.write(lambda transaction: transaction.enqueue(rows))

    def tell(self, verb: str, **arguments: Any) -> None:
        self.store.write(
            lambda transaction: carry_out(
                transaction, verb, {"reason": "r", **arguments}, self.clock.now()
            )
        )

    def work(self) -> None:
        while self.loop.step():
            pass

    def sizes(self) -> dict[str, int]:
        with self.store.read() as reader:
            return {name: n for name, n in reader.sizes().items() if n}


@pytest.fixture
def bench(noon: Any) -> Bench:
    return Bench(noon)


def test_who_dies_in_the_batch_that_opened_its_gate_parks_the_key(bench: Bench) -> None:
    bench.says = {"a": DEAD, "b": DEAD}
    bench.put("a")
    bench.work()
    del bench.says["a"]
    bench.tell("retry", message="a")
    bench.put("b")
    bench.work()  # one batch: a is settled and opens, b closes
    bench.put("c")
    bench.work()
    assert bench.order == ["a", "a", "b"]
    assert bench.sizes() == {"dead": 1, "held_back": 1}


def test_who_was_held_back_in_a_batch_is_not_overtaken_in_it(bench: Bench) -> None:
    bench.says = {"a": DEAD}
    bench.put("a")
    bench.work()
    bench.says = {}
    bench.put("b")
    bench.tell("retry", message="a")
    bench.put("c")
    bench.work()
    assert bench.order == ["a", "a", "b", "c"]


def test_a_gate_that_an_operator_opens_meanwhile_leaves_nobody_behind(bench: Bench) -> None:
    bench.says = {"a": DEAD}
    bench.put("a")
    bench.work()
    bench.put("b")
    write = bench.store.write

    def late(job: Any) -> Any:
        bench.store.write = write  # type: ignore[method-assign]
        bench.tell("resolve", message="a")
        return write(job)

    bench.store.write = late  # type: ignore[method-assign]
    bench.work()
    assert bench.order == ["a", "b"]
    assert bench.sizes() == {}


def test_an_edited_message_goes_before_what_waited_behind_it(bench: Bench) -> None:
    bench.says = {"a": DEAD}
    bench.put("a", "b", "c")
    bench.work()
    bench.tell("edit", message="a", payload={})
    bench.work()
    assert bench.order[0] == "a"
    assert bench.order[2:] == ["b", "c"], "the edited one is second"
    assert bench.sizes() == {}


def test_an_answer_that_breaks_the_adapter_does_not_stop_the_loop(land: Any) -> None:
    land.wire.answer = lambda target: (
        ValueError("a bug") if "/get" in target else Answer(status=200, body={})
    )
    land.parts.answers._pool = ThreadPoolExecutor(1)
    bad = land.take("asking", id="a", version=1, ask="1")
    for n in range(3):
        land.take("plain", id=f"b{n}", version=1)
    for _ in range(100):
        land.parts.loop.step()
        for worker in land.parts.workers:
            worker.step()
        threading.Event().wait(0.005)
    good = land.take("plain", id="c", version=1)
    land.run()
    assert land.words(good) == ["routed"]
    assert land.words(bad) == ["retry"]


def failing_once(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write = store.write

    def fail(_job: Any) -> Any:
        monkeypatch.setattr(store, "write", write)
        raise Unavailable("the disk is full")

    monkeypatch.setattr(store, "write", fail)


def test_a_command_that_fails_while_others_are_read_is_taken_again(
    land: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (worker,) = land.parts.workers
    carry = worker._commands.carry
    land.take("plain", id="a", version=1)
    while land.parts.loop.step():
        pass

    def fails(row: Any) -> None:
        raise Unavailable("away")

    monkeypatch.setattr(worker._commands, "carry", fails)
    land.take("plain", id="b", version=1)
    read = Reader.queued

    def slow(self: Any, lane: str, *rest: Any) -> Any:
        rows = read(self, lane, *rest)
        if lane == worker._lane and len(rows) == 1 and worker._cursor:
            monkeypatch.setattr(Reader, "queued", read)
            worker._carry(first)  # another thread's call comes back without having been recorded
        return rows

    with land.store.read() as reader:
        (first,) = reader.queued(worker._lane, 0, 1)
    worker._cursor = first.id
    worker._busy.add(first.id)
    while land.parts.loop.step():
        pass
    monkeypatch.setattr(Reader, "queued", slow)
    worker.step()
    monkeypatch.setattr(worker._commands, "carry", carry)
    land.run()
    assert len(land.wire.asked) == 2


def test_a_row_whose_mark_could_not_be_written_is_taken_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    Caution(bench.store, bench.clock)
    bench.put("a")
    bench.loop.take_care(Caution(bench.store, bench.clock))
    failing_once(bench.store, monkeypatch)
    with pytest.raises(Unavailable):
        bench.loop.step()
    bench.work()
    assert bench.order == ["a"]


def test_what_may_have_arrived_stays_unsure_when_a_repeat_finds_no_connection(
    land: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = land.project.operations["far.put"]
    idempotency = operation.file.idempotency
    object.__setattr__(idempotency, "kind", "key")
    object.__setattr__(idempotency, "ttl", timedelta(minutes=10))
    answers: list[Any] = [Unknown("cut"), Retryable("away"), Retryable("away")]
    land.wire.answer = lambda target: answers.pop(0) if answers else Answer(status=200, body={})
    land.take("plain", id="a", version=1)
    land.run()
    for _ in range(4):
        land.wait(60)
        land.run()
    sends = len(land.wire.asked)
    with land.store.read() as reader:
        (letter,) = reader.letters.find(LetterQuery())
    land.wait(3600)  # the far side has forgotten the key
    land.store.write(
        lambda transaction: carry_out(
            transaction,
            "retry",
            {"message": letter["message_id"], "reason": "r"},
            land.clock.now(),
        )
    )
    land.run()
    assert len(land.wire.asked) == sends


def test_a_bug_after_the_answer_is_not_taken_for_a_secret_that_is_missing(land: Any) -> None:
    answers: list[Any] = [KeyError("an adapter's bug, after the request has left")]
    land.wire.answer = lambda target: answers.pop(0) if answers else Answer(status=200, body={})
    land.take("plain", id="a", version=1)
    land.run()
    for _ in range(6):
        land.wait(60)
        land.run()
    # idempotency none: what may have arrived is never sent again
    assert len(land.wire.asked) == 1


def test_a_correction_in_the_batch_of_a_conflict_goes_on(land: Any) -> None:
    land.take("plain", id="x", version=1, amount="5")
    land.run()
    bad = land.take("asking", id="x", version=1, amount="6", ask="1")
    good = land.take("asking", id="x", version=1, amount="5", ask="1")
    land.run()
    assert land.words(bad)[-1] == "conflict"
    assert land.words(good)[-1] == "routed"


def test_a_command_that_cannot_be_carried_out_does_not_block_the_others(bench: Bench) -> None:
    told: list[Any] = []
    door = SimpleNamespace(tell=told.append, in_hand=frozenset)
    operator = Operator(bench.store, bench.clock, door)

    def ask(transaction: Any) -> None:
        transaction.inbox.ask(bench.clock.now(), "me", "retry", {})
        transaction.inbox.ask(bench.clock.now(), "me", "pause", {"name": "channel:x", "reason": ""})

    bench.store.write(ask)
    operator.step()
    assert [one.name for one in told[-1]] == ["channel:x"]


def test_after_an_unclean_end_an_answered_row_is_alone_in_hand_as_well(
    land: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killer = land.take("asking", id="k", version=1, ask="1")
    good = land.take("plain", id="g", version=1)

    def start() -> None:
        """Start as after kill -9, and run until the killer is decided with its answer."""
        loop = land.parts.loop
        for row in loop._waiting.rows:
            loop._waiting.forget(row)
        loop._lane.start_over()
        loop.take_care(Caution(land.store, land.clock))
        decide = loop._judge.decide

        def kill(work: Any, held: Any) -> Any:
            if work.row.message.id == killer and work.answers:
                raise KeyboardInterrupt
            return decide(work, held)

        monkeypatch.setattr(loop._judge, "decide", kill)
        try:
            for _ in range(6):
                loop.step()
        except KeyboardInterrupt:
            pass
        finally:
            monkeypatch.undo()

    Caution(land.store, land.clock)
    for _ in range(7):
        start()
    assert land.words(good) == ["routed"]
    assert land.words(killer) == ["dead_lettered"]
    with land.store.read() as reader:
        assert [one["reason"] for one in reader.letters.find(LetterQuery())] == ["killer"]


def test_after_an_unclean_end_rows_that_were_in_nobodys_hands_go_together(
    land: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "MOST_IN_HAND", 3)
    Caution(land.store, land.clock)
    messages = [land.take("else", id=f"m{n}", version=1) for n in range(9)]
    land.parts.loop.take_care(Caution(land.store, land.clock))
    assert [land.parts.loop.step() for _ in range(5)] == [1, 1, 1, 6, 0]
    assert [land.words(one) for one in messages] == [["discarded"]] * 9


def test_a_command_that_cannot_be_noted_comes_again_with_the_next_tick(
    land: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not at once: a thread that is told of nothing to do waits."""
    land.take("plain", id="a", version=1)
    while land.parts.loop.step():
        pass
    (worker,) = land.parts.workers

    def away(_job: Any) -> Any:
        raise Unavailable("the disk is full")

    with monkeypatch.context() as full:
        full.setattr(land.store, "write", away)
        assert [worker.step() for _ in range(5)] == [1, 0, 0, 0, 0]
        assert land.wire.asked == []
    assert [worker.step() for _ in range(2)] == [1, 0]
    assert len(land.wire.asked) == 1


def test_an_error_of_the_store_shows_no_payload(tmp_path: Path) -> None:
    store = Store.on(SqliteFile(tmp_path / "x.db"), "rev")
    with pytest.raises(Unavailable) as caught, store.read() as reader:
        reader._connection.exec_driver_sql("select * from nowhere where x = ?", ("private",))
    store.close()
    assert "private" not in str(caught.value)


def test_a_file_that_cannot_be_read_keeps_nobody_from_being_read(
    tmp_path: Path, bench: Bench
) -> None:
    inbox, secret = tmp_path / "in", tmp_path / "secret"
    inbox.mkdir()
    secret.write_text("private")
    (inbox / ".taken-a").symlink_to(secret)
    (inbox / f"{'a' * 250}.csv").write_text("too long a name")
    (inbox / "b.csv").write_text("x")
    got: list[bytes] = []

    def receive(_channel: Any, _headers: Any, body: bytes, also: Any) -> Any:
        got.append(body)
        return bench.store.submit(lambda transaction: also(transaction, "d"))

    source = object.__new__(FileSource)
    knobs = {"pattern": "*.csv", "stable": timedelta(0), "body_limit": 99, "marker": ""}
    knobs |= {"checksum": "", "control": None}
    for name, value in knobs.items():
        object.__setattr__(source, name, value)
    channel: Any = SimpleNamespace(name="c", source=source, control=None)
    parts: Any = (bench.store, SimpleNamespace(receive=receive, takes=lambda _: True), bench.clock)
    folder = Folder(channel, inbox, Archive(lambda _day: tmp_path / "done"), parts)
    with pytest.raises(OSError, match="too long"):
        folder.step()
    assert got == [b"x"]


def test_a_command_for_a_system_that_is_gone_is_buried(land: Any) -> None:
    land.take("plain", id="a", version=1)
    while land.parts.loop.step():
        pass
    left = replace(land.project, systems={})
    exchange = replace(land.exchange, operations={}, adapters={})
    parts = build_parts(
        left, left.environments["test"], land.store, exchange, Hooks(observe=lambda _: None)
    )
    for worker in parts.workers:
        worker.step()
    assert land.sizes() == {"dead": 1}
