"""Owns: what comes next in an instance: steps in the order of the file, items in that of their ids,
until nothing changes.
Imports: core, config.workflow, engine.workflow.
Never: begins anything in an instance that is suspended or being aborted.
"""

from __future__ import annotations

from collections.abc import Mapping

from router.config.workflow.actions import Action
from router.config.workflow.scope import SETTLED, evaluate, holds
from router.config.workflow.steps import Need, Step
from router.core.document import Json
from router.core.errors import MessageError
from router.core.instants import InstantError, from_text
from router.engine.workflow.draft import Draft
from router.engine.workflow.sending import arm_timeout, compute, fail, follow, send
from router.engine.workflow.values import Decided, path_of

#: rounds of one turn; a round that changes nothing is the last
_MOST_ROUNDS = 200
#: statuses in which a step goes on, or is left when its item goes
_MAY_MOVE = frozenset({"idle", "waiting", "asked", "held"})
#: statuses that an act of others settles without more ado
_OPEN_TO_OTHERS = frozenset({"idle", "waiting", "asked", "held", "refused", "skipped"})


class NeverSettles(AssertionError):
    """An instance that changes with every round: a derived list that feeds on itself."""


def walk(draft: Draft) -> None:
    """Carry on with every step that can go on."""
    for _ in range(_MOST_ROUNDS):
        before = len(draft.effects), draft.puts
        for name in draft.steps:
            for item in draft.seeing.due(name):
                if draft.state["abort"] is None and not draft.state["suspended"]:
                    _visit(draft, name, item)
        if (len(draft.effects), draft.puts) == before:
            return
    raise NeverSettles(draft.workflow.name)


def _visit(draft: Draft, name: str, item: str) -> None:
    step, status = draft.steps[name], draft.status(name, item)
    if status not in _MAY_MOVE and step.external is None and not step.uses:
        return
    if not draft.is_there(name, item):
        if status in _MAY_MOVE:
            draft.put(name, item, "skipped")
        return
    if step.external is not None:
        _look_outside(draft, name, item)
        status = draft.status(name, item)
    if status == "idle":
        _begin_when_met(draft, name, item)
    elif status == "waiting":
        _look_again(draft, name, item)
    if step.uses and status != "idle":
        _look_for_changes(draft, name, item)


def _look_outside(draft: Draft, name: str, item: str) -> None:
    """Settle a step that others have done; tell where they and we did."""
    step, status = draft.steps[name], draft.status(name, item)
    assert step.external is not None, "who calls has looked"
    found = evaluate(step.external, draft.over(step.external, name, item))
    if found is None or found is False:
        return
    record = draft.record(name, item)
    if status in _OPEN_TO_OTHERS and not record["keys"]:
        outputs = found if isinstance(found, dict) else {"value": found}
        draft.put(name, item, "done", outputs=outputs, external=True)
    elif "double_effect" in record.get("agreed", []):
        return
    elif record["keys"] and status in ("running", "done", "failed"):
        draft.open_exception("double_effect", name, item, "double_effect")


def _look_again(draft: Draft, name: str, item: str) -> None:
    step = draft.steps[name]
    assert step.awaits is not None, "only what awaits is waiting"
    if holds(step.awaits, draft.over(step.awaits, name, item)):
        draft.put(name, item, "done")


def _look_for_changes(draft: Draft, name: str, item: str) -> None:
    record = draft.look(name, item)
    if "used" not in record:
        return
    exception = f"changed:{path_of(name, item)}"
    if record["used"] != used_of(draft, name, item):
        draft.open_exception("changed", name, item, "changed")
    elif exception in draft.state["exceptions"]:
        draft.close_exception(exception)


def used_of(draft: Draft, name: str, item: str) -> dict[str, Json]:
    """Return the fields of an item that must not change after its step has used them."""
    document = draft.item(name, item)
    fields = draft.steps[name].uses
    return {one: document.get(one) for one in fields} if isinstance(document, dict) else {}


# ---- needs


def _begin_when_met(draft: Draft, name: str, item: str) -> None:
    found = [_met(draft, name, item, need) for need in draft.steps[name].needs]
    if "no" in found:
        draft.put(name, item, "skipped")
    elif "wait" not in found:
        _begin(draft, name, item)


