"""Owns: the draft of a channel: its files, what was matched, what is left to write.
Imports: config.contracts, config.drafts.
Never: touches the disk; says of a draft that it is more than one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from router.config.contracts import Contracts
from router.config.drafts.bounds import bounded, bounds_of
from router.config.drafts.collisions import told_apart
from router.config.drafts.drafted import KindDraft, unread_of
from router.config.drafts.forms import has_point
from router.config.drafts.goals import Goal, whole
from router.config.drafts.identity import Identity, completed, identity_of
from router.config.drafts.inference import contract_schema
from router.config.drafts.kinds import DraftError, Kinds, Sample, kinds_of
from router.config.drafts.matching import Fields, Matcher, todos_of, values_of
from router.config.drafts.names import plain_name, words_of
from router.config.drafts.offers import Facts
from router.config.drafts.sources import Scope, scope_of
from router.config.drafts.writing import comment, json_file, map_lines, scalar, text_file
from router.config.transforms.tables import Table
from router.config.validation import Contract
from router.core.diagnostics import nearest
from router.core.document import Json

#: an object that is not even matched so far is not proposed
_LEAST = 0.15
#: what it counts that a kind has a word of the object's name
_NAMED = 0.3
UNSIGNED = "no signature is known yet; reachable from the own network only"
Files = dict[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Landscape:
    """What a project has that a draft may refer to."""

    contracts: Contracts
    tables: Mapping[str, Table]
    policy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelWish:
    """What was asked for. `objects` holds an object by kind; the one under "" is for all."""

    name: str
    samples: Sequence[Sample]
    owner: str = "unassigned"
    kind: str = ""
    objects: Mapping[str, str] = field(default_factory=dict)
    format: str = "json"
    records: str = ""
    verify: str = ""
    #: the queue that it takes from; empty = it is posted to
    queue: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDraft:
    """The files by path, and what the author should know of them."""

    files: Files
    kinds: tuple[KindDraft, ...]
    kind_is_guessed: bool


def draft_channel(wish: ChannelWish, land: Landscape) -> ChannelDraft:
    """Return the draft of a channel. Raises DraftError."""
    told = kinds_of(wish.samples, wish.kind)
    if wish.format == "xml" and len(told.documents) > 1:
        raise DraftError("a source of XML has one shape: draft one kind at a time")
    for kind, subject in wish.objects.items():
        if kind and kind not in told.documents:
            maybe = nearest(kind, told.documents)
            raise DraftError(f"--object {kind}={subject}: no sample is of kind {kind}: {maybe}")
    names = _names(wish.name, told.documents)
    kinds = tuple(
        _kind(kind, names[kind], documents, (wish, land))
        for kind, documents in told.documents.items()
    )
    kinds = _of_one_shape(told_apart(kinds), wish.name)
    files: Files = {}
    for one in kinds:
        files.update(_contract_files(one, wish))
        files[one.transform] = text_file(_transform(one))
    files[f"routes/channels/{wish.name}.yaml"] = text_file(_channel(wish, land, told, kinds))
    files[f"routes/channels/{wish.name}.test.yaml"] = text_file(_tests(wish, told, kinds))
    files.update({_fixture(wish, one): one.data for one in wish.samples})
    return ChannelDraft(files=files, kinds=kinds, kind_is_guessed=not told.found)


def objects_of(contracts: Contracts) -> dict[str, Contract]:
    """Return each object by name: contracts with keys that stand in no owner's folder."""
    made: dict[str, Contract] = {}
    for one in contracts.all():
        if "/" not in one.ref.name and one.keys:
            made[one.ref.name] = one
    return made


def _names(channel: str, documents: Mapping[str, object]) -> dict[str, str]:
    made: dict[str, str] = {}
    for kind in documents:
        name, number = f"{channel}/{plain_name(kind)}", 2
        while name in made.values():
            name, number = f"{channel}/{plain_name(kind)}_{number}", number + 1
        made[kind] = name
    return made


def _kind(
    kind: str, name: str, documents: tuple[Json, ...], around: tuple[ChannelWish, Landscape]
) -> KindDraft:
    wish, land = around
    asked = wish.objects.get(kind) or wish.objects.get("", "")
    fits = _fits(kind, documents, around, asked)
    if not fits:
        raise DraftError("the project has no object to produce: write its contract first")
    score, target, fields, identity = max(fits, key=lambda one: one[0])
    if not asked and score < _LEAST:
        close = ", ".join(sorted(objects_of(land.contracts)))
        raise DraftError(f"kind {kind} is like no object: say --object, one of {close}")
    return KindDraft(
        kind=kind,
        name=name,
        object=target,
        fields=fields,
        identity=identity,
        documents=documents,
        asked=bool(asked),
        accepts=name,
        shown=documents,
    )


