"""Owns: systems played by the mocks of a test.
Imports: core, config.cases, runtime.exchange, runtime.coverage.
Never: leaves the process; answers what no mock declares.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from router.config.cases import Mock
from router.config.systems import Operation
from router.core.document import Json
from router.core.errors import Retryable, Unknown
from router.core.outcome import Outcome
from router.core.ports import Adapter, Answer, Health, Prepared
from router.runtime.admission import Ticket
from router.runtime.coverage.marks import Marks
from router.runtime.exchange import Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class MockExchange(Exchange):
    """Exchanges in which each operation is played by its own list of mocks."""

    #: by operation
    players: Mapping[str, MockAdapter]
    #: told of operations and answers
    marks: Marks | None = None

    def adapter(self, operation: Operation) -> Adapter:
        """Return the player of an operation."""
        if self.marks is not None:
            self.marks.called(operation.name)
        return self.players[operation.name]

    def meaning(self, operation: Operation, answer: Answer) -> Outcome:
        """Return what an answer means."""
        if self.marks is not None:
            self.marks.answered(operation, answer, self.env)
        return Exchange.meaning(self, operation, answer)  # super() does not know a slotted class

    def find(
        self, operation: Operation, places: Mapping[str, Json], payload: Json, ticket: Ticket
    ) -> Outcome:
        """Look an effect up."""
        outcome = Exchange.find(self, operation, places, payload, ticket)
        if self.marks is not None:
            self.marks.looked(operation, outcome.word)
        return outcome


class MockAdapter:
    """Prepares requests as the real adapter does, and answers with one mock after the other."""

    timeout = timedelta(seconds=10)

    def __init__(
        self, real: Adapter, mocks: tuple[Mock, ...], log: Callable[[Prepared], None]
    ) -> None:
        """`log` is told of each exact request, in the order of the calls."""
        self._real = real
        self._mocks = list(mocks)
        self._log = log
        #: calls for which there was no mock
        self.missing = 0

    @property
    def left(self) -> int:
        """Return how many mocks nobody has asked for."""
        return len(self._mocks)

    def prepare(self, request: Any, values: Mapping[str, Json], document: Json) -> Prepared:
        """Return what the real adapter would send."""
        return self._real.prepare(request, values, document)

    def call(self, prepared: Prepared, key: Mapping[str, str]) -> Answer:
        """Return the next mock's answer."""
        del key
        self._log(prepared)
        if not self._mocks:
            self.missing += 1
            raise Retryable(f"no mock left for {prepared.summary()}")
        mock = self._mocks.pop(0)
        if mock.fails == "no_connection":
            raise Retryable("no connection")
        if mock.fails == "no_answer":
            raise Unknown("no whole answer")
        headers = {name.lower(): value for name, value in mock.headers.items()}
        return Answer(status=mock.status, headers=headers, body=mock.body)

    def check(self) -> Health:
        """Mocks are always there."""
        return Health(ok=True)

    def close(self) -> None:
        """Hold nothing."""
