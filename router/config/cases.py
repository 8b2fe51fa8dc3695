"""Owns: the definition of tests of the language: what is given, what is mocked, what is expected.
Imports: config.components.
Never: runs a test (runtime.cases does).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from router.config.components import component, knob, place_of
from router.config.references import CONTRACT
from router.config.shapes import DURATION, Choice, Document, Integer, ListOf, MapOf, Nested, Text
from router.config.validation import Contract
from router.core.diagnostics import Place

OUTCOMES = Choice(
    (
        "routed",
        "discarded",
        "duplicate",
        "conflict",
        "dead_lettered",
        "done",
        "refused",
        "partial",
        "retry",
    )
)


@component(
    "given", doc="What comes in: a delivery for a channel, an object for a flow or a system."
)
class Given:
    headers: Mapping[str, str] = knob(MapOf(Text()), doc="of the delivery", default=dict)
    body: Any = knob(Document(), doc="of the delivery or the object", default=None)
    body_file: str = knob(Text("a path"), doc="a file with the body, beside the test", default="")
    object: Contract | None = knob(CONTRACT, doc="the object's contract", default=None)
    operation: str = knob(Text(), doc="system tests: which operation", default="")
    repeat: str = knob(Text(), doc="the name of an earlier test, given once more", default="")
    place: Place = place_of()


@component("mock", doc="One answer of a system, in the order of the calls.")
class Mock:
    status: int = knob(Integer(100, 599), doc="of the answer", default=200)
    headers: Mapping[str, str] = knob(MapOf(Text()), doc="of the answer", default=dict)
    body: Any = knob(Document(), doc="of the answer", default=None)
    body_file: str = knob(Text("a path"), doc="a file with the answer's body", default="")
    fails: str = knob(
        Choice(("no_connection", "no_answer")), doc="instead of an answer", default=""
    )
    place: Place = place_of()


@component("payload", doc="What a document must be; every key given must hold.")
class Expected:
    equals: Any = knob(Document(), doc="the whole document", default=None)
    contains: Any = knob(
        Document(), doc="fields that it has; lists are compared item by item", default=None
    )
    file: str = knob(
        Text("a path"),
        doc="a golden file with the whole document, which `router test --update` writes",
        default="",
    )
    place: Place = place_of()


@component("produced", doc="An object that is published.")
class ExpectedObject:
    object: Contract = knob(CONTRACT, doc="its contract")
    key: str = knob(Text(), doc="its business identity, words separated by spaces", default="")
    payload: Expected | None = knob(Nested(Expected), doc="what it says", default=None)


@component("sent", doc="A command, or in a system's test the request that leaves.")
class ExpectedCommand:
    operation: str = knob(Text(), doc="system.operation")
    target: str = knob(Text(), doc="system tests: method and address", default="")
    payload: Expected | None = knob(
        Nested(Expected), doc="object, or the request's body", default=None
    )


@component("signalled", doc="An event that is told to a workflow.")
class ExpectedSignal:
    workflow: str = knob(Text(), doc="its name")
    event: str = knob(Text(), doc="one of its events")
    payload: Expected | None = knob(Nested(Expected), doc="what it says", default=None)


@component("dead letter", doc="What is kept for a person.")
class ExpectedLetter:
    reason: str = knob(Text(), doc="the word")
    step: str = knob(Text(), doc="which step refused it", default="")
    detail: str = knob(Text(), doc="a part of what it says", default="")


@component("expect", doc="What must come of it.")
class Expect:
    outcome: str = knob(OUTCOMES, doc="of every record of the last delivery", default="")
    outcomes: tuple[str, ...] = knob(
        ListOf(OUTCOMES), doc="instead: one word a record, in order", default=()
    )
    notes: tuple[str, ...] | None = knob(
        ListOf(Text()), doc="routed: reasons of branches that had no effect", default=None
    )
    result: Expected | None = knob(
        Nested(Expected), doc="a read operation: the document that it gives", default=None
    )
    reason: str = knob(Text(), doc="discarded: why", default="")
    produced: tuple[ExpectedObject, ...] | None = knob(
        ListOf(Nested(ExpectedObject)), doc="every object, in order", default=None
    )
    sent: tuple[ExpectedCommand, ...] | None = knob(
        ListOf(Nested(ExpectedCommand)), doc="every command, in order", default=None
    )
    signalled: tuple[ExpectedSignal, ...] | None = knob(
        ListOf(Nested(ExpectedSignal)), doc="every event for a workflow, in order", default=None
    )
    retries: tuple[timedelta, ...] | None = knob(
        ListOf(DURATION), doc="the delays before further attempts", default=None
    )
    dead: ExpectedLetter | None = knob(Nested(ExpectedLetter), doc="the dead letter", default=None)
    correlation: str = knob(Text(), doc="the transaction it belongs to", default="")


@component("test", doc="One example with what must come of it.")
class Case:
    name: str = knob(Text(), doc="what it shows")
    given: Given = knob(Nested(Given), doc="what comes in")
    mocks: Mapping[str, tuple[Mock, ...]] = knob(
        MapOf(ListOf(Nested(Mock), least=1)), doc="answers by operation", default=dict
    )
    expect: Expect = knob(Nested(Expect), doc="what must come of it")
    place: Place = place_of()


@component("tests", doc="Tests beside the file that they test.")
class CaseFile:
    tests: tuple[Case, ...] = knob(ListOf(Nested(Case), least=1), doc="run in order")
    place: Place = place_of()