def _of_one_shape(kinds: tuple[KindDraft, ...], channel: str) -> tuple[KindDraft, ...]:
    """Return the kinds, those whose messages have the same fields with one contract for all.

    Where their maps take texts of other lengths, one contract would refuse what a kind takes, or
    let in what another one refuses: these have contracts of their own. So have those whose identity
    needs a field that is null in others.
    """
    alike: dict[tuple[frozenset[str], object], list[KindDraft]] = {}
    for one in kinds:
        keys = [key for each in one.documents if isinstance(each, dict) for key in each]
        needed = frozenset(part.path for part in one.identity.parts)
        alike.setdefault((frozenset(keys), (bounds_of(one.fields), needed)), []).append(one)
    groups = [group for (keys, _), group in alike.items() if keys and len(group) > 1]
    made = {one.name: one for one in kinds}
    for number, group in enumerate(groups, start=1):
        name = f"{channel}/message" if number == 1 else f"{channel}/message_{number}"
        if name in made:
            continue
        shown = tuple(document for one in group for document in one.documents)
        made.update({one.name: replace(one, accepts=name, shown=shown) for one in group})
    return tuple(made.values())


def _fits(
    kind: str, documents: tuple[Json, ...], around: tuple[ChannelWish, Landscape], asked: str
) -> list[tuple[float, Contract, Fields, Identity]]:
    """Return each object that may be meant, with how well the samples fill it."""
    wish, land = around
    known = objects_of(land.contracts)
    name = asked.partition("@")[0]
    if asked and name not in known:
        raise DraftError(f"no object {asked}: {nearest(name, known)}")
    made = []
    for contract in [known[name]] if asked else known.values():
        fields, identity = _filled(kind, contract, documents, (wish, land))
        named = set(words_of(kind)) & set(words_of(contract.ref.name))
        score = _score(fields) + (_NAMED if named else 0.0)
        made.append((score, contract, fields, identity))
    return made


def _filled(
    kind: str,
    contract: Contract,
    documents: tuple[Json, ...],
    around: tuple[ChannelWish, Landscape],
) -> tuple[Fields, Identity]:
    wish, land = around
    channel, points = (
        wish.name,
        any(has_point(one) for each in wish.samples for one in each.records),
    )
    resolve = land.contracts.by_urn
    goal: Goal = whole(contract.schema, resolve, contract.ref.name)
    scope: Scope = scope_of(documents, "body", words_of(kind, contract.ref.name))
    plain = Matcher(resolve, Facts(channel=channel, tables=land.tables))
    identity = identity_of(goal, contract.keys, scope, (plain, resolve))
    joined = identity.joined(channel, plain_name(kind)) if identity.parts else ""
    facts = Facts(channel=channel, tables=land.tables, identity=joined, points=points)
    fields = Matcher(resolve, facts).fields(goal, scope)
    identity = completed(identity, fields, scope, documents)
    if identity.refused and joined:
        fields = Matcher(resolve, replace(facts, identity="")).fields(goal, scope)
    return fields, identity


def _score(fields: Fields) -> float:
    """Return how much of an object is filled, by how sure it is."""
    read = [one.score for one in values_of(fields) if one.leaf is not None]
    missing = len(list(todos_of(fields)))
    return sum(read) / (len(read) + 2 * missing) if read else 0.0


def _contract_files(one: KindDraft, wish: ChannelWish) -> Files:
    folder = f"contracts/{one.accepts}"
    what = one.kind if one.accepts == one.name else "Kinds of one shape"
    sends = f"{wish.name} sends {'it' if one.accepts == one.name else 'them'}"
    doc = f"{what} as {sends}, drafted from samples."
    head = [
        f"contract: {one.accepts}",
        f"owner: {scalar(wish.owner)}",
        f"doc: {json.dumps(doc, ensure_ascii=False)}",
        "policy: {mode: tolerant, backward: all-active, forward: all-active}",
        "versions:",
        "  1.0.0: {status: draft}",
    ]
    schema = contract_schema(one.accepts, doc, one.shown)
    alone = len(one.shown) == len(one.documents)
    bounded(schema, one.fields, words=alone)  # another kind that shares it has other words
    files = {
        f"{folder}/contract.yaml": text_file(head),
        f"{folder}/1.0.0.json": json_file(schema),
        f"{folder}/examples/1.0.0/sample.json": json_file(one.shown[0]),
    }
    lacking = _counterexample(one)
    if lacking is not None:
        files[f"{folder}/counterexamples/1.0.0/lacks_a_field.json"] = json_file(lacking)
    return files


def _counterexample(one: KindDraft) -> Json | None:
    """Return a document that lacks a field which is always there, the identity's if it can be."""
    first = one.shown[0]
    if not isinstance(first, dict) or not all(isinstance(each, dict) for each in one.shown):
        return None
    always = [key for key in first if all(key in each for each in one.shown)]
    named = [part.names[0] for part in one.identity.parts if part.names[0] in always]
    if not always:
        return None
    gone = (named or always)[0]
    return {
        "why": f"Without {gone} it is not the message that the samples show.",
        "rule": "required",
        "at": "",
        "document": {key: value for key, value in first.items() if key != gone},
    }


