"""Owns: the state of a sandbox, and what it answers.
Imports: config.sandbox, core.
Never: listens (api.sandbox does); forgets an insert: doubles stay doubles, so that they are seen.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from router.config.sandbox import (
    Endpoint,
    Event,
    EventFault,
    Fault,
    Insert,
    Look,
    Pages,
    SandboxAnswer,
    SandboxFile,
)
from router.config.transforms.maptree import Builder
from router.core.document import Json

AnyFault = TypeVar("AnyFault", Fault, EventFault)


@dataclass(slots=True)
class _Shelf:
    """One collection: documents in order, and by key."""

    documents: list[Json] = field(default_factory=list)
    by_key: dict[str, list[Json]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """An event for a receiver; `delay` in seconds."""

    to: str
    headers: Mapping[str, str]
    body: Json
    delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a sandbox says: status and body, the fault with which it says so, events after it."""

    status: int
    body: Json
    fault: Fault | None
    events: tuple[Outgoing, ...] = ()


class Sandbox:
    """Keeps collections and answers requests. Safe for many threads."""

    def __init__(self, file: SandboxFile, folder: Path) -> None:
        """Fill the collections from their seeds, relative to `folder`."""
        self._file = file
        self._lock = threading.Lock()
        #: requests of endpoints, events to receivers
        self._counted: dict[str, int] = {}
        self._shelves = {name: _Shelf() for name in file.collections}
        self._patterns = [(_pattern(one.get or one.post), one) for one in file.endpoints]
        for name, collection in file.collections.items():
            if collection.seed:
                for document in json.loads((folder / collection.seed).read_text()):
                    self._put(name, document)

    def answer(
        self, verb: str, path: str, query: Mapping[str, str], seen: tuple[Mapping[str, str], Json]
    ) -> Said:
        """Return what to say to a request; `seen` is headers and the decoded body.

        A fault that refuses comes before the endpoint acts, one that breaks off comes after.
        """
        headers, body = seen
        for pattern, endpoint in self._patterns:
            match = pattern.fullmatch(path)
            if match is None or verb != ("GET" if endpoint.get else "POST"):
                continue
            scope: dict[str, Json] = {
                "path": match.groupdict(),
                "query": dict(query),
                "headers": dict(headers),
                "body": body,
            }
            with self._lock:
                fault = self._fault(endpoint)
                if fault is not None and fault.kind in ("too_many", "error", "html"):
                    return Said(status=0, body=None, fault=fault)
                scope |= {"found": None, "number": 0, "accepted": [], "refused": [], "next": None}
                for one in endpoint.refuse:
                    if one.condition.holds(scope):
                        return Said(status=one.status, body=_built(one.body, scope), fault=fault)
                status, answer = self._answered(endpoint, scope)
                events = tuple(
                    outgoing for event in endpoint.emit for outgoing in self._event(event, scope)
                )
                return Said(status=status, body=answer, fault=fault, events=events)
        return Said(status=404, body={"error": "the sandbox declares no such endpoint"}, fault=None)

    def _fault(self, endpoint: Endpoint) -> Fault | None:
        """Return the fault that hits the next request of an endpoint; the same in every run."""
        # one path may have two endpoints: each counts its own requests
        name = f"GET {endpoint.get}" if endpoint.get else f"POST {endpoint.post}"
        return self._hit(name, endpoint.faults)

    def _hit(self, name: str, faults: Sequence[AnyFault]) -> AnyFault | None:
        """Count one more of a name; return the first fault that hits it."""
        self._counted[name] = number = self._counted.get(name, 0) + 1
        for fault in faults:
            digest = hashlib.blake2b(f"{name} {fault.kind} {number}".encode(), digest_size=2)
            if number in fault.at or int.from_bytes(digest.digest(), "big") % 100 < fault.share:
                return fault
        return None

    def _event(self, event: Event, scope: Mapping[str, Json]) -> list[Outgoing]:
        """Return an event as often as it is sent."""
        fault = self._hit(f"event to {event.to}", event.faults)
        headers = {name: str(value(scope)) for name, value in event.headers.items()}
        late = fault is not None and fault.kind == "late"
        one = Outgoing(
            to=event.to,
            headers=headers,
            body=event.body(scope),
            delay=fault.lasts.total_seconds() if fault is not None and late else 0.0,
        )
        return [one, one] if fault is not None and not late else [one]

    def counts(self) -> dict[str, int]:
        """Return how many documents each collection holds."""
        with self._lock:
            return {name: len(shelf.documents) for name, shelf in self._shelves.items()}

    def documents(self, collection: str) -> list[Json]:
        """Return the documents of a collection in the order in which they came."""
        with self._lock:
            return list(self._shelves[collection].documents)

    def _answered(self, endpoint: Endpoint, scope: dict[str, Json]) -> tuple[int, Json]:
        if endpoint.insert is not None:
            self._insert(endpoint.insert, scope)
        elif endpoint.find is not None:
            found = self._look(endpoint.find, scope)
            if not found and endpoint.missing is not None:
                return _said(endpoint.missing, scope)
            scope["found"] = found[0]
        elif endpoint.select is not None:
            scope["found"] = self._look(endpoint.select, scope)
        elif endpoint.pages is not None:
            scope["found"], scope["next"] = self._page(endpoint.pages, scope)
        return _said(endpoint.answer, scope)

    def _insert(self, insert: Insert, scope: dict[str, Json]) -> None:
        """Keep one document, or one for each item that is taken."""
        items = [None] if insert.each is None else insert.each(scope)
        for item in items if isinstance(items, list) else []:
            seen = {**scope, "item": item}
            if insert.accept is not None and not insert.accept.holds(seen):
                scope["refused"].append(item)
                continue
            document = self._kept(insert, insert.document(seen))
            scope["found"] = document
            scope["accepted"].append(document)
        scope["number"] = len(self._shelves[insert.collection].documents)

    def _kept(self, insert: Insert, document: Json) -> Json:
        """Keep a document and return it, or the one of its key where one is enough."""
        shelf = self._shelves[insert.collection]
        key = _key(self._file.collections[insert.collection].key({"item": document}))
        if insert.once and key in shelf.by_key:
            return shelf.by_key[key][0]
        self._put(insert.collection, document)
        return document

    def _page(self, pages: Pages, scope: Mapping[str, Json]) -> tuple[list[Json], str | None]:
        """Return the documents of one page, and what leads to the one after it."""
        where, told = pages.where, str(pages.after(scope) or "0")
        found = [
            one
            for one in self._shelves[pages.collection].documents
            if where is None or where.holds({**scope, "item": one})
        ]
        found.sort(key=lambda one: pages.order({**scope, "item": one}))
        start = int(told) if told.isdecimal() else len(found)
        end = start + pages.size
        return found[start:end], str(end) if end < len(found) else None

    def _look(self, look: Look, scope: Mapping[str, Json]) -> list[Json]:
        return list(self._shelves[look.collection].by_key.get(_key(look.by(scope)), ()))

    def _put(self, name: str, document: Json) -> None:
        shelf = self._shelves[name]
        key = _key(self._file.collections[name].key({"item": document}))
        shelf.documents.append(document)
        shelf.by_key.setdefault(key, []).append(document)


def _said(answer: SandboxAnswer, scope: Mapping[str, Json]) -> tuple[int, Json]:
    return answer.status, _built(answer.body, scope)


def _built(body: Builder | None, scope: Mapping[str, Json]) -> Json:
    return body(scope) if body is not None else None


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{([a-z_]+)\}", path)
    return re.compile(
        "".join(
            f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        )
    )
