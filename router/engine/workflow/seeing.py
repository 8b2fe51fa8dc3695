"""Owns: what expressions see of an instance as it is: made when it is looked at, kept until it changes.
Imports: core, config.workflow, engine.workflow.state.
Never: changes an instance (engine.workflow.draft does, and tells what it has changed).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from router.config.workflow.scope import Seen, evaluate
from router.config.workflow.sights import Part, Sight, Source
from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.engine.workflow.state import State, fact_of


class Seeing:
    """The parts of an instance, and the sights of expressions, that are not out of date."""

    def __init__(self, workflow: Workflow, state: State) -> None:
        self._workflow = workflow
        self._state = state
        self._made: dict[Part | Sight, Any] = {}
        #: derived lists; one that is out of date too
        self._lists: dict[str, list[Any]] = {}

    def changed(self, source: Source) -> None:
        """Forget what was made of a source."""
        for one in self._workflow.sights.readers.get(source, ()):
            self._made.pop(one, None)

    def of(self, part: object) -> Seen:
        """Return what a part of the workflow sees: an expression, a view, a table."""
        self.derive()
        return self._seen(self._workflow.sights.of(part))

    def whole(self) -> Mapping[str, Json]:
        """Return all roots of expressions."""
        self.derive()
        return self._seen(self._workflow.sights.whole).roots

    def ids(self, step: str) -> list[str]:
        """Return the items of a step in order; those that are gone and not settled, too."""
        self.derive()
        found: list[str] = self._part(Part("ids", step))
        return found

    def item(self, each: str, item: str) -> Json:
        """Return an item of a list, null for one that is not there."""
        self.derive()
        index: dict[str, Json] = self._part(Part("index", each))
        return index.get(item)

    def is_due(self, step: str) -> bool:
        """Return whether something has changed that a step goes on by; asked again, it has not."""
        self.derive()
        visit = self._workflow.sights.visits[step]
        if visit in self._made:
            return False
        self._made[visit] = True
        return True

    def derive(self) -> None:
        """Derive lists anew where something has changed that their expressions read.

        Raises what evaluating them raises; the list is out of date then.
        """
        for name, part, sight in self._workflow.sights.lists:
            if part in self._made:
                continue
            given = evaluate(self._workflow.file.derive[name].items, self._seen(sight))
            self._made[part] = True
            items, before = _items(given), self._lists.get(name)
            if before is None or before != items or repr(before) != repr(items):  # 1 == True
                self._lists[name] = items
                self.changed(("derived", name))

    # ---- making

    def _seen(self, sight: Sight) -> Seen:
        found: Seen | None = self._made.get(sight)
        if found is None:
            roots: dict[str, dict[str, Json]] = {
                root: {} for root in ("facts", "derived", "instance", "steps", "decisions")
            }
            statuses: dict[str, Any] = {}
            for part in sight.parts:
                if part.root == "instance":
                    roots["instance"] = self._part(part)
                else:
                    at = statuses if part.root == "statuses" else roots[part.root]
                    at[part.name] = self._part(part)
            found = Seen(roots, statuses, partial(self._inner, sight))
            self._made[sight] = found
        return found

    def _inner(self, sight: Sight, definition: str) -> Seen:
        return self._seen(sight.inner[definition])

    def _part(self, part: Part) -> Any:
        if part not in self._made:
            self._made[part] = _MAKERS[part.root](self, part)
        return self._made[part]

    def _fact(self, part: Part) -> Json:
        fact = self._workflow.file.facts[part.name]
        return fact_of(fact, self._state["facts"].get(part.name, {}))

    def _derived(self, part: Part) -> Json:
        return self._lists[part.name]

    def _instance(self, _part: Part) -> dict[str, Json]:
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
        found: list[Any] = self._part(Part("facts", each))
        return found

    def _index(self, part: Part) -> dict[str, Json]:
        return {one["id"]: one for one in reversed(self._list(part.name))}

    def _ids(self, part: Part) -> list[str]:
        each = self._workflow.steps[part.name].each
        if not each:
            return [""]
        found = set() if part.is_early else {one["id"] for one in self._list(each)}
        records = self._state["steps"].get(part.name, {})
        return sorted(found.union(item for item, one in records.items() if one["status"] != "idle"))

    def _records(self, part: Part) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the items of a step, each with its record."""
        records = self._state["steps"].get(part.name, {})
        for item in self._part(Part("ids", part.name, part.is_early)):
            yield item, records.get(item, {})

    def _statuses(self, part: Part) -> dict[str, str]:
        return {item: one.get("status", "idle") for item, one in self._records(part)}

    def _step(self, part: Part) -> Json:
        """Return a step as expressions see it: an object, or a list of them."""
        step = self._workflow.steps[part.name]
        ways = step.way_names if step.sendings else None
        shown: list[Json] = [_shown(item, one, ways) for item, one in self._records(part)]
        return shown if step.each else shown[0]

    def _judged(self, part: Part) -> Json:
        """Return the verdict of a step, or a list of those of its items."""
        judged: list[Json] = [
            {"id": item, **one["verdict"]} for item, one in self._records(part) if one.get("verdict")
        ]
        return judged if self._workflow.steps[part.name].each else next(iter(judged), None)


_MAKERS: Mapping[str, Callable[[Seeing, Part], Any]] = {
    "facts": Seeing._fact,
    "derived": Seeing._derived,
    "instance": Seeing._instance,
    "index": Seeing._index,
    "ids": Seeing._ids,
    "statuses": Seeing._statuses,
    "steps": Seeing._step,
    "decisions": Seeing._judged,
}


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
