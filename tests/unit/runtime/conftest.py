"""A small landscape whose parts are stepped by hand, over a store in memory."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router import CONTRACT, TEMPLATE, Answer, Health, Prepared, component, knob
from router.config.environments import EnvironmentFile
from router.config.project import load_project
from router.infra.store.store import Store
from router.runtime.clock import ManualClock
from router.runtime.verdicts import Verdict
from router.runtime.wiring import Hooks, build_parts, open_exchange

DIALECT = "https://json-schema.org/draft/2020-12/schema"
RULES = """
outcome:
  - {if: "=status == `503`", is: retry}
  - {if: "=status == `409`", is: refused, code: closed}
  - {if: "=status == `200`", is: done}
  - {otherwise: unknown}
"""
TEXTS = {
    "contracts/order/contract.yaml": """
        contract: order
        owner: us
        versions: {1.0.0: {status: active}}
        """,
    "contracts/order/1.0.0.json": {"type": "object"},
    "contracts/thing/contract.yaml": """
        contract: thing
        owner: us
        versions: {1.0.0: {status: active}}
        keys: [id]
        """,
    "contracts/thing/1.0.0.json": {"type": "object", "required": ["id"]},
    "transforms/shop/thing.yaml": """
        inputs: {body: order@1}
        to: thing@1
        map: {id: =body.id, amount: =body.amount}
        """,
    "routes/policies/patient.yaml": """
        policy: failure
        name: patient
        retry: {after: [5s, 30s], within: 1h}
        at_last: dead_letter
        """,
    "routes/systems/far.yaml": """
        system: far
        owner: us
        adapter: wire
        on_failure: patient
        operations:
          get:
            arguments: [id]
            returns: order@1
            request: {ask: "/get/{id}"}
            RULES
          put:
            accept: thing@1
            request: {ask: /put}
            idempotency: {kind: none}
            RULES
        """,
    "routes/flows/things.yaml": """
        flow: things
        owner: us
        from: {object: thing@1}
        steps: [{send: {operation: far.put}}]
        on_failure: patient
        """,
    "routes/channels/shop.yaml": """
        channel: shop
        owner: us
        from: {http: {path: /in/shop, verify: {none: a test}, format: json}}
        kind: =headers.kind
        identity: {object: [=body.id], version: =body.version, compare: [=body.amount]}
        routes:
          plain:
            accept: order@1
            correlation: [order, =body.id]
            steps:
              - transform: shop/thing
              - produce: {object: thing@1, compare: [=payload.amount]}
          asking:
            accept: order@1
            steps:
              - enrich: {call: far.get, with: {id: =body.ask}, as: more}
              - transform: shop/thing
              - produce: {object: thing@1, compare: [=payload.amount]}
          twice:
            accept: order@1
            steps:
              - transform: shop/thing
              - send: {operation: far.put}
              - transform: shop/thing
              - send: {operation: far.put}
        otherwise: [{discard: not wanted}]
        on_failure: patient
        """,
    "routes/environments/test.yaml": """
        environment: test
        store: {sqlite: store.db}
        systems: {far: {}}
        """,
}


@component("wire request", doc="A request of a pretended protocol.")
class WireRequest:
    """What an operation over the wire asks."""

    ask: Any = knob(TEMPLATE, doc="the address")
    contract: Any = knob(CONTRACT, doc="what is sent", default=None)
    answer: Any = knob(CONTRACT, doc="what a good answer keeps", default=None)

    def complaint(self) -> str:
        """Nothing can be wrong with it as a whole."""
        return ""


@component("wire settings", doc="Where a pretended system is.")
class WireSettings:
    """It is nowhere."""


class Wire:
    """A protocol that is only pretended: it answers what the test says."""

    Request = WireRequest
    Settings = WireSettings
    timeout = timedelta(seconds=10)

    def __init__(self, _settings: Any, _secrets: Any) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.answer: Callable[[str], Answer | Exception] = lambda _: Answer(status=200, body={})
        #: calls that were begun: the bytes, the key, and who is told
        self.begun: list[tuple[bytes, dict[str, str], Callable[[Any], None]]] = []

    def prepare(self, request: Any, values: Mapping[str, Any], document: Any) -> Prepared:
        """Return the exact request."""
        body = json.dumps(document).encode()
        return Prepared(head={"verb": "ask", "target": request.ask.fill(values)}, body=body)

    def call(self, prepared: Prepared, _key: Mapping[str, str]) -> Answer:
        """Answer as the test says."""
        target = str(prepared.head["target"])
        self.asked.append((target, prepared.body))
        answer = self.answer(target)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def begin(
        self, prepared: Prepared, key: Mapping[str, str], then: Callable[[Any], None]
    ) -> None:
        """Begin a call; the test says when it ends, and how."""
        self.begun.append((prepared.body, dict(key), then))

    def flush(self) -> None:
        """Hold nothing back."""

    def check(self) -> Health:
        """Be well."""
        return Health(ok=True)

    def close(self) -> None:
        """Hold nothing."""


class Landscape:
    """The parts of a small project, stepped by hand."""

    def __init__(self, root: Path, now: Any, more: Mapping[str, Any] | None = None) -> None:
        for name, text in {**TEXTS, **(more or {})}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_written(name, text))
        self.project, found = load_project(root, {"wire": Wire})
        assert found == [], "\n".join(map(str, found))
        self.clock = ManualClock(now)
        self.store = Store.in_memory(self.project.revision)
        environment: EnvironmentFile = self.project.environments["test"]
        exchange = open_exchange(self.project, environment, None, self.clock)  # type: ignore[arg-type]
        self.exchange = exchange
        self.verdicts: list[Verdict] = []
        self.parts = build_parts(
            self.project, environment, self.store, exchange, Hooks(observe=self.verdicts.append)
        )
        self.wire: Any = exchange.adapters["far"]
        self.channel = self.project.channels["shop"]

    def take(self, kind: str, **body: Any) -> str:
        """Take a delivery in; return the id of its message."""
        receipt = self.parts.ingress.receive(
            self.channel, {"kind": kind}, json.dumps(body).encode()
        )
        return receipt.result().messages[0][0]

    def run(self) -> None:
        """Step everything until nothing moves any more."""
        for _ in range(200):
            moved = self.parts.loop.step()
            moved += sum(worker.step() for worker in self.parts.workers)
            if not moved and self.parts.loop.idle:
                return
        raise AssertionError("it never comes to rest")

    def wait(self, seconds: float) -> None:
        """Let time pass, and what is due come again."""
        self.clock.move_to(self.clock.now() + timedelta(seconds=seconds))
        self.parts.scheduler.step()

    def counted(self) -> dict[tuple[str, str, str], int]:
        """Return the counters by consumer, word and reason."""
        with self.store.read() as reader:
            return {
                (one["consumer"], one["word"], one["reason"]): one["n"] for one in reader.counters()
            }

    def words(self, message: str) -> list[str]:
        """Return the journal's words about a message."""
        with self.store.read() as reader:
            found: list[str] = []
            for correlation in reader.correlations(message):
                found += [
                    one["word"]
                    for one in reader.history(correlation)
                    if one["message_id"] == message
                ]
            return found

    def sizes(self) -> dict[str, int]:
        """Return how many rows wait, where."""
        with self.store.read() as reader:
            return {name: n for name, n in reader.sizes().items() if n}


@pytest.fixture
def land(tmp_path: Path, noon: Any) -> Iterator[Landscape]:
    """A fresh landscape."""
    made = Landscape(tmp_path, noon)
    yield made
    made.parts.close()


def _written(name: str, text: Any) -> str:
    if isinstance(text, str):
        rules = textwrap.indent(RULES.strip(), " " * 12).lstrip()
        return textwrap.dedent(text.replace("RULES", rules))
    contract = name.split("/")[1]
    return json.dumps({"$schema": DIALECT, "$id": f"urn:contract:{contract}:1.0.0", **text})
