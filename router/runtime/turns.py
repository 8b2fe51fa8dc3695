"""Owns: a batch of rows for workflows: which instance each is about, its turn, what is written.
Imports: core, config, engine.workflow, infra.store, runtime.
Never: writes before all is decided; takes a row that an instance had before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from router.config.workflow.workflow import Workflow
from router.core.decision import DeadLettered, Decision, Discarded, Duplicate
from router.core.instance import AMBIGUOUS, CAME, EVENT, INSTANCE, MIGRATION, PARKED, WORKFLOW
from router.core.message import derived_id
from router.engine.workflow.answers import STALE
from router.engine.workflow.finding import Address, address_of, fitting
from router.engine.workflow.values import AnyInput, EventCame, Turn
from router.infra.store.reader import Reader
from router.infra.store.rows import Entry, Queued
from router.infra.store.transaction import Transaction
from router.runtime.definitions import Definitions
from router.runtime.instance import Instance, begun, opened
from router.runtime.parking import Waits, park, release, wait_no_more
from router.runtime.recording import record_ending
from router.runtime.turning import Turning, input_from, told_of
from router.runtime.turnrecords import record_instance


@dataclass(slots=True)
class _Ended:
    """What came of a row: a turn, a decision without one, or that it waits."""

    row: Queued
    turn: Turn | None = None
    came: AnyInput | None = None
    instance: Instance | None = None
    decision: Decision | None = None
    waits: Waits | None = None
    #: it stays in its place: no instance begins of its workflow
    stays: bool = False


class Turns:
    """One batch. `take` decides everything in memory, `record` writes it."""

    def __init__(
        self,
        reader: Reader,
        by: tuple[Definitions, Turning],
        now: datetime,
        closed: frozenset[str] = frozenset(),
    ) -> None:
        """Of `closed` workflows no instance begins: rows that would begin one stay."""
        self._reader = reader
        self._closed = closed
        self._definitions, self._turning = by
        self._now = now
        self._by_id: dict[str, Instance] = {}
        self._by_name: dict[tuple[str, str], Instance] = {}
        #: ids of instances by workflow and other name (kind, value)
        self._aliases: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
        self._taken: set[tuple[str, str]] = set()
        self._forgotten: dict[tuple[str, str], str] = {}
        #: ids and names of instances whose definition is not to be had
        self._lost: set[str | tuple[str, str]] = set()
        self._ended: list[_Ended] = []
        #: events that waited and whose instance has come
        self._found: list[Queued] = []

    # ---- deciding

    def take(self, rows: Sequence[Queued]) -> None:
        """Decide rows in their order. Raises MessageError, Unavailable."""
        addresses = {row.id: self._address(row) for row in rows}
        self._load(rows, [(row, addresses[row.id]) for row in rows])
        for row in rows:
            self._ended.append(self._one(row, addresses[row.id]))
        self._once_more(addresses)
        self._unpark()

    def _address(self, row: Queued) -> Address | None:
        """Return what an event says of its instance; None for what names it, or has no workflow."""
        workflow = self._definitions.current(_workflow(row))
        extra = row.extra or {}
        if workflow is None or extra.get(CAME) != "event":
            return None
        said = workflow.file.events.get(extra[EVENT])
        payload = row.message.payload
        if said is None or not isinstance(payload, dict):
            return None
        return address_of(said, payload)

    def _load(self, rows: Sequence[Queued], told: list[tuple[Queued, Address | None]]) -> None:
        """Read all instances that rows may be about, in a handful of queries."""
        store = self._reader.instances
        self._taken = store.taken([row.message.id for row in rows])
        ids = {one[INSTANCE] for row in rows if INSTANCE in (one := row.extra or {})}
        names: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        keys: set[tuple[str, str]] = set()
        for row, address in told:
            if address is not None and address.key:
                keys.add((_workflow(row), address.key))
            elif address is not None:
                names[_workflow(row)].update(address.names)
        for workflow, some in names.items():
            for (kind, value), known in store.by_alias(workflow, some).items():
                self._aliases[workflow, kind, value] |= set(known)
                ids |= set(known)
        found = {**store.get(ids), **{one.id: one for one in store.named(keys).values()}}
        for kept in found.values():
            workflow_of = self._definitions.by_mark(kept.mark, kept.workflow, self._reader)
            if workflow_of is not None:
                self._hold(opened(workflow_of, kept))
            else:
                self._lost |= {kept.id, (kept.workflow, kept.key)}
        self._forgotten = store.forgotten(keys - self._by_name.keys())

    def _hold(self, one: Instance) -> None:
        self._by_id[one.id] = self._by_name[one.name] = one

    def _one(self, row: Queued, address: Address | None) -> _Ended:
        """Return what comes of a row."""
        if row.damage:
            return _Ended(row, decision=_letter("damaged", row.damage))
        extra = row.extra or {}
        if INSTANCE in extra:  # also an event of which a person has said what it is about
            found = self._by_id.get(extra[INSTANCE])
            if found is None:
                return _Ended(row, decision=self._missing(extra[INSTANCE]))
            take = self._migration if extra[CAME] == MIGRATION else self._turn
            return take(found, row)
        workflow = self._definitions.current(_workflow(row))
        if workflow is None or address is None:
            text = f"{_workflow(row)} has no event {extra[EVENT]}, or is not declared any more"
            return _Ended(row, decision=_letter("no_consumer", text))
        return self._event(workflow, row, address)

    def _migration(self, one: Instance, row: Queued) -> _Ended:
        """Let an instance go on by another definition, where that is to be had."""
        payload = row.message.payload
        mark = str(payload["target"]) if isinstance(payload, dict) else ""
        one.target = self._definitions.by_mark(mark, one.workflow.name, self._reader)
        if one.target is None:
            return _Ended(row, decision=_letter("no_definition", f"definition {mark} is not kept"))
        return self._turn(one, row)

    def _event(self, workflow: Workflow, row: Queued, address: Address) -> _Ended:
        extra = row.extra or {}
        said = workflow.file.events[extra[EVENT]]
        if address.key:
            name = (workflow.name, address.key)
            found = self._by_name.get(name)
            if name in self._lost:
                return _Ended(row, decision=self._missing(name))
            if found is None and name in self._forgotten:
                text = f"{address.key} has ended as {self._forgotten[name]} and was forgotten"
                return _Ended(row, decision=_letter("late", text))
            if found is None and said.starts and workflow.name in self._closed:
                return _Ended(row, stays=True)
            if found is None and said.starts:
                found = self._begin(workflow, address.key, row)
        else:
            some = self._fitting(workflow, row, address)
            if len(some) > 1:
                return self._wait(workflow, row, (address, some))
            found = some[0] if some else None
        if found is not None:
            return self._turn(found, row)
        return self._wait(workflow, row, (address, ()))

    def _missing(self, which: str | tuple[str, str]) -> DeadLettered:
        """Return why an instance cannot have a turn."""
        told = which if isinstance(which, str) else " ".join(which)
        if which in self._lost:
            return _letter("definition_lost", f"the definition of {told} does not load any more")
        return _letter("no_instance", f"there is no instance {told}")

    def _begin(self, workflow: Workflow, key: str, row: Queued) -> Instance:
        number = derived_id(row.message.id, workflow.name, key)
        made = begun(workflow, key, row, (number, self._now))
        self._hold(made)
        return made

    def _fitting(self, workflow: Workflow, row: Queued, address: Address) -> tuple[Instance, ...]:
        """Return the instances that go by the names of an event and fit it."""
        ids = {
            one
            for kind, value in address.names
            for one in self._aliases.get((workflow.name, kind, value), ())
        }
        some = {one.key: one for one in (self._by_id.get(number) for number in ids) if one}
        payload, extra = row.message.payload, row.extra or {}
        assert isinstance(payload, dict), "it has an address"
        came = EventCame(name=extra[EVENT], body=payload)
        keys = fitting(workflow, came, {key: one.state for key, one in some.items()}, self._now)
        return tuple(some[key] for key in keys)

    def _wait(
        self, workflow: Workflow, row: Queued, about: tuple[Address, tuple[Instance, ...]]
    ) -> _Ended:
        """Let an event wait for its instance, or for a person who says which it is; one that has
        waited ends as is said.
        """
        (address, several), extra = about, row.extra or {}
        said = workflow.file.events[extra[EVENT]]
        orphan = said.orphan or workflow.file.defaults.event.orphan
        if PARKED in extra:
            if workflow.name in self._closed and not several:
                return _Ended(row, stays=True)  # what it waits for may be among those that stay
            reason = AMBIGUOUS if several else "orphan"
            if orphan.then == "discard":
                return _Ended(row, decision=Discarded(reason=reason))
            return _Ended(row, decision=_letter(reason, _nobody(address, several, extra[PARKED])))
        names = (("", address.key),) if address.key else address.names
        until = self._now + orphan.park
        waits = Waits(workflow=workflow, until=until, names=names, candidates=several)
        return _Ended(row, waits=waits)

    def _turn(self, one: Instance, row: Queued) -> _Ended:
        mark = (row.message.id, one.id)
        if mark in self._taken:
            return _Ended(row, decision=Duplicate(of=row.message.id))
        self._taken.add(mark)
        known = len(one.names)
        came = input_from(one, row)
        made = self._turning.take(one, row, came, self._now)
        for kind, value in one.names[known:]:
            self._aliases[one.workflow.name, kind, value].add(one.id)
        return _Ended(row, turn=made, came=came, instance=one)

    def _once_more(self, addresses: dict[int, Address | None]) -> None:
        """Look again at events that wait: an instance may have come within the batch."""
        moved = True
        while moved:
            moved = False
            for place, ended in enumerate(self._ended):
                if ended.waits is not None:
                    again = self._ended[place] = self._one(ended.row, addresses[ended.row.id])
                    moved = moved or again.waits is None

    def _unpark(self) -> None:
        """Find events that waited for what the batch has made."""
        names: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
        for one in self._by_id.values():
            names[one.workflow.name].update(one.names)
            if one.before is None:
                names[one.workflow.name].add(("", one.key))
        store = self._reader.instances
        for workflow, some in names.items():
            if some:
                self._found += store.waiting_events(store.parked(workflow, some))

    # ---- writing

    @property
    def decided(self) -> list[_Ended]:
        """Return what came of rows, but of those that stay in their place."""
        return [one for one in self._ended if not one.stays]

    def record(self, transaction: Transaction) -> None:
        """Write all that was decided, in one transaction."""
        decided = self.decided
        transaction.settle([one.row.id for one in decided])
        for one in self._by_id.values():
            if not one.lines:
                continue
            workflow = one.workflow
            is_new = one.before is None or one.before["mark"] != workflow.mark
            if is_new and workflow is self._definitions.current(workflow.name):
                transaction.define(workflow.mark, workflow.name, workflow.file.version, self._now)
            record_instance(transaction, one)
        for ended in decided:
            self._record(transaction, ended)
        for row in self._found:
            release(transaction, row)

    def _record(self, transaction: Transaction, ended: _Ended) -> None:
        if ended.waits is not None:
            park(transaction, ended.row, ended.waits, self._now)
            return
        row = wait_no_more(transaction, ended.row, self._now)
        if ended.decision is not None:
            record_ending(transaction, row, ended.decision, self._now)
        elif ended.turn is not None and ended.turn.outcome != STALE:
            self._note(transaction, ended, ended.turn)

    def _note(self, transaction: Transaction, ended: _Ended, made: Turn) -> None:
        """Write the journal's line of a turn."""
        row, one, came = ended.row, ended.instance, ended.came
        assert one is not None, "an instance had the turn"
        assert came is not None, "of what came to it"
        detail = {"instance": one.key, "id": one.id, "label": made.state["label"]}
        detail |= told_of(came)
        if made.why:
            detail["why"] = made.why
        transaction.write(
            Entry(
                at=self._now,
                message=row.message,
                consumer=row.consumer,
                word="turned" if made.outcome == "applied" else made.outcome,
                detail=detail,
            )
        )
        words = (one.key, *(value for _, value in one.names))
        transaction.refer(words, row.message.correlationid)


def _workflow(row: Queued) -> str:
    return row.consumer.removeprefix(WORKFLOW)


def _nobody(address: Address, several: Sequence[Instance], since: str) -> str:
    """Return why an event is given up that waited since a time."""
    told = address.key or ", ".join(f"{kind} {value}" for kind, value in address.names)
    if several:
        return (
            f"{', '.join(one.key for one in several)} go by {told}: nobody said which since {since}"
        )
    return f"no one instance by {told or 'any name'} since {since}"


def _letter(reason: str, text: str) -> DeadLettered:
    return DeadLettered(reason=reason, detail=text, step="turn")