def _met(draft: Draft, name: str, item: str, need: Need) -> str:
    """Return whether a need is met: yes, wait, or no (it can not be met any more)."""
    step, other = draft.steps[name], draft.steps[need.step]
    if not other.each:
        return _judged([draft.status(need.step, "")], need)
    if not step.each:
        if not _is_closed(draft, other.each, ""):
            return "wait"
        found = [draft.status(need.step, one) for one in draft.ids(need.step)]
        return _judged(found, need)
    wanted = item
    if need.field:
        document = draft.item(name, item)
        given = document.get(need.field) if isinstance(document, dict) else None
        wanted = given if isinstance(given, str) else ""
    if wanted in draft.ids(need.step):
        return _judged([draft.status(need.step, wanted)], need)
    if not _is_closed(draft, other.each, wanted):
        return "wait"
    return "yes" if need.settled else "no"


def _judged(statuses: list[str], need: Need) -> str:
    if any(one not in SETTLED for one in statuses):
        return "wait"
    return "yes" if need.settled or all(one == "done" for one in statuses) else "no"


def _is_closed(draft: Draft, each: str, item: str) -> bool:
    """Return whether no item with this id is expected any more in a list; "" = none at all."""
    file = draft.workflow.file
    said = file.derive.get(each) or file.facts[each]
    if not said.closed_by:
        return False
    closing = draft.steps[said.closed_by]
    if not closing.each:
        return draft.status(said.closed_by, "") in SETTLED
    if item and item in draft.ids(said.closed_by):
        return draft.status(said.closed_by, item) in SETTLED
    ids = draft.ids(said.closed_by)
    settled = all(draft.status(said.closed_by, one) in SETTLED for one in ids)
    return settled and _is_closed(draft, closing.each, item)


# ---- gates and effects


def _begin(draft: Draft, name: str, item: str) -> None:
    step = draft.steps[name]
    if step.when is not None and not holds(step.when, draft.over(step.when, name, item)):
        draft.put(name, item, "skipped")
        return
    if step.uses:
        draft.record(name, item)["used"] = used_of(draft, name, item)
    if step.decide is not None:
        _decide(draft, name, item)
    elif step.ask is not None:
        put_question(draft, name, item)
    else:
        act(draft, name, item)


def _decide(draft: Draft, name: str, item: str) -> None:
    table = draft.steps[name].decide
    assert table is not None, "who calls has looked"
    found = draft.recorded.get(path_of(name, item)) or draft.recorded.get(name)
    if found is None:
        try:
            found = table.decide(draft.over(table, name, item), draft.at.date())
        except MessageError as error:
            fail(draft, name, item, error.code)
            return
    draft.effects.append(
        Decided(
            step=name,
            item=item,
            table=table.name,
            mark=draft.workflow.marks[name],
            verdict=found,
        )
    )
    judge(draft, name, item, found)


def judge(draft: Draft, name: str, item: str, verdict: Mapping[str, Json]) -> None:
    """Go on by a verdict: go, deny, or review, which asks a person."""
    step = draft.steps[name]
    draft.record(name, item)["verdict"] = dict(verdict)
    match verdict.get("verdict"):
        case "go":
            act(draft, name, item)
        case "deny":
            draft.record(name, item)["code"] = "denied"
            follow(draft, name, item, step.on_deny or Action("refuse", step.place), "denied")
        case _:
            put_question(draft, name, item)


def put_question(draft: Draft, name: str, item: str) -> None:
    """Ask a person for the verdict of a step."""
    ask = draft.steps[name].ask
    assert ask is not None, "checked: review belongs to a step that asks"
    assert ask.sla is not None, "checked: a question has an end"
    due_at = draft.later(ask.sla)
    draft.put(name, item, "asked")
    draft.ask(name, item, ask.role, due_at)
    draft.arm(name, item, "sla", due_at)


def act(draft: Draft, name: str, item: str) -> None:
    """Do what a step does once its gate is open."""
    step = draft.steps[name]
    if step.deadline is not None:
        _arm_deadline(draft, name, item, step)
    if step.compute is not None:
        compute(draft, name, item)
    elif step.awaits is not None:
        draft.put(name, item, "waiting")
        arm_timeout(draft, name, item, draft.workflow.timeout(step), "timeout")
        _look_again(draft, name, item)
    elif step.sendings:
        send(draft, name, item)
    else:
        draft.put(name, item, "done")


def _arm_deadline(draft: Draft, name: str, item: str, step: Step) -> None:
    assert step.deadline is not None, "who calls has looked"
    found = evaluate(step.deadline.start, draft.over(step.deadline.start, name, item))
    try:
        start = from_text(found) if isinstance(found, str) else draft.at
    except InstantError:
        start = draft.at
    draft.arm(name, item, "deadline", draft.later(step.deadline.within, start))
