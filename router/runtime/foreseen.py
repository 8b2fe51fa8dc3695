"""Owns: what an order would do to an instance, or to many, without doing it.
Imports: core, config.workflow, engine.workflow, infra.store, runtime.
Never: writes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from router.config.workflow.workflow import Workflow
from router.core.instance import Snapshot
from router.engine.workflow.orders import moves_money
from router.engine.workflow.record import effect_document
from router.engine.workflow.turn import turn
from router.engine.workflow.values import Ordered, path_of
from router.infra.store.keyed import CHUNK
from router.infra.store.reader import Reader
from router.runtime.definitions import Definitions
from router.runtime.instance import waits_of

#: who approves what is only tried; no person has such a name
NOBODY = "(a second person)"
#: how effects are told, and what of them; timers come and go and are left out
_SAYS: Mapping[str, tuple[str, str]] = {
    "Send": ("sends", "{operation} {key}"),
    "HoldItem": ("holds", "{operation} {key} for {window}"),
    "WithdrawItem": ("withdraws", "{key}"),
    "OpenTask": ("asks", "{role} about {path}"),
    "CloseTask": ("asks no more", "about {path}"),
    "OpenException": ("opens", "{name} ({category}, {owner})"),
    "CloseException": ("closes", "{name}"),
    "RegisterAlias": ("is known", "as {kind} {value}"),
    "Emit": ("tells", "{event}"),
    "Decided": ("decides", "{path}: {verdict[verdict]} by {table}"),
}


def foresee(kept: Snapshot, workflow: Workflow, order: Ordered, now: datetime) -> dict[str, Any]:
    """Return what the turn of an order would come to."""
    money = moves_money(workflow, order.verb, order.step)
    tried = replace(order, approver=NOBODY) if money else order
    made = turn(workflow, kept.state, tried, max(now, kept.at))
    return {
        "outcome": made.outcome,
        "why": made.why,
        "money": money,
        "label": {"was": kept.state["label"], "becomes": made.state["label"]},
        "effects": [effect_document(one) for one in made.effects],
    }


def foreseen_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield what an order would come to as text."""
    was, becomes = told["label"]["was"], told["label"]["becomes"]
    label = f"stays {was}" if was == becomes else f"{was} -> {becomes}"
    why = f": {told['why']}" if told["why"] else ""
    yield f"would be {told['outcome']}{why}, {label}"
    for effect in told["effects"]:
        if effect["effect"] in _SAYS:
            word, text = _SAYS[effect["effect"]]
            path = path_of(str(effect.get("step", "")), str(effect.get("item", "")))
            yield f"  {word} {text.format(**effect, path=path)}"
    if told["money"]:
        yield "  it moves money: a second person approves it"
    yield "nothing was written"


def foresee_all(
    reader: Reader,
    definitions: Definitions,
    order: tuple[Ordered, bool, str],
    of: tuple[Sequence[str], datetime],
) -> Counter[str]:
    """Return how many orders would come to what, over instances by id, at a time.

    `order` is what is ordered, whether of each item that is begun, and only those with a status.
    """
    found: Counter[str] = Counter()
    wanted, now = of
    for start in range(0, len(wanted), CHUNK):
        for kept in reader.instances.get(wanted[start : start + CHUNK]).values():
            workflow = definitions.by_mark(kept.mark, kept.workflow, reader)
            if workflow is None:
                found["its definition is lost"] += 1
                continue
            some = list(_meant(kept, order))
            found.update(_outcome(foresee(kept, workflow, one, now)) for one in some)
            found["no item of the step is begun"] += not some
    return +found


def _meant(kept: Snapshot, order: tuple[Ordered, bool, str]) -> Iterator[Ordered]:
    """Yield the orders that an instance would be given."""
    said, each, status = order
    if not each:
        yield said
        return
    for (step, item), told in waits_of(kept.state):
        if step == said.step and status in ("", told["status"]):
            yield replace(said, item=item)


def _outcome(told: Mapping[str, Any]) -> str:
    return f"{told['outcome']}: {told['why']}" if told["why"] else str(told["outcome"])
