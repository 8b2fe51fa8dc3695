"""Owns: what changed between two definitions of a workflow, and what it means to its instances.
Imports: config.components, config.transforms, config.workflow.
Never: looks at an instance (engine.workflow.migration does).

What only adds something, or gives more time, is additive: every instance may go on by the new
definition as it is. All else is breaking: instances stay with the old one, or a person says what
has become of what. Change that is not known to be harmless is breaking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import takewhile
from typing import Any

from router.config.components import knobs_of
from router.config.transforms.expressions import Expression
from router.config.transforms.maptree import Record
from router.config.workflow.actions import Action
from router.config.workflow.scope import Definition
from router.config.workflow.spans import Span
from router.config.workflow.steps import Need
from router.config.workflow.workflow import Workflow, is_named, spelled
from router.core.diagnostics import Place
from router.core.units import duration_text

ADDITIVE, BREAKING = "additive", "breaking"
#: where something more changes nothing of what was there
_GROWS = frozenset(
    {
        *("facts", "define", "events", "derive", "views", "aliases", "emits", "steps", "aborts"),
        *("never", "states", "exceptions.by", "views.*.map"),
        *("events.*.find", "events.*.put", "events.*.put.*", "events.*.orphan"),
        *("steps.*.on_fail", "steps.*.ways", "steps.*.undo", "steps.*.deadline"),
        *("steps.*.timeout", "steps.*.hold.timeout", "steps.*.undo.timeout"),
        *("defaults.step.timeout", "defaults.undo.timeout"),
    }
)
#: what is of no account to instances that are there
_FREE = frozenset(
    {"owner", "version", "events.*.late", "events.*.orphan.then", "defaults.event.late"}
)
_FREE_ENDS = (".timeout.remind",)
#: where more time is harmless
_LONGER = ("retain.", ".after", ".sla", ".within", ".park")
#: a longer text is not told in full; it begins so much before where it differs
_MOST, _BEFORE = 60, 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change: `additive` or `breaking`, where in the workflow, what; `place` is in the new
    file, of what is gone in the old one.
    """

    kind: str
    path: str
    words: str
    place: Place

    @property
    def is_breaking(self) -> bool:
        """Return whether instances can not simply go on by the new definition."""
        return self.kind == BREAKING


@dataclass(frozen=True, slots=True)
class _At:
    """Where in a workflow: its path, the path with `*` for names, the place."""

    path: str
    rule: str
    place: Place

    def key(self, name: str, value: Any, other: Any = None) -> _At:
        """Return a key below."""
        return self._below(name, name, value, other)

    def near(self, parent: Any, key: str) -> _At:
        """Return it at the place of a key, where the parent knows that."""
        place = getattr(parent, "keys", {}).get(key)
        return self if place is None else replace(self, place=place)

    def name(self, name: str, value: Any, other: Any = None) -> _At:
        """Return what is called so below."""
        return self._below(name, "*", value, other)

    def _below(self, name: str, rule: str, value: Any, other: Any) -> _At:
        place = getattr(value, "place", None) or getattr(other, "place", None)
        dot = "." if self.path else ""
        where = place if isinstance(place, Place) else self.place
        return _At(f"{self.path}{dot}{name}", f"{self.rule}{dot}{rule}", where)


def changes(old: Workflow, new: Workflow) -> tuple[Change, ...]:
    """Return what changed, in the order of the file."""
    return tuple(_compare(old.file, new.file, _At("", "", new.place)))


def _compare(old: Any, new: Any, at: _At) -> Iterator[Change]:
    if spelled(old) == spelled(new):
        return
    if old is None or new is None:
        kind = ADDITIVE if old is None and at.rule in _GROWS else BREAKING
        yield _change(kind, at, "removed" if new is None else "added")
    elif at.rule == "states":
        yield from _labels(old, new, at)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _named(old, new, at)
    elif isinstance(old, Record) and isinstance(new, Record):
        yield from _named(dict(old.parts), dict(new.parts), at)
    elif type(old) is type(new) and _is_component(new):
        for one in knobs_of(type(new)):
            before, after = getattr(old, one.name), getattr(new, one.name)
            yield from _compare(before, after, at.key(one.key, after, before).near(new, one.key))
    else:
        yield _leaf(old, new, at)


