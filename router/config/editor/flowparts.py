"""Owns: shapes of workflows, their policies and scenarios, as JSON Schema.
Imports: config.editor.schemas, config.workflow.
Never: says what only the whole file can show (the loader does): names, order, what fits what.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from router.config.editor.schemas import Schema, Schemas, Writer, whole
from router.config.shapes import NAME
from router.config.workflow import actions, calendars, decisions, facts, scenarios, scope, steps
from router.config.workflow.policies import POLICIES

_TEXT: Schema = {"type": "string", "minLength": 1}


def policy_schema(make: Schemas) -> Schema:
    """Return what a policy file is: which keys it has, its word says."""
    said = {"description": "which kind of policy this is", "enum": list(POLICIES)}
    return {
        "title": "policy",
        "description": "A failure policy, or what workflows decide by: its word says which.",
        "type": "object",
        "properties": {"policy": said},
        "required": ["policy"],
        "allOf": [_of_word(word, cls, make) for word, cls in POLICIES.items()],
    }


def _of_word(word: str, cls: type[Any], make: Schemas) -> Schema:
    when = {"properties": {"policy": {"const": word}}, "required": ["policy"]}
    return {"if": when, "then": make.component(cls)}


def _over(shape: scope.Over, make: Schemas) -> Schema:
    return make.of(shape.shape)


def _definitions(shape: facts.Definitions, make: Schemas) -> Schema:
    values = make.component(facts.DefinitionFile)
    return {"description": shape.expects, "type": "object", "additionalProperties": values}


def _starts(shape: facts.Starts, _make: Schemas) -> Schema:
    return {"description": shape.expects, "enum": [True, False, "shell"]}


def _view(shape: facts.ViewMap, value: Callable[[Schemas], Schema], make: Schemas) -> Schema:
    fields = {"type": "object", "additionalProperties": value(make)}
    return {"description": shape.expects, **fields}


def _need(shape: steps.NeedShape, _make: Schemas) -> Schema:
    pattern = rf"{NAME}\??(\[{NAME}\])?"
    return {"description": shape.expects, "type": "string", "pattern": whole(pattern)}


def _action(shape: actions.ActionShape, _make: Schemas) -> Schema:
    abort = {
        "type": "object",
        "properties": {"abort": {"type": "string", "pattern": whole(NAME)}},
        "required": ["abort"],
        "additionalProperties": False,
    }
    return {"description": shape.expects, "anyOf": [{"enum": list(shape.words)}, abort]}


def _rules(shape: decisions.Rules, make: Schemas) -> Schema:
    items = make.component(shape.cls)
    return {"description": shape.expects, "type": "array", "minItems": 1, "items": items}


def _zone(shape: calendars.Zone, _make: Schemas) -> Schema:
    return {"description": shape.expects, **_TEXT}


def _answer(shape: scenarios.AnswerShape, _make: Schemas) -> Schema:
    said = {
        "type": "object",
        "properties": {one: {"type": ["string", "object"]} for one in scenarios.ANSWERS},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
    return {"description": shape.expects, "anyOf": [{"enum": list(scenarios.ANSWERS)}, said]}


def parts(value: Callable[[Schemas], Schema]) -> Mapping[type[Any], Writer]:
    """Return the shapes of workflows; `value` says what may stand in a map."""

    def mapped(shape: facts.Mapped, make: Schemas) -> Schema:
        return {**value(make), "description": shape.expects}

    return {
        scope.Over: _over,
        facts.Definitions: _definitions,
        facts.Starts: _starts,
        facts.Mapped: mapped,
        facts.ViewMap: lambda shape, make: _view(shape, value, make),
        steps.NeedShape: _need,
        actions.ActionShape: _action,
        decisions.Rules: _rules,
        calendars.Zone: _zone,
        scenarios.AnswerShape: _answer,
    }
