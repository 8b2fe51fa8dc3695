"""Owns: how often a system may be called: limits by name, its breaker.
Imports: config.components, config.references, config.sequences, config.shapes.
Never: counts a call (engine.admission does); knows whether the counts are shared.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from router.config.components import Context, component, keys_of, knob, place_of
from router.config.references import EXPRESSION
from router.config.sequences import Called, CalledShape, SequenceFile
from router.config.shapes import (
    DURATION,
    NAME,
    NAME_SAYS,
    PERCENT,
    RATE,
    Integer,
    ListOf,
    MapOf,
    Nested,
)
from router.config.transforms.expressions import Expression
from router.core.diagnostics import Place, nearest

if TYPE_CHECKING:
    from router.config.systems import OperationFile, SystemFile

#: what tells the calls of a keyed limit apart: the object that is sent, or what a read is asked by
CALL_ROOTS = frozenset({"payload", "arguments"})


@component("limit", doc="How often a system may be called, or by how many calls at once.")
class LimitRule:
    rate: int | None = knob(RATE, doc="calls in a second or in a minute", default=None)
    burst: int = knob(
        Integer(1, 100_000), doc="rate: calls that may go at once after a rest", default=1
    )
    at_once: int | None = knob(
        Integer(1, 10_000), doc="in place of rate: calls under way at the same time", default=None
    )
    per: Expression | None = knob(
        EXPRESSION,
        doc="counts each value for itself: a shop, a tenant. What has none is counted together",
        default=None,
        roots=CALL_ROOTS,
    )
    operations: tuple[Called, ...] = knob(
        ListOf(CalledShape(), least=1), doc="those that are counted; by default all", default=()
    )
    place: Place = place_of()
    keys: Mapping[str, Place] = keys_of()

    @property
    def is_wide(self) -> bool:
        """Whether it holds every call of its system, or none."""
        return self.per is None and not self.operations

    def counts(self, operation: str) -> bool:
        """Return whether it counts the calls of an operation, named within its system."""
        return not self.operations or any(one.name == operation for one in self.operations)


LIMITS = MapOf(Nested(LimitRule), NAME, NAME_SAYS)


@component("breaker", doc="When a system that fails is left alone, and for how long.")
class BreakerRule:
    failures: int = knob(
        Integer(1, 1000), doc="so many calls must have failed before it opens", default=5
    )
    share: int = knob(PERCENT, doc="and so much of all calls; 0% looks at the number", default=50)
    within: timedelta = knob(
        DURATION, doc="calls that are older are forgotten", default=timedelta(minutes=1)
    )
    open_for: timedelta = knob(
        DURATION, doc="how long no call goes; then some try", default=timedelta(seconds=30)
    )
    probes: int = knob(
        Integer(1, 100), doc="calls that try at once; a good one closes it", default=1
    )
    place: Place = place_of()


def check_limits(file: SystemFile, context: Context) -> None:
    """Report what is wrong with the limits and the breaker of a system as a whole."""
    for name, limit in file.limits.items():
        _check_kind(name, limit, context)
        _check_operations(name, limit, file, context)
    breaker = file.breaker
    if breaker is not None and not (breaker.within and breaker.open_for):
        what = "a breaker that looks at no time, or opens for none"
        context.report.error("E234", breaker.place, what, "within: 1m, open_for: 30s")


def _check_kind(name: str, limit: LimitRule, context: Context) -> None:
    if (limit.rate is None) == (limit.at_once is None):
        context.report.error(
            "E230",
            limit.place,
            f"limit {name} is neither a rate nor a number at once, or is both",
            "rate: 2/s, or at_once: 4; two limits where both hold",
        )
    elif limit.rate is None and "burst" in limit.keys:
        context.report.error(
            "E231",
            limit.keys["burst"],
            f"limit {name} has a burst and no rate",
            "at_once: alone says how many calls go at the same time",
        )


def _check_operations(name: str, limit: LimitRule, file: SystemFile, context: Context) -> None:
    for one in limit.operations:
        operation = file.operations.get(one.name)
        if operation is None:
            hint = nearest(one.name, file.operations)
            what = f"limit {name} counts {one.name}, which {file.system} does not have"
            context.report.error("E232", one.place, what, hint)
        elif isinstance(operation, SequenceFile):
            calls = ", ".join(call.name for call in operation.calls)
            what = f"limit {name} counts {one.name}, which is several calls"
            context.report.error("E232", one.place, what, f"name its calls: {calls}")
    if limit.per is None:
        return
    for word, operation in _counted(limit, file):
        given = "arguments" if operation.arguments else "payload"
        other = sorted((limit.per.reads & CALL_ROOTS) - {given})
        if other:
            context.report.error(
                "E233",
                limit.per.place,
                f"limit {name} reads {other[0]}, and {file.system}.{word} has only {given}",
                "operations: [...] names those that have it",
            )
            return


def _counted(limit: LimitRule, file: SystemFile) -> Iterable[tuple[str, OperationFile]]:
    """Yield the operations of one call that a limit counts."""
    for word, operation in file.operations.items():
        if limit.counts(word) and not isinstance(operation, SequenceFile):
            yield word, operation
