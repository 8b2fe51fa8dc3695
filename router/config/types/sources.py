"""Owns: the types of what a source says: records, pages and the cursor, sums, signatures inside.
Imports: config.channels, config.controls, config.polls, config.types.
Never: takes a sender's word for its contract: only an answer that is held against one is known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from router.config.channels import Channel, HttpSource, Route, Source
from router.config.controls import Control, Sum
from router.config.polls import Cursor, PollSource
from router.config.references import Value
from router.config.transforms.expressions import Expression
from router.config.types.contracts import ANY_HEADERS, ContractTypes
from router.config.types.facts import NONE
from router.config.types.keys import told_part
from router.config.types.scopes import Reader, Scope
from router.config.types.type import INTEGER, TEXT, UNKNOWN, Type, union
from router.config.verification import Inside
from router.core.diagnostics import Report

#: what adds up: numbers, their texts, money, quantities
_ADDS = frozenset({"integer", "number", "text", "object"})
#: what leads to a page: `true` does, too
_LEADS = frozenset({"text", "integer", "number", "boolean"})
#: what is written into a signature
_SIGNED = frozenset({"text", "integer", "number", "boolean"})
_TIME = Type(kinds=frozenset({"text"}), form="date-time")
#: a position of the cursor, by its kind
_POSITIONS: Mapping[str, Type] = {"time": _TIME, "number": INTEGER, "text": TEXT}
#: kinds of values that make a position
_POSITION_KINDS: Mapping[str, frozenset[str]] = {
    "time": frozenset({"text"}),
    "number": frozenset({"integer", "number"}),
    "text": frozenset({"text"}),
}
_NO_TIMES = frozenset({"date", "time", "uuid", "email", "uri"})


class SourceTypes:
    """Checks the expressions of channels that see a delivery as a whole."""

    def __init__(self, contracts: ContractTypes, reader: Reader) -> None:
        self._contracts = contracts
        self._reader = reader
        self._quiet = Reader(reader.tables, Report())

    def channel(self, channel: Channel) -> None:
        """Check what a channel says of whole deliveries."""
        body = self._body(channel.source)
        bodies = self._records(channel)
        if channel.records is not None:
            self._check_records(channel.records, body, bodies)
        if isinstance(channel.source, PollSource):
            self._poll(channel.source, body)
        if channel.control is not None:
            self._control(channel.control, bodies)
        if isinstance(channel.source, HttpSource):
            scheme = channel.source.verify.signature
            # what a preset signs is our word, not the author's
            if isinstance(scheme, Inside) and scheme.each.place.file == channel.place.file:
                self._inside(scheme, bodies)

    def _body(self, source: Source) -> Type:
        """Return what a delivery is: a page keeps the contract of the answer, as it is read."""
        if not isinstance(source, PollSource) or source.format != "json":
            return UNKNOWN
        file = source.call.file
        made_anew = any(
            one.result is not None and "done" in (one.outcome, one.otherwise)
            for one in file.outcome
        )
        kept = file.request.answer or (None if made_anew else file.returns)
        return UNKNOWN if kept is None else self._contracts.of(kept, "body")

    def _records(self, channel: Channel) -> list[Type]:
        """Return what a record may be, by the contract of each route."""
        routes = [one for one in channel.routes.values() if isinstance(one, Route)]
        accepted = {one.accept.ref: one.accept for one in routes}
        return [self._contracts.of(one, "record") for one in accepted.values()] or [UNKNOWN]

    def _check_records(self, records: Expression, body: Type, bodies: Sequence[Type]) -> None:
        found = self._reader.value(records, _scope(body=body))
        if found.unknown:
            return
        if "list" not in found.kinds:
            what = f"records: takes a list, is {found}{found.told}"
            self._tell("E199", records, what, "the list of the records")
        elif not any(found.items.kinds & one.kinds for one in bodies):
            what = (
                f"records: an item is {found.items.sure()}{found.items.told}, and no route takes it"
            )
            self._tell("E199", records, what, f"{union(bodies).sure()} is taken")

    def _poll(self, source: PollSource, body: Type) -> None:
        after = _scope(body=body, page=INTEGER, began=_TIME)
        following = UNKNOWN
        if source.next is not None:
            self._reader.condition(source.next, after)
            following = self._quiet.value(source.next, after)
            self._held(source.next, following, _LEADS, "next: is", "a text, a whole number or true")
            following = following if following.kinds & _LEADS else UNKNOWN
        if source.cursor is not None:
            self._cursor(source.cursor, after)
        asked = {**_asked(source.cursor), "next": following.maybe("the first page follows none")}
        scope = _scope(**asked, page=INTEGER, taken=INTEGER, began=_TIME)
        for name, value in source.arguments.items():
            self._argument(f"what {source.call.name} is asked by, {name},", value, scope)

    def _argument(self, what: str, value: Value, scope: Scope) -> None:
        """A null may be left out of a question; what is no text and no number is never in one."""
        if isinstance(value, Expression):
            found = self._reader.value(value, scope)
            told_part(value.place, found.sure(), what, self._reader)

    def _cursor(self, cursor: Cursor, scope: Scope) -> None:
        found = self._reader.value(cursor.value, scope)
        if found.unknown:
            return
        form = "" if cursor.kind != "time" or found.form not in _NO_TIMES else found.form
        if form or not found.kinds & _POSITION_KINDS[cursor.kind]:
            said = f" of the form {form}" if form else ""
            what = f"the cursor is {found}{said}{found.told}, and its kind is {cursor.kind}"
            self._tell("E199", cursor.value, what, "the furthest position that a page tells")

    def _control(self, control: Control, bodies: Sequence[Type]) -> None:
        around = _scope(body=UNKNOWN, beside=UNKNOWN)
        if control.count is not None:
            self._adds(control.count, self._reader.value(control.count, around), "count: is")
        for one in control.sums:
            self._adds(one.says, self._reader.value(one.says, around), "what is said is")
            self._sum(one, bodies)

    def _sum(self, one: Sum, bodies: Sequence[Type]) -> None:
        scopes = [_scope(record=body, body=UNKNOWN) for body in bodies]
        found = self._reader.shared(one.of, scopes, open_to_more=True)
        missing = next((each for each in found if each.null and each.kinds), None)
        if missing is not None and not missing.unknown:
            what = f"what is added up may be missing: {missing.null}; such a file is held"
            self._tell("E145", one.of, what, "first_of(..., '0')")
        else:
            self._adds(one.of, union(found), "what is added up is")

    def _inside(self, scheme: Inside, bodies: Sequence[Type]) -> None:
        """A record's signature may be in no contract: no map reads it. `each:` is records:."""
        parts = [(scheme.signature, frozenset({"text"}), "the signature is", "a text")]
        wanted = "a text, a whole number or a boolean"
        parts += [(one, _SIGNED, "what is signed is", wanted) for one in scheme.fields]
        for one, kinds, what, said in parts:
            self._reader.value(one, _scope(item=UNKNOWN))
            scopes = [_scope(item=body) for body in bodies]
            self._held(one, union(self._quiet.shared(one, scopes)), kinds, what, said)

    def _adds(self, value: Expression, found: Type, what: str) -> None:
        self._held(value, found, _ADDS, what, "a number, its text, money or a quantity")

    def _held(
        self, value: Expression, found: Type, kinds: frozenset[str], what: str, wanted: str
    ) -> None:
        """Tell of a value that is never of one of these kinds."""
        if not found.unknown and found.kinds and not found.kinds & kinds:
            self._tell("E199", value, f"{what} {found.sure()}{found.told}, not {wanted}", "")

    def _tell(self, code: str, value: Expression, what: str, hint: str) -> None:
        self._reader.tell(code, value.place, what, hint)


def _scope(**roots: Type) -> Scope:
    return Scope({"headers": ANY_HEADERS, "env": UNKNOWN, **roots}, NONE)


def _asked(cursor: Cursor | None) -> dict[str, Type]:
    """Return what a page is asked by of a cursor."""
    if cursor is None:
        return {"cursor": UNKNOWN, "reached": UNKNOWN}
    position = _POSITIONS[cursor.kind]
    first = position if cursor.first else position.maybe("the first round has no cursor")
    return {"cursor": first, "reached": position.maybe("a round has reached nothing at first")}
