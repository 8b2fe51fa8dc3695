"""Owns: inputs and effects of turns as plain documents, and inputs back: what a journal keeps.
Imports: core, engine.workflow.values.
Never: loses a part of an input: a replay is given what was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from router.core.instants import time_text
from router.engine.workflow.values import (
    Answered,
    AnyInput,
    Effect,
    EventCame,
    Migrated,
    Ordered,
    TimerCame,
    WindowClosed,
)

KINDS: Mapping[str, type[Any]] = {
    "event": EventCame,
    "answer": Answered,
    "timer": TimerCame,
    "window": WindowClosed,
    "order": Ordered,
    "migration": Migrated,
}
_WORDS = {kind: word for word, kind in KINDS.items()}
#: what an input is called in a journal, by its kind
_NAMES = {
    "event": "name",
    "answer": "key",
    "timer": "name",
    "window": "key",
    "order": "verb",
    "migration": "target",
}


def kind_of(came: AnyInput) -> str:
    """Return the word for a kind of input."""
    return _WORDS[type(came)]


def name_of(came: AnyInput) -> str:
    """Return what an input is called: the event, the effect, the timer, the verb."""
    return str(getattr(came, _NAMES[kind_of(came)]))


def input_document(came: AnyInput) -> dict[str, Any]:
    """Return an input as a document."""
    return {one.name: getattr(came, one.name) for one in fields(came)}


def input_of(kind: str, document: Mapping[str, Any]) -> AnyInput:
    """Return the input that `input_document` wrote."""
    made: AnyInput = KINDS[kind](**document)
    return made


def effect_document(effect: Effect) -> dict[str, Any]:
    """Return an effect as a document; `effect` in it says which it is."""
    made: dict[str, Any] = {"effect": type(effect).__name__}
    for one in fields(effect):
        value = getattr(effect, one.name)
        if isinstance(value, datetime):
            value = time_text(value)
        made[one.name] = list(value) if isinstance(value, tuple) else value
    return made
