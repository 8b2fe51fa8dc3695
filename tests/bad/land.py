"""Owns: the shipped landscape over a store in memory, its parts stepped by hand, far sides played.
Imports: router, the project's own configuration.
Never: leaves the process, waits for the time of the machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import text

from router.config.project import Project, load_project
from router.core.decision import Produced, Routed
from router.core.ports import Answer, Health, Prepared
from router.infra.store.store import Store
from router.runtime.clock import ManualClock
from router.runtime.exchange import Exchange
from router.runtime.installed import installed_adapters
from router.runtime.verdicts import Verdict
from router.runtime.wiring import Hooks, Parts, build_parts, open_adapters

ROOT = Path(__file__).parents[2]
START = datetime(2026, 3, 2, 12, tzinfo=UTC)
#: steps after which something goes in circles
MOST_STEPS = 500
#: words of the journal after which a message goes on
ON_THE_WAY = ("retry", "enriched", "accepted")
#: stands in a text of every payload: no error may show it
PRIVATE = "mrs-private"


class Secrets:
    """Secrets that anybody may know."""

    def get(self, reference: str) -> str:
        return f"secret of {reference}"


class Far:
    """A far side: it prepares as the real adapter does, and answers as told."""

    timeout = timedelta(seconds=5)

    def __init__(self, real: Any, answer: Callable[[Prepared], Answer]) -> None:
        self._real = real
        self.answer = answer
        self.calls: list[Prepared] = []

    def prepare(self, request: Any, values: Any, document: Any) -> Prepared:
        made = self._real.prepare(request, values, document)
        assert isinstance(made, Prepared)
        return made

    def call(self, prepared: Prepared, _key: Any) -> Answer:
        self.calls.append(prepared)
        return self.answer(prepared)

    def check(self) -> Health:
        return Health(ok=True)

    def close(self) -> None:
        pass


@dataclass(slots=True)
class Books:
    """What the ledger, the shop and reporting hold; the same reference posts twice."""

    journals: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)

    def ledger(self, prepared: Prepared) -> Answer:
        if prepared.head["verb"] == "POST":
            self.journals.append(json.loads(prepared.body))
            return Answer(status=201, body={"document": _document(len(self.journals))})
        wanted = prepared.head["query"]["reference"]
        there = [
            {"document": _document(number)}
            for number, one in enumerate(self.journals, 1)
            if one["reference"] == wanted
        ]
        return Answer(status=200, body={"journals": there})

    def shop(self, prepared: Prepared) -> Answer:
        number = prepared.head["target"].rpartition("/")[2].removesuffix(".json")
        order = self.orders.get(number)
        return Answer(status=404) if order is None else Answer(status=200, body={"order": order})

    def bi(self, prepared: Prepared) -> Answer:
        name = prepared.head["target"]
        if prepared.head["verb"] == "exists":
            return Answer(status=200 if name in self.files else 404)
        self.files[name] = prepared.body
        return Answer(status=201, body={"name": name})

    @property
    def postings(self) -> dict[str, str]:
        """Return what was credited to the customers' clearing accounts: text to amount."""
        assert len({one["text"] for one in self.journals}) == len(self.journals), "posted twice"
        return {one["text"]: f"{_clearing(one)} {one['currency']}" for one in self.journals}


@lru_cache(1)
def shipped() -> Project:
    """Return the project that is shipped; it is never changed."""
    project, found = load_project(ROOT, installed_adapters())
    assert not found, [str(one) for one in found]
    return project


