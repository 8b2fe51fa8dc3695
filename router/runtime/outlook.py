"""Owns: an instance of a workflow as people look at it: what it waits for, until when, who can act.
Imports: core, config.workflow, engine.workflow, infra.store, runtime.instance.
Never: writes; decides.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.core.instance import Snapshot
from router.core.instants import time_text
from router.engine.workflow.state import State, fact_of
from router.engine.workflow.values import path_of
from router.infra.store.reader import Reader
from router.runtime.instance import tasks_of, waits_of

#: turns that are shown, the newest
LAST_TURNS = 10
#: characters of a fact that are shown
_WIDE = 160
#: what is shown of the record of a step
_OF_RECORD = ("status", "since", "attempt", "reference", "code")

Told = dict[str, Any]


def outlook_of(
    reader: Reader, kept: Snapshot, workflow: Workflow | None, turns: int = LAST_TURNS
) -> Told:
    """Return an instance as a document; without its definition, what can be told without it."""
    state = kept.state
    return {
        **brief_of(kept, workflow),
        "id": kept.id,
        "mark": kept.mark,
        "version": None if workflow is None else workflow.file.version,
        "turns": kept.turns,
        "facts": {} if workflow is None else _facts(workflow, state),
        "steps": list(_steps(state, workflow)),
        "tasks": [{"step": path[0], "item": path[1], **one} for path, one in tasks_of(state)],
        "timers": [{"name": name, **one} for name, one in sorted(state["timers"].items())],
        "deferred": state["deferred"],
        "unclear": reader.overview.unclear(kept.workflow, kept.key),
        **{f"last_{key}" if key == "turns" else key: told for key, told in
           reader.overview.about(kept.id, turns).items()},
    }  # fmt: skip


def brief_of(kept: Snapshot, workflow: Workflow | None) -> Told:
    """Return what an instance is and waits for."""
    state = kept.state
    return {
        "workflow": kept.workflow,
        "key": kept.key,
        "label": state["label"],
        "final": state["final"],
        "suspended": state["suspended"],
        "correlationid": kept.correlationid,
        "began_at": time_text(kept.began_at),
        "at": time_text(kept.at),
        "ended_at": None if kept.ended_at is None else time_text(kept.ended_at),
        "waits": [
            {"step": step, "item": item, **told, "who": _who(state, workflow, (step, item))}
            for (step, item), told in waits_of(state)
        ],
        "exceptions": [{"name": name, **one} for name, one in sorted(state["exceptions"].items())],
    }


def instances_of(
    reader: Reader,
    workflows: Mapping[str, Workflow],
    word: str,
    entries: Iterable[Mapping[str, Any]],
) -> list[Snapshot]:
    """Return the instances that a word is about: a key, another name, a message; and those of
    which lines of the journal tell, which a correlation has found. Each way has its index.
    """
    ids = {one["detail"]["id"] for one in entries if {"id", "instance"} <= one["detail"].keys()}
    ids |= {one["instance"] for one in reader.overview.turned(word)}
    for name, workflow in workflows.items():
        kinds = [(kind, word) for kind in sorted(workflow.alias_kinds)]
        ids.update(*reader.instances.by_alias(name, kinds).values())
    named = reader.instances.named([(name, word) for name in workflows])
    found = {**reader.instances.get([*ids, word]), **{one.id: one for one in named.values()}}
    return sorted(found.values(), key=lambda one: (one.workflow, one.key))


def _who(state: State, workflow: Workflow | None, place: tuple[str, str]) -> str:
    """Return who can end that an item waits: a role, a system, the owner of an exception."""
    step, item = place
    record = state["steps"][step][item]
    said = workflow.steps.get(step) if workflow is not None else None
    found: list[str] = []
    match record["status"]:
        case "asked":
            found.append(f"role {state['tasks'].get(path_of(step, item), {}).get('role', '?')}")
        case "waiting":
            found.append("an event")
        case "held":
            window = said.hold.window.name if said is not None and said.hold is not None else ""
            found.append(f"window {window}".rstrip())
        case "running" if said is not None and said.sendings:
            found.append(said.sendings[min(record["way"], len(said.sendings) - 1)].operation.name)
        case "undoing" if said is not None and said.undo and said.undo.operation is not None:
            found.append(said.undo.operation.name)
    owners = {
        one["owner"]
        for one in state["exceptions"].values()
        if (one["step"], one["item"]) == (step, item)
    }
    return ", ".join([*found, *sorted(owners)]) or "an operator"


def _steps(state: State, workflow: Workflow | None) -> Iterator[Told]:
    """Yield every step in the order of the file, item by item; one that is not begun is idle."""
    waits = dict(waits_of(state))
    for name in workflow.steps if workflow is not None else state["steps"]:
        records = state["steps"].get(name) or {"": {"status": "idle"}}
        ways = workflow.steps[name].way_names if workflow is not None else ()
        for item, record in sorted(records.items()):
            told = {"step": name, "item": item} | {key: record.get(key) for key in _OF_RECORD}
            told["until"] = waits.get((name, item), {}).get("until")
            way = record.get("way", 0)
            told["way"] = ways[way] if len(ways) > 1 and way < len(ways) else None
            told["verdict"] = (record.get("verdict") or {}).get("verdict")
            yield told


# ---- as text


def minute(at: str | None) -> str:
    """Return a time as people read it."""
    return "-" if at is None else f"{at[:16]}Z"


def brief_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an instance is and waits for as text."""
    since = f"began {minute(told['began_at'])}"
    ended = f", ended {minute(told['ended_at'])}" if told["ended_at"] else ""
    yield f"{told['workflow']} {told['key']}: {told['label']}, {since}{ended}"
    if told["suspended"]:
        yield f"  suspended: {told['suspended']}"
    for one in told["waits"]:
        until = f", until {minute(one['until'])}" if one["until"] else ""
        path = path_of(one["step"], one["item"])
        who = f"; can act: {one['who']}"
        yield f"  {path} is {one['status']} since {minute(one['since'])}{until}{who}"
    for one in told["exceptions"]:
        yield f"  exception {one['name']}: {exception_text(one)}"


