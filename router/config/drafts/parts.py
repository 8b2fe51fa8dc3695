"""Owns: drafts of a flow and of a system, and the line of a system in an environment.
Imports: config.drafts.
Never: touches the disk; says that a far side honours what nobody has asked it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from router.config.drafts.channel import Files, Landscape, objects_of
from router.config.drafts.goals import whole
from router.config.drafts.kinds import DraftError
from router.config.drafts.matching import Fields, Matcher, todos_of
from router.config.drafts.offers import Facts
from router.config.drafts.sources import scope_of
from router.config.drafts.writing import json_file, map_lines, scalar, text_file
from router.config.schemas import DIALECT
from router.config.validation import Contract
from router.core.diagnostics import nearest
from router.core.document import Json

_SYSTEMS = re.compile(r"^systems:[ ]*(#.*)?$", re.MULTILINE)
_INDENT = re.compile(r"^( +)\S", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWish:
    """What was asked for; `accept` is what the operation takes, `examples` show the object."""

    name: str
    object: str
    owner: str = "unassigned"
    operation: str = ""
    accept: Contract | None = None
    examples: Sequence[Json] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemWish:
    """What was asked for. `operations` maps each to its object; `examples` show objects."""

    name: str
    operations: Mapping[str, str]
    owner: str = "unassigned"
    url: str = ""
    examples: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDraft:
    """The files by path, and the fields that the author must write, by file."""

    files: Files
    left: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def object_named(name: str, land: Landscape) -> Contract:
    """Return an object of the project. Raises DraftError."""
    known = objects_of(land.contracts)
    found = known.get(name.partition("@")[0])
    if found is None:
        raise DraftError(f"no object {name}: {nearest(name, known)}")
    return found


def draft_flow(wish: FlowWish, land: Landscape) -> PartDraft:
    """Return the draft of a flow. Raises DraftError."""
    subject = object_named(wish.object, land)
    files: Files = {}
    left: dict[str, tuple[str, ...]] = {}
    steps = ["  - discard: a draft, nothing is done with it yet"]
    if wish.operation:
        steps = [f"  - send: {{operation: {wish.operation}}}"]
    if wish.accept is not None and wish.accept.ref != subject.ref:
        name = f"{wish.operation.partition('.')[0]}/{wish.name}"
        made = _mapped(subject, wish, land)
        path = f"transforms/{name}.yaml"
        files[path] = _transform(subject, wish.accept, made)
        left[path] = tuple(one for one, _ in todos_of(made))
        steps.insert(0, f"  - transform: {name}")
    files[f"routes/flows/{wish.name}.yaml"] = text_file(
        [
            f"flow: {wish.name}",
            f"owner: {scalar(wish.owner)}",
            f"from: {{object: {subject.ref.subject}}}",
            "steps:",
            *steps,
            f"on_failure: {land.policy}",
        ]
    )
    if wish.examples:
        files.update(_flow_test(wish, subject))
    return PartDraft(files=files, left={path: names for path, names in left.items() if names})


def _mapped(subject: Contract, wish: FlowWish, land: Landscape) -> Fields:
    assert wish.accept is not None, "asked for when it is known"
    resolve = land.contracts.by_urn
    facts = Facts(channel=wish.name, tables=land.tables)
    goal = whole(wish.accept.schema, resolve, wish.accept.ref.name.rpartition("/")[2])
    scope = scope_of(list(wish.examples), "payload", (subject.ref.name,))
    return Matcher(resolve, facts).fields(goal, scope)


def _transform(subject: Contract, accept: Contract, made: Fields) -> bytes:
    body = list(map_lines(made, 2))
    written = any(not line.lstrip().startswith("#") for line in body)
    head = [f"inputs: {{payload: {subject.ref.subject}}}", f"to: {accept.ref.subject}"]
    return text_file([*head, "map:" if written else "map: {}", *body])


def _flow_test(wish: FlowWish, subject: Contract) -> Files:
    fixture = f"fixtures/{wish.name}.json"
    expect = "{outcome: discarded, produced: [], sent: []}"
    if wish.operation:
        expect = f"{{outcome: routed, produced: [], sent: [{{operation: {wish.operation}}}]}}"
    lines = [
        "tests:",
        f"  - name: an example of {subject.ref.name} goes where it belongs",
        f"    given: {{object: {subject.ref.subject}, body_file: {fixture}}}",
        f"    expect: {expect}",
    ]
    return {
        f"routes/flows/{wish.name}.test.yaml": text_file(lines),
        f"routes/flows/{fixture}": json_file(wish.examples[0]),
    }


def draft_system(wish: SystemWish, land: Landscape) -> PartDraft:
    """Return the draft of a system: over HTTP with an address, otherwise files in a folder.

    An operation without an object gets a contract of its own. Raises DraftError.
    """
    files: Files = {}
    adapter = "http" if wish.url else "file"
    lines = [
        f"system: {wish.name}",
        f"owner: {scalar(wish.owner)}",
        f"adapter: {adapter}",
        f"on_failure: {land.policy}",
        "operations:",
    ]
    for operation, name in wish.operations.items():
        subject = f"{wish.name}/{operation}@1"
        if name:
            subject = object_named(name, land).ref.subject
        else:
            files.update(_own_contract(f"{wish.name}/{operation}", wish.owner))
        lines += [f"  {operation}:", f"    accept: {subject}"]
        lines += _posted(operation) if wish.url else _written(operation)
    files[f"routes/systems/{wish.name}.yaml"] = text_file(lines)
    files.update(_system_tests(wish, land))
    return PartDraft(files=files)


def settings_line(wish: SystemWish) -> str:
    """Return where the system is, as an environment says it."""
    if wish.url:
        return f"{wish.name}: {{url: {json.dumps(wish.url)}}}"
    return f"{wish.name}: {{folder: var/{wish.name}}}"


def with_settings(environment: str, line: str) -> str | None:
    """Return the text of an environment with one more system; None where it cannot be put in."""
    found = _SYSTEMS.search(environment)
    if found is None:
        if re.search(r"^systems:", environment, re.MULTILINE):
            return None
        return f"{environment.rstrip()}\nsystems:\n  {line}\n"
    inner = _INDENT.search(environment, found.end())
    indent = inner[1] if inner and environment[found.end() : inner.start()].strip() == "" else "  "
    return f"{environment[: found.end()]}\n{indent}{line}{environment[found.end() :]}"


def _posted(operation: str) -> list[str]:
    return [
        f"    request: {{post: /{operation.replace('_', '-')}}}",
        "    # what keeps a repeat from doing it twice? With none a person is asked after an",
        "    # unclear call; a key that it honours, or a look-up, is better: router explain E064",
        "    idempotency: {kind: none}",
        "    outcome:",
        '      - {if: "=status == `429` || status == `503`", is: retry}',
        '      - {if: "=status >= `200` && status < `300`", is: done}',
        '      - {if: "=status >= `400` && status < `500`", is: refused, code: =text(status)}',
        "      - {otherwise: unknown}",
    ]


def _written(operation: str) -> list[str]:
    name = f'"{operation}/{{reference}}.json"'
    return [
        f"    request: {{write: {name}}}",
        "    idempotency: {kind: lookup}",
        "    outcome:",
        '      - {if: "=status == `201` || status == `200`", is: done, reference: =body.name}',
        '      - {if: "=status == `409`", is: refused, code: other_content}',
        "      - {otherwise: unknown}",
        f'    lookup: {{request: {{exists: {name}}}, found: "=status == `200`"}}',
    ]


def _own_contract(name: str, owner: str) -> Files:
    """Return a contract that asks for nothing but an id: the author writes the rest."""
    schema = {
        "$schema": DIALECT,
        "$id": f"urn:contract:{name}:1.0.0",
        "type": "object",
        "required": ["id"],
        "properties": {"id": {"type": "string", "minLength": 1, "maxLength": 255}},
    }
    head = [
        f"contract: {name}",
        f"owner: {scalar(owner)}",
        "doc: What the system takes, drafted; it asks for nothing but an id yet.",
        "versions:",
        "  1.0.0: {status: draft}",
    ]
    gone = {"why": "It cannot be named.", "rule": "required", "at": "", "document": {}}
    folder = f"contracts/{name}"
    return {
        f"{folder}/contract.yaml": text_file(head),
        f"{folder}/1.0.0.json": json_file(schema),
        f"{folder}/examples/1.0.0/smallest.json": json_file({"id": "1"}),
        f"{folder}/counterexamples/1.0.0/no_id.json": json_file(gone),
    }


def _system_tests(wish: SystemWish, land: Landscape) -> Files:
    lines = ["tests:"]
    files: Files = {}
    for operation, name in wish.operations.items():
        subject = f"{wish.name}/{operation}@1"
        if name:
            subject = object_named(name, land).ref.subject
        example = wish.examples.get(operation, None if name else {"id": "1"})
        if example is None:
            continue
        fixture = f"fixtures/{wish.name}_{operation}.json"
        files[f"routes/systems/{fixture}"] = json_file(example)
        answer = "{status: 200, body: {}}" if wish.url else "{status: 201, body: {name: a.json}}"
        lines += [
            f"  - name: {operation} sends the object as it is",
            f"    given: {{operation: {operation}, object: {subject}, body_file: {fixture}}}",
            f"    mocks: {{{wish.name}.{operation}: [{answer}]}}",
            "    expect:",
            "      outcome: done",
            f"      sent: [{{operation: {wish.name}.{operation}, payload: {{file: {fixture}}}}}]",
        ]
    if len(lines) > 1:
        files[f"routes/systems/{wish.name}.test.yaml"] = text_file(lines)
    return files
