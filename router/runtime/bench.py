"""Owns: measuring the embedded pipeline beside a bare loop that writes the same rows.
Imports: config, infra, runtime; sqlite3 for the bare loop.
Never: claims a figure of its own: both run in turn in one process, medians and their ratio count.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from router.config.project import Project, load_project
from router.infra.codecs import decode_json, decode_trusted, encode_json
from router.infra.secrets import ProcessSecrets
from router.infra.store.database import Database
from router.infra.store.sqlite import SqliteFile
from router.infra.store.store import Store
from router.runtime.clock import SystemClock
from router.runtime.installed import installed_adapters
from router.runtime.memory import settle_memory
from router.runtime.wiring import Hooks, Parts, build_parts, open_exchange

#: a delivery: headers and body
Sent: TypeAlias = tuple[dict[str, str], bytes]

#: deliveries that wait for the disk at once, as with many senders
WINDOW = 256
_SCHEMA = {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"}
_TEXT = {"type": "string"}
_LINE = {
    "type": "object",
    "required": ["code", "price"],
    "properties": {"code": _TEXT, "price": _TEXT},
}
_PERSON = {"type": "object", "properties": {"id": _TEXT, "city": _TEXT}}
_TEXTS: dict[str, Any] = {
    "contracts/note/contract.yaml": "contract: note\nowner: bench\n"
    "versions: {1.0.0: {status: active}}\nkeys: [id]\n",
    "contracts/note/1.0.0.json": {
        **_SCHEMA,
        "$id": "urn:contract:note:1.0.0",
        "required": ["id", "total"],
    },
    "contracts/inbox/note/contract.yaml": "contract: inbox/note\nowner: bench\n"
    "versions: {1.0.0: {status: active}}\n",
    "contracts/inbox/note/1.0.0.json": {
        **_SCHEMA,
        "$id": "urn:contract:inbox/note:1.0.0",
        "required": ["id", "lines", "total", "currency"],
        "properties": {
            "id": {"type": "integer"},
            **dict.fromkeys(("name", "state", "at", "total", "currency"), _TEXT),
            "person": _PERSON,
            "lines": {"type": "array", "maxItems": 5000, "items": _LINE},
        },
    },
    "routes/policies/patient.yaml": "policy: failure\nname: patient\n"
    "retry: {after: [5s], within: 1h}\nat_last: dead_letter\n",
    "transforms/note.yaml": """inputs: {body: inbox/note@1}
to: note@1
map:
  id: =body.id
  name: =body.name
  who: =body.person.id
  where: =body.person.city
  state: =body.state
  at: =body.at
  total: "=money(body.total, body.currency)"
  lines:
    each: =body.lines
    map: {code: =item.code, price: "=money(item.price, body.currency)"}
""",
    "routes/channels/notes.yaml": """channel: notes
owner: bench
from: {http: {path: /in/notes, format: json, verify: {none: a benchmark}}}
kind: =headers.topic
identity: {delivery: [=headers.event], object: [note, =body.id], compare: [=body.total]}
routes:
  note:
    accept: inbox/note@1
    correlation: [note, =body.id]
    steps: [{transform: note}, {produce: {object: note@1}}]
otherwise: [{dead_letter: unknown_kind}]
on_failure: patient
""",
    "routes/flows/keep.yaml": "flow: keep\nowner: bench\nfrom: {object: note@1}\n"
    "steps: [{send: {operation: far.put}}]\non_failure: patient\n",
    "routes/systems/far.yaml": """system: far
owner: bench
adapter: http
on_failure: patient
operations:
  put:
    accept: note@1
    request: {post: /notes, contract: note@1}
    idempotency: {kind: key, header: idempotency-key}
    outcome: [{if: "=status == `200`", is: done}, {otherwise: retry}]
""",
    "routes/environments/bench.yaml": "environment: bench\nstore: {sqlite: var/x.db}\n"
    'systems: {far: {url: "http://127.0.0.1:1"}}\n',
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Messages a second, one figure a repeat; CPU in microseconds a message."""

    pipeline: tuple[float, ...]
    bare: tuple[float, ...]
    pipeline_cpu: tuple[float, ...]
    bare_cpu: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Return the median of pipeline / bare, repeat by repeat."""
        return statistics.median(a / b for a, b in zip(self.pipeline, self.bare, strict=True))


def measure_embedded(messages: int, repeats: int) -> Figures:
    """Take, decide and record `messages` notes through route, flow and command; and bare beside it.

    The pipeline's work ends with the command on disk; no call is made.
    """
    runs: list[tuple[float, float]] = []
    bares: list[tuple[float, float]] = []
    sent = [sent_note(number) for number in range(messages)]
    bodies = [body for _, body in sent]
    settle_memory()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        project = bench_project(root)
        for repeat in range(repeats):
            with opened(project, SqliteFile(root / f"{repeat}.db")) as carry:
                runs.append(timed(messages, partial(carry, sent)))
            with _bare(root / f"bare{repeat}.db") as carry:
                bares.append(timed(messages, partial(carry, bodies)))
    return Figures(
        pipeline=tuple(rate for rate, _ in runs),
        bare=tuple(rate for rate, _ in bares),
        pipeline_cpu=tuple(cpu for _, cpu in runs),
        bare_cpu=tuple(cpu for _, cpu in bares),
    )


def timed(messages: int, run: Callable[[], None]) -> tuple[float, float]:
    """Return what a run makes of so many messages: a second, and microseconds of CPU for each."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    spent = time.perf_counter() - wall
    return messages / spent, (time.process_time() - cpu) / messages * 1e6


