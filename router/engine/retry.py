"""Owns: when a failed message comes again.
Imports: core, config.policies.
Never: reads a clock or draws a random number: the jitter of an attempt is a function of message and
attempt, so that a repeat decides the same.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from router.config.policies import FailurePolicy
from router.core.decision import DeadLettered, Redeliver
from router.core.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a message has to come again. `after` is the far side's own wish (Retry-After)."""

    reason: str
    detail: str
    after: timedelta | None = None


def decide(
    message: Message, policy: FailurePolicy, failure: Failure, now: datetime
) -> Redeliver | DeadLettered:
    """Return the next attempt by the policy, or the dead letter when attempts or time are used up.

    The far side's wish lengthens the delay, never shortens it.
    """
    exhausted = DeadLettered(
        reason="retries_exhausted", detail=f"{failure.reason}: {failure.detail}"
    )
    delays = policy.retry.after
    if message.attempt > len(delays):
        return exhausted
    nominal = delays[message.attempt - 1]
    wait = nominal - nominal * policy.retry.jitter / 100 * share(f"{message.id}/{message.attempt}")
    if failure.after is not None and policy.retry.retry_after == "honour":
        wait = max(wait, failure.after)
        nominal = max(nominal, failure.after)
    if now - message.occurred_at + wait > policy.retry.within:
        return exhausted
    return Redeliver(at=now + wait, nominal=nominal, reason=failure.reason, detail=failure.detail)


def decide_held(
    message: Message, policy: FailurePolicy, failure: Failure, now: datetime
) -> Redeliver | DeadLettered:
    """Return when a message comes again that was not tried, as a limit of ours held its call.

    It is no attempt; the policy's `within` bounds how long it may go on so.
    """
    wait = failure.after or timedelta(0)
    if now - message.occurred_at + wait > policy.retry.within:
        return DeadLettered(
            reason="retries_exhausted", detail=f"{failure.reason}: {failure.detail}"
        )
    return Redeliver(
        at=now + wait, nominal=wait, reason="held", detail=failure.detail, counts=False
    )


def share(attempt: str) -> float:
    """Return a number from 0 to 1 that only the name of an attempt decides."""
    raw = hashlib.blake2b(attempt.encode(), digest_size=4).digest()
    return int.from_bytes(raw, "big") / 0xFFFFFFFF
