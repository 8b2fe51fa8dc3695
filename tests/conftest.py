"""What most tests need: a place where texts of the language become checked values."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from router.config.components import INVALID, Context, component, decode_component, knob
from router.config.contracts import Contracts, load_contracts
from router.config.library import Library
from router.config.policies import FailurePolicy
from router.config.references import CONTRACT, EXPRESSION
from router.config.shapes import Text
from router.config.source import Node, read_yaml
from router.config.steps import STEPS
from router.config.systems import SystemFile, make_system
from router.config.templates import TEMPLATE
from router.config.transforms.tables import Table
from router.config.transforms.transform import Transform, TransformFile
from router.core.diagnostics import Report
from router.core.message import Message

# hundreds of processes are started here: none compiles anew what another one has compiled
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NOON = datetime(2025, 3, 14, 12, 0, tzinfo=UTC)
#: files whose tests share nothing: each test may be another worker's
APART = {
    "tests/project/test_docs.py",
    "tests/crash/test_replay.py",
    "tests/crash/test_killers.py",
    "tests/crash/test_boundaries.py",
    "tests/crash/test_ledger.py",
}
#: the files that take longest, the longest first: workers begin with them; any other file than
#: those of `APART` is one worker's
LONGEST = (
    "tests/project/test_docs.py",
    "tests/crash/test_replay.py",
    "tests/crash/test_killers.py",
    "tests/crash/test_boundaries.py",
    "tests/crash/test_ledger.py",
    "tests/live/test_commands.py",
    "tests/acceptance/test_cli.py",
    "tests/acceptance/test_scenarios.py",
    "tests/acceptance/test_trace.py",
    "tests/acceptance/test_drain.py",
    "tests/crash/test_stall.py",
    "tests/crash/test_ends.py",
    "tests/crash/test_sequences.py",
    "tests/bad/test_adapters.py",
    "tests/unit/drafts/test_commands.py",
    "tests/live/test_topology.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let no worker begin with what takes long when the others have ended."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda one: places.get(_file_of(one), len(places)))
    for one in items:
        group = one.nodeid if _file_of(one) in APART else _file_of(one)
        one.add_marker(pytest.mark.xdist_group(group))


def _file_of(item: pytest.Item) -> str:
    return item.nodeid.partition("::")[0]


@component("wire request", doc="A request of a pretended protocol.")
class WireRequest:
    """What an operation over the wire asks."""

    ask: Any = knob(TEMPLATE, doc="the address")
    contract: Any = knob(CONTRACT, doc="what is sent", default=None)
    answer: Any = knob(CONTRACT, doc="what a good answer keeps", default=None)

    def complaint(self) -> str:
        """Nothing can be wrong with it as a whole."""
        return ""


@component("wire settings", doc="Where a pretended system is.")
class WireSettings:
    """The environment's part."""

    place: str = knob(Text(), doc="where", default="here")


class Wire:
    """A protocol that is only pretended."""

    Request = WireRequest
    Settings = WireSettings


POLICY = """
policy: failure
name: patient
retry: {after: [5s, 30s], within: 1h}
at_last: dead_letter
"""


class Workshop:
    """Turns texts of the language into checked values, and keeps what was found wrong."""

    def __init__(self) -> None:
        self.report = Report()
        self.library = Library(contracts=Contracts(), adapters={"wire": Wire})
        self.library.policies["patient"] = self.decode(FailurePolicy, POLICY)

    @property
    def codes(self) -> list[str]:
        """The codes that were found, in order."""
        return [one.code for one in self.report.found]

    @property
    def told(self) -> str:
        """Everything that was found, as text."""
        return "\n".join(str(one) for one in self.report.found)

    def context(self, *roots: str, anything: bool = False) -> Context:
        """Return a context in which these roots are in reach."""
        return Context(
            library=self.library, report=self.report, roots=None if anything else frozenset(roots)
        )

    def node(self, text: str) -> Node:
        """Return the node of a text that is sound YAML."""
        node, found = read_yaml(textwrap.dedent(text), "test.yaml")
        assert not found, found
        assert node is not None
        return node

    def decode(self, what: Any, text: str, *roots: str) -> Any:
        """Return what a component class or a shape makes of a text."""
        if isinstance(what, type) and hasattr(what, "__component__"):
            return decode_component(what, self.node(text), self.context(*roots))
        return what.decode(self.node(text), self.context(*roots))

    def expression(self, text: str) -> Any:
        """Return a sound expression over any roots; `text` without the `=`."""
        quoted = "'=" + text.replace("'", "''") + "'"
        made = EXPRESSION.decode(self.node(quoted), self.context(anything=True))
        assert made is not INVALID, self.told
        return made

    def contract(
        self, name: str, schema: Mapping[str, Any] | None = None, *, more: str = ""
    ) -> Any:
        """Add version 1.0.0 of a contract; `more` are further lines of its contract.yaml."""
        document = {"$schema": DIALECT, "$id": f"urn:contract:{name}:1.0.0", **(schema or {})}
        texts = {
            f"contracts/{name}/contract.yaml": f"contract: {name}\nowner: us\n"
            f"versions: {{1.0.0: {{status: active}}}}\n{textwrap.dedent(more)}",
            f"contracts/{name}/1.0.0.json": json.dumps(document),
        }
        made = load_contracts(texts, self.report)
        assert not self.report.found, self.told
        self.library.contracts.versions.update(made.versions)
        return made.versions[name]["1.0.0"]

    def transform(self, name: str, text: str) -> Any:
        """Add a transform under a name; INVALID when it has mistakes."""
        file = self.decode(TransformFile, text)
        if file is INVALID:
            return INVALID
        self.library.transforms[name] = Transform(name=name, file=file)
        return self.library.transforms[name]

    def system(self, operations: str, name: str = "far") -> Any:
        """Add a system over the wire; `operations` is the text of its mapping of operations."""
        head = f"system: {name}\nowner: us\nadapter: wire\non_failure: patient\noperations:\n"
        text = head + textwrap.indent(textwrap.dedent(operations), "  ")
        file = self.decode(SystemFile, text)
        if file is INVALID:
            return INVALID
        self.library.systems[name] = make_system(file, self.context())
        return self.library.systems[name]

    def table(self, name: str, rows: Mapping[tuple[str, ...], Any], **more: Any) -> Table:
        """Add a table with as many key columns as its rows have."""
        width = len(next(iter(rows)))
        made = Table(
            name=name,
            place=self.node("x").place,
            columns=tuple(f"key{index}" for index in range(width)),
            rows=rows,
            has_default="default" in more,
            default=more.get("default"),
            source="",
        )
        self.library.tables[name] = made
        return made

    def steps(self, text: str, *roots: str) -> Any:
        """Return checked steps, INVALID when they have mistakes."""
        return STEPS.decode(self.node(text), self.context(*(roots or ("body", "headers", "stamp"))))


@pytest.fixture
def workshop() -> Workshop:
    """A fresh workshop."""
    return Workshop()


@pytest.fixture
def noon() -> datetime:
    """A time at which most tests take place."""
    return NOON


@pytest.fixture
def message_of() -> Callable[..., Message]:
    """A maker of messages: only what matters has to be said."""

    def make(payload: Any = None, **fields: Any) -> Message:
        base: dict[str, Any] = {"id": "m1", "correlationid": "c1", "occurred_at": NOON}
        return Message(**{**base, "payload": payload, **fields})

    return make
