"""Owns: paths into the documents of a landscape: whose document, which field; as text and back.
Imports: config.types, config.contracts.
Never: knows how a value becomes another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from router.config.contracts import Contracts
from router.config.types.contracts import ContractTypes
from router.config.types.type import UNKNOWN, Type
from router.config.validation import Contract
from router.core.message import ContractRef
from router.core.value import value

#: a step to the items of a list, and one to any field
ITEM, ANY = "[]", "*"
#: steps within each other that a contract is looked through for names
DEEPEST = 9
#: what a name may be without quotes
_PLAIN = re.compile(r"[\w@$-]+|\*")
_STEP = re.compile(r'"([^"]*)"|\[[^\]]*\]|[^.\[\]"]+')
_WORDS = {
    "address": "address of ",
    "answer": "answer of ",
    "body": "body of ",
    "look-up": "look-up of ",
    "table": "table ",
    "headers": "headers of ",
}


@value(frozen=True, slots=True)
class Source:
    """Whose document it is.

    `kind` is channel, headers, object, event (for a workflow), request (to a system), address (of a
    request), answer (of a system), body (what an answer is taken from), look-up, table, stamp, env,
    call or constant; an object's name is `name@major`, a constant's its JSON.
    """

    kind: str
    name: str
    contract: ContractRef | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Return what tells it from others, whichever of its contracts is meant."""
        return self.kind, self.name

    def __str__(self) -> str:
        return f"{_WORDS.get(self.kind, '')}{self.name}"


STAMP = Source("stamp", "stamp")
ENV = Source("env", "env")


def of_object(contract: ContractRef) -> Source:
    """Return the source that is a canonical object, of whichever minor version."""
    return Source("object", contract.subject, contract)


def of_event(workflow: str, event: str, contract: ContractRef) -> Source:
    """Return the source that is an event for a workflow."""
    return Source("event", f"{workflow} {event}", contract)


def ref_of(contract: Contract | None) -> ContractRef | None:
    """Return which contract it is, if any."""
    return contract.ref if contract is not None else None


@value(frozen=True, slots=True)
class Path:
    """A place in a document."""

    source: Source
    steps: tuple[str, ...] = ()

    def plus(self, *steps: str) -> Path:
        """Return the path that goes on from here."""
        return Path(self.source, self.steps + steps)

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """Return what tells it from others, whichever contract of its source is meant."""
        return (*self.source.key, self.steps)

    def __str__(self) -> str:
        if not self.steps:
            return str(self.source)
        glue = "." if self.source.kind in ("object", "stamp", "env") else ":"
        return f"{self.source}{glue}{spelled(self.steps)}"


def spelled(steps: tuple[str, ...]) -> str:
    """Return steps as an author writes them: `lines[].amount`."""
    text = ""
    for step in steps:
        if step == ITEM:
            text += ITEM
        else:
            text += ("." if text else "") + (step if _PLAIN.fullmatch(step) else f'"{step}"')
    return text


def steps_of(text: str) -> tuple[str, ...]:
    """Return the steps that a text spells; any index means every item."""
    found = []
    for match in _STEP.finditer(text):
        quoted = match[1]
        found.append(quoted if quoted is not None else ITEM if match[0][0] == "[" else match[0])
    return tuple(found)


@dataclass(slots=True)
class Paths:
    """What a path may be, told from the contract of its document; each is looked up once."""

    contracts: Contracts
    types: ContractTypes
    _known: dict[tuple[str, tuple[str, ...]], Type | None]

    @classmethod
    def of(cls, contracts: Contracts) -> Paths:
        """Return the paths of a project's contracts."""
        return cls(contracts, ContractTypes(contracts), {})

    def type_at(self, path: Path) -> Type | None:
        """Return the type at a path; None where the document has no such path."""
        contract = path.source.contract
        if contract is None:
            return UNKNOWN
        key = (str(contract), path.steps)
        if key not in self._known:
            self._known[key] = self._found(contract, path)
        return self._known[key]

    def names(self, source: Source) -> Iterator[tuple[str, ...]]:
        """Yield the steps of every path that a document's contract tells."""
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            steps = waiting.pop()
            found = self.type_at(Path(source, steps))
            if steps:
                yield steps
            if found is None or found.unknown or len(steps) >= DEEPEST:
                continue
            waiting += [(*steps, name) for name in sorted(found.names())]
            waiting += [(*steps, ITEM)] if "list" in found.kinds else []

    def _found(self, contract: ContractRef, path: Path) -> Type | None:
        if not path.steps:
            return self.types.of(self.contracts.get(contract), "body")
        before = self.type_at(Path(path.source, path.steps[:-1]))
        step = path.steps[-1]
        if before is None or before.unknown:
            return before
        if step == ITEM:
            return before.items if "list" in before.kinds else None
        if step == ANY:
            return UNKNOWN if before.objects else None
        return before.field(step) if before.objects else None