def exception_text(one: Mapping[str, Any]) -> str:
    """Return what an exception is: its code and category, whose it is, and when it is due."""
    code = f"{one['code']}, " if one["code"] != one["category"] else ""
    return f"{code}{one['category']}, {one['owner']}, due {minute(one['due_at'])}"


def outlook_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield an instance as text: what it waits for first, then all that is known of it."""
    yield from brief_lines(told)
    version = "its definition is lost" if told["version"] is None else f"version {told['version']}"
    yield f"  {version}, {told['turns']} turns, transaction {told['correlationid']}"
    yield from _part("names", [f"{one['kind']} {one['value']}" for one in told["names"]])
    yield from _part("facts", [_fact(name, one) for name, one in told["facts"].items() if one])
    yield from _part("steps", [_step(one) for one in told["steps"]])
    yield from _part(
        "tasks",
        [
            f"{path_of(one['step'], one['item'])}: {one['role']}, due {minute(one['due_at'])}"
            for one in told["tasks"]
        ],
    )
    yield from _part("timers", [f"{one['name']} {minute(one['due_at'])}" for one in told["timers"]])
    yield from _part(
        "held",
        [
            f"{one['effect']} to {one['consumer']}: {one['window']} closes "
            f"{minute(one['closes_at'])}, with {one['group']}"
            for one in told["held"]
        ],
    )
    yield from _part("may be meant by", [_unclear(one) for one in told["unclear"]])
    yield from _part("turns", [_turn(one) for one in told["last_turns"]])


def _part(name: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield f"{name}:"
        yield from (f"  {line}" for line in lines)


def _fact(name: str, value: Any) -> str:
    of = f"{len(value)} of them " if isinstance(value, list) else ""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return f"{name}: {of}{text[:_WIDE]}" + (" ..." if len(text) > _WIDE else "")


def _unclear(one: Mapping[str, Any]) -> str:
    some = ", ".join(one["candidates"])
    return f"{one['event']} {one['message_id']}, which is of one of {some}"


def _step(one: Mapping[str, Any]) -> str:
    words = [path_of(one["step"], one["item"]), one["status"]]
    words += [f"by {one['way']}"] if one["way"] else []
    words += [f"since {minute(one['since'])}"] if one["since"] else []
    words += [f"until {minute(one['until'])}"] if one["until"] else []
    words += [str(one["verdict"])] if one["verdict"] else []
    words += [f"attempt {one['attempt']}"] if one["attempt"] else []
    words += [f"code {one['code']}"] if one["code"] else []
    words += [f"reference {one['reference']}"] if one["reference"] else []
    return " ".join(words)


def _turn(one: Mapping[str, Any]) -> str:
    by = f" by {one['actor']}" if one["actor"] else ""
    why = f" ({one['why']})" if one["why"] else ""
    what = f"{one['kind']} {one['name']}{by}"
    return f"{one['seq']} {minute(one['at'])} {what}: {one['outcome']}{why}, {one['label']}"


def _facts(workflow: Workflow, state: State) -> dict[str, Json]:
    """Return what is known of an instance, as expressions see it."""
    held = state["facts"]
    return {name: fact_of(fact, held.get(name, {})) for name, fact in workflow.file.facts.items()}
