"""Owns: functions over any value: choosing, defaults, shape.
Imports: declare.
Never: changes what it is given.
"""

from __future__ import annotations

from router.config.transforms.functions.declare import ArgumentError, Function, function
from router.core.document import Json


@function(
    "first: any",
    "...more: any",
    returns="any",
    example=("first_of(`null`, '', 'b')", '""'),
)
def first_of(*values: Json) -> Json:
    """Give the first value that is not null; false, 0 and empty texts count as values."""
    return next((one for one in values if one is not None), None)


@function(
    "condition: any",
    "then: any",
    "otherwise: any",
    returns="any",
    example=("choose(`false`, 'a', 'b')", '"b"'),
)
def choose(condition: Json, then: Json, otherwise: Json) -> Json:
    """Give the second argument when the first holds, else the third; both are worked out.

    As everywhere in JMESPath null, false and empty texts, lists and objects do not hold; 0 does.
    """
    return otherwise if condition is False or _is_empty(condition) else then


@function(
    "value: any",
    returns="list",
    example=("""as_list(`{"a": 1}`)""", '[{"a": 1}]'),
)
def as_list(value: Json) -> Json:
    """Give a list as it is, nothing for null, and any other value as a list of one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


@function(
    "object: object",
    returns="object",
    example=("""omit_empty(`{"a": "", "b": 0, "c": null, "d": [], "e": {}}`)""", '{"b": 0}'),
)
def omit_empty(fields: dict[str, Json]) -> Json:
    """Give the object without the fields that are null or an empty text, list or object.

    0 and false stay; what lies deeper is not looked at.
    """
    return {name: value for name, value in fields.items() if not _is_empty(value)}


@function(
    "value: any",
    "what: text",
    returns="any",
    example=("needed('a', 'the total of a sale')", '"a"'),
)
def needed(value: Json, what: str) -> Json:
    """Give the value; null is refused, and what is missing is told in these words.

    For what a contract leaves open and a map cannot do without.
    """
    if value is None:
        raise ArgumentError(f"{what} is missing")
    return value


FUNCTIONS: tuple[Function, ...] = (first_of, choose, as_list, omit_empty, needed)


def _is_empty(value: Json) -> bool:
    return value is None or (isinstance(value, str | list | dict) and not value)