def _transform(one: KindDraft) -> list[str]:
    tables = sorted({value.table for value in values_of(one.fields) if value.table})
    lines = [f"inputs: {{body: {one.accepts}@1}}", f"to: {one.object.ref.subject}"]
    if tables:
        lines.append(f"tables: [{', '.join(tables)}]")
    body = list(map_lines(one.fields, 2))
    if unread := unread_of(one):
        body += comment(f"not read: {', '.join(unread)}", 2)
    written = any(not line.lstrip().startswith("#") for line in body)
    return [*lines, "map:" if written else "map: {}", *body]


def _channel(
    wish: ChannelWish, land: Landscape, told: Kinds, kinds: Sequence[KindDraft]
) -> list[str]:
    lines = [
        f"channel: {wish.name}",
        f"owner: {scalar(wish.owner)}",
        "from:",
        *_source(wish),
        f"    format: {wish.format}",
    ]
    if wish.format == "xml":
        lines.append(f"    shape: {kinds[0].accepts}@1")
    if wish.records:
        lines.append(f"  records: {scalar('=' + wish.records.removeprefix('='))}")
    remark = "" if told.found else "  # a guess: see what else the sender sends"
    lines += [f"kind: {scalar(told.expression)}{remark}", "routes:"]
    for one in kinds:
        lines += _route(one)
    return [*lines, "otherwise: [{dead_letter: unknown_kind}]", f"on_failure: {land.policy}"]


def _source(wish: ChannelWish) -> list[str]:
    if wish.queue:
        return ["  amqp:", f"    queue: {scalar(wish.queue)}"]
    verify = f'{{none: "{UNSIGNED}"}}'
    if wish.verify:
        secret = f"env:{wish.name.upper()}_SECRET"
        verify = f'{{preset: {wish.verify}, secrets: ["{secret}"]}}'
    return ["  http:", f"    path: /in/{wish.name}", f"    verify: {verify}"]


def _route(one: KindDraft) -> list[str]:
    word = plain_name(one.kind)
    lines = [f"  {scalar(one.kind)}:", f"    accept: {one.accepts}@1"]
    identity = one.identity
    lines += _identity(identity, word)
    return [
        *lines,
        "    steps:",
        f"      - transform: {one.name}",
        f"      - produce: {{object: {one.object.ref.subject}}}",
    ]


def _identity(identity: Identity, word: str) -> list[str]:
    if not identity.parts:
        why = f": {identity.refused}" if identity.refused else ""
        left = f"left to write: identity, what tells a repeat from a new message{why}"
        return comment(left, 4)
    parts = ", ".join(scalar(f"={part.path}") for part in identity.parts)
    unsure = "no field is an id of its own: can two messages share these?"
    lines = comment(unsure, 4) if identity.composed or identity.parent else []
    lines += ["    identity:", f"      object: [{word}, {parts}]"]
    if identity.newest:
        lines += comment(_newest(identity), 6)
    if identity.version:
        lines.append(f"      version: {scalar('=' + identity.version)}")
    if identity.compare:
        held = ", ".join(scalar(f"={path}") for path in identity.compare)
        lines.append(f"      compare: [{held}]")
    return [*lines, f"    correlation: [{word}, {scalar('=' + identity.parts[0].path)}]"]


def _newest(identity: Identity) -> str:
    if identity.version:
        return "likely: a change of an item has a newer time; one without is a conflict"
    left = "left to write: version, or each change is a conflict, if changes are told again"
    return f"{left}. Candidate: ={identity.newest}, if there is always one and all have one zone"


def _tests(wish: ChannelWish, told: Kinds, kinds: Sequence[KindDraft]) -> list[str]:
    lines = ["tests:"]
    of = {id(record): one.kind for one in kinds for record in one.documents}
    for sample in wish.samples:
        shown = [of[id(record)] for record in sample.records if id(record) in of]
        name = f"{', '.join(dict.fromkeys(shown))} of {sample.file} is routed"
        file = _fixture(wish, sample).removeprefix("routes/channels/")
        header = f"headers: {{{told.header}: {scalar(shown[0])}}}, " if told.header else ""
        lines += [
            f"  - name: {json.dumps(name, ensure_ascii=False)}",
            f"    given: {{{header}body_file: {scalar(file)}}}",
            "    expect: {outcome: routed}",
            f"  - name: {json.dumps(f'{sample.file} again changes nothing', ensure_ascii=False)}",
            f"    given: {{repeat: {json.dumps(name, ensure_ascii=False)}}}",
            "    expect: {outcome: duplicate, produced: []}",
        ]
    return lines


def _fixture(wish: ChannelWish, sample: Sample) -> str:
    ending = sample.file.rpartition(".")[2] if "." in sample.file else wish.format
    return f"routes/channels/fixtures/{wish.name}_{sample.stem}.{ending}"
