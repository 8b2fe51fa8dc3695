"""Owns: a small landscape with a workflow, on top of the one that tests of the runtime share.
Imports: tests.unit.runtime.conftest.
Never: holds what a test decides.
"""

from __future__ import annotations

import json
from typing import Any

from router.core.instance import Snapshot
from router.infra.store.letters import LetterQuery
from tests.unit.runtime.conftest import Landscape

VISITS = {
    "contracts/note/contract.yaml": """
        contract: note
        owner: us
        versions: {1.0.0: {status: active}}
        """,
    "contracts/note/1.0.0.json": {"type": "object"},
    "transforms/shop/note.yaml": """
        inputs: {body: order@1}
        to: note@1
        map: {id: =body.id, amount: =body.amount, about: =body.about}
        """,
    "transforms/visits/thing.yaml": """
        inputs: {view: note@1}
        to: thing@1
        map: {id: =view.id, amount: =view.amount}
        """,
    "transforms/visits/kept.yaml": """
        inputs: {payload: note@1}
        to: thing@1
        map: {id: =payload.id, amount: kept}
        """,
    "routes/flows/kept.yaml": """
        flow: kept
        owner: us
        from: {object: note@1}
        steps: [{transform: visits/kept}, {send: {operation: far.put}}]
        on_failure: patient
        """,
    "routes/policies/days.yaml": """
        policy: calendar
        name: days
        zone: Europe/Berlin
        """,
    "routes/policies/evening.yaml": """
        policy: window
        name: evening
        zone: Europe/Berlin
        closes: "22:00"
        period: day
        """,
    "routes/policies/kinds.yaml": """
        policy: exception
        name: kinds
        rules:
          - {category: permanent, severity: high, owner: us, sla: 4h}
        """,
    "routes/workflows/visit.yaml": """
        workflow: visit
        owner: us
        version: 1
        retain: {closed: 10d, tombstone: 100d}
        facts:
          head: {merge: first}
          words: {merge: first, id: word, closed_by: hear}
        events:
          visit.asked:
            contract: note@1
            key: =body.id
            starts: true
            put: {head: {amount: =body.amount}}
          visit.heard:
            contract: note@1
            find: {nick: =body.about}
            put: {words: [{word: =body.about}]}
          visit.dropped: {contract: note@1, key: =body.id}
        views:
          whole: {contract: note@1, map: {id: =instance.key, amount: =facts.head.amount}}
        aliases: {nick: =facts.head.amount}
        emits: {visit.kept: {view: whole}}
        aborts:
          dropped: {event: visit.dropped, if: "=!is_done('tell')", refuse: visit.kept}
        calendar: [{use: days}]
        exceptions: {classes: kinds}
        defaults:
          event: {orphan: {park: 1d, then: exception}}
          step: {timeout: {after: 3d, do: exception}}
          undo: {timeout: {after: 3d, do: exception}}
        steps:
          tell:
            send: {operation: far.put, view: whole, transform: visits/thing}
            undo: {none: it only tells}
          hear: {needs: [tell], await: =facts.words}
          book:
            needs: [hear]
            hold: {window: evening, timeout: {after: 2d, do: exception}}
            send: {operation: far.put, view: whole, transform: visits/thing}
            undo: {none: nothing takes it back}
        states:
          - {is: open}
          - {is: told, if: "=is_done('tell')"}
          - {is: ended, if: "=instance.opened && all_settled()", final: true}
        """,
    "routes/channels/desk.yaml": """
        channel: desk
        owner: us
        from: {http: {path: /in/desk, verify: {none: a test}, format: json}}
        kind: =headers.kind
        identity: {delivery: [=headers.n]}
        routes:
          asked:
            accept: order@1
            steps: [{transform: shop/note}, {signal: {workflow: visit, event: visit.asked}}]
          heard:
            accept: order@1
            steps: [{transform: shop/note}, {signal: {workflow: visit, event: visit.heard}}]
          dropped:
            accept: order@1
            steps: [{transform: shop/note}, {signal: {workflow: visit, event: visit.dropped}}]
        otherwise: [{discard: not wanted}]
        on_failure: patient
        """,
}


class Visits(Landscape):
    """The landscape with a workflow."""

    number = 0

    def come(self, kind: str, **body: Any) -> str:
        """Let an event come by the channel of the workflow; return its record's message."""
        self.number += 1
        channel = self.project.channels["desk"]
        headers = {"kind": kind, "n": str(self.number)}
        receipt = self.parts.ingress.receive(channel, headers, json.dumps(body).encode())
        return receipt.result().messages[0][0]

    def run(self) -> None:
        """Step everything until nothing moves any more."""
        for _ in range(200):
            super().run()
            if not self.parts.turner.step():
                return
        raise AssertionError("it never comes to rest")

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Put a command into the inbox, let the operator carry it out, and return its result."""
        now = self.clock.now()
        number = self.store.write(
            lambda transaction: transaction.inbox.ask(now, "ann", verb, arguments)
        )
        self.parts.operator.step()
        with self.store.read() as reader:
            command = reader.inbox.get(number)
        assert command.state in ("done", "failed"), command
        return dict(command.result)

    def instance(self, key: str) -> Snapshot:
        """Return an instance."""
        with self.store.read() as reader:
            return reader.instances.named([("visit", key)])["visit", key]

    def status(self, key: str, step: str) -> str:
        """Return the status of a step."""
        record = self.instance(key).state["steps"].get(step, {}).get("", {})
        return str(record.get("status", "idle"))

    def letters(self) -> list[tuple[str, str]]:
        """Return the dead letters: reason, detail."""
        with self.store.read() as reader:
            return [(one["reason"], one["detail"]) for one in reader.letters.find(LetterQuery())]
