"""Owns: whether what a value may be is what a contract lets through, in words.
Imports: config.types.type.
Never: takes what it cannot tell for a mistake.
"""

from __future__ import annotations

from dataclasses import dataclass

from router.config.types.type import Fields, Type
from router.core.diagnostics import nearest

#: forms of days and times, and the fewest characters of each
_FORMS = {"date": 10, "date-time": 20}
#: texts of no more characters are codes, not prose
_CODES = 16


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit: a code, where below the value, what, and what to write."""

    code: str
    below: str
    what: str
    hint: str = ""


def misfit(value: Type, target: Type, below: str = "") -> Misfit | None:
    """Return the first way in which a value does not fit; null is looked at by who holds it."""
    if value.unknown or target.unknown:
        return None
    odd = value.kinds - target.kinds
    if odd:
        word = "is" if odd == value.kinds else "may be"
        said = Type(kinds=frozenset(odd))
        return Misfit("E192", below, f"{word} {said}{value.told} where {target.sure()} belongs")
    if "text" in value.kinds:
        found = _text(value, target, below)
        if found is not None:
            return found
    if "list" in value.kinds:
        return _items(value, target, below)
    return _fields(value, target, below) if "object" in value.kinds else None


def _text(value: Type, target: Type, below: str) -> Misfit | None:
    if target.texts is not None:
        if value.texts is None:
            said = ", ".join(sorted(target.texts))
            return Misfit(
                "E193", below, f"may be any text{value.told}", f"one of {said}: lookup(...) maps it"
            )
        more = sorted(value.texts - target.texts)
        if more:
            said = ", ".join(map(repr, more[:5])) + (" ..." if len(more) > 5 else "")
            what = f"may be {said}{value.told}"
            return Misfit("E193", below, what, nearest(more[0], target.texts))
    if target.form in _FORMS and _of_another_form(value, target):
        said = f"of the form {value.form}" if value.form else "a part of one"
        what = f"may be text {said}{value.told} where a {target.form} belongs"
        return Misfit("E192", below, what)
    if target.longest is not None and value.longest is not None and value.longest > target.longest:
        what = f"may have {value.longest} characters{value.told} where {target.longest} are allowed"
        return Misfit("E194", below, what, _shorter(target.longest))
    return None


def _shorter(longest: int) -> str:
    """Return how a text becomes as short as this; what is as short as a code is never cut."""
    bound = f"maxLength: {longest} in the contract of the input"
    prose = "; slice(text, `0`, ...) where cutting does no harm" if longest > _CODES else ""
    return f"{bound}{prose}"


def _of_another_form(value: Type, target: Type) -> bool:
    if value.form in _FORMS:
        return value.form != target.form
    return value.longest is not None and value.longest < _FORMS[target.form] and not value.texts


def _items(value: Type, target: Type, below: str) -> Misfit | None:
    if value.item is None or target.item is None:
        return None
    item, wanted = value.items, target.items
    if item.null and not wanted.null and not item.unknown and not wanted.unknown:
        return Misfit("E197", f"{below}[]", f"may be null: {item.null}")
    return misfit(item, wanted, f"{below}[]")


def _fields(value: Type, target: Type, below: str) -> Misfit | None:
    """Each sort of the value must fit some sort of the target."""
    for one in value.objects:
        found = [_object(one, wanted, below) for wanted in target.objects]
        if found and None not in found:
            return found[0]
    return None


def _object(value: Fields, target: Fields, below: str) -> Misfit | None:
    for name in sorted(target.names()):
        wanted, given = target.field(name), value.field(name)
        path = f"{below}.{name}"
        if wanted is None:
            continue
        if given is None:
            if not wanted.null and value.closed:
                return Misfit("E197", path, "is missing", f"{name}: =...")
            continue
        if given.null and not wanted.null and not given.unknown:
            return Misfit("E197", path, f"may be null: {given.null}")
        if given.null and wanted.absent and not given.absent and not given.unknown:
            return Misfit("E197", path, f"may be null, and may only be missing: {given.null}")
        found = misfit(given, wanted, path)
        if found is not None:
            return found
    if target.closed:
        more = sorted(set(value.names()) - set(target.names()))
        if more:
            hint = nearest(more[0], target.names())
            return Misfit("E192", f"{below}.{more[0]}", "is no field there", hint)
    return None
