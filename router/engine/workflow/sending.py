"""Owns: the effects of steps: payloads, keys, holding for a window, what a failure leads to.
Imports: core, config.workflow, engine.workflow.
Never: retries: the worker does, and tells how it ended.
"""

from __future__ import annotations

from router.config.transforms.maptree import finished
from router.config.workflow.actions import Action
from router.config.workflow.calendars import Closing
from router.config.workflow.facts import View
from router.config.workflow.scope import evaluate
from router.config.workflow.sights import INSTANCE
from router.config.workflow.steps import Sending, Timeout
from router.core.document import Json
from router.core.errors import MessageError
from router.core.instants import from_text, time_text
from router.engine.workflow.draft import Draft
from router.engine.workflow.values import HoldItem, Send, path_of

_EXCEPTION = "exception"


def key_of(draft: Draft, step: str, item: str, way: str) -> str:
    """Return the key of an effect: instance, step, item, way, attempt."""
    return f"{_begin_of(draft, step, item)}/{way}/{draft.record(step, item)['attempt']}"


def _begin_of(draft: Draft, step: str, item: str) -> str:
    """Return what all keys of an item's effects begin with: a rename does not change them."""
    called = draft.record(step, item).get("named", step)
    return f"{draft.state['key']}/{path_of(called, item)}"


def document_of(draft: Draft, view: View, step: str, item: str) -> Json:
    """Return a view of an instance. Raises MessageError when it does not keep its contract."""
    found = finished(evaluate(draft.workflow.map_of(view), draft.over(view, step, item)))
    view.contract.ensure(found, "a view of the instance")
    return found


def payload_of(draft: Draft, sending: Sending, step: str, item: str) -> Json:
    """Return what an operation is given. Raises MessageError."""
    view = draft.workflow.file.views[sending.view]
    made = sending.transform({"view": document_of(draft, view, step, item)})
    if sending.operation.accept is not None:
        sending.operation.accept.ensure(made, "a command")
    return made


def send(draft: Draft, name: str, item: str) -> None:
    """Send the effect of a step by its way, or hold it for its window."""
    step = draft.workflow.steps[name]
    record = draft.record(name, item)
    sending = step.sendings[record["way"]]
    try:
        payload = payload_of(draft, sending, name, item)
        group = _group(draft, name, item)
    except MessageError as error:
        fail(draft, name, item, error.code)
        return
    key = key_of(draft, name, item, str(record["way"]))
    record["keys"] = [*(one for one in record["keys"] if one != key), key]
    if step.hold is not None:
        closing = _closing(draft, name, item)
        held = {"closes_at": time_text(closing.closes_at), "period": closing.period}
        draft.put(name, item, "held", held=held)
        _arm(draft, name, item, step.hold.timeout, "hold")
        draft.effects.append(
            HoldItem(
                step=name,
                item=item,
                operation=sending.operation.name,
                key=key,
                payload=payload,
                window=closing.window,
                period=closing.period,
                closes_at=closing.closes_at,
                group=(*group, closing.period),
            )
        )
        return
    run(draft, name, item)
    draft.effects.append(
        Send(step=name, item=item, operation=sending.operation.name, key=key, payload=payload)
    )


def run(draft: Draft, name: str, item: str) -> None:
    """Note that the effect of a step is under way, and until when it is waited for."""
    draft.put(name, item, "running")
    _arm(draft, name, item, draft.workflow.timeout(draft.workflow.steps[name]), "timeout")


def send_undo(draft: Draft, name: str, item: str) -> None:
    """Send what takes a step back."""
    undo = draft.workflow.steps[name].undo
    sending = undo.sending if undo is not None else None
    assert undo is not None, "who calls has looked"
    assert sending is not None, "who calls has looked"
    try:
        payload = payload_of(draft, sending, name, item)
    except MessageError as error:
        draft.put(name, item, "undo_failed", code=error.code)
        draft.open_exception("undo_failed", name, item, error.code)
        return
    record = draft.record(name, item)
    key = f"{_begin_of(draft, name, item)}/undo/{record.get('undo_attempt', 0)}"
    draft.put(name, item, "undoing", undo_key=key)
    _arm(draft, name, item, undo.timeout or draft.workflow.file.defaults.undo.timeout, "timeout")
    draft.effects.append(
        Send(
            step=name,
            item=item,
            operation=sending.operation.name,
            key=key,
            payload=payload,
            is_undo=True,
        )
    )


def fail(draft: Draft, name: str, item: str, code: str) -> None:
    """Do what a step says of a failure with this code."""
    step = draft.workflow.steps[name]
    said = draft.workflow.file.exceptions
    category = said.classes.classify(name, code, draft.by).category
    action = step.on_fail.get(category)
    draft.record(name, item)["code"] = code
    follow(draft, name, item, action or Action(_EXCEPTION, step.place), "failed")


def follow(draft: Draft, name: str, item: str, action: Action, word: str) -> None:
    """Carry out an action; `word` begins the name of the exception that it may open."""
    step, record = draft.workflow.steps[name], draft.record(name, item)
    match action.word:
        case "done" | "refuse" | "skip":
            status = {"done": "done", "refuse": "refused", "skip": "skipped"}[action.word]
            draft.put(name, item, status)
        case "next_way" if record["way"] + 1 < len(step.ways):
            record.update(way=record["way"] + 1, attempt=0)
            send(draft, name, item)
        case "hold_again" if step.hold is not None:
            record["attempt"] += 1
            send(draft, name, item)
        case "abort":
            draft.put(name, item, "refused")
            draft.state["abort"] = {"name": action.abort, "done": False, "fresh": True}
            draft.seeing.changed(INSTANCE)
        case _:
            code = record.get("code") or word
            draft.put(name, item, "failed")
            draft.open_exception(word, name, item, code)


def compute(draft: Draft, name: str, item: str) -> None:
    """Work out the outputs of a step."""
    said = draft.workflow.steps[name].compute
    assert said is not None, "who calls has looked"
    try:
        view = draft.workflow.file.views[said.view]
        made = said.transform({"view": document_of(draft, view, name, item)})
    except MessageError as error:
        fail(draft, name, item, error.code)
        return
    draft.put(name, item, "done", outputs=made)


def _arm(draft: Draft, name: str, item: str, timeout: Timeout | None, kind: str) -> None:
    if timeout is None:
        return
    draft.arm(name, item, kind, draft.later(timeout.after))
    for number, span in enumerate(timeout.remind):
        draft.arm(name, item, f"remind{number}", draft.later(span))


arm_timeout = _arm


def _group(draft: Draft, name: str, item: str) -> tuple[str, ...]:
    hold = draft.workflow.steps[name].hold
    parts = hold.group if hold is not None else ()
    found = [evaluate(one, draft.over(one, name, item)) for one in parts]
    return tuple("" if one is None else str(one) for one in found)


def _closing(draft: Draft, name: str, item: str) -> Closing:
    """Return the close for which an item is held: again, that of the next period."""
    hold = draft.workflow.steps[name].hold
    assert hold is not None, "who calls has looked"
    record = draft.record(name, item)
    before = record.get("last_close")
    if before is None:
        found = hold.window.closing(draft.at)
    else:
        was = Closing(
            window=hold.window.name,
            closes_at=from_text(before["closes_at"]),
            period=before["period"],
        )
        found = hold.window.next_period(was, draft.at)
    record["last_close"] = {"closes_at": time_text(found.closes_at), "period": found.period}
    return found
