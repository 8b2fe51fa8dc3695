"""Owns: objects of different messages that would have one key: what samples show, what is written.
Imports: config.drafts (drafted, goals, matching, names, sources), core.
Never: changes an object that samples show in one state after another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from router.config.drafts.drafted import KindDraft
from router.config.drafts.goals import AMOUNTS
from router.config.drafts.matching import GUESS, Fields, Node, Todo, Value, filled_of
from router.config.drafts.names import is_common, plain_name, words_of
from router.config.drafts.sources import Leaf, read

_STATES = "the first, where these are states of one; the second, where each is one of its own"


class _Key(NamedTuple):
    """The field of a key that a text of a message fills: its path, how it is filled."""

    path: str
    value: Value
    leaf: Leaf


def told_apart(kinds: Sequence[KindDraft]) -> tuple[KindDraft, ...]:
    """Return the kinds with keys that no two different movements share.

    Where samples show that several kinds have amounts of their own at one id, the kind goes into
    the key. Where they show nothing, or two messages of a kind share an id, the author must say.
    """
    made = [_with_finer_key(one) for one in kinds]
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, one in enumerate(made):
        if _key_of(one) is not None:
            groups.setdefault((one.object.ref.subject, *_texts(one)), []).append(place)
    for places in groups.values():
        group = [made[place] for place in places]
        for place, one in zip(places, _group(group), strict=True):
            made[place] = one
    return tuple(made)


def _group(group: Sequence[KindDraft]) -> Sequence[KindDraft]:
    """Return kinds whose keys are filled alike, told apart as far as it must be."""
    within, between = _collisions(group)
    if within:
        return [_left(one, f"two samples of {', '.join(within)} share it") for one in group]
    words = ", ".join(one.kind for one in group)
    if between:
        note = f"the kind tells apart what {words} tell of one id"
        return [_filled(one, f"={_joined(one)}", note) for one in group]
    if len(group) > 1 and not _seen_together(group) and all(map(_is_open, group)):
        return [_left(one, f"{words} fill it alike: {_STATES}") for one in group]
    return group


def _collisions(group: Sequence[KindDraft]) -> tuple[list[str], bool]:
    """Return the kinds two of whose messages have one key and amounts of their own.

    And whether messages of different kinds have.
    """
    seen: dict[str, dict[tuple[str, str], set[str]]] = {}
    for one in group:
        for document in one.documents:
            parts = [read(document, part) for part in one.identity.parts] or document
            holder = (one.kind, json.dumps(parts, default=str))
            held = seen.setdefault(_key_in(one, document), {})
            held.setdefault(holder, set()).add(_amounts_in(one, document))
    within: list[str] = []
    between = False
    for held in seen.values():
        kinds = list(dict.fromkeys(kind for kind, _ in held))
        for kind in kinds:
            own = [sums for (each, _), sums in held.items() if each == kind]
            within += [kind] if len(own) > 1 and len(set().union(*own)) > 1 else []
        between = between or (len(kinds) > 1 and len(set().union(*held.values())) > 1)
    return list(dict.fromkeys(within)), between


def _seen_together(group: Sequence[KindDraft]) -> bool:
    """Return whether samples of several kinds have one key."""
    keys = [{_key_in(one, document) for document in one.documents} for one in group]
    return any(first & second for n, first in enumerate(keys) for second in keys[n + 1 :])


def _is_open(one: KindDraft) -> bool:
    """Return whether nothing tells if kinds with one id are states: an amount, and an id of a name.

    What is called just `id` is the id of the thing itself, in any of its states.
    """
    key = _key_of(one)
    words = words_of(*key.leaf.names) if key is not None else ()
    return bool(list(_amounts(one))) and not is_common(words)


def _with_finer_key(one: KindDraft) -> KindDraft:
    """Return a kind whose key has what its identity has, where it was a guess without that."""
    key = _key_of(one)
    if key is None or not one.identity.finer or key.value.score >= GUESS:
        return one
    if not list(_amounts(one)) or key.leaf.path not in {part.path for part in one.identity.parts}:
        return one
    parts = ", ".join(_text(part) for part in (key.leaf, *one.identity.finer))
    note = f"{key.leaf.path} may be shared: more of the identity goes into it"
    return _filled(one, f"=join_text([{parts}], '/')", note)


def _left(one: KindDraft, why: str) -> KindDraft:
    key = _key_of(one)
    assert key is not None, "only kinds with a key that is filled are grouped"
    assert key.value.goal is not None, "only these fill a field from a sample"
    other = _joined(one)
    todo = Todo(goal=key.value.goal, candidates=(key.value.text[1:], other), note=why)
    return replace(one, fields=_put(one.fields, key.path.split("."), todo))


def _filled(one: KindDraft, text: str, note: str) -> KindDraft:
    key = _key_of(one)
    assert key is not None, "only kinds with a key that is filled are changed"
    value = replace(key.value, text=text, note=note)
    return replace(one, fields=_put(one.fields, key.path.split("."), value))


def _joined(one: KindDraft) -> str:
    """Return the key's text with the kind before it, and with what else the identity has."""
    key = _key_of(one)
    assert key is not None, "only kinds with a key that is filled are changed"
    parts = [one for one in one.identity.parts if one.path != key.leaf.path]
    told = [_text(part) for part in parts if part in one.identity.finer]
    return f"join_text(['{plain_name(one.kind)}', {', '.join((_text(key.leaf), *told))}], '/')"