class Land:
    """The landscape. What is given is taken in; `work` steps everything until nothing moves."""

    def __init__(self, store: Store | None = None, ledger: Any = None) -> None:
        """`ledger` is a real adapter in the place of the one that is played."""
        project = shipped()
        settings = project.environments["test"]
        real = open_adapters(project, settings, Secrets())
        self.books = Books()
        self.ledger = ledger or Far(real["ledger"], self.books.ledger)
        self.shop = Far(real["shop"], self.books.shop)
        self.bi = Far(real["bi"], self.books.bi)
        self.old_books = Far(real["legacy_erp"], self.books.bi)
        self.clock = ManualClock(START)
        self.store = store or Store.in_memory(project.revision)
        self.exchange = Exchange(
            operations=project.operations,
            adapters={
                "ledger": self.ledger,
                "shop": self.shop,
                "bi": self.bi,
                "legacy_erp": self.old_books,
            },
            env={},
            clock=self.clock,
        )
        self._given: dict[str, tuple[str, bytes]] = {}
        self._produced: list[Produced] = []
        self._events = 0
        self.parts = self.assemble()

    def assemble(self) -> Parts:
        """Return fresh parts over the store, as after a start."""
        project = shipped()
        hooks = Hooks(observe=self._observe)
        settings = project.environments["test"]
        return build_parts(project, settings, self.store, self.exchange, hooks)

    def give(self, kind: str, body: Any, **headers: str) -> str:
        """Take a webhook in; return the id of its message."""
        self._events += 1
        made = {
            "x-shopify-topic": kind,
            "x-shopify-event-id": f"event-{self._events}",
            "x-shopify-shop-domain": "outdoor-eu.example.com",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        return self._take("shopify", made, body if isinstance(body, bytes) else encode(body))[0]

    def give_to(self, channel: str, body: bytes) -> str:
        """Take a body in for a channel without headers; return the id of its first message."""
        return self._take(channel, {}, body)[0]

    def give_many(self, channel: str, body: bytes, **headers: str) -> list[str]:
        """Take a body of several records in; return the ids of their messages."""
        made = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._take(channel, made, body)

    def give_day(self, body: bytes) -> list[str]:
        """Take a file of the tills in; return the ids of its messages."""
        return self._take("poslog", {"file-name": "day.xml"}, body)

    def _take(self, channel: str, headers: dict[str, str], body: bytes) -> list[str]:
        found = self.parts.ingress.receive(shipped().channels[channel], headers, body).result()
        messages = [message for message, _ in found.messages]
        self._given.update(dict.fromkeys(messages, (found.delivery, body)))
        return messages

    def work(self) -> None:
        """Step until nothing moves at this moment."""
        for _ in range(MOST_STEPS):
            moved = self.parts.loop.step() + self.parts.scheduler.step()
            moved += sum(worker.step() for worker in self.parts.workers)
            if not moved and self.parts.loop.idle:
                return
        raise AssertionError("it goes in circles")

    def later(self, seconds: float) -> None:
        """Let time pass, then work."""
        self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))
        self.work()

    def query(self, sql: str, **values: Any) -> list[Any]:
        """Ask the store."""
        with self.store.read() as reader:
            return [tuple(row) for row in reader._connection.execute(text(sql), values)]

    def ending(self, message: str) -> tuple[str, str]:
        """Return the word that a message ended with, and the reason of its dead letter."""
        sql = "SELECT word FROM journal WHERE message_id = :message"
        words = [word for (word,) in self.query(sql, message=message) if word not in ON_THE_WAY]
        assert len(words) == 1, f"every record ends once: {words}"
        return words[0], self.letter(message)[0]

    def letter(self, message: str) -> tuple[str, str]:
        """Return reason and detail of the dead letter of a message, empty when it has none."""
        sql = "SELECT reason, detail FROM dead WHERE message_id = :message"
        found = self.query(sql, message=message)
        assert len(found) <= 1
        return found[0] if found else ("", "")

    def objects(self, message: str, name: str) -> list[Any]:
        """Return the objects of a contract that a message produced."""
        return [
            one.message.payload
            for one in self._produced
            if one.contract.name == name and one.message.causationid == message
        ]

    def _observe(self, verdict: Verdict) -> None:
        effects = verdict.decision.effects if isinstance(verdict.decision, Routed) else ()
        self._produced += [one for one in effects if isinstance(one, Produced)]

    def assert_nothing_lost(self) -> None:
        """Every record ended once, every delivery is kept byte for byte, errors show no payload."""
        for message, (delivery, body) in self._given.items():
            self.ending(message)
            kept = self.query("SELECT body FROM deliveries WHERE id = :id", id=delivery)
            assert kept == [(body,)]
        with self.store.read() as reader:
            waiting = {name: n for name, n in reader.sizes().items() if n and name != "dead"}
        assert waiting == {}
        for detail, reason in self.query("SELECT detail, reason FROM dead"):
            assert reason, "a dead letter without a reason"
            assert PRIVATE not in detail
            assert detail.isprintable(), f"one line that a terminal can show: {detail!r}"
            assert len(detail) < 1000
        for (detail,) in self.query("SELECT detail FROM journal WHERE word <> 'enriched'"):
            assert PRIVATE not in detail


def encode(body: Any) -> bytes:
    """Return a document as a vendor writes it."""
    return json.dumps(body, ensure_ascii=False).encode()


def _document(number: int) -> dict[str, Any]:
    return {"number": f"{number:010d}", "year": 2026}


def _clearing(journal: dict[str, Any]) -> str:
    (found,) = [one["amount"] for one in journal["lines"] if one["text"] == "clearing"]
    assert isinstance(found, str)
    return found
