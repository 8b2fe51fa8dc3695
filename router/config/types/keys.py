"""Owns: whether what makes a key or an order is never null, and of a kind that does.
Imports: config.types, config.references.
Never: evaluates.
"""

from __future__ import annotations

from router.config.references import Value
from router.config.transforms.expressions import Expression
from router.config.types.scopes import Reader, Scope
from router.config.types.type import Type
from router.config.validation import Contract
from router.core.diagnostics import Place, Report, nearest

#: what a part of a key is; a number may be a whole one
_PARTS = frozenset({"text", "integer", "number"})
#: forms of texts that are no point in time
_UNORDERED = frozenset({"date", "time", "uuid", "email", "uri"})
_SURE = "a field that is always there, or needed(..., 'what it is')"
_DEFAULT = "require it in the contract, or say here what it is: key: [=payload.field]"


def key_part(value: Value, what: str, scope: Scope, reader: Reader) -> None:
    """Tell when a part of a key may be null, or is neither a text nor a whole number."""
    if isinstance(value, Expression):
        told_part(value.place, reader.nulls(value, scope), what, reader)


def default_key(contract: Contract, place: Place, scope: Scope, reader: Reader) -> None:
    """Tell when a part of the key that a contract names may be null in the payload, or is no part.

    A path that the contract does not have is told there. Where the contract lets a part be null,
    what makes the payload has the word.
    """
    for path in contract.keys:
        found = _at(scope.document.field("payload"), path)
        if found is not None and found.null and "payload" in scope.promised:
            made = scope.plus(payload=scope.promised["payload"]()).document.field("payload")
            found = _at(made, path) or Type(null=f"nothing fills {path}")
        if found is not None:
            what = f"the key of {contract.ref.subject}, {path},"
            told_part(place, found, what, reader, _DEFAULT)


def told_part(place: Place, found: Type, what: str, reader: Reader, hint: str = _SURE) -> None:
    """Tell of a part of a key whose type is known."""
    if found.unknown:
        return
    if found.null:
        reader.tell("E198", place, f"a part of {what} may be null: {found.null}", hint)
    elif found.kinds - _PARTS:
        reader.tell("E199", place, f"a part of {what} {_odd(found)}", "one field of it")


def check_keys(contract: Contract, document: Type, report: Report) -> bool:
    """Report each part of a contract's key that no document of it has; return whether any is."""
    wrong = False
    for path in contract.keys:
        above, names = document, path.split(".")
        for number, name in enumerate(names, 1):
            held = _field(above, name)
            if held is None:
                wrong = True
                what = f"keys: {contract.ref} has no field {'.'.join(names[:number])}"
                report.error("E144", contract.keys_at, what, nearest(name, above.names()))
                break
            above = held
    return wrong


def _at(document: Type | None, path: str) -> Type | None:
    """Return what stands at a path of fields; None where it leads nowhere."""
    for name in path.split("."):
        document = _field(document, name)
    return document


def _field(document: Type | None, name: str) -> Type | None:
    """Return a field; a value that is no object has none."""
    if document is None or not (document.unknown or document.objects):
        return None
    return document.field(name)


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
            _SURE,
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
