"""Owns: which instance an event is about: by its key, else by other names, else the one that fits.
Imports: core, config.workflow, engine.workflow.
Never: looks an instance up: who has them says which go by a name; chooses between several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from router.config.workflow.facts import Event
from router.config.workflow.scope import holds
from router.config.workflow.workflow import Workflow
from router.core.document import Json
from router.engine.workflow.draft import Draft
from router.engine.workflow.state import State, texts_of
from router.engine.workflow.values import Document, EventCame


@dataclass(frozen=True, slots=True)
class Address:
    """What an event says of its instance: its key, else other names of it: (kind, value)."""

    key: str
    names: tuple[tuple[str, str], ...] = ()


def address_of(said: Event, body: Document) -> Address:
    """Return what an event says of its instance. Raises MessageError."""
    scope: dict[str, Json] = {"body": dict(body)}
    given = said.key(scope) if said.key is not None else None
    if isinstance(given, str) and given:
        return Address(given)
    names = (
        (kind, text)
        for kind, expression in said.find.items()
        for text in texts_of(expression(scope))
    )
    return Address("", tuple(names))


def meant(
    workflow: Workflow, came: EventCame, found: Mapping[str, State], at: datetime
) -> str | None:
    """Return the key of the one instance that an event means, of those that go by a name of it.

    None when there is none, or several could be meant.
    """
    keys = fitting(workflow, came, found, at)
    return keys[0] if len(keys) == 1 else None


def fitting(
    workflow: Workflow, came: EventCame, found: Mapping[str, State], at: datetime
) -> list[str]:
    """Return the keys of the instances that an event may mean, of those that go by a name of it.

    Those that match it, where some do; of these those that are open, where some are.
    """
    match = workflow.file.events[came.name].match
    keys = sorted(found)
    if len(keys) > 1 and match is not None:
        body = dict(came.body)
        keys = [
            key
            for key in keys
            if holds(match, {**Draft(workflow, found[key], at, {}).scope, "body": body})
        ] or keys
    if len(keys) > 1:
        keys = [key for key in keys if not found[key]["final"]] or keys
    return keys