def _text(leaf: Leaf) -> str:
    return leaf.path if all(isinstance(one, str) for one in leaf.values) else f"text({leaf.path})"


def _key_of(one: KindDraft) -> _Key | None:
    """Return the last field of the key that a text or a number of the message fills."""
    filled = dict(filled_of(one.fields))
    for path in reversed(one.object.keys):
        value = filled.get(path)
        if value is None or value.leaf is None or value.goal is None:
            continue
        if value.goal.kind == "text":
            return _Key(path, value, value.leaf)
    return None


def _texts(one: KindDraft) -> Iterator[str]:
    filled = dict(filled_of(one.fields))
    return (filled[path].text if path in filled else "" for path in one.object.keys)


def _key_in(one: KindDraft, document: object) -> str:
    filled = dict(filled_of(one.fields))
    leaves = [filled[path].leaf for path in one.object.keys if path in filled]
    return json.dumps([read(document, leaf) for leaf in leaves if leaf is not None], default=str)


def _amounts(one: KindDraft) -> Iterator[Leaf]:
    for path, value in filled_of(one.fields):
        if "[]" not in path and value.goal is not None and value.goal.kind in AMOUNTS:
            yield from value.read


def _amounts_in(one: KindDraft, document: object) -> str:
    return json.dumps([read(document, leaf) for leaf in _amounts(one)], default=str)


def _put(fields: Fields, path: Sequence[str], made: Value | Todo) -> Fields:
    """Return fields with another value, or with one that is left to write, at a path."""
    name, inner = path[0], path[1:]
    entries: list[tuple[str, Node]] = []
    missing = list(fields.missing)
    for own, node in fields.entries:
        if own != name:
            entries.append((own, node))
        elif not inner and isinstance(made, Value):
            entries.append((own, made))
        elif not inner and isinstance(made, Todo):
            missing.append(made)
        elif isinstance(node, Fields):
            below = _put(node, inner, made)
            entries += [(own, below)] if below.entries else []
            missing += [] if below.entries else [_under(own, todo) for todo in below.missing]
    return replace(fields, entries=tuple(entries), missing=tuple(missing))


def _under(name: str, todo: Todo) -> Todo:
    """Return what is left to write in an object of which nothing is written."""
    return replace(todo, goal=replace(todo.goal, name=f"{name}.{todo.goal.name}"))
