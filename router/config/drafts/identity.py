"""Owns: what may tell a repeat from a new message: candidates by name, shape and the keys wanted.
Imports: config.drafts (forms, goals, matching, names, sources).
Never: takes what can be missing or null; takes an amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from router.config.annotations import FILLED
from router.config.drafts import forms
from router.config.drafts.goals import AMOUNTS, Goal, Resolve, field_at
from router.config.drafts.matching import Fields, Matcher, listings_of, values_of
from router.config.drafts.names import is_common, words_of
from router.config.drafts.sources import Leaf, Scope

_IDS = frozenset({"id", "uuid", "guid", "number", "no", "key", "reference"})
_ORDERS = frozenset({"updated", "modified", "version", "revision", "sequence"})
_MOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Expressions of the parts; `composed`: no field is an id of its own."""

    parts: tuple[Leaf, ...] = ()
    version: str = ""
    compare: tuple[str, ...] = ()
    composed: bool = False

    def joined(self, channel: str, word: str) -> str:
        """Return the parts as one text that is like no other channel's."""
        parts = (
            one.path if forms.all_of(one.values, str) else f"text({one.path})" for one in self.parts
        )
        return f"join_text(['{channel}', '{word}', {', '.join(parts)}], '/')"


def identity_of(
    goal: Goal, keys: Sequence[str], scope: Scope, tools: tuple[Matcher, Resolve]
) -> Identity:
    """Return the best identity that samples offer for messages that become `goal`.

    First an id of the message's own, then what fills the keys of the object, then a field named
    after it; at last what was matched, with a time.
    """
    fit = [leaf for leaf in scope.leaves if _can_be_part(leaf)]
    parts = _own_id(fit) or _by_keys(goal, keys, scope, tools) or _named(fit)
    composed = not parts
    if not parts:
        parts = _composed(tools[0].fields(goal, scope), fit)
    read = {one.path for one in parts}
    version = next((one.path for one in fit if _orders(one) and one.path not in read), "")
    return Identity(parts=parts, version=version, composed=composed)


def compared(made: Fields, identity: Identity) -> tuple[str, ...]:
    """Return what makes a repeat a conflict: the lists and amounts that were matched.

    Amounts go first; of one that stands in two columns, both are compared.
    """
    told = {one.path for one in identity.parts} | {identity.version}
    filled = [one for one in values_of(made) if one.goal is not None]
    sums = [one for one in filled if one.goal is not None and one.goal.kind in AMOUNTS]
    found = [*dict.fromkeys(one.path for one in listings_of(made) if one.path not in told)]
    for value in (*sums, *filled):
        read = [one.path for one in value.read if not _is_time(one)]
        new = [one for one in read if one.startswith("body") and one not in {*told, *found}]
        if len(found) + len(new) <= _MOST:
            found += new
    return tuple(found)


def _own_id(fit: Iterable[Leaf]) -> tuple[Leaf, ...]:
    """Return the field that is called just `id` or the like, at the top."""
    for leaf in fit:
        words = words_of(*leaf.names)
        if len(leaf.names) == 1 and is_common(words) and words[-1] in _IDS:
            return (leaf,)
    return ()


def _by_keys(
    goal: Goal, keys: Sequence[str], scope: Scope, tools: tuple[Matcher, Resolve]
) -> tuple[Leaf, ...]:
    """Return the fields that fill the keys of the object."""
    matcher, resolve = tools
    found: dict[str, Leaf] = {}
    for key in keys:
        field = field_at(goal, key, resolve)
        given = field is None or FILLED in field.schema
        made = None if given or field is None else matcher.best(field, scope)
        if made is not None and made.leaf is not None and _can_be_part(made.leaf):
            found[made.leaf.path] = made.leaf
    return tuple(found.values())


def _named(fit: Iterable[Leaf]) -> tuple[Leaf, ...]:
    """Return the one field at the top that is named after what the message is about."""
    named = [
        leaf
        for leaf in fit
        if len(leaf.names) == 1
        and words_of(leaf.names[0])[-1] in _IDS
        and set(words_of(leaf.names[0])) & set(leaf.around)
    ]
    return tuple(named[:1])


def _composed(made: Fields, fit: Sequence[Leaf]) -> tuple[Leaf, ...]:
    """Return the ids that were matched and the time, which together may name the message."""
    plain = {text for one in fit for text in (f"={one.path}", f"=text({one.path})")}
    matched = {one.leaf.path for one in values_of(made) if one.leaf and one.text in plain}
    ids = [one for one in fit if one.path in matched and not _is_time(one)]
    times = [one for one in fit if _is_time(one) and len(one.names) == 1]
    return (*ids[: _MOST - 1], *times[:1]) if times and ids else ()


def _can_be_part(leaf: Leaf) -> bool:
    whole = forms.all_of(leaf.values, (str, int))
    return leaf.always and whole and not leaf.outer and "" not in leaf.values


def _is_time(leaf: Leaf) -> bool:
    return forms.form_of(leaf.values) not in ("", "uuid", "mail")


def _orders(leaf: Leaf) -> bool:
    named = bool(_ORDERS & set(words_of(*leaf.names))) and len(leaf.names) == 1
    return named and (forms.all_of(leaf.values, int) or forms.form_of(leaf.values) == "instant")
