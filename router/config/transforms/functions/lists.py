"""Owns: functions that search, index and group lists of objects.
Imports: core, declare, amounts, kinds.
Never: drops an item that it was to count; takes a number for a text.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator

from router.config.transforms.functions.amounts import sum_of
from router.config.transforms.functions.declare import ArgumentError, Function, function, whole
from router.config.transforms.functions.kinds import checks, described
from router.core.document import Json
from router.core.quantity import exact, normal_text

_is_amount = checks("money|quantity")
_is_scalar = checks("null|boolean|number|text")


@function(
    "list: list",
    "field: text",
    "value: text|number|boolean|null",
    returns="object|null",
    example=(
        """find(`[{"id": 1, "n": "a"}, {"id": 2, "n": "b"}]`, 'id', `2`)""",
        '{"id": 2, "n": "b"}',
    ),
)
def find(items: list[Json], field: str, value: Json) -> Json:
    """Give the first object of a list whose field equals the value, null when there is none.

    The number 12 and the text '12' are different. A null value finds nothing.
    """
    return next(_matching(items, field, value), None)


@function(
    "list: list",
    "field: text",
    "value: text|number|boolean|null",
    returns="list[object]",
    example=(
        """where(`[{"kind": "a", "n": 1}, {"kind": "b", "n": 2}]`, 'kind', 'b')""",
        '[{"kind": "b", "n": 2}]',
    ),
)
def where(items: list[Json], field: str, value: Json) -> Json:
    """Give the objects of a list whose field equals the value, in order; see `find`."""
    return list(_matching(items, field, value))


@function(
    "list: list",
    "field: text",
    returns="object",
    example=(
        """index_by(`[{"id": 7, "n": "a"}]`, 'id')""",
        '{"7": {"id": 7, "n": "a"}}',
    ),
)
def index_by(items: list[Json], field: str) -> Json:
    """Give an object that holds each object of a list under the text of its field; see `at`.

    Objects without the field are left out; two with the same one are refused.
    """
    index: dict[str, Json] = {}
    for position, item in _objects(items):
        found = item.get(field)
        if found is None:
            continue
        if isinstance(found, bool | list | dict):
            raise ArgumentError(f"the key of item {position} must be text or a number")
        key = found if isinstance(found, str) else normal_text(exact(found))
        if key in index:
            raise ArgumentError(
                f"the key of item {position} is there already: use where or group_sum"
            )
        index[key] = item
    return index


@function(
    "list: list",
    "key: text",
    "value: text",
    returns="list[object]",
    example=(
        """group_sum(`[{"k": "a", "v": {"value": "2", "unit": "EA"}}]`, 'k', 'v')""",
        '[{"key": "a", "value": {"value": "2", "unit": "EA"}}]',
    ),
)
def group_sum(items: list[Json], key: str, value: str) -> Json:
    """Sum money or quantities by a key: the names of two fields of the objects in the list.

    Gives objects {key, value}, in the order in which each key came first; objects without a key
    are a group of their own (null). A value that is missing or in another currency or unit than
    its group is refused.
    """
    groups: dict[tuple[bool, Json], list[Json]] = {}
    for position, item in _objects(items):
        group, amount = item.get(key), item.get(value)
        if not _is_scalar(group):
            raise ArgumentError(f"the key of item {position} must be text, a number or a boolean")
        if not _is_amount(amount):
            said = described(amount, "money|quantity")
            raise ArgumentError(
                f"the value of item {position} must be money or a quantity, is {said}"
            )
        groups.setdefault((isinstance(group, bool), group), []).append(amount)
    return [{"key": group, "value": sum_of(some)} for (_, group), some in groups.items()]


@function(
    "from: list|object|null",
    "index: number|text",
    returns="any",
    example=("at(`[10, 20, 30]`, `-1`)", "30"),
)
def at(container: Json, index: str | float) -> Json:
    """Give the item of a list at an index (from 0; negative ones count from the end), or the
    value of an object under a key; null when there is none.
    """
    if container is None:
        return None
    if isinstance(container, dict):
        if not isinstance(index, str):
            raise ArgumentError("the key of an object is text")
        return container.get(index)
    if isinstance(index, str):
        raise ArgumentError("the index of a list is a number")
    position = whole(index, "index")
    return container[position] if -len(container) <= position < len(container) else None


@function(
    "object: object",
    returns="list[object]",
    example=(
        """entries(`{"paid": [{"n": 1}, {"n": 2}]}`)""",
        '[{"key": "paid", "value": {"n": 1}}, {"key": "paid", "value": {"n": 2}}]',
    ),
)
def entries(fields: dict[str, Json]) -> Json:
    """Give the fields of an object as {key, value}, in their order.

    A field that is a list gives one for each item of the list, under the name of the field: so
    the lists of an object become one list that is still told apart. An empty list gives none.
    """
    return [
        {"key": key, "value": one}
        for key, value in fields.items()
        for one in (value if isinstance(value, list) else [value])
    ]


@function(
    "list: list",
    "field: text",
    returns="list[object]",
    example=(
        """number_repeats(`[{"a": 1}, {"a": 2}, {"a": 1}]`, 'nth')""",
        '[{"a": 1, "nth": 1}, {"a": 2, "nth": 1}, {"a": 1, "nth": 2}]',
    ),
)
def number_repeats(items: list[Json], field: str) -> Json:
    """Give the objects of a list with one more field: which of its equals each one is, from 1.

    Two rows that are equal to the last cell are two rows: with the number each has an identity of
    its own, the same one when they come again. An object that has the field is refused.
    """
    seen: Counter[str] = Counter()
    numbered: list[Json] = []
    for position, item in _objects(items):
        if field in item:
            raise ArgumentError(f"item {position} has a field of that name already")
        same = json.dumps(item, sort_keys=True)
        seen[same] += 1
        numbered.append({**item, field: seen[same]})
    return numbered


FUNCTIONS: tuple[Function, ...] = (
    find,
    where,
    index_by,
    group_sum,
    at,
    entries,
    number_repeats,
)


def _matching(items: list[Json], field: str, value: Json) -> Iterator[Json]:
    if value is None:
        return iter(())
    equals = _equals(value)
    return (item for _, item in _objects(items) if equals(item.get(field)))


def _equals(value: Json) -> Callable[[Json], bool]:
    """Return the test for equality with a scalar that keeps JSON's types apart: 1 is not true."""
    if isinstance(value, str | bool):
        kind = type(value)
        return lambda other: type(other) is kind and other == value
    return lambda other: type(other) in (int, float) and other == value


def _objects(items: list[Json]) -> Iterator[tuple[int, dict[str, Json]]]:
    """Yield each item with its position, from 1. Raises ArgumentError at one that is no object."""
    for position, item in enumerate(items, start=1):
        if not isinstance(item, dict):
            raise ArgumentError(
                f"item {position} of the list is {described(item, 'object')}, no object"
            )
        yield position, item
