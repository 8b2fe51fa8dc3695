"""A drain is a fence: what is there finishes, nothing new is begun, on restart as well."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from router.core.errors import Draining
from router.infra.store.letters import LetterQuery
from router.infra.store.pauses import DRAINING
from router.runtime.folders import Folder
from tests.unit.operating.conftest import FILES

FILE_CHANNEL = """
channel: {name}
owner: tests
from: {file: {pattern: "*.json", format: json, stable: 0s}}
kind: ='note'
identity: {object: [note, =body.id]}
routes:
  note:
    accept: note@1
    steps: [{discard: only read}]
otherwise: [{dead_letter: unknown_kind}]
on_failure: quick
"""


@pytest.mark.parametrize("name", ["flow:keep", "system:far"])
def test_what_comes_later_waits_in_its_place(make_world: Any, name: str) -> None:
    world = make_world(lambda verb, n: 200)
    for number in (1, 2):
        world.give(number, "a")
    while world.parts.loop.step() and world.sizes() != {} and not _waits_for(world, name):
        pass
    assert world.ask("drain", name=name)["left"] >= 1
    for number in (3, 4):
        world.give(number, "a")
    world.work()
    done = list(world.far.put)
    assert done == list(range(1, len(done) + 1))
    assert world.left(name) == 0
    assert sum(world.sizes().values()) == 4 - len(done)
    world.restart()
    world.later(60)
    assert world.far.put == done
    world.ask("resume", name=name)
    world.work()
    assert world.far.put == [1, 2, 3, 4]
    assert world.pauses() == {}


def _waits_for(world: Any, name: str) -> int:
    lane = "sys.far" if name == "system:far" else "loop"
    with world.store.read() as reader:
        rows = reader.queued(lane, 0, 99)
    return sum(row.consumer in ("flow:keep", "far.put") for row in rows)


def test_rows_that_come_again_pass_the_fence(make_world: Any) -> None:
    """Due, held back behind a key, retried: all of them get other numbers than the fence saw."""
    broken = {1, 5}
    world = make_world(lambda verb, n: 503 if verb == "POST" and n in broken else 200)
    for number, thing in ((1, "a"), (2, "a"), (3, "a"), (5, "b")):
        world.give(number, thing)
    world.work()
    assert world.sizes() == {"due": 2, "held_back": 2}
    assert world.ask("drain", name="system:far")["left"] == 4
    for number, thing in ((4, "a"), (6, "c")):
        world.give(number, thing)
    world.later(11)  # both fail once more
    assert world.far.put == []
    assert world.left("system:far") == 4
    broken.clear()
    world.later(11)
    assert sorted(world.far.put) == [1, 2, 3, 5]
    assert world.left("system:far") == 0
    assert world.sizes() == {"sys.far": 2}
    world.ask("resume", name="system:far")
    world.work()
    assert sorted(world.far.put) == [1, 2, 3, 4, 5, 6]


def test_a_dead_letter_may_be_mended_during_a_drain(make_world: Any) -> None:
    """What waits behind it is left; retried or edited, it passes, and those behind it."""
    broken = {1, 11}
    world = make_world(lambda verb, n: 400 if verb == "POST" and n in broken else 200)
    for number, thing in ((1, "a"), (2, "a"), (11, "b"), (12, "b")):
        world.give(number, thing)
    world.work()
    assert world.sizes() == {"dead": 2, "held_back": 2}
    assert world.ask("drain", name="system:far")["left"] == 2
    with world.store.read() as reader:
        letters = {one["message_id"] for one in reader.letters.find(LetterQuery())}
        first, second = sorted(
            letters, key=lambda one: reader.letters.open_row(one, "far.put").message.payload["id"]
        )
    broken.clear()
    world.ask("retry", message=first, reason="mended")
    world.ask("edit", message=second, payload={"id": 13, "thing": "b"}, reason="mended")
    world.work()
    assert sorted(world.far.put) == [1, 2, 12, 13]
    assert world.left("system:far") == 0


def test_an_accepted_effect_is_left_until_it_is_confirmed(make_world: Any) -> None:
    there: list[int] = []
    files = {
        "routes/systems/far.yaml": FILES["routes/systems/far.yaml"]
        .replace("is: refused, code: bad}", "is: accepted}")
        .replace(
            "idempotency: {kind: key, header: idempotency-key}",
            """idempotency: {kind: key, header: idempotency-key}
    lookup: {request: {get: "/lookups/99"}, found: "=status == `200`"}
    confirmation: {every: 20s, within: 1h}""",
        )
    }

    def far(verb: str, number: int) -> int:
        if verb == "POST":
            return 400  # accepted
        return 200 if number != 99 or there else 404

    world = make_world(far, files)
    world.give(1, "a")
    world.work()
    assert world.ask("drain", name="system:far")["left"] == 1
    world.later(21)
    assert world.left("system:far") == 1
    there.append(1)
    world.later(21)
    assert world.left("system:far") == 0
    assert world.sizes() == {}


def test_a_drained_channel_takes_nothing_and_finishes_what_it_has(make_world: Any) -> None:
    broken = {1}
    world = make_world(lambda verb, n: 503 if verb == "GET" and n in broken else 200)
    for number in (1, 2):
        world.give(number, "a")
    world.work()
    assert world.ask("drain", name="channel:notes")["left"] == 2
    with pytest.raises(Draining):
        world.give(3, "a")
    broken.clear()
    world.later(11)
    assert world.far.put == [1, 2]
    assert (world.left("channel:notes"), world.sizes()) == (0, {})
    world.restart()
    with pytest.raises(Draining):
        world.give(3, "a")
    world.ask("resume", name="channel:notes")
    world.give(3, "a")
    world.work()
    assert world.far.put == [1, 2, 3]


def test_a_drained_channel_leaves_files_alone(make_world: Any, tmp_path: Path) -> None:
    world = make_world(
        lambda verb, n: 200,
        {
            "routes/channels/papers.yaml": FILE_CHANNEL.replace("{name}", "papers"),
            "routes/environments/test.yaml": FILES["routes/environments/test.yaml"]
            + "channels: {papers: {folder: in}}\n",
        },
    )
    inbox = tmp_path / "in"
    inbox.mkdir()
    world.ask("drain", name="channel:papers")
    (inbox / "a.json").write_text('{"id": 1, "thing": "a"}')
    (folder,) = world.parts.folders
    for _ in range(3):
        world.clock.move_to(world.clock.now() + timedelta(seconds=5))
        assert folder.step() == 0
    assert [one.name for one in inbox.iterdir()] == ["a.json"]
    world.ask("resume", name="channel:papers")
    assert _read(world, folder) == 1
    assert list(inbox.iterdir()) == []


def test_a_file_in_hand_when_the_door_closes_is_put_back(make_world: Any, tmp_path: Path) -> None:
    world = make_world(
        lambda verb, n: 200,
        {
            "routes/channels/papers.yaml": FILE_CHANNEL.replace("{name}", "papers"),
            "routes/environments/test.yaml": FILES["routes/environments/test.yaml"]
            + "channels: {papers: {folder: in}}\n",
        },
    )
    inbox = tmp_path / "in"
    inbox.mkdir()
    (inbox / "a.json").write_text("{}")
    (folder,) = world.parts.folders
    world.parts.ingress.takes = lambda _: True  # the folder looked before the door closed
    world.ask("drain", name="channel:papers")
    with pytest.raises(Draining):
        _read(world, folder)
    assert [one.name for one in inbox.iterdir()] == ["a.json"]


def _read(world: Any, folder: Folder) -> int:
    return sum(folder.step() for _ in range(2))


def test_the_door_closes_before_the_fence_is_set(make_world: Any) -> None:
    """A delivery between the two would wait behind the fence for ever."""
    world = make_world(lambda verb, n: 200)
    seen: list[Any] = []
    write = world.store.write

    def watched(job: Any, *, alone: bool = False) -> Any:
        seen.append((world.parts.ingress.takes("notes"), "channel:notes" in world.pauses()))
        return write(job, alone=alone)

    number = write(
        lambda transaction: transaction.inbox.ask(
            world.clock.now(), "ann", "drain", {"name": "channel:notes"}
        )
    )
    world.store.write = watched
    world.parts.operator.step()
    world.store.write = write
    assert seen == [(False, False)]
    with world.store.read() as reader:
        assert reader.inbox.get(number).state == "done"


def test_a_refused_drain_opens_the_door_again(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200)
    world.ask("pause", name="channel:notes", reason="x")
    assert "router resume channel:notes first" in world.ask("drain", name="channel:notes")["error"]
    world.give(1, "a")
    world.ask("resume", name="channel:notes")
    world.work()
    assert world.far.put == [1]


def test_a_second_drain_moves_no_fence(make_world: Any) -> None:
    world = make_world(lambda verb, n: 200)
    world.ask("drain", name="flow:keep")
    world.give(1, "a")
    world.work()
    assert world.ask("drain", name="flow:keep")["left"] == 0
    world.work()
    assert world.far.put == []


def test_pausing_stops_a_drain(make_world: Any) -> None:
    world = make_world(lambda verb, n: 503 if verb == "POST" and not world.open else 200)
    world.open = False
    world.give(1, "a")
    world.work()
    world.ask("drain", name="system:far")
    world.ask("pause", name="system:far", reason="x")
    world.open = True
    world.later(11)
    assert world.far.put == []
    assert world.pauses()["system:far"].mode != DRAINING


def test_what_waits_behind_a_fence_goes_on_by_a_policy(make_world: Any) -> None:
    broken = {1}
    world = make_world(lambda verb, n: 503 if verb == "POST" and n in broken else 200)
    world.give(1, "a")
    world.work()
    world.ask("drain", name="system:far")
    for number in (2, 3):
        world.give(number, "a")
    world.work()
    assert world.ask("resume", name="system:far", latest=True)["dropped"] == {
        "resume: a newer one of its key waits": 1
    }
    broken.clear()
    world.later(11)
    assert world.far.put == [1, 3]
