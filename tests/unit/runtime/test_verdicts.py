"""Produced objects that are there already are absorbed or a conflict; claims follow the verdict."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from router.core.claim import Claim, Held, Holding
from router.core.decision import (
    Conflict,
    DeadLettered,
    Discarded,
    Duplicate,
    Needs,
    Produced,
    Redeliver,
    Routed,
    Sent,
)
from router.core.message import ContractRef
from router.infra.store.rows import Queued
from router.runtime.settling import produced_keys, settle_objects
from router.runtime.verdicts import (
    Verdict,
    Work,
    claim_keys,
    claims_after,
    objects_after,
    verdict_of,
)

THING = ContractRef("thing", "1.0.0")


@pytest.fixture
def produced(message_of: Any) -> Any:
    """A maker of produced objects."""

    def make(key: bytes, compare: bytes = b"", message_id: str = "") -> Produced:
        return Produced(
            message=message_of(id=message_id or f"p-{key.decode()}"),
            contract=THING,
            key=key,
            compare=compare,
            words=("thing", key.decode()),
            subscribers=("flow:f",),
        )

    return make


@pytest.fixture
def verdict(message_of: Any) -> Any:
    """A maker of verdicts about message m1."""

    def make(decision: Any, claims: tuple[Claim, ...] = (), held: Any = None) -> Verdict:
        row = Queued(lane="loop", consumer="c", message=message_of())
        return verdict_of(
            Work(row=row, claims=claims, references=(), answers={}), decision, held or {}
        )

    return make


def effects_of(settled: Verdict) -> Any:
    assert isinstance(settled.decision, Routed)
    return settled.decision.effects


def holding(key: bytes, message_id: str = "earlier", **fields: Any) -> Holding:
    base: dict[str, Any] = {"state": Held.LIVE, "compare": b"", "body": b"", "version": None}
    return Holding(key=key, message_id=message_id, **{**base, **fields})


def test_new_objects_are_kept_in_order(verdict: Any, produced: Any, message_of: Any) -> None:
    effects = (produced(b"b"), Sent(message=message_of(), operation="far.put"), produced(b"a"))
    settled = settle_objects(verdict(Routed(effects=effects, notes=("n",))), {})
    assert settled.decision == Routed(effects=effects, notes=("n",))
    assert settled.absorbed == ()


def test_an_object_that_is_there_is_absorbed(verdict: Any, produced: Any) -> None:
    effects = (produced(b"a"), produced(b"b"))
    settled = settle_objects(verdict(Routed(effects=effects)), {b"a": holding(b"a")})
    assert effects_of(settled) == effects[1:]
    assert settled.absorbed == ((effects[0], "earlier"),)


def test_an_object_that_says_something_else_is_a_conflict_of_the_whole(
    verdict: Any, produced: Any
) -> None:
    effects = (produced(b"new"), produced(b"a", b"one"), produced(b"b"))
    held = {b"a": holding(b"a", compare=b"other"), b"b": holding(b"b")}
    settled = settle_objects(verdict(Routed(effects=effects)), held)
    assert settled.decision == Conflict(of="earlier")
    assert settled.absorbed == ()


def test_its_own_object_is_no_duplicate(verdict: Any, produced: Any) -> None:
    # the message is decided again: a crash after the commit, a redelivery
    effects = (produced(b"a", b"x"),)
    held = {b"a": holding(b"a", message_id="p-a", compare=b"x")}
    assert effects_of(settle_objects(verdict(Routed(effects=effects)), held)) == effects


def test_one_object_twice_in_a_decision_is_produced_once(verdict: Any, produced: Any) -> None:
    # parent and key decide the id: the two have the same
    first, second = produced(b"a", b"x"), produced(b"a", b"x")
    settled = settle_objects(verdict(Routed(effects=(first, second))), {})
    assert effects_of(settled) == (first,)
    assert len(settled.absorbed) == 1  # nothing is dropped without a word


def test_a_message_that_contradicts_itself_is_a_conflict(verdict: Any, produced: Any) -> None:
    first, second = produced(b"a", b"x"), produced(b"a", b"y")
    settled = settle_objects(verdict(Routed(effects=(first, second))), {})
    assert isinstance(settled.decision, Conflict)


@pytest.mark.parametrize(
    "decision", [Discarded(reason="r"), Duplicate(of="x"), DeadLettered(reason="r")]
)
def test_a_decision_without_effects_is_left_alone(verdict: Any, decision: Any) -> None:
    made = verdict(decision)
    assert settle_objects(made, {b"a": holding(b"a")}) is made


def test_keys_are_asked_for_once_in_order(verdict: Any, produced: Any, message_of: Any) -> None:
    def claim(key: bytes) -> Claim:
        return Claim(key=key, words=(), compare=b"")

    works = [
        verdict(None, (claim(b"c"), claim(b"a"))).work,
        verdict(None, (claim(b"b"), claim(b"a"))).work,
    ]
    assert claim_keys(works) == [b"a", b"b", b"c"]
    decisions: list[Any] = [
        Routed(effects=(produced(b"z"), produced(b"y"))),
        Needs(calls=()),
        Discarded(reason="x"),
        Routed(effects=(produced(b"y"), Sent(message=message_of(), operation="o"))),
    ]
    assert produced_keys(decisions) == [b"y", b"z"]


FREE = Claim(key=b"free", words=(), compare=b"")
TAKEN = Claim(key=b"taken", words=(), compare=b"")


@pytest.mark.parametrize(
    ("decision", "recorded"),
    [
        (Discarded(reason="r"), [("free", Held.LIVE), ("taken", Held.LIVE)]),
        (Routed(effects=()), [("free", Held.LIVE), ("taken", Held.LIVE)]),
        # a message that is stale, or in conflict, takes nothing from who was first
        (Discarded(reason="stale", stale=True), [("free", Held.LIVE)]),
        (Conflict(of="earlier"), [("free", Held.DEAD)]),
        (Duplicate(of="earlier"), []),
    ],
)
def test_what_a_verdict_claims(verdict: Any, decision: Any, recorded: list[Any]) -> None:
    made = verdict(decision, (FREE, TAKEN), {b"taken": holding(b"taken")})
    found = [(claim.key.decode(), state) for claim, _, state, _ in claims_after(made)]
    assert found == recorded
    assert all(holder == "m1" for _, holder, *_ in claims_after(made))


def test_a_dead_message_keeps_nothing_that_another_lives_by(verdict: Any) -> None:
    # a newer state that died must not make the older one, which was handled, look unhandled
    made = verdict(DeadLettered(reason="r"), (FREE, TAKEN), {b"taken": holding(b"taken")})
    found = [(claim.key.decode(), state) for claim, _, state, _ in claims_after(made)]
    assert found == [("free", Held.DEAD)]


def test_a_conflict_after_an_attempt_frees_what_the_message_held_itself(verdict: Any) -> None:
    # it had no effect: a corrected resend must not be told that it is a duplicate
    made = verdict(Conflict(of="earlier"), (FREE,), {b"free": holding(b"free", "m1")})
    assert [(one.key, state) for one, _, state, _ in claims_after(made)] == [(b"free", Held.DEAD)]


def test_a_dead_holding_of_another_is_taken_over(verdict: Any) -> None:
    held = {b"free": holding(b"free", state=Held.DEAD)}
    made = verdict(DeadLettered(reason="r"), (FREE,), held)
    assert [(one.key, state) for one, _, state, _ in claims_after(made)] == [(b"free", Held.DEAD)]


def test_a_retry_keeps_its_claims(verdict: Any, noon: Any) -> None:
    decision = Redeliver(at=noon, nominal=timedelta(seconds=5), reason="enrich")
    made = verdict(decision, (FREE,), {b"free": holding(b"free", "m1")})
    assert [(one.key, who, state) for one, who, state, _ in claims_after(made)] == [
        (b"free", "m1", Held.LIVE)
    ]


def test_produced_objects_are_claimed_by_their_messages(verdict: Any, produced: Any) -> None:
    made = verdict(Routed(effects=(produced(b"a", b"x"),)))
    ((claim, holder, state, _),) = objects_after(made)
    assert (claim.key, claim.compare, holder, state) == (b"a", b"x", "p-a", Held.LIVE)
