"""Owns: an instance that goes on by another definition: what is carried over, and why it is not.
Imports: core, config.workflow, engine.workflow.
Never: leaves anything that was begun without a step; lets an effect be sent a second time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from router.config.workflow.scope import SETTLED
from router.config.workflow.sights import INSTANCE
from router.config.workflow.steps import Step
from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.core.errors import MessageError
from router.core.instants import time_of
from router.engine.workflow.answers import APPLIED, REFUSED
from router.engine.workflow.draft import Draft, Record
from router.engine.workflow.state import State, copied
from router.engine.workflow.turn import broken_by, label_of, settle, turn_of
from router.engine.workflow.values import (
    ArmTimer,
    CloseException,
    CloseTask,
    Document,
    DropTimer,
    HoldItem,
    Migrated,
    OpenException,
    Send,
    Turn,
    path_of,
)

_NOTHING: Mapping[str, Mapping[str, Json]] = {}
#: what is left behind where the new definition has no such step: nothing has come of it
_UNTOUCHED = frozenset({"idle", "skipped"})


def migrate(
    by: tuple[Workflow, Workflow],
    state: State,
    came: Migrated,
    at: datetime,
    recorded: Mapping[str, Mapping[str, Json]] = _NOTHING,
) -> Turn:
    """Return the turn by which an instance leaves one definition for another; `by` is both.

    Every step that was begun is there in the new one, by its name or by `came.map`; nothing that
    was sent is sent again; what may never be does not hold. Otherwise the turn is refused, with
    why, and the instance goes on as before. The same arguments give the same turn.
    """
    old, new = by
    why = _wrong(old, new, state, came)
    if why:
        return _refused(state, why, _NOTHING)
    draft = Draft(workflow=new, state=copied(state), at=at, recorded=recorded)
    sent = frozenset(_keys(state))
    try:
        _carry_over(draft, _names(new, state, came.map))
        settle(draft)
        label_of(draft)
        why = _hurt(draft, sent)
    except MessageError as error:
        why = f"{error.code}: {error.place} {error}"
    made = turn_of(draft, APPLIED, "", draft)
    return _refused(state, why, made.decisions) if why else made


def _refused(state: State, why: str, decisions: Mapping[str, Document]) -> Turn:
    return Turn(state=copied(state), effects=(), outcome=REFUSED, why=why, decisions=decisions)


# ---- what is wrong with it before it is begun


def _wrong(old: Workflow, new: Workflow, state: State, came: Migrated) -> str:
    """Return why an instance can not be carried over, "" when it can."""
    if not came.actor or not came.reason:
        return "a migration has a person and a reason"
    if old.mark != came.source or new.mark != came.target:
        return f"it goes by {old.mark}, and is to go from {came.source} to {came.target}"
    if old.mark == new.mark:
        return "it goes by this definition already"
    if state["final"]:
        return "it has ended"
    return (
        next(_wrong_map(old, new, came), "")
        or next(_wrong_facts(old, new, state), "")
        or next(_wrong_aborts(new, state), "")
        or next(_wrong_steps(new, state, came), "")
    )


def _wrong_map(old: Workflow, new: Workflow, came: Migrated) -> Iterator[str]:
    for name, into in came.map.items():
        if name not in old.steps:
            yield f"the old definition has no step {name}"
        if into not in new.steps:
            yield f"the new definition has no step {into}"
    targets = list(came.map.values())
    for into in targets:
        if targets.count(into) > 1:
            yield f"several steps become {into}"


def _wrong_facts(old: Workflow, new: Workflow, state: State) -> Iterator[str]:
    for name in state["facts"]:
        was, said = old.file.facts.get(name), new.file.facts.get(name)
        if was is not None and said is not None and was.id != said.id:
            ids = (was.id or "nothing", said.id or "nothing")
            yield f"fact {name} was told apart by {ids[0]}, and is to be by {ids[1]}"


def _wrong_aborts(new: Workflow, state: State) -> Iterator[str]:
    abort = state["abort"]
    going = [] if abort is None or abort["done"] else [abort["name"]]
    for name in (*going, *state["deferred"]):
        if name not in new.file.aborts:
            yield f"abort {name} is under way, and the new definition has none"


def _wrong_steps(new: Workflow, state: State, came: Migrated) -> Iterator[str]:
    names = _names(new, state, came.map)
    taken: set[str] = set()
    for name, records in state["steps"].items():
        touched = {item: one for item, one in records.items() if is_begun(one)}
        into = names.get(name)
        if touched and into is None:
            item, record = next(iter(sorted(touched.items())))
            yield (
                f"step {path_of(name, item)} is {record['status']}, and the new definition has no"
                f" {name}: say which step it has become, as in --map {name}=NEW"
            )
        if touched and into is not None:
            if into in taken:
                yield f"several steps become {into}"
            taken.add(into)
            yield from _unfit(new, new.steps[into], (name, into), touched)


def _unfit(
    new: Workflow, step: Step, names: tuple[str, str], records: Mapping[str, Record]
) -> Iterator[str]:
    """Yield what a step can not do that its records need."""
    name, into = names
    for item, record in sorted(records.items()):
        status, path = record["status"], path_of(name, item)
        if bool(item) != bool(step.each):
            yield f"step {path} is one of {'many' if item else 'one'}, step {into} is not"
        elif status not in SETTLED and not _can(new, step, status):
            yield f"step {path} is {status}, which step {into} can not be"
        elif record["keys"] and record["way"] >= len(step.sendings):
            yield f"step {path} went way {record['way'] + 1}, step {into} has no such way"
        else:
            yield from _clashing(new, record, (name, into, path))


def _can(new: Workflow, step: Step, status: str) -> bool:
    """Return whether a step can have a status that waits for something."""
    match status:
        case "waiting":
            return step.awaits is not None and new.timeout(step) is not None
        case "asked":
            return step.ask is not None and step.ask.sla is not None
        case "held":
            return step.hold is not None and bool(step.sendings)
        case "running":
            return bool(step.sendings) and new.timeout(step) is not None
        case "undoing" | "undo_failed":
            return step.undo is not None and step.undo.sending is not None
    return True


def _clashing(new: Workflow, record: Record, names: tuple[str, str, str]) -> Iterator[str]:
    """Yield that another step would have the keys of what this one sends."""
    name, into, path = names
    called = record.get("named", name)
    if called != into and called in new.steps:
        yield (
            f"step {path} began as {called}, and {called} is another step now: effects of both"
            " would have the same keys"
        )


def is_begun(record: Record) -> bool:
    """Return whether anything has come of an item of a step."""
    return record["status"] not in _UNTOUCHED or bool(record["keys"])


def _names(new: Workflow, state: State, told: Mapping[str, str]) -> dict[str, str]:
    """Return what each step becomes: as is said, as it is called, or as it was called before."""
    found: dict[str, str] = {}
    for name, records in state["steps"].items():
        before = {one["named"] for one in records.values() if "named" in one}
        for into in (told.get(name), name, *sorted(before)):
            if into is not None and into in new.steps:
                found[name] = into
                break
    return found


# ---- carrying over


def _carry_over(draft: Draft, names: Mapping[str, str]) -> None:
    """Give the instance the new definition, and what it has begun the new names."""
    state = draft.state
    state["mark"] = draft.workflow.mark
    before, state["steps"] = state["steps"], {}
    for name, records in before.items():
        into = names.get(name)
        if into is None:
            continue
        kept = state["steps"].setdefault(into, {})
        for item, record in records.items():
            if item not in kept or is_begun(record):
                kept[item] = _renamed(record, name, into)
    for name in draft.workflow.steps:
        draft.seeing.changed(("records", name))
    changed = {name: names.get(name, "") for name in before if names.get(name) != name}
    _carry_timers(draft, changed)
    _carry_tasks(draft, changed)
    _carry_exceptions(draft, changed)


def _renamed(record: Record, name: str, into: str) -> Record:
    """Return a record under a step's new name: its effects keep the name that they were sent by."""
    called = record.get("named", name)
    made = {key: value for key, value in record.items() if key != "named"}
    is_idle = record["status"] == "idle" and not record["keys"]
    return made if called == into or is_idle else {**made, "named": called}