def _is_component(value: Any) -> bool:
    """Return whether a value has keys of its own; what is known by its name has not."""
    if is_named(value) or isinstance(value, Expression):
        return False
    return hasattr(type(value), "__dataclass_fields__") and bool(knobs_of(type(value)))


def _named(old: Mapping[str, Any], new: Mapping[str, Any], at: _At) -> Iterator[Change]:
    """Yield what is gone, what is new, what is another; and that what stays is in another order."""
    for name in old.keys() - new.keys():
        yield _change(BREAKING, at.name(name, old[name]), _gone(name, old, new, at))
    for name, value in new.items():
        if name in old:
            yield from _compare(old[name], value, at.name(name, value, old[name]))
        else:
            kind = ADDITIVE if at.rule in _GROWS else BREAKING
            yield _change(kind, at.name(name, value), "added")
    stay = [name for name in old if name in new]
    if at.rule == "steps.*.ways" and list(new)[: len(stay)] != list(old):
        yield _change(BREAKING, at, "ways are taken in another order: effects are numbered by it")


def _gone(name: str, old: Mapping[str, Any], new: Mapping[str, Any], at: _At) -> str:
    """Return the words for what is gone; for a step, which one is like it."""
    if at.rule == "steps":
        for other, value in new.items():
            if other not in old and spelled(value) == spelled(old[name]):
                return f"removed; {other} is like it: --map {name}={other}"
    return "removed"


def _labels(old: Any, new: Any, at: _At) -> Iterator[Change]:
    """Yield the changes of labels: they have names, and their order counts."""
    before, after = ({one.name: one for one in some} for some in (old, new))
    yield from _named(before, after, at)
    stay = [name for name in before if name in after]
    if stay != [name for name in after if name in before]:
        yield _change(BREAKING, at, "in another order: the last that holds counts")


def _leaf(old: Any, new: Any, at: _At) -> Change:
    words = _told(old, new)
    if at.rule in _FREE or at.rule.endswith(_FREE_ENDS):
        return _change(ADDITIVE, at, words)
    lengths = _least(old), _least(new)
    longer = None not in lengths and lengths[0] <= lengths[1]  # type: ignore[operator]
    is_time = at.rule.startswith(_LONGER[0]) or at.rule.endswith(_LONGER[1:])
    return _change(ADDITIVE if is_time and longer else BREAKING, at, words)


def _least(value: Any) -> timedelta | None:
    """Return how long a span is; None for what is none."""
    if isinstance(value, Span):
        return value.least
    return value if isinstance(value, timedelta) else None


def _told(old: Any, new: Any) -> str:
    """Return two values in words; of long ones the part from where they differ."""
    before, after = _said(old), _said(new)
    start = 0
    if max(len(before), len(after)) > _MOST:
        same = takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
        start = max(0, sum(1 for _ in same) - _BEFORE)
    return f"was {_cut(before, start)}, is {_cut(after, start)}"


def _cut(text: str, start: int) -> str:
    part = text[start:]
    head = "..." if start else ""
    return f"{head}{part}" if len(part) <= _MOST else f"{head}{part[:_MOST]}..."


def _said(value: Any) -> str:
    """Return a value as it is written."""
    match value:
        case Definition():
            return "" if value.expression is None else f"={value.expression.source}"
        case Span():
            return str(value)
        case timedelta():
            return duration_text(value)
        case Action():
            return f"{{abort: {value.abort}}}" if value.abort else value.word
        case Need():
            field = f"[{value.field}]" if value.field else ""
            return f"{value.step}{'?' if value.settled else ''}{field}"
        case tuple():
            return f"[{', '.join(map(_said, value))}]"
    return spelled(value) or "nothing"


def _change(kind: str, at: _At, words: str) -> Change:
    return Change(kind=kind, path=at.path, words=words, place=at.place)
