"""Owns: whose fault it is when a document that its contract lets through comes to nothing.
Imports: config.transforms, core.
Never: blames what an author says is refused on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from router.config.pointers import parts_of
from router.config.transforms.maptree import Block, Builder, Constant, Items, Leaf, Record
from router.config.transforms.tables import NULL_KEY, UNKNOWN_KEY
from router.config.transforms.transform import Transform
from router.config.validation import Violation
from router.core.decision import DeadLettered
from router.core.diagnostics import Diagnostic, Place
from router.core.document import Json
from router.core.money import MIXED, NO_CODE, TOO_FINE

#: what the language refuses for the author: money that is none, a table without a default
_MEANT = (MIXED, NO_CODE, TOO_FINE, UNKNOWN_KEY, NULL_KEY)
_PLACE = re.compile(r"(.+):(\d+):(\d+)")
#: what each kind of failure is told by, and what to write against it
_CODES = {"transform_failed": "E210", "contract_violation": "E211"}
_HINTS = {
    "E210": "first_of(..., other), a filter before, a stricter contract, or refuses: with a reason",
    "E211": "first_of(..., other), if:, a filter before, or a stricter contract of what comes in",
    "E212": "this is a fault of the router: tell its makers, with the document",
    "E213": "a part that the contract requires, or a stricter contract of what comes in",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """One way in which something fails. Two of them are one when code, place and rule are."""

    code: str
    place: Place
    text: str
    #: what tells it from another failure at its place
    rule: str

    @property
    def key(self) -> tuple[str, Place, str]:
        """Return what tells it from other failures."""
        return self.code, self.place, self.rule

    def told(self, text: str) -> Diagnostic:
        """Return the finding; `text` names who failed."""
        return Diagnostic(
            code=self.code,
            place=self.place,
            message=f"{text}: {self.text}",
            hint=_HINTS[self.code],
        )


@dataclass(frozen=True, slots=True)
class Blame:
    """Tells failures from what is refused on purpose. `refuses` are functions by file."""

    refuses: Mapping[str, Collection[str]]

    def failure(
        self,
        decision: DeadLettered,
        gave: tuple[Transform, Json] | None = None,
        transform: Transform | None = None,
    ) -> Failure | None:
        """Return what a dead letter says of the project; None where it is meant.

        `gave` is the last transform that ran with what it gave, `transform` one that did not come
        to an end.
        """
        code = _CODES.get(decision.reason, "E213")
        if code == "E211" and gave is not None:
            return of_transform(*gave, decision.detail)
        place = _place(decision.place)
        if place is None and transform is not None:
            place = transform.file.place
        if code == "E210" and self._is_meant(decision.detail, place):
            return None
        return Failure(
            code=code,
            place=place or Place("routes"),
            text=decision.detail,
            rule=_shape(decision.detail),
        )

    def _is_meant(self, detail: str, place: Place | None) -> bool:
        function, _, told = detail.partition("(")
        if function == "needed" or any(text in told for text in _MEANT):
            return True
        return place is not None and function in self.refuses.get(place.file, ())


def blame_of(transforms: Iterable[Transform]) -> Blame:
    """Return who blames, with what authors say that their transforms refuse."""
    refuses: dict[str, Collection[str]] = {}
    for one in transforms:
        refuses[one.file.place.file] = one.file.refuses
        if one.file.template is not None:
            refuses[one.file.template.place.file] = one.file.refuses
    return Blame(refuses)


def of_transform(transform: Transform, payload: Json, detail: str) -> Failure | None:
    """Return the failure of a map whose result breaks its contract, at the field that is wrong.

    None where its author says of all that is wrong that it may be.
    """
    assert transform.to is not None, "a step gives a document"
    found = transform.to.violations(payload)
    wrong = [one for one in found if not _is_refused(transform, one)]
    if not wrong:
        return None if found else _vague(transform, detail)
    first = wrong[0]
    return Failure(
        code="E211",
        place=_field(transform, first.pointer),
        text=f"what {transform.name} gives breaks {transform.to.ref}: {first}",
        rule=f"{_shape(first.pointer)} {first.rule}",
    )


def _is_refused(transform: Transform, violation: Violation) -> bool:
    """Return whether a transform refuses a truth of its contract, or a field of its result."""
    path = re.sub(r"/[0-9]+(?=/|$)", "/*", violation.pointer)
    return violation.rule in transform.file.refuses or path in transform.file.refuses


def _vague(transform: Transform, detail: str) -> Failure:
    return Failure(code="E211", place=transform.file.place, text=detail, rule=_shape(detail))


def unexpected(error: BaseException, place: Place) -> Failure:
    """Return the failure that is our own fault."""
    text = f"{type(error).__name__}: {error}"
    return Failure(code="E212", place=place, text=text, rule=type(error).__name__)


def _shape(text: str) -> str:
    return re.sub(r"\d+", "N", text)


def _place(text: str) -> Place | None:
    match = _PLACE.fullmatch(text)
    return Place(match[1], int(match[2]), int(match[3])) if match else None


def _field(transform: Transform, pointer: str) -> Place:
    """Return where a map spells the field that a pointer leads to, or the nearest one above."""
    part: Builder | None = transform.file.map
    place = transform.file.place
    for name in ["", *parts_of(pointer)]:
        part = _below(part, name) if name else part
        while isinstance(part, Block):
            part = part.body
        if part is None:
            return place
        place = _where(part) or place
    return place


def _below(part: Builder | None, name: str) -> Builder | None:
    match part:
        case Record(parts=parts):
            return dict(parts).get(name)
        case Items(parts=parts) if parts:
            return parts[min(int(name), len(parts) - 1)] if name.isdecimal() else None
        case Block(body=body):
            return body
    return part if name.isdecimal() else None


def _where(part: Builder) -> Place | None:
    match part:
        case Leaf(expression=expression):
            return expression.place
        case Constant(place=place) if place.file:
            return place
        case Record(parts=parts):
            found = (_where(one.body if isinstance(one, Block) else one) for _, one in parts)
            return next(filter(None, found), None)
        case Items(parts=parts):
            return next(filter(None, map(_where, parts)), None)
        case Block(body=body):
            return _where(body)
    return None
