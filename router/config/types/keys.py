"""Owns: whether what makes a key or an order is never null, and of a kind that does.
Imports: config.types, config.references.
Never: evaluates.
"""

from __future__ import annotations

from router.config.references import Value
from router.config.transforms.expressions import Expression
from router.config.types.scopes import Reader, Scope
from router.config.types.type import Type

#: what a part of a key is; a number may be a whole one
_PARTS = frozenset({"text", "integer", "number"})
#: forms of texts that are no point in time
_UNORDERED = frozenset({"date", "time", "uuid", "email", "uri"})


def key_part(value: Value, what: str, scope: Scope, reader: Reader) -> None:
    """Tell when a part of a key may be null, or is neither a text nor a whole number."""
    if isinstance(value, Expression):
        told_part(value, reader.nulls(value, scope), what, reader)


def told_part(value: Expression, found: Type, what: str, reader: Reader) -> None:
    """Tell of a part of a key whose type is known."""
    if found.unknown:
        return
    if found.null:
        reader.tell(
            "E198",
            value.place,
            f"a part of {what} may be null: {found.null}",
            "a field that is always there, or needed(..., 'what it is')",
        )
    elif found.kinds - _PARTS:
        reader.tell("E199", value.place, f"a part of {what} {_odd(found)}", "one field of it")


def version(expression: Expression, scope: Scope, reader: Reader) -> None:
    """Tell when a version may be null, or is nothing that orders."""
    told_version(expression, reader.nulls(expression, scope), reader)


def told_version(expression: Expression, found: Type, reader: Reader) -> None:
    """Tell of a version whose type is known."""
    if found.unknown:
        return
    if found.null:
        reader.tell(
            "E198",
            expression.place,
            f"the version may be null: {found.null}",
            "a field that is always there, or needed(..., 'what it is')",
        )
    elif not found.kinds & _PARTS or (found.kinds == {"text"} and found.form in _UNORDERED):
        form = f" of the form {found.form}" if found.form else ""
        what = f"the version is {found}{form}{found.told}, which has no order here"
        reader.tell("E199", expression.place, what, "a whole number, or a time with an offset")


def _odd(found: Type) -> str:
    odd = found.kinds - _PARTS
    word = "is" if odd == found.kinds else "may be"
    said = Type(kinds=frozenset(odd))
    return f"{word} {said}{found.told}, a text or a whole number is wanted"
