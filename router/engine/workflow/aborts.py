"""Owns: ending an instance by taking back what was done, in the reverse order of needs.
Imports: core, config.workflow, engine.workflow.
Never: takes back what is beyond the point of no return.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.config.workflow.scope import SETTLED
from router.config.workflow.sights import INSTANCE
from router.config.workflow.workflow import Abort
from router.engine.workflow.draft import Draft
from router.engine.workflow.sending import document_of, send_undo
from router.engine.workflow.values import Emit, path_of


def ask_to_abort(draft: Draft, name: str) -> None:
    """Begin an abort, put it off, or say that it may not be."""
    if draft.state["abort"] is not None:
        return
    abort = draft.workflow.file.aborts[name]
    if _may_wait(draft, abort):
        if name not in draft.state["deferred"]:
            draft.state["deferred"].append(name)
    elif _may_be(draft, abort):
        begin_abort(draft, name)
    else:
        _say_no(draft, abort)


def look_at_deferred(draft: Draft) -> None:
    """Decide aborts that waited for what was under way."""
    for name in list(draft.state["deferred"]):
        abort = draft.workflow.file.aborts[name]
        if draft.state["abort"] is None and _may_wait(draft, abort):
            continue
        draft.state["deferred"].remove(name)
        ask_to_abort(draft, name)


def begin_abort(draft: Draft, name: str) -> None:
    """Begin to take back."""
    draft.state["abort"] = {"name": name, "done": False, "fresh": True}
    draft.seeing.changed(INSTANCE)


def carry_on(draft: Draft) -> None:
    """Take back what can be taken back by now; end the abort when nothing is left."""
    abort = draft.state["abort"]
    if abort is None or abort["done"] or draft.state["suspended"]:
        return
    if abort.pop("fresh", False):
        _withdraw(draft)
    left = [(name, item) for name, item, record in draft.records() if _is_left(draft, name, record)]
    for name, item in left:
        waits_for = set(draft.workflow.after(name))
        free = not any(other in waits_for for other, _ in left)
        if free and draft.status(name, item) not in ("undoing", "undo_failed"):
            send_undo(draft, name, item)
    if not left:
        abort["done"] = True
        draft.seeing.changed(INSTANCE)


def passes_pivot(draft: Draft) -> bool:
    """Return whether an abort is under way although a step without return is done."""
    if draft.state["abort"] is None:
        return False
    return any(
        draft.workflow.steps[name].pivot and record["status"] == "done"
        for name, _, record in draft.records()
    )


def _may_be(draft: Draft, abort: Abort) -> bool:
    return abort.condition is None or draft.holds(abort.condition)


def _may_wait(draft: Draft, abort: Abort) -> bool:
    return abort.defer is not None and draft.holds(abort.defer)


def _say_no(draft: Draft, abort: Abort) -> None:
    if not abort.refuse:
        return
    view = draft.workflow.file.views[draft.workflow.file.emits[abort.refuse].view]
    document = document_of(draft, view, next(iter(draft.workflow.steps)), "")
    draft.effects.append(Emit(event=abort.refuse, document=document))


def _withdraw(draft: Draft) -> None:
    """Leave what has had no effect as yet, and what nothing takes back."""
    for name, item, record in list(draft.records()):
        if record["status"] not in SETTLED and not _can_undo(draft, name, record):
            draft.put(name, item, "skipped")
            for word in ("double_effect", "changed", "denied"):
                draft.close_exception(f"{word}:{path_of(name, item)}")


def _can_undo(draft: Draft, name: str, record: Mapping[str, Any]) -> bool:
    """Return whether a step may have had an effect that something takes back.

    What is under way, or ended unknown, may have one: taking it back must suit that as well.
    """
    step = draft.workflow.steps[name]
    has_undo = step.undo is not None and step.undo.sending is not None
    return has_undo and bool(record["keys"]) and record["status"] != "held"


def _is_left(draft: Draft, name: str, record: Mapping[str, Any]) -> bool:
    if record["status"] in ("undoing", "undo_failed"):
        return True
    touched = record["status"] in ("done", "running", "failed")
    return touched and _can_undo(draft, name, record)
