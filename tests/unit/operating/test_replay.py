"""Replays: decided anew from the bytes, held against what was sent; nothing leaves twice."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from router.core.errors import MessageError
from router.infra.codecs import encode_json
from router.infra.store.letters import LetterQuery
from router.runtime.forecast import told
from router.runtime.journey import journey_lines, journeys
from router.runtime.operator import carry_out
from tests.unit.operating.conftest import START

CHANNEL = "routes/channels/notes.yaml"
LATER = START + timedelta(hours=1)
SYSTEM = "routes/systems/far.yaml"
#: a request that says something else, by a transform of the operation
LOUDER = (
    (
        SYSTEM,
        "  put:\n    accept: note@1\n",
        "  put:\n    accept: note@1\n    transform: loud\n",
    ),
    (
        "transforms/loud.yaml",
        "",
        """
inputs: {payload: note@1}
to: note@1
map: {id: =payload.id, thing: "=join('', [payload.thing, '!'])"}
""",
    ),
)
#: a flow that was not there, with an operation of its own
NEW_FLOW = (
    (
        "routes/flows/also.yaml",
        "",
        """
flow: also
owner: tests
from: {object: note@1}
steps: [{send: {operation: far.also}}]
on_failure: quick
""",
    ),
    (
        SYSTEM,
        "  put:\n    accept: note@1\n",
        """
  also:
    accept: note@1
    request: {post: /also, contract: note@1}
    idempotency: {kind: key, header: idempotency-key}
    outcome: [{if: "=status == `200`", is: done}, {otherwise: retry}]
  put:
    accept: note@1
