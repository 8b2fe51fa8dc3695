"""Objects are published that are new, the newest of their thing, or take back what was told."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from router.core.claim import Claim, Held, Holding
from router.core.decision import Conflict, Decision, Discarded, Produced, Routed
from router.core.message import ContractRef
from router.infra.store.rows import Queued
from router.runtime.settling import produced_keys, settle_objects
from router.runtime.verdicts import Verdict, Work, remember, verdict_of

THING = ContractRef("thing", "1.0.0")


@pytest.fixture
def produced(message_of: Any) -> Any:
    """A maker of objects: key, version of the thing, key of what it takes back."""

    def make(
        key: bytes, version: int | None = None, *, of: bytes = b"thing", after: bytes = b""
    ) -> Produced:
        rank = None
        if version is not None:
            rank = Claim(key=of, words=(), compare=b"", version=version)
        return Produced(
            message=message_of(id=f"p-{key.decode()}"), contract=THING, key=key, compare=b"",
            words=("thing", key.decode()), subscribers=("flow:f",), rank=rank, after=after,
        )  # fmt: skip

    return make


@pytest.fixture
def settle(message_of: Any) -> Any:
    """Settle effects against what is held, and let it be held from then on."""

    def make(
        held: dict[bytes, Holding], *effects: Produced, notes: tuple[str, ...] = ()
    ) -> Verdict:
        decision: Decision = Routed(effects=effects, notes=notes)
        row = Queued(lane="loop", consumer="c", message=message_of())
        work = Work(row=row, claims=(), references=(), answers={})
        settled = settle_objects(verdict_of(work, decision, {}), held)
        remember(settled.objects(), held)
        return settled

    return make


def keys_of(settled: Verdict) -> list[bytes]:
    decision = settled.decision
    assert isinstance(decision, Routed)
    return [one.key for one in decision.effects if isinstance(one, Produced)]


def test_an_older_state_is_stale_a_newer_one_and_the_same_are_not(
    settle: Any, produced: Any
) -> None:
    held: dict[bytes, Holding] = {}
    assert keys_of(settle(held, produced(b"b", 2))) == [b"b"]
    late = settle(held, produced(b"a", 1))
    assert late.decision == Discarded(reason="stale")
    assert [(effect.key, of) for effect, of in late.stale] == [(b"a", "p-b")]
    assert keys_of(settle(held, produced(b"also", 2))) == [b"also"]
    assert keys_of(settle(held, produced(b"c", 3))) == [b"c"]
    assert settle(held, produced(b"d", 2)).decision == Discarded(reason="stale")
    assert held[b"thing"].version == 3


@pytest.mark.parametrize("order", list(permutations([1, 2, 3, 4])))
def test_in_any_order_versions_only_rise_and_the_newest_is_told(
    settle: Any, produced: Any, order: tuple[int, ...]
) -> None:
    held: dict[bytes, Holding] = {}
    told: list[int] = []
    for version in order:
        decision = settle(held, produced(b"v%d" % version, version)).decision
        told += [version] if isinstance(decision, Routed) else []
    assert told == sorted(told)
    assert told[-1] == 4


def test_things_have_orders_of_their_own(settle: Any, produced: Any) -> None:
    held: dict[bytes, Holding] = {}
    settle(held, produced(b"a", 9, of=b"one"))
    assert keys_of(settle(held, produced(b"b", 1, of=b"other"))) == [b"b"]
    assert keys_of(settle(held, produced(b"c"))) == [b"c"], "without an order nothing is stale"


def test_of_one_message_too_only_what_rises_is_told(settle: Any, produced: Any) -> None:
    held: dict[bytes, Holding] = {}
    made = settle(
        held, produced(b"a", 3), produced(b"b", 2), produced(b"x", 1, of=b"y"), produced(b"c", 4),
        notes=("n",),
    )  # fmt: skip
    assert keys_of(made) == [b"a", b"x", b"c"]
    assert made.decision.notes == ("n", "stale")
    assert held[b"thing"].version == 4


def test_what_is_there_is_absorbed_not_stale(settle: Any, produced: Any) -> None:
    held: dict[bytes, Holding] = {}
    settle(held, produced(b"a", 1))
    settle(held, produced(b"b", 2))
    held[b"a"] = Holding(
        key=b"a", message_id="another", state=Held.LIVE, compare=b"", body=b"", version=None
    )
    again = settle(held, produced(b"a", 1))
    assert keys_of(again) == []
    assert [of for _, of in again.absorbed] == ["another"]
    assert again.stale == ()


def test_a_replay_of_what_was_told_is_no_older_state_and_turns_nothing_back(
    settle: Any, produced: Any
) -> None:
    held: dict[bytes, Holding] = {}
    settle(held, produced(b"a", 1))
    settle(held, produced(b"b", 2))
    assert keys_of(settle(held, produced(b"a", 1))) == [b"a"]
    assert (held[b"thing"].version, held[b"thing"].message_id) == (2, "p-b")


def test_what_takes_back_needs_what_was_told(settle: Any, produced: Any) -> None:
    held: dict[bytes, Holding] = {}
    nothing = settle(held, produced(b"back", after=b"out"))
    assert nothing.decision == Discarded(reason="nothing to take back")
    assert b"back" not in held
    settle(held, produced(b"out"))
    assert keys_of(settle(held, produced(b"back", after=b"out"))) == [b"back"]


def test_what_is_taken_back_may_come_of_the_same_message(settle: Any, produced: Any) -> None:
    assert keys_of(settle({}, produced(b"out"), produced(b"back", after=b"out"))) == [
        b"out",
        b"back",
    ]


def test_a_conflict_keeps_nothing(settle: Any, produced: Any) -> None:
    held = {
        b"a": Holding(
            key=b"a", message_id="e", state=Held.LIVE, compare=b"x", body=b"", version=None
        )
    }
    made = settle(held, produced(b"n", 5), produced(b"a"))
    assert isinstance(made.decision, Conflict)
    assert set(held) == {b"a"}, "an order that a conflict would have moved stays"


def test_every_identity_is_asked_for(produced: Any) -> None:
    effects = (produced(b"k", 1, of=b"r", after=b"f"), produced(b"k"))
    assert produced_keys([Routed(effects=effects)]) == [b"f", b"k", b"r"]
