"""Flows are decided with the record that produced their object, where nothing forbids it."""

from __future__ import annotations

from typing import Any

import pytest

from router.infra.store.pauses import Pause
from router.infra.store.transaction import Transaction
from router.runtime.caution import Caution
from router.runtime.ingress import LOOP_LANE


def queued(land: Any) -> list[str]:
    with land.store.read() as reader:
        return [
            row.consumer for lane in (LOOP_LANE, "sys.far") for row in reader.queued(lane, 0, 100)
        ]


def flow_lines(land: Any) -> dict[tuple[str, str, str], int]:
    return {key: n for key, n in land.counted().items() if key[0] == "flow:things"}


def test_one_step_takes_a_record_to_its_command(land: Any) -> None:
    message = land.take("plain", id="a", version=1)
    assert land.parts.loop.step() == 1
    assert queued(land) == ["far.put"]
    assert land.words(message) == ["routed"]
    assert flow_lines(land) == {("flow:things", "routed", ""): 1}
    assert [one.work.row.consumer for one in land.verdicts] == ["shop:plain", "flow:things"]
    assert land.parts.loop.step() == 0


def test_an_object_that_is_absorbed_is_decided_by_no_flow(land: Any) -> None:
    land.take("plain", id="a", version=1)
    land.take("plain", id="a", version=2)
    land.run()
    assert flow_lines(land) == {("flow:things", "routed", ""): 1}
    assert len(land.wire.asked) == 1


def test_a_paused_flow_keeps_its_row(land: Any) -> None:
    land.parts.loop.pause((Pause(name="flow:things", at="", reason=""),))
    land.take("plain", id="a", version=1)
    land.run()
    assert (flow_lines(land), land.wire.asked) == ({}, [])
    land.parts.loop.pause(())
    land.run()
    assert flow_lines(land) == {("flow:things", "routed", ""): 1}
    assert len(land.wire.asked) == 1


@pytest.mark.parametrize("others", [0, 3])
def test_a_flow_at_fault_does_not_cost_the_record(
    land: Any, monkeypatch: pytest.MonkeyPatch, others: int
) -> None:
    """What the flow writes cannot be recorded: the object's row is buried, the record is routed."""
    write = Transaction.write

    def refuse(self: Any, entry: Any) -> None:
        if entry.consumer == "flow:things" and entry.word == "routed" and bad(entry):
            raise OverflowError("a number that no column holds")
        write(self, entry)

    def bad(entry: Any) -> bool:
        return bool(entry.message.payload["id"] == "bad")

    monkeypatch.setattr(Transaction, "write", refuse)
    message = land.take("plain", id="bad", version=1)
    rest = [land.take("plain", id=f"m{n}", version=1) for n in range(others)]
    land.run()
    assert land.words(message) == ["routed"]
    assert [land.words(one) for one in rest] == [["routed"]] * others
    assert flow_lines(land).get(("flow:things", "dead_lettered", "poison")) == 1
    assert land.sizes() == {"dead": 1}
    assert len(land.wire.asked) == others


def test_after_an_unclean_end_a_flow_is_handled_for_itself(land: Any) -> None:
    """So that a flow that kills the process is told from the record before it."""
    land.store.write(lambda transaction: transaction.mark("state", "running"))
    land.take("plain", id="a", version=1)
    land.parts.loop.take_care(Caution(land.store, land.clock))
    land.parts.loop.step()
    assert queued(land) == ["flow:things"]
    land.run()
    assert len(land.wire.asked) == 1
