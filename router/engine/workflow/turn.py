"""Owns: the turn: an instance and one input in, the next instance and its effects out.
Imports: core, config.workflow, engine.workflow.
Never: changes the state that it is given; reads a clock: `at` comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial

from router.config.transforms.expressions import Expression
from router.config.workflow.facts import Event
from router.config.workflow.scope import evaluate
from router.config.workflow.sights import INSTANCE
from router.config.workflow.workflow import Label, Workflow
from router.core.document import Json
from router.core.errors import MessageError
from router.engine.workflow.aborts import ask_to_abort, carry_on, look_at_deferred, passes_pivot
from router.engine.workflow.answers import (
    APPLIED,
    NOTED,
    REFUSED,
    STALE,
    answer,
    find_effect,
    register,
    sender_of,
    timer,
    window_closed,
)
from router.engine.workflow.draft import Draft
from router.engine.workflow.orders import carry_out
from router.engine.workflow.state import State, copied
from router.engine.workflow.values import (
    Answered,
    Decided,
    EventCame,
    Input,
    Ordered,
    Relabelled,
    TimerCame,
    Turn,
    WindowClosed,
    path_of,
)
from router.engine.workflow.walk import walk

#: no table has decided before
NOTHING: Mapping[str, Mapping[str, Json]] = {}
#: what holds of every workflow beside what it says itself
AFTER_PIVOT = "abort_after_pivot"


def turn(
    workflow: Workflow,
    state: State,
    came: Input,
    at: datetime,
    recorded: Mapping[str, Mapping[str, Json]] = NOTHING,
) -> Turn:
    """Return what comes of an input: the next state, effects, the outcome.

    The same four arguments give the same turn. `recorded` is what tables decided when the input
    was decided first, by step and item: a replay does not decide anew. A state that may never be
    is not reached: the instance is as before, suspended, with an exception.
    """
    return turned(Draft(workflow, copied(state), at, recorded), state, came)


def turned(draft: Draft, state: State, came: Input) -> Turn:
    """Return the turn of a draft of this state."""
    try:
        outcome, why = _apply(draft, came)
        if outcome == APPLIED:
            settle(draft)
            broken = broken_by(draft)
            if broken:
                return _suspended(draft, state, broken, "")
        if outcome not in (STALE, REFUSED):
            label_of(draft)
    except MessageError as error:
        return _suspended(draft, state, error.code, f": {error.place} {error}")
    if outcome in (STALE, REFUSED):
        return Turn(state=copied(state), effects=(), outcome=outcome, why=why)
    return turn_of(draft, outcome, why, draft)


def _apply(draft: Draft, came: Input) -> tuple[str, str]:
    """Put the input into the instance; return the outcome and, of a refusal, why."""
    match came:
        case EventCame():
            return _event(draft, came), ""
        case Answered():
            return answer(draft, came), ""
        case TimerCame():
            return timer(draft, came), ""
        case WindowClosed():
            return window_closed(draft, came.key), ""
        case Ordered():
            why = carry_out(draft, came)
            return (REFUSED, why) if why else (APPLIED, "")


def _event(draft: Draft, came: EventCame) -> str:
    event = draft.workflow.file.events[came.name]
    late = event.late or draft.workflow.file.defaults.event.late
    was_final = draft.state["final"]
    _put(draft, event, came)
    if event.starts == "open":
        draft.state["opened"] = True
        draft.seeing.changed(INSTANCE)
    answered = _answer_by(draft, event, came)
    for name, abort in draft.workflow.file.aborts.items():
        if abort.event == came.name and not was_final:
            ask_to_abort(draft, name)
    if was_final and not answered:
        if late == "exception" or (late == "reopen" and draft.state["abort"] is not None):
            draft.open_exception(f"late:{came.name}", "", "", "late")
        elif late == "note":
            return NOTED
    return APPLIED


def _put(draft: Draft, event: Event, came: EventCame) -> None:
    """Merge what an event says into the facts."""
    scope: dict[str, Json] = {"body": dict(came.body)}
    rev = event.rev(scope) if event.rev is not None else None
    for name, part in event.put.items():
        draft.merge(name, part(scope), rev)


def _answer_by(draft: Draft, event: Event, came: EventCame) -> bool:
    """Take an event as the answer to a send that it names; return whether it named one."""
    said = dict(draft.workflow.answered(came.name))
    if not said:
        return False
    scope: dict[str, Json] = {"body": dict(came.body)}
    effect, reference, code = (
        one(scope) if one is not None else None
        for one in (event.effect, event.reference, event.code)
    )
    key = find_effect(draft, came.effect or _text(effect), _text(reference))
    if key is None:
        return False
    found = Answered(
        key=key,
        outcome="done" if said.get(sender_of(draft, key), True) else "refused",
        code=_text(code) or "",
        reference=_text(reference) or "",
        outputs=came.body,
    )
    answer(draft, found)
    return True


def _text(value: Json) -> str | None:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else None


def settle(draft: Draft) -> None:
    """Carry the instance on as far as it goes."""
    if draft.state["opened"]:
        walk(draft)
        look_at_deferred(draft)
        carry_on(draft)
    aliases = draft.workflow.file.aliases
    for kind, value in evaluate(partial(_named, aliases), draft.seeing.of(aliases)):
        register(draft, kind, value)


def _named(aliases: Mapping[str, Expression], roots: Mapping[str, Json]) -> list[tuple[str, Json]]:
    return [(kind, one(roots)) for kind, one in aliases.items()]


def broken_by(draft: Draft) -> str:
    """Return what may never be and is; "" when all is well."""
    never = draft.workflow.file.never
    found = evaluate(partial(_first, never), draft.seeing.of(never))
    return found or (AFTER_PIVOT if passes_pivot(draft) else "")


def _first(conditions: Mapping[str, Expression], roots: Mapping[str, Json]) -> str:
    return next((name for name, one in conditions.items() if one.holds(roots)), "")


def _suspended(broken: Draft, state: State, why: str, detail: str) -> Turn:
    """Return the instance as it was, suspended, with an exception that says why."""
    draft = Draft(broken.workflow, copied(state), broken.at, NOTHING)
    name = f"invariant:{why}"
    draft.state["suspended"] = name
    draft.seeing.changed(INSTANCE)
    draft.open_exception(name, "", "", why)
    with suppress(MessageError):  # what cannot be worked out leaves the label as it was
        label_of(draft)
    return turn_of(draft, REFUSED, f"{name}{detail}", broken)


def turn_of(draft: Draft, outcome: str, why: str, decided: Draft) -> Turn:
    """Return a turn with the decisions of the draft in which they were made."""
    found = (one for one in decided.effects if isinstance(one, Decided))
    return Turn(
        state=draft.state,
        effects=tuple(draft.effects),
        outcome=outcome,
        why=why,
        decisions={path_of(one.step, one.item): one.verdict for one in found},
    )


def _held(workflow: Workflow, roots: Mapping[str, Json]) -> Label | None:
    """Return the last label that holds; conditions that may fail are all evaluated, in order."""
    for condition in workflow.risky:
        condition(roots)
    for one in reversed(workflow.file.states):
        if one.condition is None or one.condition.holds(roots):
            return one
    return None


def label_of(draft: Draft) -> None:
    """Give the instance the last label that holds."""
    states = draft.workflow.file.states
    new = evaluate(partial(_held, draft.workflow), draft.seeing.of(states))
    if new is None:
        return
    old = draft.state["label"]
    draft.state.update(label=new.name, final=new.final)
    if new.final:
        for name in list(draft.state["timers"]):
            draft.drop(name)
    if old != new.name:
        draft.effects.append(Relabelled(old=old, new=new.name, final=new.final))
