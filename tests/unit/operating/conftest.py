"""A small world: notes come in, are enriched, and are put to a far side that answers as told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from router.config.project import Project, load_project
from router.core.errors import Retryable
from router.core.ports import Answer, Health, Prepared
from router.infra.codecs import encode_json
from router.infra.store.pauses import Pause
from router.infra.store.store import Store
from router.runtime.clock import ManualClock
from router.runtime.exchange import Exchange
from router.runtime.forecast import forecaster_of
from router.runtime.installed import installed_adapters
from router.runtime.wiring import Hooks, Parts, build_parts, revisions_of

START = datetime(2026, 5, 1, 8, tzinfo=UTC)

FILES = {
    "contracts/note/contract.yaml": """
contract: note
owner: tests
versions: {1.0.0: {status: active}}
keys: [id]
""",
    "contracts/note/1.0.0.json": """
{"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "urn:contract:note:1.0.0",
 "type": "object", "required": ["id", "thing"],
 "properties": {"id": {"type": "integer"}, "thing": {"type": "string"}}}
""",
    "routes/policies/quick.yaml": """
policy: failure
name: quick
retry: {after: [10s, 10s], within: 1h}
at_last: dead_letter
""",
    "transforms/note.yaml": """
inputs: {body: note@1, more: note@1}
to: note@1
map: {id: =body.id, thing: =body.thing}
""",
    "routes/channels/notes.yaml": """
channel: notes
owner: tests
from: {http: {path: /in/notes, format: json, verify: {none: tests}}}
kind: ='note'
identity: {object: [note, =body.id]}
routes:
  note:
    accept: note@1
    order_by: [thing, =body.thing]
    steps:
      - enrich: {call: far.ask, with: {id: =body.id}, as: more}
      - transform: note
      - produce: {object: note@1}
otherwise: [{dead_letter: unknown_kind}]
on_failure: quick
""",
    "routes/flows/keep.yaml": """
flow: keep
owner: tests
from: {object: note@1}
steps: [{send: {operation: far.put}}]
on_failure: quick
""",
    "routes/systems/far.yaml": """
system: far
owner: tests
adapter: http
on_failure: quick
operations:
  ask:
    arguments: [id]
    returns: note@1
    request: {get: "/notes/{id}"}
    outcome:
      - {if: "=status == `200`", is: done}
      - {if: "=status == `404`", is: refused, code: gone}
      - {otherwise: retry}
  put:
    accept: note@1
    request: {post: /notes, contract: note@1}
    idempotency: {kind: key, header: idempotency-key}
    outcome:
      - {if: "=status == `200`", is: done}
      - {if: "=status == `400`", is: refused, code: bad}
      - {otherwise: retry}
""",
    "routes/environments/test.yaml": """
