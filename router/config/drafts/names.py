"""Owns: how alike two names are: their words, in any way of writing them.
Imports: nothing of the router.
Never: knows a word of the trade (synonyms come from the contracts).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

Words = tuple[str, ...]

#: words that many names share: alone they say nothing, and beside others little
_COMMON = frozenset(
    {"id", "uuid", "guid", "number", "no", "code", "key", "value", "name", "at", "date", "time"}
    | {"on", "ref", "reference", "type", "text"}
)
_LIGHT = 0.3
#: common words that say the same; two names that say different ones are about different things
_SAME = (
    frozenset({"id", "uuid", "guid", "number", "no", "key", "ref", "reference"}),
    frozenset({"at", "on", "date", "time"}),
)
_OTHER = 0.6
#: last words of names whose values are words of a list
_LISTED = frozenset(
    {"status", "state", "type", "kind", "mode", "event", "topic", "action", "level", "direction"}
)
#: words of numbers that count, order or weigh: they are no amounts of money
_COUNTS = frozenset(
    {"quantity", "qty", "count", "number", "percent", "percentage", "rate", "rank", "position"}
    | {"index", "page", "limit", "offset", "sequence", "version", "revision", "weight", "code"}
)
#: words of what belongs to a person, and words that make a name a person's
_PERSONAL = frozenset(
    {"phone", "mobile", "fax", "street", "address", "postcode", "zip", "firstname"}
)
_OF_A_PERSON = frozenset({"first", "last", "middle", "given", "family", "full"})
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_NOT_NAMED = re.compile(r"[^a-z0-9_]+")


def words_of(*names: str) -> Words:
    """Return the words of names in a row, in small letters and singular."""
    return tuple(_singular(part.lower()) for name in names for part in _PART.findall(name))


def is_common(words: Words) -> bool:
    """Return whether every word is one that many names share."""
    return all(word in _COMMON for word in words)


def names_an_id(words: Words) -> bool:
    """Return whether a name says that it is an id or a number by which something is known."""
    return bool(words) and words[-1] in _SAME[0]


def names_a_word(words: Words) -> bool:
    """Return whether a name says that its values are words of a list."""
    return bool(words) and words[-1] in _LISTED


def names_a_code(words: Words) -> bool:
    """Return whether a name says that its values name one of many things."""
    return names_an_id(words) or words[-1:] == ("code",)


def may_name_money(words: Words) -> bool:
    """Return whether a name may be that of an amount: not of an id, a count, a word of a list."""
    return not (names_an_id(words) or names_a_word(words) or _COUNTS & set(words))


def is_personal(words: Words) -> bool:
    """Return whether a name says that it is a person's name, number or address."""
    said = set(words)
    return bool(said & _PERSONAL) or ("name" in said and bool(said & _OF_A_PERSON))


def likeness(first: Words, second: Words) -> float:
    """Return how alike two names are, from 0 to 1."""
    if first == second:
        return 1.0
    one, other = set(first), set(second)
    if one == other:
        return 0.95
    both = _weight(one & other)
    if not both:
        return 0.0
    score = 0.95 * both / _weight(one | other)
    return score * _OTHER if _say_different_things(one, other) else score


def closest(wanted: Iterable[Words], given: Iterable[Words]) -> float:
    """Return the likeness of the two phrases that are most alike."""
    have = tuple(given)
    return max((likeness(one, other) for one in wanted for other in have), default=0.0)


def plain_name(text: str) -> str:
    """Return a name of the language for any text: small letters, digits, underscores."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text).lower()
    name = _NOT_NAMED.sub("_", spaced).strip("_")
    return name if name[:1].isalpha() else f"kind_{name}".rstrip("_")


def _say_different_things(one: set[str], other: set[str]) -> bool:
    first, second = _classes(one & _COMMON), _classes(other & _COMMON)
    return bool(first and second) and not first & second


def _classes(words: set[str]) -> set[str]:
    return {next((min(same) for same in _SAME if word in same), word) for word in words}


def _weight(words: set[str]) -> float:
    return sum(_LIGHT if word in _COMMON else 1.0 for word in words)


def _singular(word: str) -> str:
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    keeps = word.endswith(("ss", "us", "is")) or len(word) < 4
    return word if keeps or not word.endswith("s") else word[:-1]