def _carry_timers(draft: Draft, changed: Mapping[str, str]) -> None:
    """Arm the timers of renamed steps for the same time; a generation is that of one timer."""
    timers = draft.state["timers"]
    names = [one for one in timers if _step_of(one) in changed]
    for name, armed in [(name, timers.pop(name)) for name in names]:
        draft.effects.append(DropTimer(name=name))
        old = _step_of(name)
        if changed[old]:
            made, due_at = changed[old] + name.removeprefix(old), time_of(armed["due_at"])
            draft.state["gen"] += 1
            timers[made] = {**armed, "gen": draft.state["gen"]}
            draft.effects.append(ArmTimer(name=made, gen=draft.state["gen"], due_at=due_at))


def _carry_tasks(draft: Draft, changed: Mapping[str, str]) -> None:
    """Ask the same people about the steps' new names."""
    tasks = draft.state["tasks"]
    paths = [one for one in tasks if _step_of(one) in changed]
    for path, task in [(path, tasks.pop(path)) for path in paths]:
        old, _, item = path.partition("/")
        draft.effects.append(CloseTask(step=old, item=item))
        if changed[old]:
            draft.ask(changed[old], item, task["role"], time_of(task["due_at"]))


def _carry_exceptions(draft: Draft, changed: Mapping[str, str]) -> None:
    """Let exceptions be those of the steps' new names, due as before."""
    held = draft.state["exceptions"]
    names = [name for name, one in held.items() if one["step"] in changed]
    for name, was in [(name, held.pop(name)) for name in names]:
        draft.seeing.changed(INSTANCE)
        draft.effects.append(CloseException(name=name))
        if changed[was["step"]]:
            word = name.partition(":")[0]
            draft.open_exception(word, changed[was["step"]], was["item"], was["code"])
            opened = draft.effects[-1]
            assert isinstance(opened, OpenException), "it was not open under this name"
            held[opened.name]["due_at"] = was["due_at"]
            draft.effects[-1] = replace(opened, due_at=time_of(was["due_at"]))


def _step_of(name: str) -> str:
    """Return the step of a timer or a task."""
    return name.partition("#")[0].partition("/")[0]


# ---- what must hold afterwards


def _hurt(draft: Draft, sent: frozenset[str]) -> str:
    """Return what the migrated instance must not be, and is."""
    for effect in draft.effects:
        if isinstance(effect, Send | HoldItem) and effect.key in sent:
            return f"{effect.key} would be sent again"
    missing = sent - frozenset(_keys(draft.state))
    if missing:
        return f"{min(missing)} would be forgotten"
    broken = broken_by(draft)
    return f"invariant:{broken}" if broken else ""


def _keys(state: State) -> Iterator[str]:
    """Yield the keys of all that an instance has sent."""
    for records in state["steps"].values():
        for record in records.values():
            yield from record["keys"]
            if "undo_key" in record:
                yield record["undo_key"]
