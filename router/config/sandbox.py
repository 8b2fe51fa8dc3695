"""Owns: the definition of a sandbox: a declared, stateful stand-in for systems.
Imports: config.components.
Never: listens or keeps state (runtime.sandbox does).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from router.config.components import Context, component, knob, place_of
from router.config.environments import HttpSettings
from router.config.references import EXPRESSION, VALUE, Value
from router.config.shapes import (
    DURATION,
    NAME_SAYS,
    PERCENT,
    Choice,
    Flag,
    Integer,
    ListOf,
    MapOf,
    Name,
    Nested,
    Text,
)
from router.config.source import Node
from router.config.transforms.expressions import Expression
from router.config.transforms.maps import decode_map
from router.config.transforms.maptree import Builder
from router.config.verification import Verify, VerifyShape
from router.core.diagnostics import Place, nearest

REQUEST_ROOTS = frozenset({"path", "query", "headers", "body"})
FAULTS = ("slow", "too_many", "error", "html", "no_answer", "half")
ITEM_ROOTS = REQUEST_ROOTS | {"item"}
ANSWER_ROOTS = REQUEST_ROOTS | {"found", "next", "number", "accepted", "refused"}


@dataclass(frozen=True, slots=True)
class BodyShape:
    """A document with expressions in it."""

    expects: str = (
        "a document; expressions see path, query, headers, body, found, next, number, accepted, "
        "refused"
    )

    def decode(self, node: Node, context: Context) -> Any:
        return decode_map(node, context.with_roots(ANSWER_ROOTS))


@component("collection", doc="Documents that the sandbox keeps.")
class Collection:
    key: Expression = knob(EXPRESSION, doc="by what a document is found", roots=frozenset({"item"}))
    seed: str = knob(Text("a path"), doc="a JSON file with a list of documents", default="")


@component("look", doc="Which documents of a collection.")
class Look:
    collection: str = knob(Name(), key="in", doc="the collection")
    by: Expression = knob(EXPRESSION, doc="the key", roots=REQUEST_ROOTS)


@component("pages", doc="The documents of a collection, page by page, in an order.")
class Pages:
    collection: str = knob(Name(), key="of", doc="the collection")
    where: Expression | None = knob(
        EXPRESSION, doc="which documents", default=None, roots=ITEM_ROOTS
    )
    order: Expression = knob(EXPRESSION, doc="a text or a number to sort by", roots=ITEM_ROOTS)
    after: Expression = knob(
        EXPRESSION,
        doc="`next` of the page before, null for the first",
        roots=REQUEST_ROOTS,
    )
    size: int = knob(Integer(1, 10_000), doc="documents of one page", default=100)


@component("insert", doc="A document for a collection, or many; nothing is overwritten.")
class Insert:
    collection: str = knob(Name(), key="into", doc="the collection")
    each: Expression | None = knob(
        EXPRESSION, doc="a list: a document for each item", default=None, roots=REQUEST_ROOTS
    )
    accept: Expression | None = knob(
        EXPRESSION,
        doc="each: which items are taken; the answer sees lists `accepted` and `refused`",
        default=None,
        roots=ITEM_ROOTS,
    )
    document: Expression = knob(
        EXPRESSION, doc="the document; with each of `item`", roots=ITEM_ROOTS
    )
    once: bool = knob(
        Flag(),
        doc="one whose key is there is not kept again: what is there is found",
        default=False,
    )
    place: Place = place_of()


@component("answer", doc="What the sandbox says.")
class SandboxAnswer:
    status: int = knob(Integer(100, 599), doc="HTTP status", default=200)
    body: Builder | None = knob(BodyShape(), doc="a document", default=None)


@component("refusal", doc="What the sandbox says instead of acting where a condition holds.")
class Refusal:
    condition: Expression = knob(EXPRESSION, key="if", doc="when", roots=REQUEST_ROOTS)
    status: int = knob(Integer(400, 599), doc="HTTP status", default=422)
    body: Builder | None = knob(BodyShape(), doc="a document", default=None)


@component("fault", doc="How an endpoint misbehaves: for a share of its requests, or for some.")
class Fault:
    kind: str = knob(
        Choice(FAULTS),
        doc="slow: answers late; too_many: 429; error: 500; html: 503 with a page; "
        "no_answer: does it and says nothing; half: does it and breaks off",
    )
    share: int = knob(PERCENT, doc="how many of the requests, spread by their number", default=0)
    at: tuple[int, ...] = knob(
        ListOf(Integer(1, 1_000_000)), doc="which requests, counted from 1", default=()
    )
    lasts: timedelta = knob(
        DURATION,
        doc="slow, no_answer: how long; too_many: what Retry-After says",
        default=timedelta(seconds=1),
    )


@component("receiver", doc="Somebody that the sandbox sends events to.")
class Receiver:
    url: str = knob(Text("an address", r"https?://[^\s?#]+"), doc="where it takes them")
    sign: Verify | None = knob(
        VerifyShape(), doc="how they are signed, as a channel verifies them", default=None
    )


@component("event fault", doc="How events go astray: a share of them, or some.")
class EventFault:
    kind: str = knob(
        Choice(("twice", "late")), doc="twice: is sent twice; late: is sent behind later ones"
    )
    share: int = knob(PERCENT, doc="how many of the events, spread by their number", default=0)
    at: tuple[int, ...] = knob(
        ListOf(Integer(1, 1_000_000)), doc="which events, counted from 1", default=()
    )
    lasts: timedelta = knob(
        DURATION, doc="how long after it should have come", default=timedelta(seconds=1)
    )


@component("event", doc="What the sandbox sends by itself when an endpoint has acted.")
class Event:
    to: str = knob(Name(), doc="the receiver")
    headers: Mapping[str, Value] = knob(
        MapOf(VALUE, key="[a-z0-9-]+", key_says="a header name in lower case"),
        doc="headers",
        default=dict,
        roots=ANSWER_ROOTS,
    )
    body: Builder = knob(BodyShape(), doc="a document")
    faults: tuple[EventFault, ...] = knob(
        ListOf(Nested(EventFault)), doc="how it goes astray; the first that hits counts", default=()
    )
    place: Place = place_of()


@component("endpoint", doc="One request that the sandbox understands.")
class Endpoint:
    get: str = knob(Text("a path"), doc="path of a GET; {name} is any part", default="")
    post: str = knob(Text("a path"), doc="path of a POST; {name} is any part", default="")
    find: Look | None = knob(Nested(Look), doc="the first document, as found", default=None)
    select: Look | None = knob(Nested(Look), doc="all documents, as found", default=None)
    insert: Insert | None = knob(Nested(Insert), doc="keeps a document", default=None)
    pages: Pages | None = knob(
        Nested(Pages), doc="the answer sees `found`, one page, and `next`, or null", default=None
    )
    answer: SandboxAnswer = knob(Nested(SandboxAnswer), doc="what it says")
    missing: SandboxAnswer | None = knob(
        Nested(SandboxAnswer), doc="find: what it says when there is none", default=None
    )
    refuse: tuple[Refusal, ...] = knob(
        ListOf(Nested(Refusal)), doc="requests that it refuses; the first that fits", default=()
    )
    faults: tuple[Fault, ...] = knob(
        ListOf(Nested(Fault)), doc="how it misbehaves; the first that hits counts", default=()
    )
    emit: tuple[Event, ...] = knob(
        ListOf(Nested(Event)),
        doc="events that follow, each again until it was taken with a 2xx",
        default=(),
    )
    place: Place = place_of()


@component("sandbox", doc="A stand-in for systems, for demonstrations and tests.")
class SandboxFile:
    sandbox: str = knob(Name(), doc="its name, the same as its file")
    http: HttpSettings = knob(Nested(HttpSettings), doc="where it listens")
    collections: Mapping[str, Collection] = knob(
        MapOf(Nested(Collection), key="[a-z][a-z0-9_]*", key_says=NAME_SAYS), doc="what it keeps"
    )
    receivers: Mapping[str, Receiver] = knob(
        MapOf(Nested(Receiver), key="[a-z][a-z0-9_]*", key_says=NAME_SAYS),
        doc="whom it sends events to",
        default=dict,
    )
    endpoints: tuple[Endpoint, ...] = knob(
        ListOf(Nested(Endpoint), least=1), doc="the first that fits answers"
    )
    place: Place = place_of()


def make_sandbox(file: SandboxFile, context: Context) -> SandboxFile:
    """Return the sandbox, having checked its parts against each other."""
    for one in file.endpoints:
        if bool(one.get) == bool(one.post):
            context.report.error(
                "E080", one.place, "an endpoint wants exactly one of get, post", "get: /path"
            )
        for look in (one.find, one.select, one.insert, one.pages):
            if look is not None and look.collection not in file.collections:
                hint = nearest(look.collection, file.collections)
                context.report.error(
                    "E081", one.place, f"unknown collection {look.collection}", hint
                )
        if one.find is not None and one.missing is None:
            context.report.error(
                "E082",
                one.place,
                "find does not say what comes when there is none",
                "missing: {status: 404}",
            )
        _check_insert(one.insert, context)
        for event in one.emit:
            if event.to not in file.receivers:
                hint = nearest(event.to, file.receivers) or "receivers: {NAME: {url: ...}}"
                context.report.error("E085", event.place, f"unknown receiver {event.to}", hint)
    return file


def _check_insert(insert: Insert | None, context: Context) -> None:
    if insert is None or insert.each is not None:
        return
    if insert.accept is not None or "item" in insert.document.reads:
        context.report.error(
            "E086",
            insert.place,
            "insert takes items, and no each: says which",
            "each: =body.items",
        )