environment: test
store: {sqlite: var/x.db}
systems: {far: {url: "http://127.0.0.1:1"}}
""",
}


class Far:
    """A far side: what it answers (a status, or all of it) is decided by verb and note."""

    timeout = timedelta(seconds=5)

    def __init__(self, real: Any, decide: Callable[[str, int], int | Answer]) -> None:
        self._real = real
        self._decide = decide
        #: ids that were put with success, in order
        self.put: list[int] = []
        #: bodies that were put with success, and under which key
        self.bodies: list[Any] = []
        self.keys: list[str] = []
        #: keys of all that was asked to be put, also of what was refused
        self.tried: list[str] = []
        #: how often it was asked
        self.asked = 0

    def prepare(self, request: Any, values: Any, document: Any) -> Prepared:
        return self._real.prepare(request, values, document)

    def call(self, prepared: Prepared, key: Any) -> Answer:
        verb = prepared.head["verb"]
        note = json.loads(prepared.body) if prepared.body else None
        number = note["id"] if note else int(prepared.head["target"].rpartition("/")[2])
        status = self._decide(verb, number)
        if verb == "POST":
            self.tried.append(key.get("idempotency-key", ""))
        if isinstance(status, Answer):
            return status
        if status == 0:
            raise Retryable("no connection")
        if verb == "POST" and status == 200:
            self.put.append(number)
            self.bodies.append(note)
            self.keys.append(key["idempotency-key"])
        self.asked += verb == "GET"
        return Answer(status=status, body=note or {"id": number, "thing": "x"})

    def check(self) -> Health:
        return Health(ok=True)

    def close(self) -> None:
        pass


class World:
    """The parts over a store in memory, stepped by hand."""

    def __init__(
        self,
        root: Path,
        decide: Callable[[str, int], int | Answer],
        files: Mapping[str, str],
    ) -> None:
        for name, text in {**FILES, **files}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.lstrip())
        self.root, self.decide = root, decide
        project = self.load()
        settings = project.environments["test"]
        self.far = Far(project.systems["far"].adapter(settings.systems["far"], None), decide)
        self.clock = ManualClock(START)
        self.store = Store.in_memory(project.revision)
        self.begin(project)

    def load(self) -> Project:
        project, findings = load_project(self.root, installed_adapters())
        assert not findings, [str(one) for one in findings]
        return project

    def begin(self, project: Project) -> None:
        """Run a project over the store, as a process that has just started."""
        self.project = project
        self.store.take_up(project.revision)
        revisions = revisions_of(self.root, self.store)
        revisions.keep(project, self.clock.now())
        exchange = Exchange(
            operations=project.operations, adapters={"far": self.far}, env={}, clock=self.clock
        )
        self.parts: Parts = build_parts(
            project,
            project.environments["test"],
            self.store,
            exchange,
            Hooks(observe=lambda _: None, revisions=revisions),
        )
        self.forecaster = forecaster_of(project, {}, (self.store, exchange, revisions))

    def change(self, *changes: tuple[str, str, str]) -> None:
        """Change texts of the project (file, old, new) and restart with them."""
        for name, old, new in changes:
            path = self.root / name
            text = path.read_text() if path.exists() else ""
            assert old in text, name
            path.write_text(text.replace(old, new) if old else new)
        self.begin(self.load())

    def restart(self) -> None:
        """Let another process take over the store."""
        self.begin(self.project)

    def give(self, number: int, thing: str) -> None:
        channel = self.project.channels["notes"]
        self.parts.ingress.receive(
            channel, {}, encode_json({"id": number, "thing": thing})
        ).result()

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Put a command into the inbox, let the operator carry it out, and return its result."""
        number = self.store.write(
            lambda transaction: transaction.inbox.ask(self.clock.now(), "ann", verb, arguments)
        )
        self.parts.operator.step()
        with self.store.read() as reader:
            command = reader.inbox.get(number)
        assert command.state in ("done", "failed"), command
        return dict(command.result)

    def pauses(self) -> dict[str, Pause]:
        with self.store.read() as reader:
            return {one.name: one for one in reader.pauses.all()}

    def left(self, name: str) -> int:
        with self.store.read() as reader:
            return reader.pauses.left(self.pauses()[name])

    def journal(self, word: str) -> list[tuple[str, str]]:
        """Return (consumer, reason) of each line of the counters with a word, once a message."""
        with self.store.read() as reader:
            return [
                (row["consumer"], row["reason"])
                for row in reader.counters()
                if row["word"] == word
                for _ in range(row["n"])
            ]

    def work(self) -> None:
        """Step until nothing moves at this moment."""
        while (
            self.parts.loop.step()
            or any(worker.step() for worker in self.parts.workers)
            or self.parts.scheduler.step()
        ):
            pass

    def later(self, seconds: float) -> None:
        self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))
        self.work()

    def sizes(self) -> dict[str, int]:
        with self.store.read() as reader:
            return {name: n for name, n in reader.sizes().items() if n}


@pytest.fixture
def make_world(tmp_path: Path) -> Callable[..., World]:
    """Return a maker of worlds: it is given what the far side answers to (verb, note), and files
    that take the place of others.
    """
    return lambda decide, files=None: World(tmp_path, decide, files or {})
