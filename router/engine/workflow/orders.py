"""Owns: what operators order of an instance: each with a person and a reason, four eyes for money.
Imports: core, config.workflow, engine.workflow.
Never: does what an order may not: it says why.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from router.config.workflow.scope import SETTLED
from router.config.workflow.workflow import Workflow
from router.core.diagnostics import nearest
from router.engine.workflow.aborts import ask_to_abort
from router.engine.workflow.draft import Draft
from router.engine.workflow.sending import send, send_undo
from router.engine.workflow.state import merge
from router.engine.workflow.values import Ordered, path_of
from router.engine.workflow.walk import judge, used_of

#: orders that may move money
_MOVING = frozenset({"retry", "new_key", "next_way", "complete", "skip", "decide"})
_FAILED = ("failed", "undo_failed")


def carry_out(draft: Draft, order: Ordered) -> str:
    """Carry out an order; return why not, "" when it was."""
    if not order.actor or not order.reason:
        return "an order has a person and a reason"
    wrong = _wrong(draft, order)
    if wrong:
        return wrong
    return _VERBS[order.verb](draft, order)


def moves_money(workflow: Workflow, verb: str, step: str) -> bool:
    """Return whether an order may move money: a second person approves it."""
    said = workflow.steps.get(step)
    return said is not None and said.money and verb in _MOVING


def _wrong(draft: Draft, order: Ordered) -> str:
    """Return what is wrong with an order whatever it orders."""
    if order.verb not in _VERBS:
        return f"no order is called {order.verb}"
    if order.verb not in _OF_STEPS:
        return ""
    if order.step not in draft.workflow.steps:
        return f"there is no step {order.step}: {nearest(order.step, draft.workflow.steps)}"
    items = draft.ids(order.step)
    if order.item not in items:
        path = path_of(order.step, order.item)
        return f"there is no {path}, an item of it is {nearest(order.item, items)}"
    second = order.approver not in ("", order.actor)
    if moves_money(draft.workflow, order.verb, order.step) and not second:
        return "it moves money: a second person approves"
    return ""


def _retry(draft: Draft, order: Ordered) -> str:
    status = draft.status(order.step, order.item)
    if status not in _FAILED:
        return f"it is {status}, not failed"
    if status == "undo_failed":
        draft.close_exception(f"undo_failed:{order.step}/{order.item}".rstrip("/"))
        send_undo(draft, order.step, order.item)
    else:
        _again(draft, order)
    return ""


def _new_key(draft: Draft, order: Ordered) -> str:
    status = draft.status(order.step, order.item)
    if status not in _FAILED:
        return f"it is {status}, not failed"
    record = draft.record(order.step, order.item)
    if status == "undo_failed":
        record["undo_attempt"] = record.get("undo_attempt", 0) + 1
        return _retry(draft, order)
    record["attempt"] += 1
    _again(draft, order)
    return ""


def _next_way(draft: Draft, order: Ordered) -> str:
    step, record = draft.workflow.steps[order.step], draft.record(order.step, order.item)
    if record["status"] != "failed":
        return f"it is {record['status']}, not failed"
    if record["way"] + 1 >= len(step.sendings):
        return "there is no further way"
    record.update(way=record["way"] + 1, attempt=0)
    _again(draft, order)
    return ""


def _again(draft: Draft, order: Ordered) -> None:
    """Send what failed; what was told of the failure is over."""
    path = f"{order.step}/{order.item}".rstrip("/")
    for word in ("failed", "timeout", "unknown", "denied"):
        draft.close_exception(f"{word}:{path}")
    if draft.workflow.steps[order.step].sendings:
        send(draft, order.step, order.item)
    else:
        draft.put(order.step, order.item, "idle")


def _complete(draft: Draft, order: Ordered) -> str:
    status = draft.status(order.step, order.item)
    if status == "undo_failed":
        draft.put(order.step, order.item, "undone")
        draft.close_exception(f"undo_failed:{order.step}/{order.item}".rstrip("/"))
        return ""
    if status in SETTLED or status == "undoing":
        return f"it is {status} already"
    value = order.value if isinstance(order.value, dict) else {}
    reference = str(value.get("reference", ""))
    draft.put(
        order.step, order.item, "done", outputs=value.get("outputs") or {}, reference=reference
    )
    return ""


def _skip(draft: Draft, order: Ordered) -> str:
    status = draft.status(order.step, order.item)
    if status in SETTLED or status in ("undoing", "undo_failed"):
        return f"it is {status}"
    outputs = order.value if isinstance(order.value, dict) else {}
    draft.put(order.step, order.item, "skipped", outputs=outputs)
    return ""


def _decide(draft: Draft, order: Ordered) -> str:
    status = draft.status(order.step, order.item)
    if status != "asked":
        return f"it is {status}, nobody was asked"
    value = order.value if isinstance(order.value, dict) else {"verdict": order.value}
    if value.get("verdict") not in ("go", "deny"):
        return "a verdict is go or deny"
    before = draft.record(order.step, order.item).get("verdict") or {}
    judge(draft, order.step, order.item, {**before, **value, "by": order.actor})
    return ""


def _set_fact(draft: Draft, order: Ordered) -> str:
    value = order.value
    if not isinstance(value, dict) or not isinstance(value.get("put"), Mapping):
        return "set_fact takes {put: {fact: value}, rev: revision}"
    for name, given in value["put"].items():
        fact = draft.workflow.file.facts.get(name)
        if fact is None:
            return f"there is no fact {name}"
        merge(draft.state["facts"].setdefault(name, {}), fact, given, value.get("rev"))
    draft.touch()
    return ""


def _abort(draft: Draft, order: Ordered) -> str:
    if order.value not in draft.workflow.file.aborts:
        return f"there is no abort {order.value}"
    ask_to_abort(draft, order.value)
    under_way = draft.state["abort"] is not None or order.value in draft.state["deferred"]
    return "" if under_way else f"{order.value} may not be any more"


def _suspend(draft: Draft, _order: Ordered) -> str:
    draft.state["suspended"] = draft.state["suspended"] or "ordered"
    draft.touch()
    return ""


def _resume(draft: Draft, _order: Ordered) -> str:
    if not draft.state["suspended"]:
        return "it is not suspended"
    draft.close_exception(draft.state["suspended"])
    draft.state["suspended"] = ""
    draft.touch()
    return ""


def _reopen(draft: Draft, _order: Ordered) -> str:
    if not draft.state["final"]:
        return "it has not ended"
    return "what was aborted stays so" if draft.state["abort"] is not None else ""


def _resolve(draft: Draft, order: Ordered) -> str:
    """Close an exception, unless a step waits for what becomes of it."""
    found = draft.state["exceptions"].get(order.value)
    if found is None:
        return f"there is no exception {order.value}"
    if found["step"] and draft.status(found["step"], found["item"]) in (
        *_FAILED,
        "waiting",
        "asked",
    ):
        return f"{found['step']} waits for it: retry, complete or skip it"
    if found["step"]:
        _agree(draft, found["step"], found["item"], order.value.partition(":")[0])
    draft.close_exception(order.value)
    return ""


def _agree(draft: Draft, step: str, item: str, word: str) -> None:
    """Note that somebody has seen it: what is so stays so, and is not told again."""
    record = draft.record(step, item)
    if word == "changed":
        record["used"] = used_of(draft, step, item)
    else:
        record["agreed"] = [*record.get("agreed", []), word]


_VERBS: Mapping[str, Callable[[Draft, Ordered], str]] = {
    "retry": _retry,
    "new_key": _new_key,
    "next_way": _next_way,
    "complete": _complete,
    "skip": _skip,
    "decide": _decide,
    "set_fact": _set_fact,
    "abort": _abort,
    "suspend": _suspend,
    "resume": _resume,
    "reopen": _reopen,
    "resolve": _resolve,
}
_OF_STEPS = frozenset({"retry", "new_key", "next_way", "complete", "skip", "decide"})
#: what may be ordered, and which of it is ordered of a step
VERBS = tuple(_VERBS)
OF_STEPS = tuple(verb for verb in VERBS if verb in _OF_STEPS)
