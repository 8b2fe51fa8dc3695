"""A workflow that is paused stands still and loses nothing; one that drains begins no instance."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from router.engine.workflow.values import Ordered
from router.infra.store.pauses import SLOW, Pause
from router.runtime.daemon import pausable
from router.runtime.gauges import families
from router.runtime.ordering import order_row
from router.runtime.wiring import Hooks, build_parts
from tests.unit.runtime.visits import VISITS, Visits

DAY = 24 * 3600.0
NAME = "workflow:visit"
ANSWER = "answer v1/tell/0/0"
_VISIT = VISITS["routes/workflows/visit.yaml"]
_DESK = VISITS["routes/channels/desk.yaml"]
#: a second workflow, which nobody holds back
TWO = {
    **VISITS,
    "routes/workflows/call.yaml": _VISIT.replace("workflow: visit", "workflow: call").replace(
        "visit.", "call."
    ),
    "routes/channels/desk.yaml": _DESK.replace(
        "        otherwise:",
        """          rung:
            accept: order@1
            steps: [{transform: shop/note}, {signal: {workflow: call, event: call.asked}}]
        otherwise:""",
    ),
}


@pytest.fixture
def land(tmp_path: Path, noon: Any) -> Iterator[Visits]:
    made = Visits(tmp_path, noon, TWO)
    yield made
    made.parts.close()


def pause(land: Visits) -> None:
    assert land.ask("pause", name=NAME, reason="a fault") == {"paused": NAME}


def journal(land: Visits, key: str) -> list[str]:
    """Return the turns of an instance: kind and name."""
    with land.store.read() as reader:
        return [f"{one.kind} {one.name}" for one in reader.instances.turns(land.instance(key).id)]


def keys(land: Visits, workflow: str = "visit") -> list[str]:
    with land.store.read() as reader:
        return [one.key for one in reader.instances.find(workflow)]


def rows(land: Visits) -> list[str]:
    """Return what waits for workflows in the queue, in its order."""
    with land.store.read() as reader:
        return [str((row.extra or {})["came"]) for row in reader.queued("turns", 0, 100)]


def held(land: Visits) -> dict[str, int]:
    """Return how much is left of what drains, and how much waits behind it."""
    with land.store.read() as reader:
        (found,) = reader.pauses.all()
        return {"left": reader.pauses.left(found), "behind": reader.pauses.behind(found)}


def test_nothing_has_a_turn_and_all_of_it_comes_in_its_order(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.parts.loop.step()
    land.parts.turner.step()
    pause(land)  # the command is on its way: its answer comes to a workflow that stands still
    land.run()
    land.come("heard", about="n1")
    land.run()
    land.wait(4 * DAY)  # `tell` was sent, and its time is over
    land.come("asked", id="v2", amount="n2")
    land.run()
    order = Ordered(verb="suspend", actor="eve", reason="to see")
    row = order_row(land.instance("v1"), order, land.clock.now())
    land.store.write(lambda transaction: transaction.enqueue([row]))
    land.run()
    assert rows(land) == ["answer", "event", "timer", "event", "order"]
    assert journal(land, "v1") == ["event visit.asked"]
    assert keys(land) == ["v1"]
    assert held(land)["behind"] == 5
    assert land.ask("resume", name=NAME)["goes_on"] == 5
    land.run()
    assert journal(land, "v1")[:3] == ["event visit.asked", ANSWER, "event visit.heard"]
    assert journal(land, "v1")[-1] == "order suspend"
    assert land.status("v1", "book") == "held"  # the time-out was of what had its answer by then
    assert land.instance("v1").state["exceptions"] == {}
    assert land.status("v2", "tell") == "done"
    assert land.letters() == []


def test_other_workflows_and_flows_go_on(land: Visits) -> None:
    pause(land)
    land.come("asked", id="v1", amount="n1")
    land.come("rung", id="c1", amount="m1")
    land.take("plain", id="o1", version=1)
    land.run()
    assert keys(land) == []
    with land.store.read() as reader:
        (made,) = reader.instances.find("call")
    assert made.state["label"] == "told"
    assert len(land.wire.asked) == 2
    assert land.counted()["flow:things", "routed", ""] == 1
    assert land.parts.loop._lane.pauses == ()  # flows are decided at once, as ever
    land.ask("resume", name=NAME)
    land.run()
    assert land.status("v1", "tell") == "done"


def test_a_window_that_closes_lets_nothing_go_until_it_is_resumed(land: Visits) -> None:
    for number in (1, 2):
        land.come("asked", id=f"v{number}", amount=f"n{number}")
        land.come("heard", about=f"n{number}")
    land.run()
    land.wire.asked.clear()
    pause(land)
    land.wait(11 * 3600)
    land.run()
    assert rows(land) == ["window"]
    assert land.wire.asked == []
    land.ask("resume", name=NAME)
    land.run()
    assert len(land.wire.asked) == 2
    assert [land.instance(f"v{n}").state["label"] for n in (1, 2)] == ["ended", "ended"]


def test_a_rate_lets_rows_go_in_their_order(land: Visits) -> None:
    pause(land)
    for number in range(6):
        land.come("asked", id=f"v{number}", amount=f"n{number}")
    land.run()
    land.ask("resume", name=NAME, rate=60)
    begun = []
    for _ in range(9):
        land.parts.operator.step()
        land.run()
        begun.append(len(keys(land)))
        land.clock.move_to(land.clock.now() + timedelta(seconds=1))
    assert begun[0] == 1
    assert begun == sorted(begun)
    assert max(after - before for before, after in pairwise(begun)) == 1
    assert begun[-1] == 6
    assert sorted(keys(land)) == [f"v{number}" for number in range(6)]
    with land.store.read() as reader:
        assert reader.pauses.all() == ()
    land.run()
    assert [land.status(f"v{n}", "tell") for n in range(6)] == ["done"] * 6


@pytest.mark.parametrize("policy", [{"older_s": 60.0}, {"latest": True}])
def test_nothing_is_dropped(land: Visits, policy: dict[str, Any]) -> None:
    pause(land)
    land.come("asked", id="v1", amount="n1")
    land.run()
    told = land.ask("resume", name=NAME, **policy)["error"]
    assert told == (
        "what waits for workflow:visit are also answers, timers and orders of instances, which "
        "would wait for ever for one that is dropped: resume it as it is, or with --rate"
    )
    assert rows(land) == ["event"]
    with land.store.read() as reader:
        assert [one.name for one in reader.pauses.all()] == [NAME]


def test_while_it_drains_instances_go_on_to_their_end_and_none_begins(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.run()
    assert land.ask("drain", name=NAME, reason="another version") == {"draining": NAME, "left": 1}
    land.come("asked", id="v2", amount="n2")
    land.come("heard", about="n2")
    land.come("heard", about="n1")
    land.run()
    assert land.status("v1", "book") == "held"
    assert rows(land) == ["event"]
    assert held(land) == {"left": 1, "behind": 1}
    assert land.counted()[NAME, "parked", ""] == 1
    land.wait(11 * 3600)
    land.run()
    assert land.instance("v1").state["label"] == "ended"
    assert held(land) == {"left": 0, "behind": 1}
    land.wait(DAY)  # the time of what waits for v2 is over: it stays, too
    land.run()
    assert rows(land) == ["event", "event"]
    assert keys(land) == ["v1"]
    assert land.letters() == []
    land.ask("resume", name=NAME)
    land.run()
    assert journal(land, "v2") == ["event visit.asked", "event visit.heard", "answer v2/tell/0/0"]
    assert land.letters() == []


def test_who_finds_nobody_waits_also_while_it_drains(land: Visits) -> None:
    """An instance that is there may come to be known by a name only later."""
    land.come("asked", id="v1", amount="n1")
    land.parts.loop.step()
    land.parts.turner.step()
    land.ask("drain", name=NAME)
    land.come("heard", about="n1")
    land.run()
    assert journal(land, "v1") == ["event visit.asked", "event visit.heard", ANSWER]
    land.come("heard", about="n2")
    land.run()
    assert land.sizes() == {"timers": 3}  # of book, its window, and of the event
    assert rows(land) == []


def test_what_ended_stays_as_long_as_rows_may_wait_for_it(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.come("heard", about="n1")
    land.run()
    land.wait(11 * 3600)
    land.run()
    pause(land)
    land.come("dropped", id="v1")
    land.wait(30 * DAY)
    land.run()
    assert keys(land) == ["v1"]
    land.ask("resume", name=NAME)
    assert land.parts.turner.step() == 1
    assert journal(land, "v1")[-1] == "event visit.dropped"
    assert land.letters() == []
    land.wait(11 * DAY)
    land.run()
    assert keys(land) == []  # now it is forgotten


def test_a_tombstone_stays_as_long_as_rows_may_wait(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.come("heard", about="n1")
    land.run()
    land.wait(11 * 3600)
    land.run()
    land.wait(11 * DAY)
    land.run()
    assert keys(land) == []
    pause(land)
    land.come("asked", id="v1", amount="n1")
    land.wait(200 * DAY)
    land.run()
    land.ask("resume", name=NAME)
    land.run()
    assert land.letters() == [("late", "v1 has ended as ended and was forgotten")]


def test_another_process_holds_it_back_from_its_first_step(land: Visits) -> None:
    pause(land)
    land.come("asked", id="v1", amount="n1")
    land.run()
    again = build_parts(
        land.project,
        land.project.environments["test"],
        land.store,
        land.exchange,
        Hooks(observe=lambda _: None),
    )
    assert again.turner.step() == 0
    land.store.write(lambda transaction: transaction.pauses.keep(pausable(land.project)))
    again.operator.look()
    assert again.turner.step() == 0
    land.parts.close()
    land.parts = again
    land.ask("resume", name=NAME)
    land.run()
    assert land.status("v1", "tell") == "done"


def test_rows_of_a_batch_are_in_hand_until_it_is_recorded(
    land: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    land.come("asked", id="v1", amount="n1")
    land.parts.loop.step()
    turner = land.parts.turner
    with land.store.read() as reader:
        (row,) = reader.queued("turns", 0, 10)
    seen: list[frozenset[int]] = []
    monkeypatch.setattr("router.runtime.turner.reach", lambda _: seen.append(turner.in_hand))
    turner.step()
    assert seen == [frozenset({row.id})] * 2
    assert turner.in_hand == frozenset()


def test_a_batch_that_fails_under_a_slow_resume_comes_again(
    land: Visits, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(land)
    for number in range(3):
        land.come("asked", id=f"v{number}", amount=f"n{number}")
    land.run()
    land.ask("resume", name=NAME, rate=60)
    land.parts.operator.step()

    def away(*_: Any) -> None:
        raise RuntimeError("no")

    with monkeypatch.context() as context:
        context.setattr("router.runtime.turner.in_halves", away)
        with pytest.raises(RuntimeError):
            land.parts.turner.step()
    land.parts.turner.step()
    assert keys(land) == ["v0"]


def test_an_order_that_waits_is_carried_out_once(land: Visits) -> None:
    land.come("asked", id="v1", amount="n1")
    land.run()
    pause(land)
    order = {"verb": "suspend"}
    done = land.ask("order", instance=land.instance("v1").id, order=order, money=False, reason="x")
    assert done["workflow"] == "visit"
    land.run()
    assert land.instance("v1").state["suspended"] == ""
    pause(land)  # once more: nothing changes
    land.ask("resume", name=NAME)
    land.run()
    assert journal(land, "v1").count("order suspend") == 1


def test_metrics_tell_that_it_is_held_back(land: Visits) -> None:
    pause(land)
    land.come("asked", id="v1", amount="n1")
    land.run()
    found = {one.name: one.series for one in families(land.store, "r", land.clock.now())}
    assert found["router_held_info"] == {(NAME, "paused"): 1}
    assert found["router_waiting_messages"] == {(NAME, "queue"): 1}


def test_what_is_told_first_is_told_of_any_workflow(land: Visits) -> None:
    """A door that closes counts as drained before the fence is written."""
    door = Pause(name=NAME, at="", reason="", mode="closing")
    land.parts.turner.pause((door,))
    land.come("asked", id="v1", amount="n1")
    land.come("rung", id="c1", amount="m1")
    land.run()
    assert keys(land) == []
    assert keys(land, "call") == ["c1"]
    land.parts.turner.pause(())
    land.run()
    assert keys(land) == ["v1"]
    assert json.loads(land.wire.asked[-1][1])["id"] == "v1"


def test_a_slow_one_ends_by_itself(land: Visits) -> None:
    pause(land)
    land.come("asked", id="v1", amount="n1")
    land.run()
    land.ask("resume", name=NAME, rate=6000)
    with land.store.read() as reader:
        assert [one.mode for one in reader.pauses.all()] in ([SLOW], [])
    for _ in range(5):
        land.clock.move_to(land.clock.now() + timedelta(seconds=1))
        land.parts.operator.step()
        land.run()
    with land.store.read() as reader:
        assert reader.pauses.all() == ()
    assert land.status("v1", "tell") == "done"
