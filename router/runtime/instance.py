"""Owns: an instance of a workflow in the hands of a batch: as it was, as it is, what follows of it.
Imports: core, config, engine.workflow, infra.codecs, infra.store.
Never: writes (runtime.turnrecords does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Any

from router.config.workflow.workflow import Workflow
from router.core.instance import WAITS, Snapshot, TurnLine
from router.engine.workflow.living import Living
from router.engine.workflow.state import State, begin
from router.engine.workflow.values import HoldItem, OpenException
from router.infra.codecs import canonical_json
from router.infra.store.rows import Queued


@dataclass(slots=True, kw_only=True)
class Instance:
    """An instance. `before` is its state before the batch, None of one that begins in it."""

    id: str
    workflow: Workflow
    key: str
    turns: int
    correlationid: str
    began_at: datetime
    at: datetime
    state: State
    before: State | None
    #: of its state; "" of one that begins
    hash: str = ""
    #: itself in memory, where it had the last turn there
    living: Living | None = None
    #: the definition by which a migration wants it to go on
    target: Workflow | None = None
    #: what the batch adds: its turns, what is sent and published, held and withdrawn, other names
    lines: list[TurnLine] = field(default_factory=list)
    rows: list[Queued] = field(default_factory=list)
    held: dict[str, tuple[Queued, HoldItem]] = field(default_factory=dict)
    withdrawn: set[str] = field(default_factory=set)
    names: list[tuple[str, str]] = field(default_factory=list)
    opened: dict[str, OpenException] = field(default_factory=dict)
    #: effects that are sent once more after they were refused
    freed: list[str] = field(default_factory=list)

    @property
    def name(self) -> tuple[str, str]:
        """Return workflow and key."""
        return self.workflow.name, self.key

    def snapshot(self) -> Snapshot:
        """Return it as it is kept, after a turn."""
        return Snapshot(
            id=self.id,
            workflow=self.workflow.name,
            key=self.key,
            mark=self.workflow.mark,
            turns=self.turns,
            correlationid=self.correlationid,
            began_at=self.began_at,
            at=self.at,
            ended_at=self.at if self.state["final"] else None,
            hash=self.hash,
            state=self.state,
        )


def begun(workflow: Workflow, key: str, row: Queued, made: tuple[str, datetime]) -> Instance:
    """Return an instance that a row begins; `made` is its id and when."""
    number, at = made
    return Instance(
        id=number,
        workflow=workflow,
        key=key,
        turns=0,
        correlationid=row.message.correlationid,
        began_at=at,
        at=at,
        state=begin(workflow, key),
        before=None,
    )


def opened(workflow: Workflow, kept: Snapshot) -> Instance:
    """Return an instance as it was kept."""
    return Instance(
        id=kept.id,
        workflow=workflow,
        key=kept.key,
        turns=kept.turns,
        correlationid=kept.correlationid,
        began_at=kept.began_at,
        at=kept.at,
        state=kept.state,
        before=kept.state,
        hash=kept.hash,
    )


def state_hash(state: Mapping[str, Any]) -> str:
    """Return the hash of a state: equal for equal documents, whatever the order of their keys.

    TransformError on what JSON cannot hold.
    """
    return blake2b(canonical_json(state), digest_size=16).hexdigest()


def waits_of(state: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield what an instance waits for: step and item, with `status`, `since`, `until`."""
    until: dict[str, str] = {}
    for name, timer in state["timers"].items():
        path, _, kind = name.partition("#")
        if not kind.startswith("remind"):
            until[path] = min(until.get(path, timer["due_at"]), timer["due_at"])
    for step, records in state["steps"].items():
        for item, record in records.items():
            if record["status"] in WAITS:
                path = f"{step}/{item}" if item else step
                held = record.get("held") or {}
                told = {
                    "status": record["status"],
                    "since": record["since"],
                    "until": held.get("closes_at") or until.get(path),
                }
                yield (step, item), told


def tasks_of(state: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield the questions to people: step and item, with `role`, `opened_at`, `due_at`."""
    for path, task in state["tasks"].items():
        step, _, item = path.partition("/")
        record = state["steps"].get(step, {}).get(item, {})
        told = {"role": task["role"], "opened_at": record.get("since"), "due_at": task["due_at"]}
        yield (step, item), told
