"""Owns: the door to one system: a call goes when its limits and its breaker let it.
Imports: core, config, engine.admission, runtime.states.
Never: makes a call; lets one go that was not counted.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from router.config.limits import BreakerRule, LimitRule
from router.config.systems import Operation, System
from router.core.document import Json
from router.core.errors import Held, MessageError
from router.core.message import digest_of
from router.core.outcome import Outcome
from router.core.ports import Adapter, Answer, Clock
from router.core.units import rate_text
from router.engine.admission import Change, Gate, Heard, Hold, Law, Trip
from router.engine.breaker import BreakerLaw
from router.engine.limits import rate_of
from router.engine.wishes import wish_of
from router.infra.codecs import encode_json
from router.runtime.fresh import fresh_token
from router.runtime.states import Decide, States

#: a call holds its slot at most so much longer than it and a look-up before it may take
MARGIN = timedelta(seconds=5)
#: keys of which it is remembered when the last one in line may go
MOST_LINES = 10_000
#: a hold that was not met again for so long is over
STALE = timedelta(seconds=3)
_MICRO = timedelta(microseconds=1)
_NONE = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What holds a system, as it was met last: since when, by what, until when at least."""

    since: datetime
    met: datetime
    until: datetime
    why: str


class Ticket:
    """Leave for one call; as a context it gives back what the call held."""

    def __init__(self, admission: Admission | None, gate: Gate, trip: Trip) -> None:
        self._admission = admission
        self._gate = gate
        self._trip = trip
        self._heard: Heard | None = None

    def again(self) -> None:
        """Count one more call, which follows the first at once: it is owed, never held."""
        if self._admission is not None:
            self._admission.owe(self._gate, self._trip)

    def came(self, outcome: Outcome, answer: Answer, now: datetime) -> None:
        """Take in what a call told about the far side."""
        self._heard = heard_of(outcome, answer, now)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._admission is not None:
            self._admission.back(self._gate, self._trip, self._heard)


def free() -> Ticket:
    """Return the ticket of a system that bounds nothing."""
    return Ticket(None, Gate(laws=()), Trip(who="", lease=0))


def admissions_of(
    systems: Mapping[str, System], adapters: Mapping[str, Adapter], states: States, clock: Clock
) -> dict[str, Admission]:
    """Return the doors of those systems that bound their calls."""
    return {
        name: Admission(system, adapters[name].timeout, states, clock)
        for name, system in systems.items()
        if name in adapters and (system.limits or system.breaker is not None)
    }


class Admission:
    """Lets calls to one system go. Safe for many threads."""

    def __init__(self, system: System, timeout: timedelta, states: States, clock: Clock) -> None:
        """`timeout` is how long a call may take."""
        self.system = system.name
        self._limits = system.limits
        self._breaker = _law_of(system.breaker)
        self._lease = (2 * timeout + MARGIN) // _MICRO
        self._states = states
        self._clock = clock
        self._lock = threading.Lock()
        #: by state: when the last one in line may go
        self._lines: OrderedDict[str, datetime] = OrderedDict()
        self._told: Told | None = None
        self._closed = threading.Event()

    def enter(
        self, operation: Operation, scope: Mapping[str, Json], patience: timedelta = _NONE
    ) -> Ticket:
        """Return leave for one call, having waited for at most `patience`. Raises Held."""
        gate = Gate(laws=tuple(self._laws(operation.word, scope)), breaker=self._breaker)
        trip = Trip(who=fresh_token(), lease=self._lease)
        begun = self._clock.now()
        while True:
            hold = self._change(gate, lambda kept, at: gate.take(kept, at, trip)).hold
            if hold is None:
                return Ticket(self, gate, trip)
            now = self._clock.now()
            until = now + hold.wait * _MICRO
            self._tell(hold, now, until)
            if until > begun + patience or self._closed.wait(hold.wait * 1e-6):
                if hold.alone or operation.is_read:
                    until = self._in_line(gate, hold, now)
                raise Held(self.system, hold.why, until=until, alone=hold.alone)

    def owe(self, gate: Gate, trip: Trip) -> None:
        """Count one more call of a trip."""
        self._change(gate, lambda kept, at: gate.owe(kept, at, trip))

    def back(self, gate: Gate, trip: Trip, heard: Heard | None) -> None:
        """Give back what a call held, and take in what it told."""
        if gate.asks_back(heard):
            self._change(gate, lambda kept, at: gate.back(kept, at, trip, heard))

    def told(self) -> Told | None:
        """Return what holds the system, None when nothing does by now."""
        told, now = self._told, self._clock.now()
        if told is None or now > max(told.until, told.met) + STALE:
            return None
        return told

    def close(self) -> None:
        """Let nobody wait any more."""
        self._closed.set()

    def _change(self, gate: Gate, decide: Decide) -> Change:
        return self._states.change(self.system, gate.keys, decide)

    def _tell(self, hold: Hold, now: datetime, until: datetime) -> None:
        before = self.told()
        since = before.since if before is not None and before.why == hold.why else now
        self._told = Told(since=since, met=now, until=until, why=hold.why)

    def _in_line(self, gate: Gate, hold: Hold, now: datetime) -> datetime:
        """Return when one may come again: each a step behind the one before, so that they do not
        come all at once, again and again.
        """
        key = " ".join(law.key for law in gate.laws if law.alone or not hold.alone)
        with self._lock:
            first = now + hold.wait * _MICRO
            last = self._lines.get(key)
            until = first if last is None else max(first, last + hold.apart * _MICRO)
            self._lines[key] = until
            self._lines.move_to_end(key)
            while len(self._lines) > MOST_LINES:
                self._lines.popitem(last=False)
        return until

    def _laws(self, operation: str, scope: Mapping[str, Json]) -> Iterator[Law]:
        for name, limit in self._limits.items():
            if limit.counts(operation):
                yield _limit_law(name, limit, scope)


def heard_of(outcome: Outcome, answer: Answer, now: datetime) -> Heard:
    """Return what a call told about the far side: too many calls are no illness of it."""
    too_many = answer.status == 429
    wish = None
    if too_many or answer.status == 503:
        wish = wish_of(answer.headers.get("retry-after", ""), now)
    return Heard(
        failed=outcome.word in ("retry", "unknown") and not too_many,
        too_many=too_many,
        wish=(wish or _NONE) // _MICRO,
    )


def _limit_law(name: str, limit: LimitRule, scope: Mapping[str, Json]) -> Law:
    rate = None if limit.rate is None else rate_of(limit.rate, limit.burst)
    return Law(
        name=name,
        allows=f"{limit.at_once} at once" if limit.rate is None else rate_text(limit.rate),
        key=f"limit:{name}" + (f":{_value_of(limit, scope)}" if limit.per is not None else ""),
        alone=not limit.is_wide,
        rate=rate,
        most=limit.at_once or 0,
    )


def _value_of(limit: LimitRule, scope: Mapping[str, Json]) -> str:
    """Return what a keyed limit counts a call under: what has no value is counted together."""
    assert limit.per is not None, "asked for limits by a value"
    try:
        found = limit.per(scope)
    except MessageError:
        found = None
    return digest_of(limit.per.source, encode_json(found).decode())[:32]


def _law_of(rule: BreakerRule | None) -> BreakerLaw | None:
    if rule is None:
        return None
    return BreakerLaw(
        failures=rule.failures,
        share=rule.share,
        within=rule.within // _MICRO,
        open_for=rule.open_for // _MICRO,
        probes=rule.probes,
    )
