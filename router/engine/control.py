"""Owns: control totals: whether the records of a file are those that it says it has.
Imports: core, config.controls.
Never: rounds; says of a record what is in it (of all of them, what they add up to).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from router.config.controls import Control, Sum
from router.config.transforms.expressions import Expression
from router.core.document import Json
from router.core.errors import MessageError
from router.core.money import is_money
from router.core.quantity import EXACT, NumberError, exact, is_quantity, normal_text
from router.core.value import value

#: the step at which a file is held, and the reason
CONTROL = "control"


@value(frozen=True, slots=True, kw_only=True)
class Content:
    """What is in a file: its documents, its records, and how many cannot be read."""

    scope: dict[str, Json]
    records: Sequence[Json]
    bad: int


def complaint(control: Control, content: Content) -> MessageError | None:
    """Return why a file does not add up, all of it, or nothing."""
    found = list(_counted(control, content))
    for one in control.sums:
        found += _added(one, content)
    if not found:
        return None
    place = control.place if len(found) > 1 else found[0][0].place
    return MessageError("; ".join(why for _, why in found), place=place, code=CONTROL)


def _counted(control: Control, content: Content) -> Iterator[tuple[Expression, str]]:
    if control.count is None:
        return
    here = len(content.records) + content.bad
    try:
        said, unit = _number(control.count(content.scope))
    except (MessageError, NumberError) as error:
        yield control.count, f"count: what is said cannot be read: {error}"
        return
    if unit or said != here:
        yield control.count, f"count: {_text(said, unit)} are said, here are {here}"


def _added(one: Sum, content: Content) -> Iterator[tuple[Expression, str]]:
    what = f"sum of ={one.of.source}"
    if content.bad:
        yield one.of, f"{what}: {content.bad} of its records cannot be read"
        return
    try:
        said = _number(one.says(content.scope))
    except (MessageError, NumberError) as error:
        yield one.says, f"{what}: what is said cannot be read: {error}"
        return
    total, unit = Decimal(0), said[1]
    for number, record in enumerate(content.records, 1):
        try:
            part, own = _number(one.of({**content.scope, "record": record}))
            total = EXACT.add(total, part)
        except (MessageError, NumberError) as error:
            yield one.of, f"{what}: record {number}: {error}"
            return
        if own != unit:
            kinds = f"{own or 'a number without unit'}, {unit or 'a number without unit'} is said"
            yield one.of, f"{what}: record {number} is {kinds}"
            return
    if total != said[0]:
        yield one.says, f"{what}: {_text(*said)} is said, here is {_text(total, unit)}"


def _number(found: Json) -> tuple[Decimal, str]:
    """Return a number and its currency or unit. Raises NumberError."""
    if is_money(found):
        return exact(found["amount"]), found["currency"]
    if is_quantity(found):
        return exact(found["value"]), found["unit"]
    return exact(found), ""


def _text(number: Decimal, unit: str) -> str:
    return f"{normal_text(number)} {unit}".rstrip()
