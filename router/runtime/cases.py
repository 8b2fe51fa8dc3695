"""Owns: running the tests of the language: the real parts, an own store in memory, a virtual clock.
Imports: config, engine, infra.store, runtime.
Never: waits, opens a socket, needs a server.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from router.config.cases import Case, Given, Mock
from router.config.environments import EnvironmentFile
from router.config.project import Project
from router.config.sequences import CallSequence
from router.core.decision import Produced, Sent, Signalled
from router.core.document import Json
from router.core.errors import MessageError
from router.core.message import Message
from router.core.ports import Adapter, Prepared
from router.engine.identity import document_digest
from router.infra.codecs import decode_json, encode_json
from router.infra.store.letters import LetterQuery
from router.infra.store.rows import Queued
from router.infra.store.store import Store
from router.runtime.clock import ManualClock
from router.runtime.coverage.marks import Marks
from router.runtime.golden import Goldens, Want
from router.runtime.ingress import LOOP_LANE
from router.runtime.mocks import MockAdapter, MockExchange
from router.runtime.verdicts import Verdict, lane_of
from router.runtime.wiring import Hooks, Parts, build_parts
from router.runtime.witness import Witness

#: every test begins here; what depends on the time of day is said by the documents
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
#: steps of one test; a test that needs more goes round in circles
MOST_STEPS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one test; no complaint = passed."""

    file: str
    name: str
    line: int
    complaints: tuple[str, ...]
    #: real time that it took
    seconds: float = 0.0
    #: golden files that differ; what they complain of is among the complaints
    wants: tuple[Want, ...] = ()

    @property
    def only_golden(self) -> bool:
        """Return whether it would pass if its golden files said what came of it."""
        told = sum(len(one.differences) for one in self.wants)
        return bool(self.wants) and told == len(self.complaints)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rig:
    """What all tests of a run share. `marks` collects what they show."""

    project: Project
    environment: EnvironmentFile
    adapters: Mapping[str, Adapter]
    marks: Marks | None = None


class CaseError(Exception):
    """A test that cannot be run as it is written; the text says what to write."""


def run_cases(rig: Rig, only: str = "") -> Iterator[Result]:
    """Run the tests of the project in the order of the files; yield one result a test.

    `only` picks those whose file or name holds it.
    """
    #: a channel's test looks at what the channel produces, not at what flows make of it
    alone = dataclasses.replace(rig, project=dataclasses.replace(rig.project, subscribers={}))
    for path, file in sorted(rig.project.cases.items()):
        earlier: dict[str, Case] = {}
        for case in file.tests:
            earlier[case.name] = case
            if only not in path and only not in case.name:
                continue
            runner = _Runner(alone, path)
            begun = time.perf_counter()
            try:
                complaints = runner.run(case, earlier)
            except CaseError as error:
                complaints = [str(error)]
            yield Result(
                file=path,
                name=case.name,
                line=case.place.line,
                complaints=tuple(complaints),
                seconds=time.perf_counter() - begun,
                wants=tuple(runner.goldens.wants),
            )


