"""Owns: which arguments of a function go into what it gives, and which only decide.
Imports: config.lineage.value.
Never: calls a function.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeAlias

from router.config.lineage.value import NONE, Value, conditions, deciders, mixed, union


class Reads(Protocol):
    """How parts of a value are told: `config.lineage.reading`."""

    def field(self, value: Value, name: str) -> Value:
        """Return a field of a value."""

    def anyone(self, value: Value) -> Value:
        """Return a field of a value that is not known by name."""

    def items(self, value: Value) -> Value:
        """Return an item of a list."""

    def unlisted(self, value: Value) -> Value:
        """Return an item where a value is a list, and the value itself where it is none."""


#: values, and of `&expression` what leads from an item to what it gives
Given: TypeAlias = list[Any]
Rule: TypeAlias = Callable[[Reads, Given], Value]


def other(_reads: Reads, given: Given) -> Value:
    """All arguments go in."""
    return mixed(*(one for one in given if isinstance(one, Value)))


def _first(*into: int) -> Rule:
    """Return the rule of which only these arguments go in; the others decide."""

    def rule(_reads: Reads, given: Given) -> Value:
        made = mixed(*(one for place, one in enumerate(given) if place in into))
        return made.under(deciders(*(one for place, one in enumerate(given) if place not in into)))

    return rule


def _same(_reads: Reads, given: Given) -> Value:
    """The first argument as it is; the others decide about it."""
    value: Value = given[0]
    return value.under(deciders(*(one for one in given[1:] if isinstance(one, Value))))


def _any(_reads: Reads, given: Given) -> Value:
    return union(given)


def _tells(_reads: Reads, given: Given) -> Value:
    """Only something about the arguments: whether, how many, of which sort."""
    return Value(NONE, deciders(*given))


def _there(_reads: Reads, given: Given) -> Value:
    """Only how much there is, or of which sort it is."""
    return Value(NONE, conditions(*given))


def _choose(_reads: Reads, given: Given) -> Value:
    return union(given[1:]).under(conditions(given[0]))


def _pair(value: str, unit: str) -> Rule:
    """Return the rule of what makes an object of two fields."""

    def rule(_reads: Reads, given: Given) -> Value:
        said = mixed(given[0]).under(deciders(*given[2:]))
        return Value(fields={value: said, unit: mixed(given[1])})

    return rule


def _total(reads: Reads, given: Given) -> Value:
    more = [Value(fields={"currency": mixed(given[1])})] if len(given) > 1 else []
    return union([reads.items(given[0]), *more])


def _multiply(_reads: Reads, given: Given) -> Value:
    return union([given[0], Value(fields={"amount": mixed(given[1])})])


def _allocate(reads: Reads, given: Given) -> Value:
    return Value(items=_same(reads, given))


def _find(reads: Reads, given: Given) -> Value:
    item = reads.items(given[0])
    return item.under(deciders(_by_name(reads, item, given[1]), *given[2:]))


def _where(reads: Reads, given: Given) -> Value:
    return Value(items=_find(reads, given))


def _index_by(reads: Reads, given: Given) -> Value:
    return Value(rest=_find(reads, given))


def _group_sum(reads: Reads, given: Given) -> Value:
    item = reads.items(given[0])
    key, value = (_by_name(reads, item, one) for one in given[1:3])
    return Value(items=Value(fields={"key": key, "value": value.under(deciders(key))}))


def _at(reads: Reads, given: Given) -> Value:
    name = _written(given[1])
    if isinstance(name, str):
        return reads.field(given[0], name)
    found = reads.items(given[0])
    if name is None:
        found = union([found, reads.anyone(given[0])])
    return found.under(deciders(given[1]))


def _entries(reads: Reads, given: Given) -> Value:
    return Value(
        items=Value(
            fields={"key": mixed(given[0]), "value": reads.unlisted(reads.anyone(given[0]))}
        )
    )


def _number_repeats(reads: Reads, given: Given) -> Value:
    name = _written(given[1])
    item = reads.items(given[0])
    more = {name: Value(NONE, deciders(item))} if isinstance(name, str) else {}
    return Value(items=union([item, Value(fields=more)]))


def _as_list(reads: Reads, given: Given) -> Value:
    return Value(items=reads.unlisted(given[0]))


def _of_values(reads: Reads, given: Given) -> Value:
    return Value(items=reads.anyone(given[0]))


def _map(reads: Reads, given: Given) -> Value:
    return Value(items=given[0](reads.items(given[1])))


def _sort_by(reads: Reads, given: Given) -> Value:
    return Value(items=_chosen_by(reads, given))


def _chosen_by(reads: Reads, given: Given) -> Value:
    item = reads.items(given[0])
    return item.under(deciders(given[1](item)))


def _of_items(reads: Reads, given: Given) -> Value:
    return reads.items(given[0])


def _joined(reads: Reads, given: Given) -> Value:
    return mixed(reads.items(given[1])).under(deciders(given[0]))


def _by_name(reads: Reads, item: Value, name: Value) -> Value:
    written = _written(name)
    return reads.field(item, written) if isinstance(written, str) else reads.anyone(item)


def _written(value: Value) -> str | int | None:
    """Return the text or the number that stands there, None when it is computed."""
    if len(value.origins) != 1 or value.decided:
        return None
    source = next(iter(value.origins)).path.source
    found = json.loads(source.name) if source.kind == "constant" else None
    return found if isinstance(found, str | int) else None


_TELLING = "sign more less same contains starts_with ends_with"
_FROM_FIRST = (
    "instant epoch odata_date mail_date business_date edi_date period_of slice split_text"
    " join_text pad_left"
)
_AS_IT_IS = "negate absolute omit_empty needed share sort reverse"
_ONE_OF = "add subtract first_of not_null merge"

#: what is not here is made of all its arguments
RULES: Mapping[str, Rule] = {
    **dict.fromkeys(_TELLING.split(), _tells),
    **dict.fromkeys(_FROM_FIRST.split(), _first(0)),
    **dict.fromkeys(_AS_IT_IS.split(), _same),
    **dict.fromkeys(("max", "min"), _of_items),
    **dict.fromkeys(_ONE_OF.split(), _any),
    **dict.fromkeys(("money", "rounded", "minor"), _pair("amount", "currency")),
    **dict.fromkeys(("max_by", "min_by"), _chosen_by),
    **dict.fromkeys(("as_list", "to_array"), _as_list),
    **dict.fromkeys(("length", "type"), _there),
    "quantity": _pair("value", "unit"),
    "replace": _first(0, 2),
    "choose": _choose,
    "total": _total,
    "multiply": _multiply,
    "allocate": _allocate,
    "find": _find,
    "where": _where,
    "index_by": _index_by,
    "group_sum": _group_sum,
    "at": _at,
    "entries": _entries,
    "number_repeats": _number_repeats,
    "values": _of_values,
    "map": _map,
    "sort_by": _sort_by,
    "join": _joined,
}