def texts() -> dict[str, Any]:
    """Return the texts of the project that is measured, by path."""
    return dict(_TEXTS)


def bench_project(root: Path, others: Mapping[str, Any] | None = None) -> Project:
    """Write the project that is measured, with `others` in the place of its texts; return it."""
    return written(root, {**_TEXTS, **(others or {})})


def written(root: Path, texts: Mapping[str, Any]) -> Project:
    """Write the texts of a project, and return it."""
    for name, text in texts.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text if isinstance(text, str) else json.dumps(text))
    project, findings = load_project(root, installed_adapters())
    assert not findings, [str(one) for one in findings]
    return project


def body_of(number: int) -> bytes:
    """Return a note of 1.2 kB."""
    lines = [{"code": f"c{k}", "price": "9.95", "text": "words " * 12} for k in range(3)]
    return json.dumps(
        {
            "id": number, "name": f"n{number}", "person": {"id": f"p{number}", "city": "Bern"},
            "state": "open", "at": "2026-01-01T00:00:00Z", "currency": "EUR", "total": "29.85",
            "lines": lines, "remark": "x" * 500,
        }
    ).encode()  # fmt: skip


def sent_note(number: int) -> Sent:
    """Return a note as its sender delivers it: headers and body."""
    return {"topic": "note", "event": event_of(number)}, body_of(number)


def event_of(number: int) -> str:
    """Return the sender's id of a delivery: as with most senders, one that says nothing."""
    return hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()


@contextmanager
def opened(
    project: Project, database: Database, before: int = 0
) -> Iterator[Callable[[list[Sent]], None]]:
    """Open a store, and give what carries every note from its bytes to its command there, where
    `before` commands lie already.
    """
    store = Store.on(database, project.revision)
    environment = project.environments["bench"]
    exchange = open_exchange(project, environment, ProcessSecrets({}, None), SystemClock())
    parts = build_parts(project, environment, store, exchange, Hooks())
    carried: list[Sent] = []

    def carry(sent: list[Sent]) -> None:
        _take(parts, project, sent)
        carried.extend(sent)

    try:
        yield carry
        with store.read() as reader:
            assert reader.sizes()["sys.far"] == before + len(carried)
    finally:
        parts.close()
        store.close()


def _take(parts: Parts, project: Project, sent: list[Sent]) -> None:
    channel = project.channels["notes"]
    waiting: list[Any] = []
    for number, (headers, body) in enumerate(sent):
        waiting.append(parts.ingress.receive(channel, headers, body))
        if len(waiting) == WINDOW or number == len(sent) - 1:
            for pending in waiting:
                pending.result()
            waiting.clear()
            while parts.loop.step():
                pass


@contextmanager
def _bare(path: Path) -> Iterator[Callable[[list[bytes]], None]]:
    """Give a loop that decodes, and writes as many rows of the same size with the same fsyncs."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE a (id INTEGER PRIMARY KEY, lane TEXT, body BLOB)")
    connection.execute("CREATE INDEX a_by_lane ON a (lane)")
    connection.execute("CREATE TABLE b (key BLOB PRIMARY KEY, body BLOB) WITHOUT ROWID")
    connection.execute("CREATE TABLE c (id INTEGER PRIMARY KEY, at TEXT, word TEXT, detail TEXT)")
    yield partial(_carry_bare, connection)
    connection.close()


def _carry_bare(connection: sqlite3.Connection, bodies: list[bytes]) -> None:
    for start in range(0, len(bodies), WINDOW):
        part = bodies[start : start + WINDOW]
        documents = [decode_json(body) for body in part]
        for hop in range(3):
            rows = [encode_json(document) for document in documents]
            connection.execute("BEGIN IMMEDIATE")
            if hop:
                connection.execute("DELETE FROM a WHERE lane = ?", (str(hop - 1),))
            connection.executemany(
                "INSERT INTO a (lane, body) VALUES (?, ?)", [(str(hop), r) for r in rows]
            )
            keys = [(f"{hop}/{start}/{n}".encode(), b"x" * 48) for n in range(len(rows))]
            connection.executemany("INSERT INTO b VALUES (?, ?)", keys)
            lines = [("2026-01-01T00:00:00.000000Z", "routed", "{}") for _ in rows]
            connection.executemany("INSERT INTO c (at, word, detail) VALUES (?, ?, ?)", lines)
            connection.execute("COMMIT")
            found = connection.execute("SELECT body FROM a WHERE lane = ?", (str(hop),))
            documents = [decode_trusted(row[0]) for row in found]
