"""Owns: shapes that belong to one kind of file, as JSON Schema.
Imports: config.editor (schemas, flowparts), and the module of each shape.
Never: says what only the whole file can show (the loader does): order, names, what fits what.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.config import (
    channels,
    environments,
    flows,
    sandbox,
    sequences,
    steps,
    systems,
    tablefiles,
    templates,
    verification,
)
from router.config.editor import flowparts
from router.config.editor.schemas import EXPRESSION, Schema, Schemas, Writer, whole
from router.config.references import CONTRACT
from router.config.references import EXPRESSION as EXPRESSION_SHAPE
from router.config.shapes import Name
from router.config.transforms import transform

_OBJECT: Schema = {"type": "object"}
#: a text with places, as `config.templates` splits it
_TEMPLATE = whole(r"([^{}]|\{[a-z][a-z0-9_]*\})*")
_REFERENCE = whole(r"(env|file):\w+")
#: `verify:` says exactly one of these
_WAYS = ("preset", "hmac", "inside", "none")


def _template(shape: templates.TemplateShape, _make: Schemas) -> Schema:
    return {"description": shape.expects, "type": "string", "pattern": _TEMPLATE}


def _secret(shape: verification.SecretShape, _make: Schemas) -> Schema:
    return {"description": shape.expects, "type": "string", "pattern": _REFERENCE}


def _verify(_shape: verification.VerifyShape, make: Schemas) -> Schema:
    return make.define(
        "verify",
        lambda: {
            **make.body(verification.VerifyFile),
            "oneOf": [{"required": [way]} for way in _WAYS],
            "if": {"required": ["none"]},
            "else": {"required": ["secrets"], "properties": {"secrets": {"minItems": 1}}},
        },
    )


def _steps(_shape: steps.StepList, make: Schemas) -> Schema:
    return make.define(
        "steps", lambda: {"type": "array", "minItems": 1, "items": make.of(steps.STEP)}
    )


def _flow_steps(_shape: flows.FlowSteps, make: Schemas) -> Schema:
    return make.of(steps.STEPS)


def _sends(shape: steps.Sends, make: Schemas) -> Schema:
    one = make.component(steps.Send)
    many = {"type": "array", "minItems": 1, "items": one}
    return {"description": shape.expects, "if": {"type": "array"}, "then": many, "else": one}


def _route(shape: channels.RouteShape, make: Schemas) -> Schema:
    endings = {word: make.of(one) for word, one in steps.ENDING.options.items()}
    anyone = [{"required": [word]} for word in endings]
    return {
        "description": shape.expects,
        "properties": endings,  # offered beside the keys of a route
        "if": {"type": "object", "maxProperties": 1, "anyOf": anyone},
        "then": make.of(steps.ENDING),
        "else": make.component(channels.RouteFile),
    }


def _outcomes(_shape: systems.OutcomeList, make: Schemas) -> Schema:
    return make.define(
        "outcomes",
        lambda: {
            "type": "array",
            "minItems": 1,
            "items": {
                **make.body(systems.OutcomeRule),
                "if": {"required": ["otherwise"]},
                "then": {"properties": {"if": False}},
                "else": {"required": ["if", "is"]},
            },
            "contains": {"required": ["otherwise"]},
        },
    )


def _request(_shape: systems.AdapterRequest, make: Schemas) -> Schema:
    return make.component(make.context.library.adapters[make.adapter].Request)


def _called(shape: sequences.CalledShape, make: Schemas) -> Schema:
    return {**make.of(Name()), "description": shape.expects}


def _operations(shape: sequences.Operations, make: Schemas) -> Schema:
    if make.adapter:
        return make.of(shape.by_name)
    # `file_schema` says for each adapter what an operation of it is
    return {"description": shape.expects, "type": "object", "minProperties": 1}


def _operation(shape: sequences.Either, make: Schemas) -> Schema:
    sequence = make.component(sequences.SequenceFile)
    return {
        "properties": {"calls": {"type": "array"}},  # offered beside the keys of one call
        "if": {"type": "object", "required": ["calls"]},
        "then": sequence,
        "else": make.component(shape.single),
    }


def _adapter_settings(shape: environments.AdapterSettings, make: Schemas) -> Schema:
    known = make.context.library.systems
    return {
        "description": shape.expects,
        "type": "object",
        "properties": {
            name: make.component(system.adapter.Settings) for name, system in sorted(known.items())
        },
        "additionalProperties": _OBJECT,
    }


def _rows(shape: tablefiles.Rows, _make: Schemas) -> Schema:
    return {"description": shape.expects, **_OBJECT}


def _default(shape: tablefiles.Default, _make: Schemas) -> Schema:
    return {"description": shape.expects, "type": ["object", "string", "number", "boolean"]}


def _body(shape: sandbox.BodyShape, make: Schemas) -> Schema:
    return {**_value_of_map(make), "description": shape.expects}


def _map(shape: transform.MapShape, make: Schemas) -> Schema:
    fields = {"type": "object", "additionalProperties": _value_of_map(make)}
    return {"description": shape.expects, **fields}


def _let(shape: transform.LetShape, make: Schemas) -> Schema:
    return {
        "description": shape.expects,
        "type": "object",
        "additionalProperties": _value_of_map(make),
    }


def _input(shape: transform.InputShape, make: Schemas) -> Schema:
    expression = {"type": "string", "pattern": EXPRESSION}
    ways = [make.of(CONTRACT), expression, {"enum": ["text", "calls"]}]
    return {"description": shape.expects, "anyOf": ways}


def _wording(shape: transform.TemplateShape, _make: Schemas) -> Schema:
    return {"description": shape.expects, "type": "string", "pattern": r"\.j2$"}


def _value_of_map(make: Schemas) -> Schema:
    """Return what may stand in a map: a value, a list, fields, or a block with `map:`."""
    return make.define("value", lambda: {"if": _BLOCK, "then": _block(make), "else": _plain(make)})


_BLOCK: Schema = {"type": "object", "anyOf": [{"required": ["map"]}, {"required": ["each"]}]}


def _block(make: Schemas) -> Schema:
    value = _value_of_map(make)
    expression = make.of(EXPRESSION_SHAPE)
    return {
        "properties": {
            "each": {**expression, "description": "a list: a value for each item of it"},
            "let": {"type": "object", "additionalProperties": value},
            "if": {**expression, "description": "no value when it does not hold"},
            "map": value,
        },
        "required": ["map"],
        "additionalProperties": False,
    }


def _plain(make: Schemas) -> Schema:
    value = _value_of_map(make)
    return {"items": value, "additionalProperties": value}


#: the shapes that one kind of file has for itself
PARTS: Mapping[type[Any], Writer] = {
    templates.TemplateShape: _template,
    verification.SecretShape: _secret,
    verification.VerifyShape: _verify,
    steps.StepList: _steps,
    flows.FlowSteps: _flow_steps,
    steps.Sends: _sends,
    channels.RouteShape: _route,
    systems.OutcomeList: _outcomes,
    systems.AdapterRequest: _request,
    sequences.CalledShape: _called,
    sequences.Operations: _operations,
    sequences.Either: _operation,
    environments.AdapterSettings: _adapter_settings,
    tablefiles.Rows: _rows,
    tablefiles.Default: _default,
    sandbox.BodyShape: _body,
    transform.MapShape: _map,
    transform.LetShape: _let,
    transform.InputShape: _input,
    transform.TemplateShape: _wording,
    **flowparts.parts(_value_of_map),
}
