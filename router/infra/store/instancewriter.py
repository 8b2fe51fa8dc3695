"""Owns: what a transaction writes about instances of workflows.
Imports: core.instance, infra.store.instancetables.
Never: decides; commits. Of one row the last word of a transaction counts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table

from router.core.instance import Snapshot, TurnLine
from router.core.instants import time_text
from router.infra.codecs import encode_json, encode_trusted
from router.infra.store import instancetables as tables
from router.infra.store.packing import pack_row
from router.infra.store.rows import Queued


class InstanceWriter(ABC):
    """The part of a transaction that is about instances."""

    #: rows by statement and key
    _rows: dict[tuple[str, tuple[str, ...]], dict[str, Any]]
    revision: str

    @abstractmethod
    def _insert(self, table: Table, **row: Any) -> None:
        """Collect a row."""

    def put_instance(self, made: Snapshot) -> None:
        """Keep an instance as it is by now. Its state has a hash, so JSON can hold it."""
        state = made.state
        self._insert(
            tables.instances,
            id=made.id,
            workflow=made.workflow,
            key=made.key,
            mark=made.mark,
            turns=made.turns,
            label=state["label"],
            final=int(state["final"]),
            suspended=state["suspended"],
            correlationid=made.correlationid,
            began_at=time_text(made.began_at),
            at=time_text(made.at),
            ended_at=None if made.ended_at is None else time_text(made.ended_at),
            hash=made.hash,
            state=encode_trusted(state),
        )

    def write_turn(self, line: TurnLine) -> None:
        """Append a turn."""
        self._insert(
            tables.turns,
            instance=line.instance,
            seq=line.seq,
            message_id=line.message_id,
            at=time_text(line.at),
            kind=line.kind,
            name=line.name,
            mark=line.mark,
            actor=line.actor,
            input=encode_json(line.input).decode(),
            decisions=encode_json(line.decisions).decode(),
            effects=encode_json(list(line.effects)).decode(),
            outcome=line.outcome,
            why=line.why,
            label=line.label,
            hash=line.hash,
        )

    def define(self, mark: str, workflow: str, version: int, at: datetime) -> None:
        """Keep where a definition is to be had: in the running configuration."""
        self._insert(
            tables.definitions,
            mark=mark,
            workflow=workflow,
            version=version,
            revision=self.revision,
            at=time_text(at),
        )

    def wait(self, path: tuple[str, str, str], told: Mapping[str, Any] | None) -> None:
        """Keep what an item of a step waits for (`status`, `since`, `until`), or that it is over.

        `path` is instance, step, item.
        """
        self._put(tables.waits, path, told)

    def task(self, path: tuple[str, str, str], told: Mapping[str, Any] | None) -> None:
        """Keep a question to people (`role`, `opened_at`, `due_at`), or that it is over."""
        self._put(tables.tasks, path, told)

    def open_exception(self, path: tuple[str, str, str], told: Mapping[str, Any]) -> None:
        """Keep an exception that is open; `path` is instance, name, time of its opening."""
        self._put(tables.exceptions, path, {**told, "closed_at": None})

    def close_exception(self, path: tuple[str, str, str], at: datetime) -> None:
        """Keep that an exception is over."""
        self._close(tables.exceptions, path, at)

    def alias(self, workflow: str, kind: str, value: str, instance: str) -> None:
        """Let an instance be found by another name."""
        self._put(tables.aliases, (workflow, kind, value[:256], instance), {})

    def park(self, workflow: str, kind: str, value: str, message_id: str) -> None:
        """Let an event be found by what its instance may come to be known by."""
        self._put(tables.parked, (workflow, kind, value[:256], message_id), {})

    def unpark(self, message_id: str) -> None:
        """Forget what a parked event waits for."""
        self._rows["parked gone", (message_id,)] = {"message_id": message_id}

    def open_ambiguity(self, path: tuple[str, str], told: Mapping[str, Any]) -> None:
        """Keep that several instances fit an event; `path` is workflow and message.

        `told` says opened_at, event, candidates, category, severity, owner, by, due_at.
        """
        self._put(tables.ambiguities, path, {**told, "closed_at": None})

    def close_ambiguity(self, path: tuple[str, str], at: datetime) -> None:
        """Keep that nobody has to say any more which instance an event means."""
        self._close(tables.ambiguities, path, at)

    def forget_ambiguities(self, workflow: str, before: datetime) -> None:
        """Forget what was ambiguous and is so no more since before a time."""
        row = {"of_workflow": workflow, "before": time_text(before)}
        self._rows["ambiguities over", (workflow,)] = row

    def hold_item(self, row: Queued, held: Mapping[str, str]) -> None:
        """Keep a command until its window closes; `held` says workflow, window, closes_at, group,
        instance, effect.
        """
        told = {**held, "group": held["group"][:256], "consumer": row.consumer}
        self._put(tables.held_items, (row.message.id,), {**told, "body": pack_row(row)})

    def release_item(self, message_id: str) -> None:
        """Keep a command no longer: it goes on its way, or never will."""
        self._put(tables.held_items, (message_id,), None)

    def forget_due(self, message_id: str, consumer: str) -> None:
        """Let a message not come again at its time."""
        key = {"message_id": message_id, "consumer": consumer}
        self._rows["due gone", (message_id, consumer)] = key

    def forget_instance(self, ended: Snapshot, until: datetime) -> None:
        """Take an instance away; until a time it is known that there was one."""
        for name in ("turns", "waits", "tasks", "exceptions", "aliases", "held_items"):
            self._rows[f"{name} of", (ended.id,)] = {"instance": ended.id}
        self._rows["instances gone", (ended.id,)] = {"id": ended.id}
        told = {
            "label": ended.state["label"],
            "ended_at": time_text(ended.ended_at or ended.at),
            "until": time_text(until),
        }
        self._put(tables.tombstones, (ended.workflow, ended.key), told)

    def forget_tombstones(self, at: datetime) -> None:
        """Forget instances of which the time is over in which they are remembered."""
        self._rows["tombstones over", ()] = {"now": time_text(at)}

    def _close(self, table: Table, key: tuple[str, ...], at: datetime) -> None:
        names = [f"of_{column.name}" for column in table.primary_key]
        row = {**dict(zip(names, key, strict=True)), "new_close": time_text(at)}
        self._rows[f"{table.name} closed", key] = row

    def _put(self, table: Table, key: tuple[str, ...], told: Mapping[str, Any] | None) -> None:
        names = [column.name for column in table.primary_key]
        row = dict(zip(names, key, strict=True))
        gone = (f"{table.name} gone", key)
        if told is None:
            self._rows.pop((table.name, key), None)
            self._rows[gone] = row
        else:
            self._rows.pop(gone, None)
            self._rows[table.name, key] = {**row, **told}

    def _collected(self) -> dict[str, list[Mapping[str, Any]]]:
        """Return the rows by statement."""
        found: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for (name, _), row in self._rows.items():
            found[name].append(row)
        return found
