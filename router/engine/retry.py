"""Owns: when a failed message comes again.
Imports: core, config.policies.
Never: reads a clock or draws a random number: the jitter of an attempt is a function of message and
attempt, so that a repeat decides the same.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from router.config.policies import FailurePolicy
from router.core.decision import DeadLettered, Redeliver
from router.core.message import Message


def decide(
    message: Message,
    policy: FailurePolicy,
    now: datetime,
    *,
    reason: str,
    detail: str,
    after: timedelta | None = None,
) -> Redeliver | DeadLettered:
    """Return the next attempt by the policy, or the dead letter when attempts or time are used up.

    `after` is the far side's own wish (Retry-After); it lengthens the delay, never shortens it.
    """
    delays = policy.retry.after
    if message.attempt > len(delays):
        return DeadLettered(reason="retries_exhausted", detail=f"{reason}: {detail}")
    nominal = delays[message.attempt - 1]
    wait = nominal - nominal * policy.retry.jitter / 100 * _share(message)
    if after is not None and policy.retry.retry_after == "honour":
        wait = max(wait, after)
        nominal = max(nominal, after)
    if now + wait > message.occurred_at + policy.retry.within:
        return DeadLettered(reason="retries_exhausted", detail=f"{reason}: {detail}")
    return Redeliver(at=now + wait, nominal=nominal, reason=reason, detail=detail)


def _share(message: Message) -> float:
    """Return a number from 0 to 1 that only message and attempt decide."""
    raw = hashlib.blake2b(f"{message.id}/{message.attempt}".encode(), digest_size=4).digest()
    return int.from_bytes(raw, "big") / 0xFFFFFFFF
