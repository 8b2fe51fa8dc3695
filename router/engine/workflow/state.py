"""Owns: an instance as a plain document: how it begins, its facts and how they merge.
Imports: core, config.workflow.
Never: changes a state in place but the one that a turn works on.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from router.config.workflow.facts import Fact
from router.config.workflow.workflow import Workflow
from router.core.document import Json

#: a plain document; `engine.workflow.draft` says what is in it
State: TypeAlias = dict[str, Any]


def begin(workflow: Workflow, key: str) -> State:
    """Return an instance that knows nothing as yet."""
    return {
        "workflow": workflow.name,
        "mark": workflow.mark,
        "key": key,
        "opened": False,
        "suspended": "",
        "gen": 0,
        "facts": {},
        "steps": {},
        "timers": {},
        "tasks": {},
        "exceptions": {},
        "aliases": [],
        "deferred": [],
        "abort": None,
        "label": "",
        "final": False,
    }


def copied(state: State) -> State:
    """Return a state whose sections can be changed: what is in them is shared.

    Records and facts are changed in copies of their own (`engine.workflow.draft`).
    """
    made = {
        name: one.copy() if isinstance(one, dict | list) else one for name, one in state.items()
    }
    made["steps"] = {name: dict(records) for name, records in state["steps"].items()}
    return made


def canonical(value: Json | Mapping[str, Any]) -> str:
    """Return a document as the one text that stands for it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def merge(held: dict[str, Any], fact: Fact, given: Json, rev: Json) -> None:
    """Put what an event says into a fact; a null says nothing.

    Of a revised field the value of the highest revision stays, of equal ones the greater text:
    so the order in which events come does not matter.
    """
    if not fact.id:
        _merge_one(held.setdefault("", {}), fact, given, rev)
        return
    for one in given if isinstance(given, list) else []:
        key = one.get(fact.id) if isinstance(one, dict) else None
        if key is not None:
            name = key if isinstance(key, str) else canonical(key)
            _merge_one(held.setdefault(name, {}), fact, one, rev)


def _merge_one(held: dict[str, Any], fact: Fact, given: Json, rev: Json) -> None:
    for name, value in given.items() if isinstance(given, dict) else ():
        if value is None:
            continue
        there = held.get(name)
        if there is None or (fact.merge == "rev" and _rank(rev, value) > _rank(*there)):
            held[name] = [rev, value]


def _rank(rev: Json, value: Json) -> tuple[int, float, str, str]:
    """Return what orders revisions: nothing, then numbers, then texts; of equal ones the value."""
    if isinstance(rev, int | float):
        return (1, float(rev), "", canonical(value))
    return (2, 0.0, rev, canonical(value)) if rev else (0, 0.0, "", canonical(value))


def fact_of(fact: Fact, held: Mapping[str, Any]) -> Json:
    """Return a fact as expressions see it: an object, or a list in the order of the ids."""
    if fact.id:
        return [{"id": key, **_plain(held[key])} for key in sorted(held)]
    return _plain(held[""]) if held else None


def _plain(held: Mapping[str, Any]) -> dict[str, Json]:
    return {name: value for name, (_, value) in held.items()}


def texts_of(value: Json) -> Iterable[str]:
    """Yield the texts of an alias: one, a list of them, none for null."""
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str | int) and not isinstance(one, bool) and one != "":
            yield str(one)
