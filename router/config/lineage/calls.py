"""Owns: what a call is asked by and what comes of it: addresses, results, references.
Imports: config.lineage, config.systems.
Never: knows how an adapter makes its address of the texts.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from router.config.lineage.maps import told
from router.config.lineage.paths import ENV, Paths, Source, of_object, ref_of
from router.config.lineage.value import EMPTY, Value, mixed, union, whole
from router.config.systems import Operation, OutcomeRule
from router.config.templates import Template
from router.core.diagnostics import Place

#: what a call gives to those after it
REFERENCE, RESULT = "reference", "result"


def answer_of(call: Operation) -> Source:
    """Return the document that a call gives: an enrich gets it, later calls see it."""
    return Source("answer", call.name, ref_of(call.file.returns or call.file.request.answer))


def body_of(call: Operation) -> Source:
    """Return what the far side says; where nothing is taken out of it, that is the answer."""
    if call.is_read and made_anew(call):
        return Source("body", call.name, ref_of(call.file.request.answer))
    return answer_of(call)


def made_anew(call: Operation) -> bool:
    """Return whether an outcome says what of the body is the answer."""
    return any(one.result is not None and one.result.source != "body" for one in _good(call))


def gave(call: Operation, paths: Paths) -> Value:
    """Return what a call gave: its reference and its result, by its answer or by a look-up."""
    scope = _said(call, body_of(call))
    names = [told(one.reference, scope, paths) for one in _good(call) if one.reference is not None]
    results = [
        told(one.result, scope, paths) if one.result is not None else scope.fields["body"]
        for one in _good(call)
        if "done" in (one.outcome, one.otherwise)
    ]
    lookup = call.file.lookup
    if lookup is not None:
        found = _said(call, Source("look-up", call.name, ref_of(lookup.request.answer)))
        names += [told(lookup.reference, found, paths)] if lookup.reference is not None else []
        results += [told(lookup.result, found, paths)] if lookup.result is not None else []
    return Value(fields={REFERENCE: union(names), RESULT: union(results)})


def addressed(request: Any, places: Mapping[str, Value]) -> Value:
    """Return what each text of an adapter's request comes from, by its key."""
    here = getattr(request, "place", Place(""))
    known = {name: _placed(one, here) for name, one in places.items()}
    made: dict[str, Value] = {}
    for field in dataclasses.fields(request):
        held = getattr(request, field.name)
        if isinstance(held, Template):
            made[field.name] = _filled(held, known)
        elif isinstance(held, Mapping):
            texts = {name: one for name, one in held.items() if isinstance(one, Template)}
            made[field.name] = _some({name: _filled(one, known) for name, one in texts.items()})
    return _some(made)


def _filled(text: Template, places: Mapping[str, Value]) -> Value:
    return mixed(*(places.get(name, EMPTY) for name in text.parts[1::2]))


def _placed(value: Value, place: Place) -> Value:
    """Return a value whose documents are read here, where nothing says where they are."""
    origins = (one if one.place.file else replace(one, place=place) for one in value.origins)
    return replace(value, origins=frozenset(origins))


def _some(fields: Mapping[str, Value]) -> Value:
    """Return an object of the fields that something goes into."""
    return Value(fields={name: one for name, one in fields.items() if not one.is_empty})


def _good(call: Operation) -> list[OutcomeRule]:
    """Return the outcomes after which others go on."""
    words = ("done", "accepted")
    return [one for one in call.file.outcome if one.outcome in words or one.otherwise in words]


def _said(call: Operation, body: Source) -> Value:
    """Return the roots of what looks at an answer."""
    roots = {
        "body": whole(body),
        "headers": whole(Source("headers", call.name)),
        "status": EMPTY,
        "env": whole(ENV),
    }
    if call.accept is not None:
        roots["payload"] = whole(of_object(call.accept.ref))
    return Value(fields=roots)
