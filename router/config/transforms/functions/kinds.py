"""Owns: the kinds of values that functions take and give, how to check them, how to say them.
Imports: core.
Never: shows a value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType, NoneType
from typing import TypeAlias

from router.core.document import Json, type_name
from router.core.money import is_money
from router.core.quantity import is_quantity

Check: TypeAlias = Callable[[Json], bool]

#: items of a list that a function takes or gives: the bound that ingress has for nodes
MAX_ITEMS = 50_000

#: kinds that the type of a value decides; bool is no number here
_TYPES: Mapping[str, tuple[type, ...]] = MappingProxyType(
    {
        "any": (NoneType, bool, int, float, str, list, dict),
        "null": (NoneType,),
        "boolean": (bool,),
        "number": (int, float),
        "text": (str,),
        "object": (dict,),
    }
)
_ONE = MappingProxyType(
    {
        "null": "null",
        "boolean": "a boolean",
        "number": "a number",
        "text": "text",
        "list": "a list",
        "object": "an object",
        "money": "money",
        "quantity": "a quantity",
        "any": "any value",
    }
)
_MANY = MappingProxyType(
    {
        "boolean": "booleans",
        "number": "numbers",
        "text": "texts",
        "list": "lists",
        "object": "objects",
        "money": "money",
        "quantity": "quantities",
        "any": "anything",
    }
)
_WORDS = re.compile(r"(?:[^|\[\]]|\[[^\]]*\])+")


@dataclass(frozen=True, slots=True)
class OfTypes:
    """The check that the type of a value is one of some. Generated code asks it without a call."""

    types: frozenset[type]

    def __call__(self, value: Json) -> bool:
        """Return whether a value is of one of the types."""
        return type(value) in self.types


def checks(kind: str) -> Check:
    """Return the check that a value is of a kind: `text|number`, `list[money|quantity]`, `any`.

    Lists of more than MAX_ITEMS are of no list kind. Raises ValueError for a word that is none.
    """
    plain: set[type] = set()
    deep: list[Check] = []
    for word in words(kind):
        if word in _TYPES:
            plain.update(_TYPES[word])
        elif word == "money":
            deep.append(is_money)
        elif word == "quantity":
            deep.append(is_quantity)
        elif word == "list":
            deep.append(_is_list)
        elif word.startswith("list["):
            deep.append(_list_of(checks(_inside(word))))
        else:
            raise ValueError(f"{word!r} is no kind of value")
    return _one_of(frozenset(plain), deep)


def wanted(kind: str) -> str:
    """Return a kind in words: `text or a number`, `a list of money or quantities`."""
    return " or ".join(_say(word) for word in words(kind))


def described(value: Json, kind: str) -> str:
    """Return in words what a value is that is not of a kind: `a list whose item 3 is null`."""
    if isinstance(value, list):
        return _described_list(value, kind)
    if isinstance(value, dict) and ("money" in kind or "quantity" in kind):
        return "an object of another shape"
    return _ONE.get(type_name(value), "an expression")


def _described_list(value: list[Json], kind: str) -> str:
    if len(value) > MAX_ITEMS:
        return f"a list of more than {MAX_ITEMS} items"
    for word in words(kind):
        if word.startswith("list["):
            inside = _inside(word)
            fits = checks(inside)
            for position, item in enumerate(value, start=1):
                if not fits(item):
                    return f"a list whose item {position} is {described(item, inside)}"
    return "a list"


@cache  # there are as many kinds as signatures of functions say
def words(kind: str) -> tuple[str, ...]:
    """Return what a kind is made of: `text|list[money]` is `text` and `list[money]`."""
    return tuple(_WORDS.findall(kind))


def _inside(word: str) -> str:
    return word.removeprefix("list[").removesuffix("]")


def _say(word: str) -> str:
    if word.startswith("list["):
        return "a list of " + " or ".join(_MANY[one] for one in words(_inside(word)))
    return _ONE[word]


def _is_list(value: Json) -> bool:
    return type(value) is list and len(value) <= MAX_ITEMS


def _list_of(fits: Check) -> Check:
    def check(value: Json) -> bool:
        return _is_list(value) and all(map(fits, value))

    return check


def _one_of(plain: frozenset[type], deep: list[Check]) -> Check:
    if not deep:
        return OfTypes(plain)
    if len(deep) == 1 and not plain:
        return deep[0]
    return lambda value: type(value) in plain or any(one(value) for one in deep)