""",
    ),
)
#: a route whose notes say another thing
OTHER = (
    (CHANNEL, "      - transform: note\n", "      - transform: other\n"),
    (
        "transforms/other.yaml",
        "",
        "inputs: {body: note@1, more: note@1}\nto: note@1\nmap: {id: =body.id, thing: other}\n",
    ),
)


def tell(world: Any, verb: str, **arguments: Any) -> dict[str, Any]:
    return world.store.write(
        lambda transaction: carry_out(transaction, verb, arguments, world.clock.now())
    )


def plan(world: Any, options: dict[str, Any] | None = None, rate: int = 1000, **query: str) -> int:
    return tell(world, "replay", query=query, rate=rate, reason="tests", options=options or {})[
        "job"
    ]


def foreseen(world: Any, number: int) -> dict[str, Any]:
    with world.store.read() as reader:
        before = reader.counters()
        made = told(world.forecaster.foresee(reader, reader.jobs.get(number), world.clock.now()))
        assert reader.counters() == before
    made["consequences"] = {word: n for word, n in made["consequences"].items() if n}
    return made


def run(world: Any, number: int) -> dict[str, Any]:
    tell(world, "start", job=number)
    while job(world, number)["state"] == "running":
        world.parts.operator.step()
        world.later(0.25)
    world.work()
    return job(world, number)


def job(world: Any, number: int) -> dict[str, Any]:
    with world.store.read() as reader:
        found = reader.jobs.told(number)
    assert sum(n for name, n in found["totals"].items() if name != "all") == found["totals"]["all"]
    return {**found, "totals": {name: n for name, n in found["totals"].items() if n}}


def letters(world: Any, state: str = "open") -> list[dict[str, Any]]:
    with world.store.read() as reader:
        return reader.letters.find(LetterQuery(state=state))


def lines(world: Any, *words: str) -> list[tuple[str, str]]:
    """Return (message, word) of the journal, in order, of some words."""
    with world.store.read() as reader:
        found = {
            entry["seq"]: (entry["message_id"], entry["word"])
            for row in reader._connection.exec_driver_sql(
                "SELECT DISTINCT correlationid c FROM journal"
            )
            for entry in reader.history(row.c)
        }
    return [one for _, one in sorted(found.items()) if not words or one[1] in words]


def given(make_world: Any, count: int = 3, decide: Any = lambda verb, n: 200) -> Any:
    world = make_world(decide)
    for number in range(1, count + 1):
        world.give(number, f"t{number}")
    world.work()
    return world


def test_an_unchanged_replay_sends_and_asks_nothing(make_world: Any) -> None:
    world = given(make_world)
    asked = world.far.asked
    number = plan(world, channel="notes")
    assert foreseen(world, number)["consequences"] == {"unchanged": 3}
    done = run(world, number)
    assert world.far.put == [1, 2, 3]
    assert world.far.asked == asked
    assert done["totals"] == {"all": 3, "succeeded": 3}
    assert done["words"] == {"unchanged": 3}
    assert [word for _, word in lines(world, "unchanged")] == ["unchanged"] * 3
    assert world.sizes() == {}


def test_the_attempt_is_the_next_one_and_the_trace_says_what_happened(make_world: Any) -> None:
    world = given(make_world, 1)
    run(world, plan(world, word="routed"))
    with world.store.read() as reader:
        (journey,) = journeys(reader, lines(world)[0][0])
        text = "\n".join(journey_lines(journey))
    assert "notes:note  replayed: job 1, tests (attempt 2)" in text
    assert "far.put  unchanged: it was sent just so, nothing is sent (job 1)" in text


def test_a_new_flow_gets_its_command_and_the_old_one_none(make_world: Any) -> None:
    world = given(make_world)
    world.change(*NEW_FLOW)
    number = plan(world, channel="notes", kind="note")
    said = foreseen(world, number)
    assert said["consequences"] == {"new": 3}
    done = run(world, number)
    assert world.far.put == [1, 2, 3, 1, 2, 3]
    assert len(set(world.far.keys)) == 6
    assert done["words"] == {"sent": 3, "unchanged": 3}
    again = run(world, plan(world, channel="notes"))
    assert again["words"] == {"unchanged": 6}
    assert len(world.far.put) == 6


def test_a_changed_command_is_listed_and_not_sent(make_world: Any) -> None:
    world = given(make_world, 2)
    world.change(*LOUDER)
    number = plan(world, consumer="far.put", word="done")
    said = foreseen(world, number)
    assert said["consequences"] == {"changed": 2}
    assert [one["consumer"] for one in said["changed"]] == ["far.put", "far.put"]
    done = run(world, number)
    assert world.far.put == [1, 2]
    assert done["words"] == {"changed": 2}
    assert done["totals"] == {"all": 2, "succeeded": 2}
    assert world.sizes() == {}
    sent = {one["message"] for one in said["changed"]}
    assert {message for message, _ in lines(world, "changed")} == sent


def test_with_resend_a_changed_command_leaves_once_under_a_new_key(make_world: Any) -> None:
    world = given(make_world, 2)
    before = list(world.far.keys)
    world.change(*LOUDER)
    number = plan(world, {"resend": True}, channel="notes")
    assert foreseen(world, number)["consequences"] == {"changed": 2}
    done = run(world, number)
    assert [one["thing"] for one in world.far.bodies] == ["t1", "t2", "t1!", "t2!"]
    assert len({*before, *world.far.keys}) == 4
    assert done["words"] == {"resent": 2}
    with pytest.raises(MessageError, match="cannot be started"):
        tell(world, "start", job=number)
    # what was sent last counts: another job finds nothing to send, and back again is a change
    assert run(world, plan(world, {"resend": True}, channel="notes"))["words"] == {"unchanged": 2}
    world.change((SYSTEM, "    transform: loud\n", ""))
    assert run(world, plan(world, channel="notes"))["words"] == {"changed": 2}
    assert len(world.far.put) == 4
    with world.store.read() as reader:
        causes = {
            entry["message_id"]: entry["causationid"]
            for entry in (one for c in _correlations(reader) for one in reader.history(c))
        }
    assert [causes[key] for key in world.far.keys[2:]] == before


def _correlations(reader: Any) -> list[str]:
    rows = reader._connection.exec_driver_sql("SELECT DISTINCT correlationid c FROM journal")
    return [row.c for row in rows]


def test_the_original_configuration_decides_as_it_did(make_world: Any) -> None:
    world = given(make_world, 2)
    world.change(*LOUDER)
    original = plan(world, {"original": True}, channel="notes")
    assert foreseen(world, original)["consequences"] == {"unchanged": 2}
    assert run(world, original)["words"] == {"unchanged": 2}
    assert run(world, plan(world, channel="notes"))["words"] == {"changed": 2}
    assert world.far.put == [1, 2]


def test_a_configuration_that_is_lost_is_told_and_the_running_one_decides(make_world: Any) -> None:
    world = given(make_world, 1)
    world.store.write(
        lambda transaction: transaction.connection.exec_driver_sql("DELETE FROM revisions") and None
    )
    world.change(*LOUDER)
    number = plan(world, {"original": True}, channel="notes")
    said = foreseen(world, number)
    assert list(said["lost"].values()) == [1]
    assert run(world, number)["words"] == {"changed": 1}
    assert ("revision_lost" in {word for _, word in lines(world)}) is True


def test_what_was_refused_is_sent_again_with_the_request_of_today(make_world: Any) -> None:
    broken = {1}
    world = given(make_world, 2, lambda verb, n: 400 if verb == "POST" and n in broken else 200)
    assert len(letters(world)) == 1
    broken.clear()
    world.change(*LOUDER)
    number = plan(world, consumer="far.put", word="refused")
    assert foreseen(world, number)["consequences"] == {"new": 1}
    done = run(world, number)
    assert [one["thing"] for one in world.far.bodies] == ["t2", "t1!"]
    assert done["totals"] == {"all": 1, "succeeded": 1}
    assert letters(world) == []
    assert world.sizes() == {}
    world.give(1, "later")  # nobody is parked behind it
    world.work()


def test_what_was_refused_goes_again_by_its_own_key_when_nothing_changed(make_world: Any) -> None:
    broken = {1}
    world = given(make_world, 1, lambda verb, n: 400 if verb == "POST" and n in broken else 200)
    world.give(2, "t1")
    world.work()
    assert world.far.put == []
    broken.clear()
    done = run(world, plan(world, word="refused"))
    assert world.far.put == [1, 2]
    assert done["words"] == {"sent": 1}
    assert letters(world) == []


def test_a_record_that_dies_again_is_failed_and_keeps_its_identity(make_world: Any) -> None:
    world = given(make_world, 1)
    gone = "thing: \"=amount_of(money('1', body.thing))\""  # its thing is no currency
    world.change(("transforms/note.yaml", "thing: =body.thing", gone))
    number = plan(world, channel="notes")
    said = foreseen(world, number)
    assert said["consequences"] == {"dies": 1}
    assert run(world, number)["totals"] == {"all": 1, "failed": 1}
    # it parks its key like any other, and as it had effects the sender's repeat is still a repeat
    world.give(2, "t1")
    world.give(1, "elsewhere")
    world.work()
    assert world.sizes() == {"dead": 1, "held_back": 1}
    assert lines(world)[-1][1] == "duplicate"
    assert world.far.put == [1]


def test_duplicates_stay_duplicates(make_world: Any) -> None:
    world = given(make_world, 1)
    world.give(1, "t1")
    world.work()
    number = plan(world, word="duplicate")
    assert foreseen(world, number)["consequences"] == {"stops": 1}
    assert run(world, number)["totals"] == {"all": 1, "succeeded": 1}
    assert [word for _, word in lines(world, "duplicate")] == ["duplicate"] * 2
    assert world.far.put == [1]


def test_an_edited_replay_is_another_record_caused_by_the_original(make_world: Any) -> None:
    world = given(make_world, 1, lambda verb, n: 404 if verb == "GET" and n == 1 else 200)
    (letter,) = letters(world)
    number = plan(world, {"edit": "merge(body, {id: `7`})"}, about=letter["message_id"])
    assert foreseen(world, number)["consequences"] == {"asks": 1}
    done = run(world, number)
    assert done["totals"] == {"all": 1, "succeeded": 1}
    assert world.far.put == [7]
    assert letters(world, "edited")[0]["message_id"] == letter["message_id"]
    # another record took its place: it is not replayed any more
    again = run(world, plan(world, about=letter["message_id"]))
    assert (again["totals"], again["skipped"]) == ({"all": 1, "skipped": 1}, {"edited": 1})
    assert world.far.put == [7]


def test_an_edited_replay_is_refused_when_the_original_moved_on(make_world: Any) -> None:
    broken = {1}
    world = given(make_world, 2, lambda verb, n: 404 if verb == "GET" and n in broken else 200)
    number = plan(world, {"edit": "merge(body, {id: `7`})"}, word="dead_lettered")
    broken.clear()
    tell(world, "retry", message=letters(world)[0]["message_id"], reason="by hand")
    world.work()
    done = run(world, number)
    assert (done["totals"], done["skipped"]) == ({"all": 1, "skipped": 1}, {"moved_on": 1})
    assert world.far.put == [2, 1]


def test_a_job_is_cancelled_and_goes_on_at_its_rate(make_world: Any) -> None:
    world = given(make_world, 30)
    world.change(*NEW_FLOW)
    number = plan(world, rate=10, channel="notes")
    tell(world, "start", job=number)
    for _ in range(5):
        world.parts.operator.step()
        world.later(0.2)
    assert job(world, number)["totals"]["succeeded"] == 10
    tell(world, "cancel", job=number)
    world.parts.operator.step()
    world.later(5)
    assert job(world, number)["totals"] == {"all": 30, "succeeded": 10, "remaining": 20}
    assert run(world, number)["totals"] == {"all": 30, "succeeded": 30}
    assert len(world.far.put) == 60
    assert len(set(world.far.keys)) == 60


def test_what_is_on_its_way_is_skipped(make_world: Any) -> None:
    broken = {1}
    world = given(make_world, 1, lambda verb, n: 0 if verb == "GET" and n in broken else 200)
    number = plan(world, word="retry")
    broken.clear()
    tell(world, "start", job=number)
    world.parts.operator.step()
    world.later(11)
    assert world.far.put == [1]
    assert job(world, number)["skipped"] == {"under_way": 1}


def test_a_retry_after_a_restart_is_decided_by_its_first_revision(make_world: Any) -> None:
    broken = {1}
    world = given(make_world, 1, lambda verb, n: 0 if verb == "GET" and n in broken else 200)
    world.change(*OTHER)
    broken.clear()
    world.later(11)
    world.give(2, "t2")
    world.work()
    assert [(one["id"], one["thing"]) for one in world.far.bodies] == [(1, "t1"), (2, "other")]
    assert lines(world, "revision_lost") == []


def test_a_letter_retried_by_hand_is_decided_by_the_running_configuration(make_world: Any) -> None:
    statuses = {1: 0}
    world = given(make_world, 1, lambda verb, n: statuses.get(n, 200) if verb == "GET" else 200)
    statuses[1] = 404
    world.later(11)
    world.change(*OTHER)
    statuses.clear()
    tell(world, "retry", message=letters(world)[0]["message_id"], reason="mended")
    world.work()
    assert world.far.bodies == [{"id": 1, "thing": "other"}]


@pytest.fixture
def many(make_world: Any) -> Any:
    """A world whose channel takes lists."""
    world = make_world(lambda verb, n: 404 if verb == "GET" and n == 2 else 200)
    world.change((CHANNEL, "{none: tests}}}\n", "{none: tests}}, records: =body.notes}\n"))
    return world


def deliver(world: Any, body: Any) -> None:
    body = body if isinstance(body, bytes) else encode_json(body)
    world.parts.ingress.receive(world.project.channels["notes"], {}, body).result()
    world.work()


def test_of_a_delivery_with_many_records_only_the_chosen_is_replayed(many: Any) -> None:
    deliver(many, {"notes": [{"id": n, "thing": f"t{n}"} for n in (1, 2, 3)]})
    (letter,) = letters(many)
    many.far._decide = lambda verb, n: 200
    many.change(*NEW_FLOW)
    number = plan(many, about=letter["message_id"])
    assert job(many, number)["totals"] == {"all": 1, "remaining": 1}
    assert run(many, number)["totals"] == {"all": 1, "succeeded": 1}
    assert sorted(many.far.put) == [1, 2, 2, 3]
    assert letters(many) == []
    done = run(many, plan(many, consumer="notes:note", word="routed"))
    assert done["totals"]["all"] == 3
    assert sorted(many.far.put) == [1, 1, 2, 2, 3, 3]


def test_a_delivery_that_had_no_records_gives_all_of_them_once_it_has(many: Any) -> None:
    deliver(many, {"items": [{"id": 5, "thing": "a"}, {"id": 6, "thing": "b"}]})
    deliver(many, b"{broken")
    assert len(letters(many)) == 2
    many.change((CHANNEL, "=body.notes", "=body.items"))
    number = plan(many, word="dead_lettered")
    assert foreseen(many, number)["consequences"] == {"asks": 1, "dies": 1}
    done = run(many, number)
    assert sorted(many.far.put) == [5, 6]
    assert done["totals"] == {"all": 2, "succeeded": 1, "failed": 1}


def test_a_record_that_could_not_be_read_is_replayed_alone_once_it_can(make_world: Any) -> None:
    """The ones beside it were decided; they keep their ids, and nothing of theirs goes again."""
    contract = "contracts/note/1.0.0.json"
    number = ('"id": {"type": "integer"}', '"id": {"type": ["integer", "string"]}')
    world = make_world(lambda verb, n: 200)
    world.change(
        (contract, *number),
        (CHANNEL, "format: json", "format: csv"),
        (CHANNEL, "{none: tests}}}\n", "{none: tests}}, records: =body}\n"),
    )
    deliver(world, "id,thing\n1,a\n2,caf\xe9\n3,c\n".encode("cp1252"))
    (letter,) = letters(world)
    assert (letter["reason"], letter["step"]) == ("undecodable", "record")
    assert world.far.put == ["1", "3"]
    world.change((CHANNEL, "format: csv", "format: csv, cells: {encoding: cp1252}"))
    done = run(world, plan(world, word="dead_lettered"))
    assert done["totals"] == {"all": 1, "succeeded": 1}
    assert world.far.put == ["1", "3", "2"]
    assert world.far.bodies[-1]["thing"] == "café"
    assert letters(world) == []
    done = run(world, plan(world, consumer="notes:note", word="routed"))
    assert done["totals"] == {"all": 3, "succeeded": 3}
    assert len(world.far.put) == 3


def test_a_set_is_frozen_and_narrowed_by_what_was_asked(make_world: Any) -> None:
    world = given(make_world, 2)
    at = world.clock.now()
    world.later(60)
    world.give(3, "t3")
    world.work()
    middle = (at.replace(second=30)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    counts = {
        (name, value): job(world, plan(world, **{name: value}))["totals"].get("all", 0)
        for name, value in (
            ("channel", "notes"),
            ("channel", "note"),
            ("consumer", "flow:keep"),
            ("consumer", "far.put"),
            ("word", "done"),
            ("word", "refused"),
            ("since", middle),
            ("until", middle),
            ("about", "3"),
        )
    }
    assert list(counts.values()) == [3, 0, 3, 3, 3, 0, 1, 2, 1]
    frozen = plan(world, channel="notes")
    world.give(4, "t4")
    world.work()
    assert run(world, frozen)["totals"] == {"all": 3, "succeeded": 3}


@pytest.mark.parametrize(
    ("query", "said"), [({}, "would mean everything"), ({"kind": "note"}, "belongs to a channel")]
)
def test_a_plan_that_says_too_little_is_refused(
    make_world: Any, query: dict[str, str], said: str
) -> None:
    with pytest.raises(MessageError, match=said):
        plan(make_world(lambda verb, n: 200), **query)


def test_a_plan_for_another_revision_is_not_started(make_world: Any) -> None:
    world = given(make_world, 1)
    number = plan(world, channel="notes")
    world.change(*NEW_FLOW)
    with pytest.raises(MessageError, match="plan it anew"):
        tell(world, "start", job=number)


def test_the_order_of_keys_in_a_request_says_nothing(make_world: Any) -> None:
    world = given(make_world, 1)
    world.change(
        (
            "transforms/note.yaml",
            "{id: =body.id, thing: =body.thing}",
            "{thing: =body.thing, id: =body.id}",
        )
    )
    assert run(world, plan(world, channel="notes"))["words"] == {"unchanged": 1}
    assert json.dumps(world.far.bodies) == '[{"id": 1, "thing": "t1"}]'


def test_a_command_that_waits_leaves_the_work_to_what_took_its_place(make_world: Any) -> None:
    """Its next attempt comes while the new one waits as well: it makes no call, and is settled."""
    away = [True]
    world = given(make_world, 1, lambda verb, n: 0 if verb == "POST" and away[0] else 200)
    ((old,),) = [{message for message, word in lines(world, "retry")}]
    world.change(*LOUDER)
    run(world, plan(world, {"resend": True}, channel="notes"))
    tries = lines(world, "retry")
    with world.store.read() as reader:
        (row,) = [one for one in reader.due(LATER, 10) if one.message.id == old]
    for worker in world.parts.workers:
        worker._commands.carry(row)
    assert lines(world, "retry") == tries
    away[0] = False
    world.later(600)
    assert [one["thing"] for one in world.far.bodies] == ["t1!"]
    assert lines(world, "done") == [(heir_of(world, old), "done")]
    assert world.sizes() == {}


def heir_of(world: Any, message: str) -> str:
    """Return the effect that has taken the place of another."""
    with world.store.read() as reader:
        return str(reader.intent(message).successor)
