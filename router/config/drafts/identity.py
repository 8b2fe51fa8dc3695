"""Owns: what may tell a repeat from a new message: candidates by name, shape and the keys wanted.
Imports: config.drafts (forms, goals, kinds, matching, names, sources, versions), core.
Never: takes what can be missing or null; takes an amount.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from router.config.annotations import FILLED
from router.config.drafts import forms
from router.config.drafts.goals import AMOUNTS, Goal, Resolve, field_at
from router.config.drafts.kinds import expression_of
from router.config.drafts.matching import GUESS, Fields, Matcher, Value, listings_of, values_of
from router.config.drafts.names import is_common, names_an_id, words_of
from router.config.drafts.sources import Leaf, Scope, read
from router.config.drafts.versions import Version, newest_of, own_version
from router.core.document import Json

_IDS = frozenset({"id", "uuid", "guid", "number", "no", "key", "reference"})
_MOST = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Expressions of the parts; `composed`: no field is an id of its own."""

    parts: tuple[Leaf, ...] = ()
    version: str = ""
    compare: tuple[str, ...] = ()
    composed: bool = False
    #: the parts may be ids of what the message belongs to: two messages can share them
    parent: bool = False
    #: ids that stand among the parts since the others may be of what the message belongs to
    finer: tuple[Leaf, ...] = ()
    #: the newest time of its items: it is the version, or comes into question
    newest: str = ""
    #: why parts that came into question are not taken
    refused: str = ""

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
    own = _own_id(fit)
    by_keys = {} if own else _by_keys(goal, keys, scope, tools)
    filling = tuple(one.leaf for one in by_keys.values() if one.leaf is not None)
    parts = own or filling or _named(fit)
    composed, parent = not parts, bool(parts and not own) and _of_a_parent(parts, by_keys)
    finer = _finer(parts, fit) if parent else ()
    parts = (*parts, *finer) or _composed(tools[0].fields(goal, scope), fit)
    version = own_version(fit, {one.path for one in parts})
    return Identity(parts=parts, version=version, composed=composed, parent=parent, finer=finer)


def completed(
    identity: Identity, made: Fields, scope: Scope, documents: Sequence[Json]
) -> Identity:
    """Return an identity with what makes a conflict and, where its lists tell it, a version.

    Parts that two different samples share are not taken.
    """
    listings = list(listings_of(made))
    newest = Version() if identity.version else newest_of(listings, scope)
    version = newest.expression if newest.sure else identity.version
    whole = replace(identity, version=version, newest=newest.expression)
    if shared := _shared(whole, documents):
        return Identity(refused=f"two different samples share {shared}")
    return replace(whole, compare=compared(made, whole))


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
) -> dict[str, Value]:
    """Return how the keys of the object are filled, by what they read."""
    matcher, resolve = tools
    found: dict[str, Value] = {}
    for key in keys:
        field = field_at(goal, key, resolve)
        given = field is None or FILLED in field.schema
        made = None if given or field is None else matcher.best(field, scope)
        if made is not None and made.leaf is not None and _can_be_part(made.leaf):
            found[made.leaf.path] = made
    return found


def _of_a_parent(parts: Iterable[Leaf], by_keys: Mapping[str, Value]) -> bool:
    """Return whether no part is surely an id of the message itself, by its name."""
    guessed = {path for path, one in by_keys.items() if one.score < GUESS}
    return not any(_special(one) <= set(one.around) and one.path not in guessed for one in parts)


def _finer(parts: Sequence[Leaf], fit: Iterable[Leaf]) -> tuple[Leaf, ...]:
    """Return the ids that are named after what the message is about, and are no parts as yet."""
    told = {word for one in parts for word in words_of(*one.names)}
    return tuple(
        one
        for one in fit
        if len(one.names) == 1 and names_an_id(words_of(*one.names)) and _special(one)
        if _special(one) <= set(one.around) and not _special(one) <= told
    )


def _special(leaf: Leaf) -> set[str]:
    """Return the words of a name that not every name has."""
    return {word for word in words_of(*leaf.names) if not is_common((word,))}


def _shared(identity: Identity, documents: Sequence[Json]) -> str:
    """Return the names of the parts that two different messages have alike, at one version."""
    if not identity.parts:
        return ""
    version = expression_of(identity.version) if identity.version else None
    seen: dict[str, str] = {}
    for document in documents:
        order = version({"body": document, "headers": {}}) if version is not None else None
        key = json.dumps([[read(document, one) for one in identity.parts], order], default=str)
        told = json.dumps(document, sort_keys=True, default=str)
        if seen.setdefault(key, told) != told:
            return ", ".join(one.path for one in identity.parts)
    return ""


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
