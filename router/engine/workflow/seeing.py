"""Owns: what expressions see of an instance: made when it is looked at, kept until it changes.
Imports: core, config.workflow, engine.workflow.state.
Never: changes an instance (engine.workflow.draft does, and tells what it has changed).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.config.workflow.scope import Seen, evaluate
from router.config.workflow.sights import Part, Sight, Source, Stage
from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.engine.workflow.state import State, fact_of

_NONE: Mapping[str, Any] = {}


class Seeing:
    """The parts of an instance, and the sights of expressions, that are not out of date."""

    def __init__(self, workflow: Workflow, state: State) -> None:
        self._workflow = workflow
        self._sights = workflow.sights
        self._state = state
        #: what is up to date: the value of a part, and whatever else is made of sources
        self._made: dict[Any, Any] = {}
        #: derived lists; those that are out of date too
        self._lists: dict[str, list[Any]] = {}
        self._stages: dict[Stage, Seen] = {}
        #: sources that have changed since something was looked at
        self._changed: set[Source] = set()
        self._is_current = False
        #: how many states it was over: a step is as far as it goes when its visit is of this one
        self._turn = 0

    def onto(self, state: State) -> Seeing:
        """Return it over a state that is equal to the one it has seen, for another turn: each step
        is looked at again.
        """
        self._state = state
        self._turn += 1
        return self

    def changed(self, source: Source) -> None:
        """Take what was made of a source as out of date."""
        self._changed.add(source)
        self._is_current = False

    def of(self, part: object) -> Seen:
        """Return what a part of the workflow sees: an expression, a view, a table."""
        if not self._is_current:
            self._catch_up()
        return self._seen(self._sights.of(part))

    def whole(self) -> Mapping[str, Json]:
        """Return all roots of expressions."""
        self._catch_up()
        return self._seen(self._sights.whole).roots

    def ids(self, step: str) -> list[str]:
        """Return the items of a step in order; those that are gone and not settled, too."""
        if not self._is_current:
            self._catch_up()
        found: list[str] = self._part(self._sights.ids[step])
        return found

    def item(self, each: str, item: str) -> Json:
        """Return an item of a list, null for one that is not there."""
        if not self._is_current:
            self._catch_up()
        index: dict[str, Json] = self._part(self._sights.index[each])
        return index.get(item)

    def due(self, step: str) -> list[str]:
        """Return the items of a step where something has changed that it goes on by.

        Asked again, nothing has.
        """
        if not self._is_current:
            self._catch_up()
        visit = self._sights.visits[step]
        if self._made.get(visit) == self._turn:
            return []
        self._made[visit] = self._turn
        return self.ids(step)

    def _catch_up(self) -> None:
        """Forget what is out of date, and derive lists anew that read what has changed.

        Raises what evaluating them raises; the list is out of date then.
        """
        for source in self._changed:
            self._forget(source)
        self._changed.clear()
        for name, part, sight in self._sights.lists:
            if part not in self._made:
                given = evaluate(self._workflow.file.derive[name].items, self._seen(sight))
                self._made[part] = True
                self._put(name, _items(given))
        self._is_current = True

    def _forget(self, source: Source) -> None:
        if self._made:
            for one in self._sights.readers.get(source, ()):
                self._made.pop(one, None)

    def _put(self, name: str, items: list[Any]) -> None:
        before = self._lists.get(name)
        if before is None or before != items or repr(before) != repr(items):  # true == 1
            self._lists[name] = items
            self._forget(("derived", name))

    # ---- making

    def _seen(self, sight: Sight) -> Seen:
        """Return what is seen at the stage of a sight, with its parts up to date."""
        stage = self._stages.get(sight.stage)
        if stage is None:
            stage = self._stages[sight.stage] = self._blank(sight.stage)
        made, roots = self._made, stage.roots
        if sight not in made:
            statuses: Any = stage.statuses
            for part in sight.parts:
                root = part.root
                if root == "instance":
                    roots[root] = self._part(part)
                else:
                    at = statuses if root == "statuses" else roots[root]
                    at[part.name] = made[part] if part in made else self._part(part)
            made[sight] = True
        if sight.entire:  # its value may be a root itself, which changes in place
            copies: dict[str, Json] = {root: dict(roots[root]) for root in sight.entire}
            return Seen({**stage.roots, **copies}, stage.statuses, stage.inner, made)
        return stage

    def _blank(self, stage: Stage) -> Seen:
        """Return what is seen when nothing is made as yet: the names, in order."""
        roots: dict[str, Any] = {root: dict.fromkeys(ones) for root, ones in stage.names.items()}
        return Seen(roots, {}, stage.inner, self._made)

    def _part(self, part: Part) -> Any:
        made = self._made.get(part)
        if made is None:
            made = self._made[part] = self._new(part)
        return made

    def _new(self, part: Part) -> Any:
        match part.root:
            case "statuses":
                return self._statuses(part)
            case "ids":
                return self._ids(part)
            case "steps":
                return self._step(part)
            case "decisions":
                return self._judged(part)
            case "facts":
                return self._fact(part)
            case "index":
                return self._index(part)
            case "derived":
                return self._lists[part.name]
        return self._instance()

    def _fact(self, part: Part) -> Json:
        fact = self._workflow.file.facts[part.name]
        return fact_of(fact, self._state["facts"].get(part.name, {}))

    def _instance(self) -> dict[str, Json]:
        state, abort = self._state, self._state["abort"]
        is_over = abort is not None and abort["done"]
        return {
            "key": state["key"],
            "opened": state["opened"],
            "suspended": bool(state["suspended"]),
            "aborting": abort["name"] if abort is not None and not is_over else None,
            "aborted": abort["name"] if abort is not None and is_over else None,
            "exceptions": sorted(state["exceptions"]),
        }

    def _list(self, each: str) -> list[Any]:
        if each in self._workflow.file.derive:
            return self._lists[each]
        found: list[Any] = self._part(self._sights.part("facts", each))
        return found

    def _index(self, part: Part) -> dict[str, Json]:
        return {one["id"]: one for one in reversed(self._list(part.name))}

    def _ids(self, part: Part) -> list[str]:
        if not part.each:
            return [""]
        found = set() if part.is_early else {one["id"] for one in self._list(part.each)}
        records = self._state["steps"].get(part.name)
        if records:
            found.update(item for item, one in records.items() if one["status"] != "idle")
        return sorted(found)

    def _records(self, part: Part) -> list[tuple[str, Mapping[str, Any]]]:
        """Return the items of a step, each with its record."""
        records = self._state["steps"].get(part.name, _NONE)
        if not part.each:
            return [("", records.get("", _NONE))]
        ids = (self._sights.early_ids if part.is_early else self._sights.ids)[part.name]
        return [(item, records.get(item, _NONE)) for item in self._part(ids)]

    def _statuses(self, part: Part) -> dict[str, str]:
        records = self._state["steps"].get(part.name, _NONE)
        if not part.each:
            return {"": records[""]["status"] if records else "idle"}
        found = {} if part.is_early else {one["id"]: "idle" for one in self._list(part.each)}
        for item, one in records.items():
            if one["status"] != "idle":
                found[item] = one["status"]
        return found

    def _step(self, part: Part) -> Json:
        """Return a step as expressions see it: an object, or a list of them."""
        step = self._workflow.steps[part.name]
        ways = step.way_names if step.sendings else None
        shown: list[Json] = [_shown(item, one, ways) for item, one in self._records(part)]
        return shown if part.each else shown[0]

    def _judged(self, part: Part) -> Json:
        """Return the verdict of a step, or a list of those of its items."""
        judged: list[Json] = [
            {"id": item, **one["verdict"]}
            for item, one in self._records(part)
            if one.get("verdict")
        ]
        return judged if part.each else next(iter(judged), None)


def _shown(item: str, record: Mapping[str, Any], ways: tuple[str, ...] | None) -> dict[str, Any]:
    """Return what a record shows of itself to expressions."""
    get = record.get
    return {
        "status": get("status", "idle"),
        "attempt": get("attempt"),
        "verdict": get("verdict"),
        "outputs": get("outputs"),
        "reference": get("reference"),
        "code": get("code"),
        "since": get("since"),
        "external": get("external"),
        "id": item,
        "way": ways[get("way", 0)] if ways else None,
    }


def _items(found: Json) -> list[Any]:
    """Return the objects of a derived list that have an id, in the order of their ids."""
    given = found if isinstance(found, list) else []
    items = [one for one in given if isinstance(one, dict) and isinstance(one.get("id"), str)]
    return sorted(items, key=lambda one: str(one["id"]))