class _Runner:
    """Runs one test."""

    def __init__(self, rig: Rig, path: str) -> None:
        self._project = rig.project
        self._environment = rig.environment
        self._adapters = rig.adapters
        self._marks = rig.marks
        self._path = path
        self.goldens = Goldens(rig.project.root / Path(path).parent)
        #: operation -> encoding of the text that its template writes
        self._texts = {
            call.name: call.file.transform.file.template.encoding
            for operation in rig.project.operations.values()
            for call in operation.calls
            if call.file.transform is not None and call.file.transform.file.template is not None
        }
        self._seen = Witness(self._texts)
        #: every request that left, of all deliveries
        self._requests: list[tuple[str, Prepared]] = []
        #: digests of the objects that were given, in order: the same one has the same id
        self._given: dict[bytes, str] = {}
        _, self._folder, file = path.rsplit("/", 2)
        self._owner = file.removesuffix(".test.yaml")

    def run(self, case: Case, earlier: Mapping[str, Case]) -> list[str]:
        clock = ManualClock(START)
        store = Store.in_memory(self._project.revision)
        players = {
            name: MockAdapter(
                self._adapters[operation.system],
                tuple(self._mock(mock) for mock in self._mocks(case, earlier).get(name, ())),
                lambda prepared, name=name: self._requests.append((name, prepared)),  # type: ignore[misc]
            )
            for name, operation in self._project.operations.items()
        }
        self._known_mocks(case)
        exchange = MockExchange(
            operations=self._project.operations,
            adapters=self._adapters,
            env=dict(self._environment.values),
            clock=clock,
            players=players,
            marks=self._marks,
        )
        parts = build_parts(self._project, self._environment, store, exchange, self._hooks())
        try:
            for given in self._deliveries(case, earlier):
                self._seen = Witness(self._texts)
                if self._asks(given, exchange):
                    continue
                self._give(given, parts)
                self._settle(parts, clock)
            self._look(parts)
        finally:
            store.close()
        return self._seen.complaints(case, self._folder, self.goldens.differences) + _unfit(players)

    def _mocks(self, case: Case, earlier: Mapping[str, Case]) -> Mapping[str, tuple[Mock, ...]]:
        first = earlier.get(case.given.repeat)
        if first is None:
            return case.mocks
        before = self._mocks(first, earlier)
        names = {*before, *case.mocks}
        return {name: (*before.get(name, ()), *case.mocks.get(name, ())) for name in names}

    def _known_mocks(self, case: Case) -> None:
        for name in case.mocks:
            found = self._project.operations.get(name)
            if found is None:
                raise CaseError(f"mocks: no operation {name}")
            if isinstance(found, CallSequence):
                calls = ", ".join(one.name for one in found.calls)
                raise CaseError(f"mocks: {name} is several calls, give answers to each: {calls}")

    def _deliveries(self, case: Case, earlier: Mapping[str, Case]) -> list[Given]:
        if not case.given.repeat:
            return [case.given]
        first = earlier.get(case.given.repeat)
        if first is None:
            raise CaseError(f"repeat: no earlier test is named {case.given.repeat}")
        before = self._deliveries(first, earlier)
        again, own = before[-1], case.given
        changed = dataclasses.replace(
            again,
            headers={**again.headers, **own.headers},
            body=own.body if own.body is not None else again.body,
            body_file=own.body_file or ("" if own.body is not None else again.body_file),
        )
        return [*before, changed]

    def _asks(self, given: Given, exchange: MockExchange) -> bool:
        """Ask a read operation, whose arguments are the body; False when it is none."""
        operation = self._project.operations.get(f"{self._owner}.{given.operation}")
        if self._folder != "systems" or operation is None or not operation.is_read:
            return False
        outcome = exchange.read(operation.name, self._document(given) or {})
        self._seen.result = outcome.result
        detail = {"reason": outcome.code, "detail": outcome.detail}
        self._seen.entries.append(
            {"message_id": "", "correlationid": "", "word": outcome.word, "detail": detail}
        )
        return True

    def _give(self, given: Given, parts: Parts) -> None:
        if self._folder == "channels":
            channel = self._project.channels.get(self._owner)
            if channel is None:
                raise CaseError(f"no channel {self._owner}: the test stands beside its file")
            headers = {name.lower(): value for name, value in given.headers.items()}
            receipt = parts.ingress.receive(channel, headers, self._bytes(given)).result()
            self._seen.messages = [message for message, _ in receipt.messages]
            return
        message = self._object(given)
        self._seen.messages = [message.id]
        if self._folder == "flows":
            row = Queued(lane=LOOP_LANE, consumer=f"flow:{self._owner}", message=message)
        else:
            name = f"{self._owner}.{given.operation}"
            if name not in self._project.operations:
                raise CaseError(f"given: no operation {name}")
            if self._marks is not None:
                self._marks.called(name)
            row = Queued(lane=lane_of(name), consumer=name, message=message)
        parts.store.write(lambda transaction: transaction.enqueue([row]))

    def _object(self, given: Given) -> Message:
        contract = given.object
        payload = self._document(given)
        if contract is not None:
            try:
                contract.ensure(payload, "given")
            except MessageError as error:
                raise CaseError(str(error)) from error
        number = f"{len(self._given):032x}"
        return Message(
            id=self._given.setdefault(document_digest(payload), number),
            correlationid="test",
            contract=contract.ref if contract else None,
            occurred_at=START,
            payload=payload,
        )

    def _settle(self, parts: Parts, clock: ManualClock) -> None:
        """Step the parts until nothing moves and nothing is due."""
        for _ in range(MOST_STEPS):
            if parts.loop.step():
                continue
            if self._folder == "systems" and any(worker.step() for worker in parts.workers):
                continue
            at = parts.scheduler.next_at()
            if at is None:
                return
            clock.move_to(at)
            parts.scheduler.step()
        raise CaseError("the test does not come to an end")

    def _hooks(self) -> Hooks:
        marks = self._marks
        return Hooks(observe=self._observe, entered=marks.entered if marks is not None else None)

    def _observe(self, verdict: Verdict) -> None:
        if self._marks is not None:
            self._marks.decided(verdict)
        effects = getattr(verdict.decision, "effects", ())
        self._seen.produced += [one for one in effects if isinstance(one, Produced)]
        self._seen.sent += [one for one in effects if isinstance(one, Sent)]
        self._seen.signalled += [one for one in effects if isinstance(one, Signalled)]

    def _look(self, parts: Parts) -> None:
        with parts.store.read() as reader:
            for message in self._seen.messages:
                for correlation in reader.correlations(message):
                    self._seen.entries += [
                        entry
                        for entry in reader.history(correlation)
                        if entry["message_id"] == message
                    ]
            self._seen.dead = [
                letter
                for letter in reader.letters.find(LetterQuery(limit=100))
                if letter["message_id"] in self._seen.messages
            ]
        self._seen.requests = self._requests

    def _mock(self, mock: Mock) -> Mock:
        return (
            dataclasses.replace(mock, body=self._read(mock.body_file)) if mock.body_file else mock
        )

    def _bytes(self, given: Given) -> bytes:
        if given.body_file:
            return self._file(given.body_file).read_bytes()
        if isinstance(given.body, str):
            return given.body.encode()
        return encode_json(given.body)

    def _document(self, given: Given) -> Json:
        return self._read(given.body_file) if given.body_file else given.body

    def _read(self, name: str) -> Json:
        try:
            return decode_json(self._file(name).read_bytes())
        except MessageError as error:
            raise CaseError(f"{name}: {error}") from error

    def _file(self, name: str) -> Path:
        path = self._project.root / Path(self._path).parent / name
        if not path.is_file():
            raise CaseError(f"no file {name} beside the test")
        return path


def _unfit(players: Mapping[str, MockAdapter]) -> list[str]:
    """Return where the mocks and the calls do not meet."""
    found = [
        f"mocks: {player.left} answers of {name} were not asked for"
        for name, player in players.items()
        if player.left
    ]
    return found + [
        f"mocks: {name} was asked {player.missing} times more than it has answers"
        for name, player in players.items()
        if player.missing
    ]
