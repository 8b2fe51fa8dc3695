"""Owns: one call of an operation, from values to outcome.
Imports: core, config, engine.
Never: repeats, records, decides what comes next; makes a call that its system's limits hold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import TypeAlias, cast

from router.config.systems import AnyOperation, Operation
from router.core.document import Json
from router.core.errors import Held, MessageError, Retryable, Unknown
from router.core.outcome import Outcome, status_text
from router.core.ports import Adapter, Answer, Clock, Overlapping, Prepared
from router.engine.lookup import what_is_there
from router.engine.outcome import classify
from router.engine.wishes import wish_of
from router.runtime.admission import Admission, Ticket, free

#: told of a call: operation, outcome, seconds
Called: TypeAlias = Callable[[str, str, float], None]

#: the answer where none came
_NOTHING = Answer(status=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Makes calls to the systems of one environment. Safe for many threads."""

    operations: Mapping[str, AnyOperation]
    #: by system
    adapters: Mapping[str, Adapter]
    env: Mapping[str, Json]
    clock: Clock
    #: told of each call: operation, what came of it, seconds
    called: Called = lambda *_: None
    #: the doors of systems that bound their calls
    admissions: Mapping[str, Admission] = field(default_factory=dict)
    #: how long a read may wait at such a door before it goes by its policy
    patience: timedelta = timedelta(0)
    #: what an answer that is a status and nothing else means, by operation
    _meanings: dict[tuple[str, int], Outcome] = field(default_factory=dict, init=False)

    def adapter(self, operation: Operation) -> Adapter:
        """Return the adapter of an operation's system."""
        return self.adapters[operation.system]

    def read(self, name: str, arguments: Mapping[str, Json]) -> Outcome:
        """Ask a read operation. A read that may or may not have arrived is simply asked again, and
        so is one that its system's limits hold for longer than a moment.
        """
        try:
            return self.ask(name, arguments)[0]
        except Held as held:
            after = held.until - self.clock.now()
            return Outcome(word="retry", detail=f"is held: {held.why}", after=after, held=True)

    def ask(self, name: str, arguments: Mapping[str, Json]) -> tuple[Outcome, Answer]:
        """Ask as `read` does; return what it means and the answer, an empty one where none came.

        Raises Held.
        """
        (operation,) = self.operations[name].calls
        try:
            prepared = self.adapter(operation).prepare(operation.file.request, arguments, None)
        except MessageError as error:
            return Outcome(word="refused", code=error.code, detail=str(error)), _NOTHING
        with self.admit(operation, {"arguments": arguments}, self.patience) as ticket:
            outcome, answer = self._called(operation, prepared, {})
            ticket.came(outcome, answer, self.clock.now())
        if outcome.word == "unknown":
            outcome = Outcome(word="retry", detail=outcome.detail, after=outcome.after)
        return outcome, answer

    def admit(
        self,
        operation: Operation,
        scope: Mapping[str, Json],
        patience: timedelta = timedelta(0),
    ) -> Ticket:
        """Return leave for one call: `scope` is its payload or its arguments. Raises Held."""
        door = self.admissions.get(operation.system)
        return free() if door is None else door.enter(operation, scope, patience)

    def call(
        self, operation: Operation, prepared: Prepared, key: Mapping[str, str], ticket: Ticket
    ) -> Outcome:
        """Make the call that a ticket stands for and classify what came of it."""
        outcome, answer = self._called(operation, prepared, key)
        ticket.came(outcome, answer, self.clock.now())
        return outcome

    def begin(
        self,
        operation: Operation,
        prepared: Prepared,
        key: Mapping[str, str],
        then: Callable[[Outcome], None],
    ) -> None:
        """Begin a call that overlaps with others; `then` is told once what came of it, on any
        thread. Its system bounds no calls. It may stay until the adapter's `flush`.
        """
        begun = monotonic()

        def came(answer: Answer | Retryable | Unknown) -> None:
            if isinstance(answer, Answer):
                outcome = self._known(operation, answer)
            else:
                outcome = failed(answer)
            self.called(operation.name, outcome.word, monotonic() - begun)
            then(outcome)

        adapter = cast("Overlapping", self.adapter(operation))
        try:
            adapter.begin(prepared, key, came)
        except (Retryable, Unknown) as error:
            came(error)
        except LookupError as error:
            if type(error) is not LookupError:  # a bug's KeyError
                raise
            came(Retryable(f"no secret {error}"))

    def _known(self, operation: Operation, answer: Answer) -> Outcome:
        """Return what an answer means; one that is a status and nothing else is judged once."""
        if answer.headers or answer.body is not None:
            return self.meaning(operation, answer)
        key = (operation.name, answer.status)
        known = self._meanings.get(key)
        if known is None:
            known = self._meanings[key] = self.meaning(operation, answer)
        return known

    def _called(
        self, operation: Operation, prepared: Prepared, key: Mapping[str, str]
    ) -> tuple[Outcome, Answer]:
        begun = monotonic()
        outcome, answer = self._made(operation, prepared, key)
        self.called(operation.name, outcome.word, monotonic() - begun)
        return outcome, answer

    def _made(
        self, operation: Operation, prepared: Prepared, key: Mapping[str, str]
    ) -> tuple[Outcome, Answer]:
        try:
            answer = self.adapter(operation).call(prepared, key)
        except (Retryable, Unknown) as error:
            return failed(error), _NOTHING
        except LookupError as error:
            if type(error) is not LookupError:  # a bug's KeyError: the request may have left
                raise
            return Outcome(word="retry", detail=f"no secret {error}"), _NOTHING
        return self.meaning(operation, answer), answer

    def meaning(self, operation: Operation, answer: Answer) -> Outcome:
        """Return what an answer means."""
        return classify(operation, answer, self.env, self.clock.now())

    def find(
        self, operation: Operation, places: Mapping[str, Json], payload: Json, ticket: Ticket
    ) -> Outcome:
        """Look an effect up: there (done, refused, partial), missing, or unknown.

        `places` are our `reference`, `theirs` and the references of earlier calls by name;
        `payload` is the object that was sent; `ticket` stands for the call.
        """
        begun = monotonic()
        outcome, answer = self._found(operation, places, payload)
        self.called(operation.name, "looked_up", monotonic() - begun)
        ticket.came(outcome, answer, self.clock.now())
        return outcome

    def _found(
        self, operation: Operation, places: Mapping[str, Json], payload: Json
    ) -> tuple[Outcome, Answer]:
        lookup = operation.file.lookup
        assert lookup is not None, "checked at load: kind lookup has a lookup"
        adapter = self.adapter(operation)
        try:
            prepared = adapter.prepare(lookup.request, places, None)
            answer = adapter.call(prepared, {})
            if answer.status >= 500 or answer.status == 429:
                after = wish_of(answer.headers.get("retry-after", ""), self.clock.now())
                detail = f"look-up: {status_text(answer.status)}"
                return Outcome(word="unknown", detail=detail, after=after), answer
            found = what_is_there(lookup, answer, {"env": self.env, "payload": payload})
            return found, answer
        except Retryable as error:
            why = Outcome(word="unknown", detail=f"look-up: {error}", after=error.after)
        except (Unknown, MessageError, LookupError) as error:
            why = Outcome(word="unknown", detail=f"look-up: {error}")
        return why, _NOTHING


def failed(error: Retryable | Unknown) -> Outcome:
    """Return what it means that a call gave no answer."""
    if isinstance(error, Unknown):
        return Outcome(word="unknown", detail=str(error))
    return Outcome(word="retry", detail=str(error), after=error.after)
