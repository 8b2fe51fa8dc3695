"""Owns: the types of what a sandbox says: keys, look-ups, inserts, pages, answers, events.
Imports: config.sandbox, config.types.
Never: takes what is asked for known: whoever calls a stand-in keeps no contract.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from router.config.sandbox import Endpoint, Insert, Pages, SandboxFile
from router.config.transforms.expressions import Expression
from router.config.transforms.tables import Table
from router.config.types.contracts import ANY_HEADERS
from router.config.types.facts import NONE
from router.config.types.maps import Goal, MapTypes
from router.config.types.scopes import Reader, Scope
from router.config.types.type import (
    INTEGER,
    NOTHING,
    TEXT,
    UNKNOWN,
    Literal,
    Type,
    list_of,
    object_of,
    union,
)
from router.core.diagnostics import Report

_PLACE = re.compile(r"\{([a-z_]+)\}")
#: what pages are ordered by
_ORDERED = frozenset({"text", "integer", "number"})
_ANYTHING = Goal(None)
#: what an answer sees beside what was found
_AROUND: Mapping[str, Type] = {
    "next": NOTHING,
    "number": INTEGER,
    "accepted": list_of(lambda: NOTHING),
    "refused": list_of(lambda: NOTHING),
}


def check_sandboxes(
    sandboxes: Mapping[str, SandboxFile], tables: Mapping[str, Table], report: Report
) -> None:
    """Report every expression of sandboxes that cannot be right, whatever is asked."""
    wrong = {one.place.file for one in report.found}
    for file in sandboxes.values():
        if file.place.file not in wrong:
            _SandboxTypes(file, Reader(tables, report)).check()


class _SandboxTypes:
    """Checks one sandbox. Documents are known where each one of a collection is written in it."""

    def __init__(self, file: SandboxFile, reader: Reader) -> None:
        self._file = file
        self._reader = reader
        self._maps = MapTypes(reader, "")
        self._kept = {name: self._documents(name) for name in file.collections}

    def check(self) -> None:
        """Check the keys of collections, then each endpoint."""
        for name, one in self._file.collections.items():
            self._reader.value(one.key, _scope(item=self._kept[name]))
        for endpoint in self._file.endpoints:
            self._endpoint(endpoint)

    def _documents(self, name: str) -> Type:
        """Return what a document of a collection is."""
        if self._file.collections[name].seed:
            return UNKNOWN
        quiet = Reader(self._reader.tables, Report())
        inserts = [(one.insert, _asked(one)) for one in self._file.endpoints]
        made = [
            quiet.value(insert.document, _with_item(insert, scope, quiet))
            for insert, scope in inserts
            if insert is not None and insert.collection == name
        ]
        return union(made)

    def _endpoint(self, endpoint: Endpoint) -> None:
        scope = _asked(endpoint)
        for refusal in endpoint.refuse:
            held = self._reader.condition(refusal.condition, scope)
            if refusal.body is not None:
                self._maps.part(refusal.body, held.plus(**_AROUND, found=NOTHING), _ANYTHING)
        after = scope.plus(**{**_AROUND, **self._found(endpoint, scope)})
        if endpoint.missing is not None and endpoint.missing.body is not None:
            self._maps.part(endpoint.missing.body, scope.plus(**_AROUND, found=NOTHING), _ANYTHING)
        if endpoint.answer.body is not None:
            self._maps.part(endpoint.answer.body, after, _ANYTHING)
        for event in endpoint.emit:
            self._maps.part(event.body, after, _ANYTHING)
            for value in event.headers.values():
                if isinstance(value, Expression):
                    self._reader.value(value, after)

    def _found(self, endpoint: Endpoint, scope: Scope) -> dict[str, Type]:
        """Return what an answer sees of what an endpoint did: the first that it says is done."""
        if endpoint.insert is not None:
            return self._insert(endpoint.insert, scope)
        for look in (endpoint.find, endpoint.select):
            if look is not None:
                self._reader.value(look.by, scope)
                kept = self._kept[look.collection]
                return {"found": kept if look is endpoint.find else _list(kept)}
        if endpoint.pages is not None:
            return self._pages(endpoint.pages, scope)
        return {"found": NOTHING}

    def _insert(self, insert: Insert, scope: Scope) -> dict[str, Type]:
        """Return what an answer sees of an insert, checked."""
        inner = _with_item(insert, scope, self._reader)
        item = inner.roots.get("item", UNKNOWN)
        if insert.accept is not None:
            inner = self._reader.condition(insert.accept, inner)
        document = self._reader.value(insert.document, inner)
        found = document if insert.each is None else document.maybe("no item may be taken")
        return {"found": found, "accepted": _list(document), "refused": _list(item)}

    def _pages(self, pages: Pages, scope: Scope) -> dict[str, Type]:
        """Return what an answer sees of a page, checked."""
        kept = self._kept[pages.collection]
        inner = scope.plus(item=kept)
        if pages.where is not None:
            inner = self._reader.condition(pages.where, inner)
        ordered = self._reader.value(pages.order, inner)
        if not ordered.unknown and ordered.kinds - _ORDERED:
            what = f"order: is {ordered}{ordered.told}, a text or a number is wanted"
            self._reader.tell("E199", pages.order.place, what, "one field of it")
        self._reader.value(pages.after, scope)
        return {"found": _list(kept), "next": TEXT.maybe("it may be the last page")}


def _list(item: Type) -> Type:
    return list_of(lambda: item)


def _with_item(insert: Insert, scope: Scope, reader: Reader) -> Scope:
    return scope if insert.each is None else scope.plus(item=reader.items(insert.each, scope))


def _asked(endpoint: Endpoint) -> Scope:
    """Return what a request is made of: the names of its path, and what anybody may send."""
    path = endpoint.get or endpoint.post
    places = Literal(dict.fromkeys(_PLACE.findall(path), TEXT), where=f"the path {path}")
    return _scope(path=object_of(places), query=ANY_HEADERS, body=UNKNOWN)


def _scope(**roots: Type) -> Scope:
    return Scope({"headers": ANY_HEADERS, **roots}, NONE)
