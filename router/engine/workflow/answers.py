"""Owns: what answers, timers and windows do to the step that waits for them.
Imports: core, config.workflow, engine.workflow.
Never: begins a step (engine.workflow.walk does).
"""

from __future__ import annotations

from router.config.workflow.scope import SETTLED
from router.core.document import Json
from router.engine.workflow.draft import Draft, Record
from router.engine.workflow.sending import fail, follow, run
from router.engine.workflow.state import texts_of
from router.engine.workflow.values import Answered, RegisterAlias, Remind, TimerCame, path_of

#: outcomes of a turn
APPLIED, NOTED, STALE, REFUSED = "applied", "noted", "stale", "refused"


def answer(draft: Draft, came: Answered) -> str:
    """Apply what a worker knows of an effect; return the outcome of the turn."""
    for name, item, record in draft.records():
        if record.get("undo_key") == came.key:
            return _answer_undo(draft, name, item, came)
        if came.key in record["keys"]:
            return _answer_send(draft, name, item, came)
    return NOTED


def find_effect(draft: Draft, effect: str | None, reference: str | None) -> str | None:
    """Return the key of the effect that an event answers: by our name for it, or by theirs."""
    for _, _, record in draft.records():
        for key in (*record["keys"], record.get("undo_key")):
            if key is not None and key == effect:
                return str(key)
    for _, _, record in draft.records():
        if reference and record.get("reference") == reference and record["keys"]:
            return str(record["keys"][-1])
    return None


def sender_of(draft: Draft, key: str) -> str:
    """Return the step that has sent an effect; its key may have the step's earlier name."""
    for name, _, record in draft.records():
        if key in record["keys"] or record.get("undo_key") == key:
            return name
    return ""


def _answer_send(draft: Draft, name: str, item: str, came: Answered) -> str:
    record = draft.look(name, item)
    is_open = record["status"] in ("running", "failed", "held")
    if came.outcome == "done":
        return _take_done(draft, name, item, came) if is_open else _echo(draft, name, item, came)
    if record["status"] != "running" or record["keys"][-1] != came.key:
        return NOTED
    match came.outcome:
        case "accepted":
            _remember(draft, name, item, came)
        case "refused":
            fail(draft, name, item, came.code or "refused")
        case _:
            draft.put(name, item, "failed", code=came.code or "unknown")
            draft.open_exception("unknown", name, item, came.code or "unknown")
    return APPLIED


def _take_done(draft: Draft, name: str, item: str, came: Answered) -> str:
    """Take an effect as done, late or not. An earlier attempt's success beside a later one that
    is under way may be the second effect: a person looks.
    """
    record = draft.look(name, item)
    if record["keys"][-1] != came.key and record["status"] != "failed":
        draft.open_exception("double_effect", name, item, "double_effect")
        return APPLIED
    draft.record(name, item).pop("held", None)
    _remember(draft, name, item, came)
    draft.put(name, item, "done", outputs=dict(came.outputs))
    return APPLIED


def _echo(draft: Draft, name: str, item: str, came: Answered) -> str:
    """Note a success that is known; one of another effect than the known one is told."""
    record = draft.look(name, item)
    if record["status"] in ("undoing", "undone", "skipped", "undo_failed"):
        return NOTED
    known = record.get("reference", "")
    if record["keys"][-1] != came.key or (known and came.reference not in ("", known)):
        draft.open_exception("double_effect", name, item, "double_effect")
        return APPLIED
    return NOTED


def _remember(draft: Draft, name: str, item: str, came: Answered) -> None:
    """Keep their name for an effect; where the step says so, the instance goes by it as well."""
    if not came.reference:
        return
    record = draft.record(name, item)
    record["reference"] = came.reference
    alias = draft.workflow.steps[name].sendings[record["way"]].alias
    if alias:
        register(draft, alias, came.reference)


def register(draft: Draft, kind: str, value: Json) -> None:
    """Register aliases that are new."""
    for text in texts_of(value):
        if [kind, text] not in draft.state["aliases"]:
            draft.state["aliases"].append([kind, text])
            draft.effects.append(RegisterAlias(kind=kind, value=text))


def _answer_undo(draft: Draft, name: str, item: str, came: Answered) -> str:
    record = draft.look(name, item)
    if record["status"] not in ("undoing", "undo_failed"):
        return NOTED
    if came.outcome == "done":
        draft.put(name, item, "undone")
        draft.close_exception(f"undo_failed:{path_of(name, item)}")
    elif came.outcome != "accepted" and record["status"] == "undoing":
        draft.put(name, item, "undo_failed", code=came.code or came.outcome)
        draft.open_exception("undo_failed", name, item, came.code or came.outcome)
    return APPLIED


def window_closed(draft: Draft, key: str) -> str:
    """Note that what was held has been sent."""
    for name, item, record in draft.records():
        if record["status"] == "held" and record["keys"][-1] == key:
            draft.record(name, item).pop("held", None)
            run(draft, name, item)
            return APPLIED
    return STALE


def timer(draft: Draft, came: TimerCame) -> str:
    """Do what a timer is for; a stale one does nothing."""
    armed = draft.state["timers"].get(came.name)
    if armed is None or armed["gen"] != came.gen:
        return STALE
    del draft.state["timers"][came.name]
    path, _, kind = came.name.partition("#")
    name, _, item = path.partition("/")
    record = draft.record(name, item)
    if kind.startswith("remind"):
        draft.effects.append(Remind(step=name, item=item, number=int(kind[6:])))
    elif kind == "sla":
        _escalate(draft, name, item)
    elif kind == "deadline":
        _miss(draft, name, item, record)
    else:
        _time_out(draft, name, item, record)
    return APPLIED


def _escalate(draft: Draft, name: str, item: str) -> None:
    """Hand a question to the next role; from then on it is an exception too."""
    ask = draft.workflow.steps[name].ask
    assert ask is not None, "only a question has a service level"
    assert ask.sla is not None, "checked: a question has an end"
    if draft.state["tasks"].get(path_of(name, item), {}).get("role") != ask.escalate:
        due_at = draft.later(ask.sla)
        draft.ask(name, item, ask.escalate, due_at)
        draft.arm(name, item, "sla", due_at)
    else:
        draft.open_exception("timeout", name, item, "unanswered")


def _miss(draft: Draft, name: str, item: str, record: Record) -> None:
    deadline = draft.workflow.steps[name].deadline
    if deadline is None or record["status"] in SETTLED:
        return
    if deadline.do.word == "exception":
        draft.open_exception("deadline", name, item, "deadline")
    else:
        follow(draft, name, item, deadline.do, "deadline")


def _time_out(draft: Draft, name: str, item: str, record: Record) -> None:
    step = draft.workflow.steps[name]
    if record["status"] == "undoing":
        draft.put(name, item, "undo_failed", code="timeout")
        draft.open_exception("undo_failed", name, item, "timeout")
        return
    said = step.hold.timeout if record["status"] == "held" and step.hold else None
    said = said or draft.workflow.timeout(step)
    assert said is not None, "a timer was armed by it"
    if said.do.word == "exception" and record["status"] in ("waiting", "held"):
        draft.open_exception("timeout", name, item, "timeout")  # it may still come
        return
    record["code"] = "timeout"
    follow(draft, name, item, said.do, "timeout")
