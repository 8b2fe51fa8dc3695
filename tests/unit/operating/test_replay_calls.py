"""Replays of a command that is several calls: held against each of them, no call made twice."""

from __future__ import annotations

from typing import Any

import pytest

from router.runtime.dossier import dossiers
from tests.unit.operating.conftest import FILES
from tests.unit.operating.test_replay import foreseen, letters, lines, plan, run

SYSTEM = "routes/systems/far.yaml"
PUT = FILES[SYSTEM][FILES[SYSTEM].index("  put:\n") :]
#: `put` is `draft` and then `post`; what `post` sends can be changed by its transform
IN_TWO = {
    SYSTEM: FILES[SYSTEM].replace(PUT, "")
    + "  put: {accept: note@1, calls: [draft, post]}\n"
    + PUT.replace("  put:\n", "  draft:\n").replace("/notes", "/drafts")
    + PUT.replace("  put:\n", "  post:\n")
}
LOUD = (
    "transforms/loud.yaml",
    "",
    """
inputs: {payload: note@1}
to: note@1
map: {id: =payload.id, thing: "=join('', [payload.thing, '!'])"}
""",
)


def louder(call: str) -> tuple[tuple[str, str, str], ...]:
    """Return the change by which a call sends another request than before."""
    begins = f"  {call}:\n    accept: note@1\n"
    return LOUD, (SYSTEM, begins, f"{begins}    transform: loud\n")


def given(make_world: Any, count: int = 2, decide: Any = lambda verb, n: 200) -> Any:
    world = make_world(decide, IN_TWO)
    for number in range(1, count + 1):
        world.give(number, f"t{number}")
    world.work()
    return world


def refusing(*which: int) -> Any:
    """Return a far side that refuses some of its posts, by their number from 1."""
    posts: list[int] = []

    def decide(verb: str, number: int) -> int:
        if verb == "POST":
            posts.append(number)
        return 400 if len(posts) in which else 200

    return decide


def test_an_unchanged_sequence_makes_no_call(make_world: Any) -> None:
    world = given(make_world)
    assert sorted(world.far.put) == [1, 1, 2, 2]
    number = plan(world, channel="notes")
    assert foreseen(world, number)["consequences"] == {"unchanged": 2}
    assert run(world, number)["words"] == {"unchanged": 2}
    assert len(world.far.put) == 4
    assert world.sizes() == {}


def test_a_sequence_of_which_one_call_changed_is_a_persons_even_with_resend(
    make_world: Any,
) -> None:
    for number, call in enumerate(("draft", "post"), 1):
        world = given(make_world, number)
        world.change(*louder(call))
        for options in ({}, {"resend": True}):
            planned = plan(world, options, consumer="far.put", word="done")
            said = foreseen(world, planned)
            assert said["consequences"] == {"changed": number}
            assert f"the request of far.{call} is another one" in said["changed"][0]["why"]
            assert run(world, planned)["words"] == {"changed": number}
        assert len(world.far.put) == 2 * number
        assert len(lines(world, "changed")) == 2 * number
        assert world.sizes() == {}
        world.store.close()


def test_a_sequence_goes_on_at_the_call_that_was_refused(make_world: Any) -> None:
    """The first call is done and stays; the second one is made with the request of today."""
    world = given(make_world, 1, refusing(2))
    assert len(letters(world)) == 1
    world.change(*louder("post"))
    number = plan(world, consumer="far.put", word="refused")
    assert foreseen(world, number)["consequences"] == {"new": 1}
    assert run(world, number)["totals"] == {"all": 1, "succeeded": 1}
    assert [one["thing"] for one in world.far.bodies] == ["t1", "t1!"]
    assert len(set(world.far.tried)) == 3  # another request has another key than the refused one
    assert [word for _, word in lines(world, "resent")] == ["resent"]
    assert letters(world) == []
    # what stands in the place of the refused call counts from now on
    assert run(world, plan(world, channel="notes"))["words"] == {"unchanged": 1}
    assert len(world.far.bodies) == 2
    assert world.sizes() == {}


def test_a_sequence_whose_done_call_changed_is_not_gone_on_with(make_world: Any) -> None:
    """Going on would mix what was sent then with what would be sent now."""
    world = given(make_world, 1, refusing(2))
    world.change(*louder("draft"))
    number = plan(world, consumer="far.put", word="refused")
    assert foreseen(world, number)["consequences"] == {"changed": 1}
    assert run(world, number)["words"] == {"changed": 1}
    assert [one["thing"] for one in world.far.bodies] == ["t1"]
    assert len(letters(world)) == 1


def test_what_took_the_place_of_a_refused_call_is_shown_and_retried(make_world: Any) -> None:
    """It is refused as well: the letter shows both, and a retry goes on at the newer one."""
    world = given(make_world, 1, refusing(2, 3))
    world.change(*louder("post"))
    run(world, plan(world, consumer="far.put", word="refused"))
    ((message, consumer),) = [(one["message_id"], one["consumer"]) for one in letters(world)]
    with world.store.read() as reader:
        (shown,) = dossiers(reader, message, world.project.operations)
    calls = [(one["operation"], one["state"]) for one in shown["calls"]]
    assert calls == [("far.draft", "done"), ("far.post", "refused"), ("far.post", "refused")]
    world.ask("retry", message=message, consumer=consumer, reason="they are open again")
    world.work()
    assert [one["thing"] for one in world.far.bodies] == ["t1", "t1!"]
    assert letters(world) == []
    assert world.sizes() == {}


#: `put` is `create` and then `post`: what was sent as `draft` is not known under that name
RENAMED = (
    (SYSTEM, "calls: [draft, post]", "calls: [create, post]"),
    (SYSTEM, "  draft:\n", "  create:\n"),
)
#: `put` is one call, and the calls that it was are still there
IN_ONE = ((SYSTEM, "  put: {accept: note@1, calls: [draft, post]}\n", PUT),)


@pytest.mark.parametrize("changes", [RENAMED, IN_ONE], ids=["renamed", "in one"])
def test_what_was_sent_by_calls_of_before_is_not_sent_again(
    make_world: Any, changes: tuple[tuple[str, str, str], ...]
) -> None:
    world = given(make_world)
    world.change(*changes)
    for options in ({}, {"resend": True}):
        number = plan(world, options, channel="notes")
        said = foreseen(world, number)
        assert said["consequences"] == {"changed": 2}
        assert "begun as far.draft" in said["changed"][0]["why"]
        assert run(world, number)["words"] == {"changed": 2}
    assert len(world.far.put) == 4
    assert world.sizes() == {}


@pytest.mark.parametrize("changes", [RENAMED, IN_ONE], ids=["renamed", "in one"])
def test_a_retry_of_what_calls_of_before_have_begun_is_a_persons(
    make_world: Any, changes: tuple[tuple[str, str, str], ...]
) -> None:
    world = given(make_world, 1, refusing(2))
    world.change(*changes)
    ((message, consumer),) = [(one["message_id"], one["consumer"]) for one in letters(world)]
    world.ask("retry", message=message, consumer=consumer, reason="try it")
    world.work()
    assert len(world.far.bodies) == 1
    (letter,) = letters(world)
    assert letter["reason"] == "unknown"
    assert "begun as far.draft" in letter["detail"]
    assert world.sizes() == {"dead": 1}
